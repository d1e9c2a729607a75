"""A whole number too large for any column is refused with a problem, wherever it stands."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.running_gateway import RunningGateway, id_of, terms_body
from tests.api.test_authorisation import examples, handlers
from tests.api.test_conventions import assert_problem
from tests.api.two_of_each import OWNERS, make_two_of_each

LARGE = (2**31, 2**63, 10**30)


def with_each_number_replaced(body: Any, by: int) -> Iterator[Any]:
    """The body once for each whole number in it, with that one replaced."""
    for path in number_paths(body):
        changed = copy.deepcopy(body)
        place = changed
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = by
        yield changed


def number_paths(value: Any) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        if isinstance(inner, int) and not isinstance(inner, bool):
            yield (step,)
        else:
            yield from ((step, *rest) for rest in number_paths(inner))


async def test_no_number_of_any_body_makes_the_gateway_fail(gateway: RunningGateway) -> None:
    world = await make_two_of_each(gateway)
    tried, failed = 0, []
    for role, (name, _) in OWNERS.items():
        for operation, example in examples(name).items():
            handler = next(one for one in handlers(gateway.app) if one.operation_id == operation)
            for large in LARGE:
                for body in with_each_number_replaced(example.body, large):
                    path = example.path
                    answer = await world.door(role).call(min(map(str, handler.http_methods)), path, body)
                    tried += 1
                    if answer.status_code == 500:
                        failed.append(f"{operation} {body}: {answer.text}")

    assert not failed
    assert tried > 50


@pytest.mark.parametrize("version", [0, -1, 2**31, 2**63, 10**30])
async def test_a_version_that_no_terms_can_have_is_refused(gateway: RunningGateway, version: int) -> None:
    alfa = await gateway.add_company("alfa")

    answer = await alfa.put(f"/companies/{id_of('alfa')}/terms/{version}", terms_body(version=version))

    assert answer.status_code in (400, 422), answer.text
    assert_problem(answer, answer.status_code, "invalid-parameter" if answer.status_code == 400 else "invalid-body")


@pytest.mark.parametrize("large", LARGE)
async def test_policies_are_bounded_like_terms(gateway: RunningGateway, large: int) -> None:
    alfa = await gateway.add_company("alfa")
    body = terms_body()
    body["policy"]["amount_max_cents"] = large * 10**10

    answer = await alfa.put(f"/companies/{id_of('alfa')}/terms/1", body)

    assert_problem(answer, 422, "invalid-body")

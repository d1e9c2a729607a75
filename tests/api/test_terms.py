"""Versions of a company's terms: one after the other, without contradictions."""

from typing import Any

import pytest

from tests.api.running_gateway import RunningGateway, id_of, terms_body
from tests.api.test_conventions import assert_problem

TERMS = f"/companies/{id_of('alfa')}/terms"


async def test_a_version_is_in_force_once_the_book_has_published_it(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")

    published = await alfa.put(f"{TERMS}/1?wait_s=10", terms_body())
    again = await alfa.put(f"{TERMS}/1?wait_s=10", terms_body())
    changed = await alfa.put(f"{TERMS}/1", terms_body(cap_bp=600))

    assert (published.status_code, published.json()["state"]) == (201, "confirmed")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert_problem(changed, 409, "id-reused")
    assert await market.pool.fetchval("SELECT count(*) FROM company_terms WHERE in_force_at IS NOT NULL") == 1


async def test_versions_follow_each_other(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")

    problem = assert_problem(await alfa.put(f"{TERMS}/2", terms_body(version=2)), 409, "terms-changed")

    assert problem["expected_version"] == 1
    assert await gateway.pool.fetchval("SELECT count(*) FROM command") == 0


def changed(part: str, **changes: Any) -> dict[str, Any]:
    body = terms_body()
    body[part] = body[part] | changes
    return body  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        pytest.param(terms_body(version=3), ["/terms/version"], id="another version than in the address"),
        pytest.param(
            terms_body(floor_bp=600, cap_bp=500), ["/terms/bands/0/cap_bp", "/terms/bands/1/cap_bp"], id="cap"
        ),
        pytest.param(changed("terms", bands=[]), ["/terms/bands"], id="no band"),
        pytest.param(changed("terms", ticket_cents=-1), ["/terms/ticket_cents"], id="a negative ticket"),
        pytest.param(changed("terms", ticket_cents=10**14), ["/terms/ticket_cents"], id="an absurd ticket"),
        pytest.param(changed("terms", expiry_hours=10**9), ["/terms/expiry_hours"], id="an absurd time"),
        pytest.param(changed("policy", amount_max_cents=1), ["/policy/amount_max_cents"], id="most below least"),
        pytest.param(changed("policy", amount_min_cents=0), ["/policy/amount_min_cents"], id="nothing as least"),
        pytest.param(changed("policy", instalment_max_bp=10_001), ["/policy/instalment_max_bp"], id="more than pay"),
    ],
)
async def test_terms_that_contradict_themselves_are_refused_with_every_place(
    gateway: RunningGateway, body: Any, pointers: list[str]
) -> None:
    alfa = await gateway.add_company("alfa")

    errors: Any = assert_problem(await alfa.put(f"{TERMS}/1", body), 422, "invalid-body")["errors"]

    assert [error["pointer"] for error in errors] == pointers
    assert await gateway.pool.fetchval("SELECT count(*) FROM company_terms") == 0


async def test_terms_of_no_company_are_not_found(gateway: RunningGateway) -> None:
    assert_problem(await gateway.operator.put(f"{TERMS}/1", terms_body()), 404, "not-found")

"""The employee list is taken whole or not at all, and every wrong row is named."""

from typing import Any

from tests.api.running_gateway import RunningGateway, employee_row, id_of
from tests.api.test_conventions import assert_problem

IMPORTS = f"/companies/{id_of('alfa')}/employee-imports"


async def test_rows_are_added_changed_or_left_as_they_are(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    rows = [employee_row("carla"), employee_row("dora")]

    first = await alfa.post(IMPORTS, {"rows": rows}, Idempotency_Key=id_of("import"))
    again = await alfa.post(IMPORTS, {"rows": rows})
    raised = await alfa.post(IMPORTS, {"rows": [employee_row("carla", net_monthly_cents=200_000)]})

    assert first.json() == {"import_id": id_of("import"), "row_count": 2, "new_count": 2, "changed_count": 0}
    assert (again.json()["new_count"], again.json()["changed_count"]) == (0, 0)
    assert (raised.json()["new_count"], raised.json()["changed_count"]) == (0, 1)
    nets = await gateway.pool.fetch("SELECT net_monthly_cents FROM employee ORDER BY staff_number")
    assert [row["net_monthly_cents"] for row in nets] == [200_000, 180_000]


async def test_every_wrong_row_is_named_and_nothing_is_loaded(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    rows = [
        employee_row("carla"),
        employee_row("dora", tax_code="short"),
        employee_row("eva", hired_on="yesterday"),
        employee_row("fabio", net_monthly_cents=-1),
        employee_row("gino", contract_ends_on="2010-01-01"),
        employee_row("hugo", shoe_size=43),
    ]

    problem = assert_problem(await alfa.post(IMPORTS, {"rows": rows}), 422, "invalid-body")

    assert places(problem) == [
        (2, "tax_code", "pattern"),
        (3, "hired_on", "value"),
        (4, "net_monthly_cents", "range"),
        (5, "contract_ends_on", "order"),
        (6, "", "unknown-field"),
    ]
    assert await gateway.pool.fetchval("SELECT count(*) FROM employee") == 0


async def test_a_person_stands_once_in_a_list(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    same_number = [employee_row("carla"), employee_row("dora", staff_number="n-carla")]
    known_tax_code = [employee_row("dora", tax_code=employee_row("carla")["tax_code"])]

    twice = assert_problem(await alfa.post(IMPORTS, {"rows": same_number}), 422, "invalid-body")
    await alfa.post(IMPORTS, {"rows": [employee_row("carla")]})
    taken = assert_problem(await alfa.post(IMPORTS, {"rows": known_tax_code}), 422, "invalid-body")

    assert places(twice) == [(2, "staff_number", "unique")]
    assert places(taken) == [(1, "tax_code", "unique")]
    assert await gateway.pool.fetchval("SELECT count(*) FROM employee") == 1


async def test_a_list_may_be_larger_than_other_bodies(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    rows = [employee_row(f"p{number:04d}") for number in range(2_000)]

    answer = await alfa.post(IMPORTS, {"rows": rows})

    assert answer.json()["new_count"] == 2_000


def places(problem: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(error["line"], error["field"], error["rule"]) for error in problem["errors"]]

"""Companies come in once, with a code of their own, and set money aside for their own tranches."""

from typing import Any

from tests.api.running_gateway import ADDRESS, RunningGateway, a_person, id_of, secret_of, terms_body
from tests.api.test_conventions import assert_problem

ALFA = f"/ops/companies/{id_of('alfa')}"


def company_body(**changes: Any) -> dict[str, Any]:
    entity = {"name": "Alfa S.p.A.", "registration_number": "12345678901", "address": ADDRESS}
    body = {"entity": entity, "representative": a_person("paola"), "code": "ALFA-2026", "secret": secret_of("alfa")}
    return body | changes


async def test_the_same_company_again_is_answered_as_it_stands(gateway: RunningGateway) -> None:
    first = await gateway.operator.put(ALFA, company_body())
    again = await gateway.operator.put(ALFA, company_body())

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert first.json() == again.json()
    assert first.json()["wallet_id"] == f"c-{id_of('alfa').replace('-', '')[:12]}"


async def test_an_id_in_use_for_another_company_is_refused(gateway: RunningGateway) -> None:
    await gateway.operator.put(ALFA, company_body())

    for change in ({"sector": "Steel"}, {"code": "OTHER-1"}, {"secret": secret_of("beta")}):
        assert_problem(await gateway.operator.put(ALFA, company_body(**change)), 409, "id-reused")
    assert await gateway.pool.fetchval("SELECT count(*) FROM company") == 1


async def test_a_code_of_another_company_is_refused_and_nothing_is_stored(gateway: RunningGateway) -> None:
    await gateway.operator.put(ALFA, company_body())

    answer = await gateway.operator.put(f"/ops/companies/{id_of('beta')}", company_body(secret=secret_of("beta")))

    assert assert_problem(answer, 409, "id-reused")["field"] == "code"
    assert await gateway.pool.fetchval("SELECT count(*) FROM party") == 1


async def test_a_secret_that_another_party_has_tells_nothing(gateway: RunningGateway) -> None:
    await gateway.operator.put(ALFA, company_body())

    answer = await gateway.operator.put(f"/ops/companies/{id_of('beta')}", company_body(code="BETA-2026"))

    assert answer.status_code == 201
    assert answer.json()["key_id"] == id_of("beta").replace("-", "")


async def test_everybody_sees_a_company_s_rates_once_they_are_in_force(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")
    before = await market.nobody.get(f"/companies/{id_of('alfa')}")
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body(floor_bp=400, cap_bp=600, months=(12,)))
    after = await market.nobody.get("/companies")

    assert before.json()["bands"] == []
    assert before.json()["terms_version"] is None
    [card] = after.json()
    assert card == {
        "company_id": id_of("alfa"),
        "name": "Alfa S.p.A.",
        "sector": None,
        "terms_version": 1,
        "bands": [{"months": 12, "floor_bp": 400, "cap_bp": 600}],
    }


async def test_no_budget_is_set_aside_for_a_company_that_is_not_there(gateway: RunningGateway) -> None:
    grant = f"/companies/{id_of('nobody')}/funding/{id_of('grant')}"

    assert_problem(await gateway.operator.put(grant, {"cents": 100}), 404, "not-found")


async def test_a_budget_is_set_aside_once_and_only_from_free_money(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")
    await market.wire("alfa", "company", 50_000)
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body())
    grant = f"/companies/{id_of('alfa')}/funding/{id_of('grant')}?wait_s=10"

    granted = await alfa.put(grant, {"cents": 30_000})
    again = await alfa.put(grant, {"cents": 30_000})
    other = await alfa.put(grant, {"cents": 10_000})
    too_much = await alfa.put(f"/companies/{id_of('alfa')}/funding/{id_of('more')}", {"cents": 20_001})

    assert (granted.status_code, granted.json()["state"]) == (201, "confirmed")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert_problem(other, 409, "id-reused")
    problem = assert_problem(too_much, 409, "insufficient-funds")
    assert (problem["free_cents"], problem["asked_cents"]) == (20_000, 20_001)
    wallet = (await alfa.get("/wallet")).json()
    assert (wallet["free_cents"], wallet["budget_cents"]) == (20_000, 30_000)

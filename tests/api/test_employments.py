"""How an employee comes in: with the company's code, as somebody on the company's list."""

import pytest

from tests.api.running_gateway import Door, RunningGateway, employee_row, id_of, tax_code_of, terms_body
from tests.api.test_conventions import assert_problem


async def the_token(gateway: RunningGateway, code: str = "ALFA-2026") -> str:
    token: str = (await gateway.nobody.post("/company-code-checks", {"code": code})).json()["check_token"]
    return token


async def claim(gateway: RunningGateway, door: Door, name: str, tax_code: str) -> str:
    body = {"check_token": await the_token(gateway), "tax_code": tax_code}
    answer = await door.put(f"/employments/{id_of(f'employment of {name}')}", body)
    assert answer.status_code == 201, answer.text
    state: str = answer.json()["state"]
    return state


async def test_a_code_tells_what_may_be_asked_for(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body())

    answer = await market.nobody.post("/company-code-checks", {"code": "  alfa-2026 "})

    assert answer.status_code == 200
    body = answer.json()
    assert (body["company_id"], body["name"]) == (id_of("alfa"), "Alfa S.p.A.")
    assert body["limits"] == {"amount_min_cents": 50_000, "amount_max_cents": 500_000, "terms": [12, 24]}


async def test_every_bad_code_is_refused_in_the_same_words(gateway: RunningGateway) -> None:
    for name in ("alfa", "beta", "gamma"):
        await gateway.add_company(name)
    await gateway.pool.execute("UPDATE company_code SET valid_until_at = '2026-01-01' WHERE code = 'ALFA-2026'")
    await gateway.pool.execute("UPDATE company_code SET uses_max = 1, uses = 1 WHERE code = 'BETA-2026'")

    answers = [
        await gateway.nobody.post("/company-code-checks", {"code": code})
        for code in ("ALFA-2026", "BETA-2026", "NO-SUCH-CODE", "", "' OR 1=1")
    ]

    told = [assert_problem(answer, 422, "company-code-refused") for answer in answers]
    for document in told:
        document.pop("request_id")
    assert all(document == told[0] for document in told)


async def test_somebody_on_the_list_is_matched_and_nobody_else(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    await alfa.post(f"/companies/{id_of('alfa')}/employee-imports", {"rows": [employee_row("carla")]})
    carla, dora = await gateway.add_borrower("carla"), await gateway.add_borrower("dora")

    assert await claim(gateway, carla, "carla", tax_code_of("carla")) == "matched"
    assert await claim(gateway, dora, "dora", tax_code_of("dora")) == "waiting_hr"


async def test_a_row_of_the_list_serves_one_person(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    await alfa.post(f"/companies/{id_of('alfa')}/employee-imports", {"rows": [employee_row("carla")]})
    carla, thief = await gateway.add_borrower("carla"), await gateway.add_borrower("thief")

    assert await claim(gateway, carla, "carla", tax_code_of("carla")) == "matched"
    assert await claim(gateway, thief, "thief", tax_code_of("carla")) == "waiting_hr"


async def test_a_claim_repeated_counts_once_against_the_code(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    carla = await gateway.add_borrower("carla")
    body = {"check_token": await the_token(gateway), "tax_code": tax_code_of("carla")}

    first = await carla.put(f"/employments/{id_of('employment')}", body)
    again = await carla.put(f"/employments/{id_of('employment')}", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert await gateway.pool.fetchval("SELECT uses FROM company_code") == 1


@pytest.mark.parametrize("token", ["", "x" * 43])
async def test_a_claim_needs_the_proof_of_a_code(gateway: RunningGateway, token: str) -> None:
    carla = await gateway.add_borrower("carla")

    answer = await carla.put(f"/employments/{id_of('e')}", {"check_token": token, "tax_code": tax_code_of("carla")})

    assert_problem(answer, 422, "company-code-refused")
    assert await gateway.pool.fetchval("SELECT count(*) FROM employment") == 0

"""The same call made many times at once, as impatient clients and proxies do: one effect, and nobody sees an error."""

import asyncio
from collections import Counter

import httpx

from tests.api.running_gateway import (
    Door,
    RunningGateway,
    a_person,
    employee_row,
    id_of,
    offer_body,
    request_body,
    secret_of,
    tax_code_of,
    terms_body,
)
from tests.api.two_of_each import add_bank_account, add_employment

AT_ONCE = 12


async def many(door: Door, method: str, path: str, body: object) -> Counter[int]:
    """The statuses of the same call made at once."""
    answers: list[httpx.Response] = await asyncio.gather(*(door.call(method, path, body) for _ in range(AT_ONCE)))
    assert not any(answer.status_code >= 500 for answer in answers), [answer.text for answer in answers]
    return Counter(answer.status_code for answer in answers)


async def test_one_party_is_registered(gateway: RunningGateway) -> None:
    body = {"kind": "lender_person", "person": a_person("ada"), "secret": secret_of("ada")}

    assert await many(gateway.nobody, "PUT", f"/registrations/{id_of('ada')}", body) == {201: 1, 200: AT_ONCE - 1}


async def test_one_employment_is_claimed_and_one_use_of_the_code_counted(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    carla = await gateway.add_borrower("carla")
    checked = await gateway.nobody.post("/company-code-checks", {"code": "ALFA-2026"})
    body = {"check_token": checked.json()["check_token"], "tax_code": tax_code_of("carla")}

    assert await many(carla, "PUT", f"/employments/{id_of('e')}", body) == {201: 1, 200: AT_ONCE - 1}
    assert await gateway.pool.fetchval("SELECT uses FROM company_code") == 1


async def test_one_draft_is_written(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    carla = await gateway.add_borrower("carla")
    await add_employment(gateway, carla, "carla", company="alfa")

    statuses = await many(carla, "PUT", f"/requests/{id_of('request')}", request_body("carla", "alfa"))

    assert statuses == {201: 1, 200: AT_ONCE - 1}


async def test_one_request_is_opened(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body())
    await alfa.post(f"/companies/{id_of('alfa')}/employee-imports", {"rows": [employee_row("carla")]})
    carla = await market.add_borrower("carla")
    await add_employment(market, carla, "carla", company="alfa")
    path = f"/requests/{id_of('request')}"
    await carla.put(path, request_body("carla", "alfa"))
    await carla.post(f"{path}/assessment")

    assert await many(carla, "POST", f"{path}/opening?wait_s=10", None) == {200: AT_ONCE}
    opened = "SELECT count(*) FROM journal_event WHERE kind = 'request_opened'"
    assert await market.pool.fetchval(opened) == 1


async def test_one_strategy_one_offer_and_one_version_of_terms_stand(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    ada = await gateway.add_lender("ada")
    strategy = f"/strategies/{id_of('strategy of ada')}"
    offer = f"/companies/{id_of('alfa')}/offers/{id_of('offer')}"

    assert await many(ada, "PUT", strategy, {"name": "main"}) == {201: 1, 200: AT_ONCE - 1}
    assert await many(ada, "PUT", offer, offer_body("ada")) == {202: AT_ONCE}
    assert await many(alfa, "PUT", f"/companies/{id_of('alfa')}/terms/1", terms_body()) == {202: AT_ONCE}
    assert await gateway.pool.fetchval("SELECT count(*) FROM command") == 2


async def test_one_payout_is_asked_for(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada")
    await add_bank_account(gateway.pool, "ada")
    await gateway.wire("ada", "lender_person", 50_000)
    body = {"amount_cents": 30_000, "bank_account_id": id_of("bank account of ada")}

    statuses = await many(ada, "PUT", f"/payouts/{id_of('payout')}", body)

    assert statuses == {202: 1, 200: AT_ONCE - 1}
    assert await gateway.pool.fetchval("SELECT count(*) FROM purse_instruction WHERE operation = 'hold'") == 1


async def test_one_company_and_one_grant_stand(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    await gateway.wire("alfa", "company", 50_000)

    statuses = await many(alfa, "PUT", f"/companies/{id_of('alfa')}/funding/{id_of('grant')}", {"cents": 30_000})

    assert statuses == {202: AT_ONCE}
    assert (await alfa.get("/wallet")).json()["budget_cents"] == 30_000

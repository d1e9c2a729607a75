"""Payouts: asked for once, of money that is free, to an account of one's own."""

from typing import Any

import pytest

from tests.api.running_gateway import Door, RunningGateway, id_of
from tests.api.test_conventions import assert_problem
from tests.api.two_of_each import add_bank_account

PAYOUT = f"/payouts/{id_of('payout')}"


async def a_lender_with(gateway: RunningGateway, cents: int) -> Door:
    ada = await gateway.add_lender("ada")
    await add_bank_account(gateway.pool, "ada")
    await gateway.wire("ada", "lender_person", cents)
    return ada


def payout_body(cents: int = 40_000, owner: str = "ada") -> dict[str, Any]:
    return {"amount_cents": cents, "bank_account_id": id_of(f"bank account of {owner}")}


async def test_a_payout_is_asked_for_once(gateway: RunningGateway) -> None:
    ada = await a_lender_with(gateway, 50_000)

    asked = await ada.put(PAYOUT, payout_body())
    again = await ada.put(PAYOUT, payout_body())
    other = await ada.put(PAYOUT, payout_body(30_000))

    assert (asked.status_code, again.status_code) == (202, 200)
    assert asked.json() == again.json() == (await ada.get(PAYOUT)).json()
    assert asked.json()["state"] == "asked"
    assert_problem(other, 409, "id-reused")
    holds = "SELECT count(*) FROM purse_instruction WHERE operation = 'hold'"
    assert await gateway.pool.fetchval(holds) == 1


async def test_only_free_money_is_paid_out_also_by_several_payouts_together(gateway: RunningGateway) -> None:
    ada = await a_lender_with(gateway, 50_000)
    await ada.put(PAYOUT, payout_body(40_000))

    second = await ada.put(f"/payouts/{id_of('second')}", payout_body(10_001))

    problem = assert_problem(second, 409, "insufficient-funds")
    assert (problem["free_cents"], problem["asked_cents"]) == (10_000, 10_001)


async def test_a_payout_goes_to_an_active_account_of_one_s_own(gateway: RunningGateway) -> None:
    ada = await a_lender_with(gateway, 50_000)
    await gateway.add_lender("bob")
    await add_bank_account(gateway.pool, "bob")

    foreign = await ada.put(PAYOUT, payout_body(owner="bob"))
    await gateway.pool.execute("UPDATE bank_account SET state = 'checking'")
    checking = await ada.put(PAYOUT, payout_body())

    assert_problem(foreign, 404, "not-found")
    assert assert_problem(checking, 409, "wrong-state")["state"] == "checking"
    assert await gateway.pool.fetchval("SELECT count(*) FROM payout") == 0


@pytest.mark.parametrize("cents", [0, -1, 10**13 + 1])
async def test_absurd_amounts_are_refused(gateway: RunningGateway, cents: int) -> None:
    ada = await a_lender_with(gateway, 50_000)

    assert_problem(await ada.put(PAYOUT, payout_body(cents)), 422, "invalid-body")


async def test_a_company_is_paid_out_of_its_free_money(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    await add_bank_account(gateway.pool, "alfa")
    await gateway.wire("alfa", "company", 50_000)

    asked = await alfa.put(PAYOUT, payout_body(owner="alfa"))

    assert asked.json()["state"] == "held"
    wallet = (await alfa.get("/wallet")).json()
    assert (wallet["free_cents"], wallet["held_cents"]) == (10_000, 40_000)

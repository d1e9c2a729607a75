"""The result of a market can be checked by hand and does not depend on who was fast."""

import msgspec
import pytest

from marketplace.company_terms import CompanyMoney
from persistence.connection import Pool
from persistence.market_result import FillResult, MarketResult, market_result
from tests.persistence.journaled_market import JournaledMarket, id_of


@pytest.fixture
async def market(database_url: str, pool: Pool) -> JournaledMarket:
    """1,200 euro lent, 240 of them by the company, one instalment paid; a request that nobody covers; a payout."""
    market = JournaledMarket(database_url, pool)
    await market.add_company(budget_cents=50_000, money=CompanyMoney(mode="share", share_bp=2_000, budget_cents=50_000))
    await market.add_lender("ada", cents=90_000)
    await market.add_lender("anne", cents=80_000)
    await market.open_request("r1", cents=120_000)
    await market.open_request("r2", cents=900_000)
    await market.sign("r1")
    await market.project()
    await market.pay()
    await market.collect_next()
    await market.hold_for_payout("ada", 5_000)
    await market.project()
    await market.pay()
    return market


async def result(market: JournaledMarket) -> MarketResult:
    async with market.pool.acquire() as connection:
        return await market_result(connection)


async def test_a_request_shows_its_cover_and_who_filled_it(market: JournaledMarket) -> None:
    requests = {request.request_id: request for request in (await result(market)).requests}
    lent, waiting = requests[id_of("r1")], requests[id_of("r2")]

    assert (lent.status, lent.covered_cents, lent.company_cents, lent.rate_bp) == ("disbursed", 120_000, 24_000, 400)
    assert sorted(lent.fills, key=lambda fill: fill.cents) == [
        FillResult(lender_id=id_of("anne"), cents=45_202),
        FillResult(lender_id=id_of("ada"), cents=50_798),
    ]
    assert [fill.lender_id for fill in lent.fills] == sorted(fill.lender_id for fill in lent.fills)
    assert (waiting.status, waiting.covered_cents, waiting.fills) == ("open", None, ())


async def test_a_loan_shows_its_plan_and_what_was_collected(market: JournaledMarket) -> None:
    (loan,) = (await result(market)).loans

    assert (loan.principal_cents, loan.rate_cbp, len(loan.plan)) == (120_000, 40_000, 12)
    assert (loan.plan[0].principal_cents, loan.plan[0].interest_cents) == (9_818, 400)
    assert (loan.collected_cents, loan.outstanding_cents, loan.status) == (10_218, 110_182, "active")
    assert [(collection.cents, collection.state) for collection in loan.collections] == [(10_218, "collected")]
    assert {(share.participant_id, share.principal_paid_cents, share.interest_paid_cents) for share in loan.shares} == {
        (id_of("ada"), 4_156, 169),
        (id_of("anne"), 3_698, 151),
        (id_of("alfa"), 1_964, 80),
    }


async def test_a_lender_shows_where_its_money_went_and_stands(market: JournaledMarket) -> None:
    ada = next(lender for lender in (await result(market)).lenders if lender.name == "ada")

    assert msgspec.to_builtins(ada) == {
        "lender_id": id_of("ada"),
        "name": "ada",
        "wired_cents": 90_000,
        "lent_cents": 50_798,
        "principal_received_cents": 4_156,
        "interest_received_cents": 169,
        "paid_out_cents": 5_000,
        "free_cents": 90_000 - 50_798 + 4_156 + 169 - 5_000,
        "taken_cents": 0,
        "sent_cents": 0,
        "outstanding_cents": 50_798 - 4_156,
        "incoming_cents": 0,
        "held_cents": 0,
    }


async def test_a_company_shows_the_requests_of_its_people_and_its_own_money(market: JournaledMarket) -> None:
    (alfa,) = (await result(market)).companies

    assert alfa.requests_by_status == {"disbursed": 1, "open": 1}
    assert (alfa.covered_cents, alfa.wired_cents, alfa.lent_cents) == (120_000, 50_000, 24_000)
    assert (alfa.principal_received_cents, alfa.interest_received_cents) == (1_964, 80)
    assert (alfa.budget_cents, alfa.free_cents, alfa.outstanding_cents) == (26_000, 2_044, 22_036)


async def test_the_trial_balance_sums_to_zero(market: JournaledMarket) -> None:
    balance = (await result(market)).trial_balance

    assert balance.sum_cents == 0
    assert {line.account_kind: line.balance_cents for line in balance.lines}["loan:principal"] == 110_182


async def test_nothing_in_it_depends_on_who_was_fast(market: JournaledMarket) -> None:
    encoded = msgspec.json.encode(await result(market)).decode()
    fill_ids = [row["fill_id"] for row in await market.pool.fetch("SELECT fill_id FROM fill")]
    movements = [row["psp_id"] for row in await market.pool.fetch("SELECT psp_id FROM payment_instruction")]

    assert len(fill_ids) == 2
    assert len(movements) == 10
    assert not any(f'"{name}"' in encoded for name in (*fill_ids, *movements))

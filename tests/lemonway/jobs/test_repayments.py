"""A loan's life at Lemonway, under the market's clock: collected, refused, presented again, shared out, paid out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest

from lemonway.reconciliation import Reconciliation, reconcile
from persistence.business_day import Step, is_servicing_done, step_instant
from persistence.funding import loan_id_of
from persistence.servicing import Servicing, run_servicing
from tests.lemonway.jobs.paying_market import PayingMarket
from tests.persistence.signed_market import COLLECTION_WALLET, START, id_of
from tests.persistence.test_business_days import BookMailboxes

LOAN = loan_id_of(id_of("first"))


@contextlib.asynccontextmanager
async def working(market: PayingMarket) -> AsyncIterator[None]:
    """Payments and servicing, as long as the block lasts."""
    servicing = Servicing(
        pool=market.pool,
        clock=market.clock,
        order_books=BookMailboxes(),
        outages=(),
        collection_wallet=COLLECTION_WALLET,
    )
    async with market.paying():
        process = asyncio.create_task(run_servicing(servicing, market.clock))
        try:
            yield
        finally:
            process.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await process


async def play(market: PayingMarket, day: date, *, notified: bool = True) -> None:
    """One business day: the morning, then the evening, each to its end."""
    for step in (Step.COLLECTIONS, Step.DISTRIBUTION):
        await market.move(step_instant(day, step))
        if not notified:
            await market.lose_notifications()
        await rest(market)


async def rest(market: PayingMarket) -> None:
    async def is_done() -> bool:
        async with market.pool.acquire() as connection:
            return await is_servicing_done(connection, market.clock.now())

    await market.until(is_done)
    await market.quiet()
    await market.hold_payouts(at=market.clock.now())
    await market.quiet()


async def reconciled(market: PayingMarket) -> Reconciliation:
    end_at = market.clock.now() + timedelta(days=1)
    return await reconcile(market.pool, market.simulator.directkit, start_at=START - timedelta(days=1), end_at=end_at)


async def collections(market: PayingMarket) -> list[tuple[date, str, int]]:
    rows = await market.pool.fetch(
        "SELECT collection_date, state, presentation FROM collection ORDER BY collection_date"
    )
    return [(row["collection_date"], row["state"], row["presentation"]) for row in rows]


@pytest.fixture
async def lent(market: PayingMarket) -> PayingMarket:
    """Ada and Bruno lend 1,000.00 to Elena at 6 % over two months: 503.75 on 12 February, 503.76 on 12 March 2026."""
    await market.add_company()
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("bruno", cents=40_000)
    await market.add_borrower("elena")
    async with market.paying():
        await market.quiet()
        await market.sign("first", "elena", {"ada": 60_000, "bruno": 40_000}, months=2)
        await market.quiet()
    return market


async def test_a_loan_is_collected_shared_out_and_paid_out_to_the_cent(lent: PayingMarket) -> None:
    async with working(lent):
        for day in (date(2026, 2, 10), date(2026, 2, 12), date(2026, 3, 10), date(2026, 3, 12)):
            await play(lent, day)

    assert await collections(lent) == [(date(2026, 2, 12), "collected", 1), (date(2026, 3, 12), "collected", 1)]
    assert await lent.pool.fetchval("SELECT state FROM loan") == "settled"
    assert await lent.instructions("collect") == [("done", 50_375), ("done", 50_376)]
    assert await lent.states("distribute") == ["done"] * 4
    assert await lent.instructions("pay_out") == [("done", 40_300), ("done", 60_451)]
    assert await lent.simulator.balances() == {}
    assert await lent.wallets_differ() == {}
    assert await lent.trial_balance_cents() == 0
    result = await reconciled(lent)
    assert result.breaks == ()
    assert result.matched == 2 + 2 + 1 + 2 + 2 + 4 + 2


async def test_a_debit_refused_for_want_of_money_is_presented_again_and_the_loan_goes_on(lent: PayingMarket) -> None:
    await lent.simulator.post("/collections/fate", id="poor", reason_code="AM04", wallet="elena", occurrence=1)

    async with working(lent):
        for day in (10, 12, 17, 19):
            await play(lent, date(2026, 2, day))

    assert await collections(lent) == [(date(2026, 2, 12), "refused", 1), (date(2026, 2, 19), "collected", 2)]
    loan = await lent.row("SELECT outstanding_cents, needs_person, next_collection_date FROM loan")
    assert tuple(loan) == (50_125, None, date(2026, 3, 12))
    assert await lent.balances("lender", "ada") == {"free": 30_225, "lent": 30_075}
    assert await lent.wallets_differ() == {}
    assert (await reconciled(lent)).breaks == ()


async def test_results_whose_notifications_were_lost_are_shared_out_the_same_evening(lent: PayingMarket) -> None:
    async with working(lent):
        await play(lent, date(2026, 2, 10))
        await play(lent, date(2026, 2, 12), notified=False)

    assert await collections(lent) == [(date(2026, 2, 12), "collected", 1)]
    days = await lent.pool.fetch("SELECT DISTINCT business_date FROM payment_instruction WHERE kind = 'distribute'")
    assert [day["business_date"] for day in days] == [date(2026, 2, 12)]
    assert await lent.wallets_differ() == {}


async def test_days_down_are_made_good_with_every_cent(lent: PayingMarket) -> None:
    """Nothing worked from the 9th to Friday the 20th: the debit of the 12th leaves on Monday, for Wednesday."""
    async with working(lent):
        await lent.move(datetime(2026, 2, 20, 17, tzinfo=UTC))
        await rest(lent)
        await play(lent, date(2026, 2, 23))
        await play(lent, date(2026, 2, 25))

    assert await collections(lent) == [(date(2026, 2, 25), "collected", 1)]
    assert await lent.wallets_differ() == {}
    assert (await reconciled(lent)).breaks == ()


async def test_a_lender_with_shares_of_many_loans_gets_one_movement_a_day(market: PayingMarket) -> None:
    await market.add_company()
    await market.add_lender("ada", cents=80_000)
    names = ("elena", "fabio", "gina", "ivo")
    for name in names:
        await market.add_borrower(name)
    async with market.paying():
        await market.quiet()
        for name in names:
            await market.sign(f"of {name}", name, {"ada": 20_000})
        await market.quiet()

    async with working(market):
        await play(market, date(2026, 2, 10))
        await play(market, date(2026, 2, 12))

    assert await market.states("gather") == ["done"] * 4
    assert await market.instructions("distribute") == [("done", 4 * 1_721)]
    assert await market.wallets_differ() == {}
    assert (await reconciled(market)).breaks == ()


async def test_a_debit_taken_back_stops_with_a_person_and_what_lemonway_advanced_is_a_break(
    lent: PayingMarket,
) -> None:
    async with working(lent):
        await play(lent, date(2026, 2, 10))
        await play(lent, date(2026, 2, 12))
        psp_id = await lent.pool.fetchval("SELECT psp_id FROM payment_instruction WHERE kind = 'collect'")
        await lent.simulator.post(f"/collections/{psp_id}/return", reason_code="MD06")
        await lent.quiet()

    row = await lent.row("SELECT state, last_error FROM payment_instruction WHERE kind = 'collect'")
    assert row["state"] == "review"
    assert "taken back by the debtor's bank" in row["last_error"]
    (shortfall,) = (await reconciled(lent)).breaks
    assert shortfall.kind == "theirs_only"
    assert "debit='SC', credit='elena', cents=50375" in shortfall.detail


async def test_a_result_that_contradicts_its_loan_waits_for_a_person_and_is_not_read_again(lent: PayingMarket) -> None:
    """The loan's events say that it was disbursed twice."""
    async with working(lent):
        await play(lent, date(2026, 2, 10))
        await lent.pool.execute(
            "INSERT INTO loan_event (loan_id, number, kind, payload, effective_on, at)"
            " SELECT loan_id, 3, kind, payload, effective_on, at FROM loan_event WHERE number = 1"
        )
        await play(lent, date(2026, 2, 12))
        await play(lent, date(2026, 2, 13))

    assert await collections(lent) == [(date(2026, 2, 12), "submitted", 1)]
    assert await lent.pool.fetchval("SELECT needs_person FROM loan") == "contradiction"
    still_pending_at = await lent.pool.fetchval("SELECT read_at FROM collection")
    assert still_pending_at in (None, step_instant(date(2026, 2, 12), Step.COLLECTIONS))
    assert await lent.states("gather") == []

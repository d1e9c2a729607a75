"""A market is quiet when nothing more will happen by itself at its present instant."""

from datetime import timedelta

import msgspec
import pytest

from persistence.connection import Pool
from persistence.quiet import NeedsPerson, QuietReading, read_quiet
from tests.persistence.journaled_market import BOOK_SHARD, JournaledMarket, id_of, purse_shard_of


@pytest.fixture
async def market(database_url: str, pool: Pool) -> JournaledMarket:
    market = JournaledMarket(database_url, pool)
    await market.add_company()
    await market.add_lender("ada", cents=200_000)
    return market


async def quiet(market: JournaledMarket) -> QuietReading:
    async with market.pool.acquire() as connection:
        return await read_quiet(connection, market.at)


async def waiting(market: JournaledMarket) -> dict[str, int]:
    """What is on its way, without the kinds of which there is nothing."""
    reading = await quiet(market)
    return {kind: count for kind, count in msgspec.to_builtins(reading.waiting).items() if count}


async def test_a_market_at_rest_is_quiet(market: JournaledMarket) -> None:
    await market.open_request("r1", cents=900_000)
    await market.project()

    assert await waiting(market) == {}
    assert (await quiet(market)).is_quiet


async def test_positions_tell_how_far_each_journal_is_recorded(market: JournaledMarket) -> None:
    before = (await quiet(market)).positions
    await market.project()

    assert before == {}
    assert (await quiet(market)).positions == {BOOK_SHARD: 2, purse_shard_of("ada"): 1, "pu00": 0}


async def test_commands_and_openings_wait_for_their_decision(market: JournaledMarket) -> None:
    await market.project()
    await market.open_request("r1", cents=900_000)

    assert await waiting(market) == {"commands_undecided": 1, "requests_opening": 1}
    assert not (await quiet(market)).is_quiet


async def test_a_cover_waits_for_its_purses(market: JournaledMarket) -> None:
    await market.open_request("r1", cents=100_000)
    book = market.journals.entries[BOOK_SHARD]
    (proposed,) = [entry.seq for entry in book if entry.kind == "cover_proposed"]
    later, market.journals.entries[BOOK_SHARD] = book[proposed:], book[:proposed]
    await market.project()
    gathering = await waiting(market)
    market.journals.entries[BOOK_SHARD] += later
    await market.project()

    assert gathering == {"covers_in_flight": 1, "fills_in_flight": 1}
    assert await waiting(market) == {}


async def test_payments_and_then_purse_steps_wait_to_be_carried_out(market: JournaledMarket) -> None:
    await market.open_request("r1", cents=100_000)
    await market.sign("r1")
    await market.project()
    signed = await waiting(market)
    await market.execute_payments()
    funded = await waiting(market)
    await market.pay()

    assert (signed, funded) == ({"payments": 1}, {"payments": 1, "purse_steps": 1})
    assert await waiting(market) == {}


async def test_a_payout_waits_until_it_is_executed(market: JournaledMarket) -> None:
    await market.project()
    await market.ask_for_payout("ada", 5_000)

    assert await waiting(market) == {"purse_steps": 1, "payouts": 1}


async def test_servicing_waits_for_its_next_step_and_for_requests_to_lapse(market: JournaledMarket) -> None:
    await market.open_request("r1", cents=100_000)
    await market.project()
    before = await waiting(market)
    market.at += timedelta(hours=49)

    assert (before, await waiting(market)) == ({}, {"servicing": 1})


async def test_what_only_a_person_can_settle_is_told_apart(market: JournaledMarket) -> None:
    await market.open_request("r1", cents=100_000)
    await market.sign("r1")
    await market.project()
    await market.pool.execute("UPDATE payment_instruction SET state = 'review'")
    await market.pool.execute(
        "INSERT INTO purse_instruction (id, lender_id, operation, ref, at, state, last_error)"
        " VALUES ($1, $1, 'post', 'x', now(), 'review', 'unknown')",
        id_of("step"),
    )
    del market.journals.entries[BOOK_SHARD][-1]
    await market.project()

    reading = await quiet(market)

    assert reading.is_quiet
    assert reading.needs_person == NeedsPerson(
        payments_in_review=1, purse_steps_in_review=1, shards_halted=1, loans_set_aside=0
    )

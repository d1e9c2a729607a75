"""What a book holds, and what stops or steers it, as rows."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from marketplace.book.circuit_breakers import BreakerLimits
from marketplace.book.commands import (
    BarLender,
    CancelRequest,
    LiftHold,
    PauseBook,
    PlaceOffer,
    RecordArrears,
    ResumeBook,
    SetBreakers,
    Tick,
    UnbarLender,
    YieldHold,
)
from marketplace.strategies.offer_terms import FloatingAsk, OfferFilters, OfferTerms, TermAsk
from persistence.connection import Connection, Pool, connect
from persistence.invariants import check_invariants
from persistence.quiet import read_quiet
from tests.persistence.journaled_market import START, JournaledMarket, id_of

ALFA = id_of("alfa")


@pytest.fixture
async def market(database_url: str, pool: Pool) -> JournaledMarket:
    """Two lenders with 900.00 together; requests hold from the first tick on and expire after three days."""
    market = JournaledMarket(database_url, pool)
    await market.add_company(patience_hours=0)
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=30_000)
    return market


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    opened = await connect(database_url)
    yield opened
    await opened.close()


async def held(connection: Connection) -> list[tuple[object, ...]]:
    """Covers, oldest first: state, whether it only holds, cents, why released."""
    rows = await connection.fetch(
        "SELECT state, is_holding, amount_cents, released_why FROM cover ORDER BY proposed_at, plan_seq"
    )
    return [tuple(row.values()) for row in rows]


async def fills(connection: Connection) -> list[tuple[object, ...]]:
    rows = await connection.fetch(
        "SELECT party.name, book_state, purse_state, amount_book_cents FROM fill JOIN party ON party.id = lender_id"
        " ORDER BY fill_id"
    )
    return [tuple(row.values()) for row in rows]


async def assert_sound(connection: Connection) -> None:
    assert [result for result in await check_invariants(connection) if not result.holds] == []


async def test_what_a_request_holds_is_told_from_a_cover_on_its_way(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.open_request("r1", cents=150_000)

    await market.project()

    assert await held(connection) == [("proposed", True, 90_000, None)]
    assert await fills(connection) == [("ada", "taken", "taken", 60_000), ("anne", "taken", "taken", 30_000)]
    assert await connection.fetchval("SELECT state FROM credit_request") == "open"
    assert (await read_quiet(connection, START)).waiting.covers_in_flight == 0
    await assert_sound(connection)


async def test_a_hold_that_grows_to_the_whole_is_a_cover(connection: Connection, market: JournaledMarket) -> None:
    await market.open_request("r1", cents=150_000)
    await market.deposit("ada", 60_000)
    await market.send(Tick(), after=timedelta(seconds=1))

    await market.project()

    assert await held(connection) == [("covered", False, 150_000, None)]
    await assert_sound(connection)


async def test_a_lifted_hold_gives_back_that_lender_s_part_alone(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.open_request("r1", cents=150_000)
    await market.send(LiftHold(request_id=id_of("r1"), lender_id=id_of("ada")))

    await market.project()

    assert await held(connection) == [("proposed", True, 30_000, None)]
    assert await fills(connection) == [("ada", "ended", "released", 60_000), ("anne", "taken", "taken", 30_000)]
    assert await connection.fetchval("SELECT outcome FROM command WHERE kind = 'lift_hold'") == "ok"
    await assert_sound(connection)


async def test_a_yielded_hold_is_released_and_tried_again_later(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.open_request("r1", cents=150_000)
    await market.send(YieldHold(request_id=id_of("r1")))

    await market.project()

    assert await held(connection) == [("released", True, 90_000, "yielded")]
    assert await connection.fetchval("SELECT state FROM credit_request") == "open"
    await assert_sound(connection)


async def test_a_request_that_expires_gives_everything_back(connection: Connection, market: JournaledMarket) -> None:
    await market.open_request("r1", cents=150_000)
    await market.send(Tick(), after=timedelta(hours=72))

    await market.project()

    assert await held(connection) == [("released", True, 90_000, "expired")]
    assert [row[1] for row in await fills(connection)] == ["ended", "ended"]
    assert await connection.fetchval("SELECT state FROM credit_request") == "expired"
    assert await connection.fetchval("SELECT count(*) FROM command WHERE state = 'received'") == 0
    await assert_sound(connection)


async def test_a_partial_loan_at_expiry_is_a_cover_of_what_is_held(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.open_request("r1", cents=150_000, min_cents=80_000)
    await market.send(Tick(), after=timedelta(hours=72))

    await market.project()

    assert await held(connection) == [("covered", False, 90_000, None)]
    assert await connection.fetchval("SELECT covered_cents FROM credit_request WHERE state = 'covered'") == 90_000
    await assert_sound(connection)


async def test_pauses_stand_until_the_same_party_takes_them_back(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.send(PauseBook(by="company"))
    await market.send(PauseBook(by="operations"))
    await market.project()
    both = await connection.fetch("SELECT paused_by, trip FROM book_pause WHERE company_id = $1 ORDER BY 1", ALFA)
    await market.send(ResumeBook(by="company"))
    await market.project()

    assert [tuple(row.values()) for row in both] == [("company", None), ("operations", None)]
    assert await connection.fetchval("SELECT array_agg(paused_by) FROM book_pause") == ["operations"]


async def test_a_tripped_breaker_says_what_it_met(connection: Connection, market: JournaledMarket) -> None:
    await market.send(SetBreakers(limits=BreakerLimits(most_cents=50_000)))
    await market.open_request("r1", cents=60_000)

    await market.project()

    trip = await connection.fetchval("SELECT trip FROM book_pause WHERE paused_by = 'breaker'")
    assert msgspec.json.decode(trip) == {"alarm": "volume", "given": 60_000, "allowed": 50_000}
    await assert_sound(connection)


async def test_settings_are_kept_each_on_its_own(connection: Connection, market: JournaledMarket) -> None:
    await market.send(SetBreakers(limits=BreakerLimits(most_covers=3)))
    market.stage_new_cash(tick_ms=500)
    await market.project()
    await market.send(RecordArrears(arrears_bp=120))
    await market.project()
    before = await connection.fetchrow(
        "SELECT breakers ->> 'most_covers', staging_tick_ms, arrears_bp FROM book_settings"
    )
    await market.send(SetBreakers(limits=None))
    await market.project()
    after = await connection.fetchrow("SELECT breakers, staging_tick_ms, arrears_bp FROM book_settings")

    assert before is not None
    assert after is not None
    assert (tuple(before.values()), tuple(after.values())) == (("3", 500, 120), (None, 500, 120))


async def test_a_lender_is_barred_for_each_reason_apart(connection: Connection, market: JournaledMarket) -> None:
    await market.send(BarLender(lender_id=id_of("ada"), bar="conflict"))
    await market.send(BarLender(lender_id=id_of("ada"), bar="paused"))
    await market.send(UnbarLender(lender_id=id_of("ada"), bar="paused"))
    await market.open_request("r1", cents=20_000)

    await market.project()

    assert [tuple(row.values()) for row in await connection.fetch("SELECT lender_id, bar FROM lender_bar")] == [
        (id_of("ada"), "conflict")
    ]
    assert [row[0] for row in await fills(connection)] == ["anne"]
    await assert_sound(connection)


async def test_an_offer_s_row_has_all_that_the_lender_declared(connection: Connection, market: JournaledMarket) -> None:
    offer = OfferTerms(
        offer_id=id_of("offer of ada"),
        lender_id=id_of("ada"),
        strategy_id=id_of("strategy of ada"),
        ask_bp=450,
        tier="A",
        months=(12, 24),
        min_ticket_cents=2_000,
        asks_by_term=(TermAsk(months=24, ask_bp=480),),
        floating=FloatingAsk(mode="median", offset_bp=-10, floor_bp=430),
        is_all_or_none=True,
        filters=OfferFilters(min_guarantee_bp=1_000, guarantee_modes=("pool-first-loss",), purpose_classes=(1, 2)),
        is_paused=True,
    )
    await market.send(PlaceOffer(offer=offer))

    await market.project()

    row = await connection.fetchrow(
        "SELECT ask_bp, asks_by_term, floating, filters, is_all_or_none, is_paused FROM offer WHERE id = $1",
        id_of("offer of ada"),
    )
    assert row is not None
    ask_bp, asks_by_term, floating, filters, *flags = row.values()
    assert (ask_bp, flags) == (450, [True, True])
    assert msgspec.json.decode(asks_by_term) == [{"months": 24, "ask_bp": 480}]
    assert msgspec.json.decode(floating) == {"mode": "median", "offset_bp": -10, "floor_bp": 430}
    assert msgspec.json.decode(filters, type=OfferFilters) == offer.filters
    await assert_sound(connection)


async def test_a_cancelled_request_gives_back_what_it_held(connection: Connection, market: JournaledMarket) -> None:
    await market.open_request("r1", cents=150_000)
    await market.send(CancelRequest(request_id=id_of("r1")))

    await market.project()

    assert await held(connection) == [("released", True, 90_000, "cancelled")]
    await assert_sound(connection)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM book_pause",
        f"INSERT INTO lender_bar VALUES ('{ALFA}', '{id_of('anne')}', 'identity', now())",
        "DELETE FROM lender_bar",
        "UPDATE offer SET is_paused = true",
        "UPDATE offer SET filters = '{\"min_gauge_bp\": 1}'",
    ],
)
async def test_rows_that_are_not_what_the_book_says_are_found(
    connection: Connection, market: JournaledMarket, statement: str
) -> None:
    await market.send(PauseBook(by="company"))
    await market.send(BarLender(lender_id=id_of("ada"), bar="conflict"))
    await market.project()
    await assert_sound(connection)

    await connection.execute(statement)

    [broken] = [result for result in await check_invariants(connection) if not result.holds]
    assert broken.name == "requests and offers stand as the replayed books say"

"""What a lender's money and settings come to for its purse and its books, day after day."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from marketplace.book.commands import PlaceOffer
from marketplace.strategies.cap_presets import StrategyCaps
from marketplace.strategies.strategy_offers import OfferPlace, OfferWish
from marketplace.strategies.strategy_settings import StrategySettings
from persistence.business_clock import BusinessClock, use_virtual_time
from persistence.business_day import DueStep, Step
from persistence.command_rows import decode_command
from persistence.connection import Pool
from persistence.offers_desk import OfferTaken, place_offer
from persistence.purse_limits import lender_funds_cents
from persistence.strategy_desk import StrategyStands, create_strategy, refresh_lender
from tests.persistence.signed_market import START, SignedMarket, id_of
from tests.persistence.test_business_days import ServicedMarket

MAIN = id_of("strategy")
"""Also the strategy under which the loans of a `SignedMarket` are lent."""


@pytest.fixture
async def lenders(market: SignedMarket) -> SignedMarket:
    """Ada with 10,000.00 in her wallet, and alfa with its book."""
    await market.add_company()
    await market.add_lender("ada", cents=1_000_000)
    return market


async def create(market: SignedMarket, settings: StrategySettings, *, at: datetime = START) -> None:
    async with market.pool.acquire() as connection, connection.transaction():
        outcome = await create_strategy(connection, strategy_id=MAIN, lender_id=id_of("ada"), settings=settings, at=at)
    assert isinstance(outcome, StrategyStands), outcome


async def offer(market: SignedMarket, **wish: object) -> None:
    place = OfferPlace(offer_id=id_of("offer"), lender_id=id_of("ada"), company_id=id_of("alfa"))
    said = msgspec.convert({"strategy_id": MAIN, "tier": "B", "rate_floor_bp": 400, "terms": [12], **wish}, OfferWish)
    async with market.pool.acquire() as connection, connection.transaction():
        outcome = await place_offer(connection, place, said, at=START)
    assert isinstance(outcome, OfferTaken), outcome


async def refresh(market: SignedMarket, *, at: datetime = START) -> None:
    async with market.pool.acquire() as connection, connection.transaction():
        await refresh_lender(connection, id_of("ada"), at=at)


async def limits(market: SignedMarket) -> list[dict[str, int]]:
    """Every set of limits that Ada's purse was told, without the strategy's id."""
    rows = await market.pool.fetch(
        "SELECT strategy_limits FROM purse_instruction WHERE operation = 'limits' ORDER BY number"
    )
    told = [msgspec.json.decode(row["strategy_limits"], type=dict[str, int]) for row in rows]
    return [{key.removeprefix(MAIN): cents for key, cents in limits.items()} for limits in told]


async def told_offers(market: SignedMarket) -> list[tuple[str, int | None]]:
    """Who sends each command that places the offer, and the cap on a borrower that it says."""
    rows = await market.pool.fetch(
        "SELECT body, send_at <= now() AS by_sweeper FROM command WHERE kind = 'place_offer' ORDER BY received_at"
    )
    commands = [(row["by_sweeper"], decode_command(row["body"])) for row in rows]
    assert all(isinstance(command, PlaceOffer) for _, command in commands)
    return [
        ("sweeper" if by_sweeper else "caller", command.offer.per_borrower_cents)
        for by_sweeper, command in commands
        if isinstance(command, PlaceOffer)
    ]


async def decide_and_stand(market: SignedMarket, *, per_borrower_cents: int) -> None:
    """The book has accepted every command, and the offer stands there with that cap."""
    await market.pool.execute(
        "UPDATE command SET state = 'decided', outcome = 'ok', decided_shard = 'bk00', decided_seq = 1,"
        " decided_at = now()"
    )
    await market.pool.execute(
        "INSERT INTO offer (id, company_id, lender_id, strategy_id, ask_bp, tier, months, min_ticket_cents,"
        " per_borrower_cents, sequence, placed_at, changed_at)"
        " VALUES ($1, $2, $3, $4, 400, 'B', '{12}', 1000, $5, 1, now(), now())"
        " ON CONFLICT (id) DO UPDATE SET per_borrower_cents = excluded.per_borrower_cents",
        id_of("offer"),
        id_of("alfa"),
        id_of("ada"),
        MAIN,
        per_borrower_cents,
    )


async def test_what_a_lender_has_is_in_its_wallet_promised_lent_and_on_its_way_back(lenders: SignedMarket) -> None:
    await lenders.add_borrower("elena")
    await lenders.add_borrower("fabio")
    await lenders.sign("first", "elena", {"ada": 60_000})
    await lenders.disburse()
    await lenders.sign("second", "fabio", {"ada": 50_000})
    (collection_id,) = await lenders.hand_in(date(2026, 2, 10))
    await lenders.collect(collection_id)

    buckets = await lenders.balances("lender", "ada")
    async with lenders.pool.acquire() as connection:
        funds_cents = await lender_funds_cents(connection, id_of("ada"))

    assert buckets == {"free": 890_000, "taken": 50_000, "lent": 55_136, "incoming": 5_164}
    assert funds_cents == 1_000_300, "10,000.00 and 3.00 of interest"


async def test_a_new_offer_brings_the_caps_of_its_terms(lenders: SignedMarket) -> None:
    await create(lenders, StrategySettings(name="main", caps=StrategyCaps(term_bp=4_000)))

    await offer(lenders, terms=[12, 36])

    assert await limits(lenders) == [{"/12m": 400_000, "/36m": 400_000}]


async def test_money_on_the_move_changes_nothing(lenders: SignedMarket) -> None:
    """Promised and lent, it is still the lender's."""
    await create(lenders, StrategySettings(name="main", caps=StrategyCaps(borrower_bp=200, term_bp=4_000)))
    await offer(lenders)
    await lenders.add_borrower("elena")
    await lenders.sign("first", "elena", {"ada": 600_000})
    await refresh(lenders)
    await lenders.disburse()
    await refresh(lenders)

    assert await limits(lenders) == [{"/12m": 400_000}]
    assert await told_offers(lenders) == [("caller", 20_000)]


class TestTheMorning:
    @pytest.fixture
    async def serviced(self, database_url: str, pool: Pool, lenders: SignedMarket) -> AsyncIterator[ServicedMarket]:
        async with pool.acquire() as connection:
            await use_virtual_time(connection, START)
        async with BusinessClock(database_url) as clock:
            yield ServicedMarket(lenders, clock)

    async def test_sets_limits_once_from_the_day_after_the_first_strategy(self, serviced: ServicedMarket) -> None:
        assert await serviced.due() == []
        await create(serviced.market, StrategySettings(name="main", pace_cents=50_000))

        await serviced.move(datetime(2026, 1, 13, 5, 59, tzinfo=UTC))
        before_seven = await serviced.due()
        await serviced.move(datetime(2026, 1, 13, 6, tzinfo=UTC))
        at_seven = await serviced.due()
        assert await serviced.servicing.work()

        assert (before_seven, at_seven) == ([], [DueStep(date(2026, 1, 13), Step.LIMITS)])
        assert await serviced.due() == []
        assert await limits(serviced.market) == [{"/2026-01": 50_000, "/2026-02": 50_000}]

    async def test_of_days_down_only_the_last_is_made_good(self, serviced: ServicedMarket) -> None:
        await create(serviced.market, StrategySettings(name="main", pace_cents=50_000))

        await serviced.move(datetime(2026, 2, 20, 12, tzinfo=UTC))

        assert await serviced.due() == [DueStep(date(2026, 2, 20), Step.LIMITS)]
        assert await serviced.servicing.work()
        assert await limits(serviced.market) == [
            {"/2026-01": 50_000, "/2026-02": 50_000},
            {"/2026-02": 50_000, "/2026-03": 50_000},
        ]

    async def test_interrupted_half_way_is_finished_by_the_next_process(self, serviced: ServicedMarket) -> None:
        await create(serviced.market, StrategySettings(name="main", pace_cents=50_000))
        await serviced.pool.execute(
            "INSERT INTO business_day_step (business_date, step) VALUES ('2026-02-01', 'limits')"
        )
        await serviced.move(datetime(2026, 2, 1, 12, tzinfo=UTC))

        assert await serviced.servicing.work()

        assert (date(2026, 2, 1), "limits") in await serviced.steps_done()
        assert len(await limits(serviced.market)) == 2

    async def test_puts_right_a_book_that_an_older_command_reached_last(self, serviced: ServicedMarket) -> None:
        await create(serviced.market, StrategySettings(name="main"))
        await offer(serviced.market)
        await decide_and_stand(serviced.market, per_borrower_cents=1_000)
        await serviced.move(START + timedelta(days=1))

        assert await serviced.servicing.work()
        assert await told_offers(serviced.market) == [("caller", 20_000), ("sweeper", 20_000)]

        await decide_and_stand(serviced.market, per_borrower_cents=20_000)
        await serviced.move(START + timedelta(days=2))
        assert await serviced.servicing.work()
        assert len(await told_offers(serviced.market)) == 2, "it is right now"

    async def test_tells_books_of_parts_that_moved_far(self, serviced: ServicedMarket) -> None:
        """Ada's 10,000.00 become 11,000.00 by no wire of hers: as when interest has come in for months."""
        await create(serviced.market, StrategySettings(name="main"))
        await offer(serviced.market)
        async with serviced.pool.acquire() as connection:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(
                "UPDATE account SET balance_cents = balance_cents - 100000 WHERE id = $1",
                f"lender:{id_of('ada')}:free",
            )
            await connection.execute("SET session_replication_role = DEFAULT")
        await serviced.move(START + timedelta(days=1))

        assert await serviced.servicing.work()

        assert await told_offers(serviced.market) == [("caller", 20_000), ("sweeper", 22_000)]

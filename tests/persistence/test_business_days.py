"""The business day: what is due when, what waits for what, and going on after days down."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from marketplace.book.commands import Envelope, LapseRequest, RecordRepayments
from marketplace.ports import CommandAccepted, SendOutcome
from persistence.business_clock import BusinessClock, move_clock, use_virtual_time
from persistence.business_day import (
    DueStep,
    Step,
    begin_step,
    due_steps,
    finish_step,
    is_servicing_done,
    step_instant,
    what_step_waits_for,
)
from persistence.collection_results import note_still_pending, record_collected
from persistence.connection import Pool
from persistence.funding import loan_id_of
from persistence.loan_record import set_loan_aside
from persistence.quiet import read_quiet
from persistence.servicing import Servicing, run_servicing
from tests.persistence.signed_market import COLLECTION_WALLET, START, SignedMarket, id_of

LOAN = loan_id_of(id_of("first"))
HAND_IN = date(2026, 2, 10)
DEBIT = date(2026, 2, 12)
EVENING_AT = step_instant(DEBIT, Step.DISTRIBUTION)


class BookMailboxes:
    """The books' mailboxes, where one can look at what was put in."""

    def __init__(self) -> None:
        self.sent: list[Envelope] = []
        self.reachable = True

    async def send(self, envelope: Envelope) -> SendOutcome:
        if not self.reachable:
            raise ConnectionError("no mailbox")
        self.sent.append(envelope)
        return CommandAccepted()

    async def outcome(self, company_id: str, command_id: str) -> str | None:
        return None


class ServicedMarket:
    """A market with a clock of its own and the servicing that works by it."""

    def __init__(self, market: SignedMarket, clock: BusinessClock) -> None:
        self.market = market
        self.pool = market.pool
        self.clock = clock
        self.books = BookMailboxes()
        self.servicing = Servicing(
            pool=market.pool,
            clock=clock,
            order_books=self.books,
            outages=(ConnectionError,),
            collection_wallet=COLLECTION_WALLET,
        )

    async def move(self, at: datetime) -> None:
        async with self.pool.acquire() as connection:
            await move_clock(connection, at)
        while self.clock.now() < at:
            await asyncio.sleep(0.002)

    async def due(self) -> list[DueStep]:
        async with self.pool.acquire() as connection:
            return await due_steps(connection, self.clock.now())

    async def waits_for(self, due: DueStep) -> str | None:
        async with self.pool.acquire() as connection:
            return await what_step_waits_for(connection, due)

    async def steps_done(self) -> list[tuple[date, str]]:
        rows = await self.pool.fetch(
            "SELECT business_date, step FROM business_day_step WHERE state = 'done' ORDER BY finished_at, step"
        )
        return [tuple(row) for row in rows]

    async def is_done(self) -> bool:
        async with self.pool.acquire() as connection:
            return await is_servicing_done(connection, self.clock.now())

    async def results_come(self) -> None:
        """Every debit handed in is credited on its date and its receipt gathered."""
        rows = await self.pool.fetch("SELECT id FROM collection WHERE state = 'submitted' ORDER BY id")
        for row in rows:
            await self.market.collect(row["id"])


@pytest.fixture
async def serviced(database_url: str, pool: Pool, market: SignedMarket) -> AsyncIterator[ServicedMarket]:
    """Elena owes 1,000.00 to Ada and Bruno since Monday 12 January 2026, 12 instalments of 86.07."""
    async with pool.acquire() as connection:
        await use_virtual_time(connection, START)
    await market.add_company()
    await market.add_lender("ada", cents=50_000)
    await market.add_lender("bruno", cents=50_000)
    await market.add_borrower("elena")
    await market.sign("first", "elena", {"ada": 50_000, "bruno": 50_000})
    await market.disburse()
    async with BusinessClock(database_url) as clock:
        yield ServicedMarket(market, clock)


async def test_the_day_of_the_first_loan_has_nothing_to_do(serviced: ServicedMarket) -> None:
    await serviced.move(datetime(2026, 1, 12, 20, tzinfo=UTC))

    assert await serviced.due() == []
    assert await serviced.is_done()


@pytest.mark.parametrize(
    ("at", "steps"),
    [
        pytest.param(datetime(2026, 1, 13, 5, 59, tzinfo=UTC), [], id="before seven in Rome"),
        pytest.param(datetime(2026, 1, 13, 6, tzinfo=UTC), ["collections"], id="at seven in Rome"),
        pytest.param(
            datetime(2026, 1, 13, 17, tzinfo=UTC),
            ["collections", "distribution", "repayments", "payouts"],
            id="at six in the evening in Rome",
        ),
    ],
)
async def test_the_steps_of_a_day_are_due_at_their_hours(
    serviced: ServicedMarket, at: datetime, steps: list[str]
) -> None:
    await serviced.move(at)

    assert [due.step.value for due in await serviced.due()] == steps


async def test_a_step_is_taken_once(serviced: ServicedMarket) -> None:
    due = DueStep(HAND_IN, Step.DISTRIBUTION)
    async with serviced.pool.acquire() as connection:
        assert await begin_step(connection, due)
        await finish_step(connection, due)
        assert not await begin_step(connection, due)


async def test_days_down_are_made_good_mornings_first(serviced: ServicedMarket) -> None:
    """From Tuesday to Thursday evening nobody worked: three mornings, then three evenings in order."""
    await serviced.move(datetime(2026, 1, 15, 17, tzinfo=UTC))

    assert await serviced.servicing.work()

    done = await serviced.steps_done()
    assert len(done) == 12
    assert {step for _, step in done[:3]} == {"collections"}
    assert [day.day for day, step in done if step == "payouts"] == [13, 14, 15]
    assert await serviced.is_done()


async def test_the_morning_hands_in_what_must_leave_today(serviced: ServicedMarket) -> None:
    await serviced.move(step_instant(HAND_IN, Step.COLLECTIONS))

    assert await serviced.servicing.work()

    assert await serviced.market.instructions("collect") == [("ready", 8_607)]
    assert await serviced.pool.fetchval("SELECT collection_date FROM collection") == DEBIT


async def test_a_morning_interrupted_half_way_is_finished_by_the_next_process(serviced: ServicedMarket) -> None:
    due = DueStep(HAND_IN, Step.COLLECTIONS)
    async with serviced.pool.acquire() as connection:
        await begin_step(connection, due)
    await serviced.move(step_instant(HAND_IN, Step.COLLECTIONS))

    assert await serviced.servicing.work()

    assert (HAND_IN, "collections") in await serviced.steps_done()
    assert await serviced.market.instructions("collect") == [("ready", 8_607)]


async def test_the_evening_waits_until_every_result_that_is_there_has_been_read(serviced: ServicedMarket) -> None:
    (collection_id,) = await serviced.market.hand_in(HAND_IN)
    distribution = DueStep(DEBIT, Step.DISTRIBUTION)
    assert await serviced.waits_for(distribution) == "1 results of debits to read"

    async with serviced.pool.acquire() as connection:
        await note_still_pending(connection, [collection_id], at=datetime(2026, 2, 12, 8, tzinfo=UTC))
    assert await serviced.waits_for(distribution) == "1 results of debits to read"

    async with serviced.pool.acquire() as connection:
        await note_still_pending(connection, [collection_id], at=EVENING_AT)
    assert await serviced.waits_for(distribution) is None


async def test_the_evening_waits_until_every_receipt_is_gathered(serviced: ServicedMarket) -> None:
    (collection_id,) = await serviced.market.hand_in(HAND_IN)
    await record_collected(
        serviced.pool, collection_id, executed_on=DEBIT, collection_wallet=COLLECTION_WALLET, at=EVENING_AT
    )

    distribution = DueStep(DEBIT, Step.DISTRIBUTION)
    assert await serviced.waits_for(distribution) == "1 debits to hand in or receipts to gather"
    await serviced.market.execute("gather", at=EVENING_AT)
    assert await serviced.waits_for(distribution) is None


async def test_a_whole_day_is_distributed_reported_and_done(serviced: ServicedMarket) -> None:
    await serviced.move(step_instant(HAND_IN, Step.COLLECTIONS))
    await serviced.servicing.work()
    await serviced.market.execute("collect")
    await serviced.move(EVENING_AT)
    assert not await serviced.servicing.work()
    assert serviced.servicing.progress.waits_for == "1 results of debits to read"

    await serviced.results_come()
    assert not await serviced.servicing.work()
    assert serviced.servicing.progress.waits_for == "2 movements to participants"
    assert not await serviced.is_done()

    await serviced.market.execute("distribute", at=EVENING_AT)
    assert await serviced.servicing.work()
    assert await serviced.is_done()
    (repayments,) = serviced.books.sent
    assert isinstance(repayments.command, RecordRepayments)
    assert sum(part.cents for part in repayments.command.repaid) == 8_107
    assert repayments.at == EVENING_AT
    assert await serviced.market.trial_balance_cents() == 0


async def test_a_book_out_of_reach_leaves_the_command_to_the_sweeper(serviced: ServicedMarket) -> None:
    await serviced.market.hand_in(HAND_IN)
    await serviced.move(EVENING_AT)
    await serviced.results_come()
    serviced.books.reachable = False
    await serviced.servicing.work()
    await serviced.market.execute("distribute", at=EVENING_AT)

    assert await serviced.servicing.work()

    assert await serviced.pool.fetchval("SELECT state FROM command WHERE kind = 'record_repayments'") == "received"


async def test_an_unsigned_request_lapses_as_soon_as_its_time_is_over(serviced: ServicedMarket) -> None:
    await serviced.market.add_borrower("fabio")
    async with serviced.pool.acquire() as connection:
        await serviced.market.record_request(connection, "second", "fabio")
    await serviced.move(datetime(2026, 1, 14, 8, 0, 1, tzinfo=UTC))
    assert not await serviced.is_done()

    await serviced.servicing.work()

    (lapse,) = [envelope for envelope in serviced.books.sent if isinstance(envelope.command, LapseRequest)]
    assert lapse.command == LapseRequest(request_id=id_of("second"), cover_id="bk00:second")
    assert await serviced.is_done()


async def test_a_loan_that_contradicts_itself_stops_nobody_else(serviced: ServicedMarket) -> None:
    await serviced.market.add_lender("carla", cents=50_000)
    await serviced.market.add_borrower("fabio")
    await serviced.market.sign("second", "fabio", {"carla": 50_000})
    await serviced.market.disburse()
    await serviced.pool.execute(
        "INSERT INTO loan_event (loan_id, number, kind, payload, effective_on, at)"
        " SELECT loan_id, 2, kind, payload, effective_on, at FROM loan_event WHERE payload ->> 'request_id' = $1",
        id_of("first"),
    )
    await serviced.move(step_instant(HAND_IN, Step.COLLECTIONS))

    assert await serviced.servicing.work()

    assert await serviced.market.instructions("collect") == [("ready", 4_303)]
    assert serviced.servicing.progress.loans_set_aside == 1
    set_aside = await serviced.pool.fetch("SELECT request_id FROM loan WHERE needs_person = 'contradiction'")
    assert [row["request_id"] for row in set_aside] == [id_of("first")]


async def test_a_loan_set_aside_is_counted_and_left_alone_until_a_person_releases_it(serviced: ServicedMarket) -> None:
    await set_loan_aside(serviced.pool, LOAN)
    await serviced.move(step_instant(HAND_IN, Step.COLLECTIONS))
    assert await serviced.servicing.work()
    async with serviced.pool.acquire() as connection:
        reading = await read_quiet(connection, serviced.clock.now())
    handed_in = await serviced.market.instructions("collect")

    await serviced.pool.execute("UPDATE loan SET needs_person = NULL")
    await serviced.move(step_instant(date(2026, 2, 11), Step.COLLECTIONS))
    assert await serviced.servicing.work()

    assert (reading.needs_person.loans_set_aside, handed_in) == (1, [])
    assert await serviced.market.instructions("collect") == [("ready", 8_607)]


async def test_the_evening_does_not_wait_for_the_debits_of_a_loan_set_aside(serviced: ServicedMarket) -> None:
    await serviced.market.hand_in(HAND_IN)
    await set_loan_aside(serviced.pool, LOAN)

    assert await serviced.waits_for(DueStep(DEBIT, Step.DISTRIBUTION)) is None


async def test_what_happens_to_a_loan_set_aside_does_not_release_it(serviced: ServicedMarket) -> None:
    (collection_id,) = await serviced.market.hand_in(HAND_IN)
    await set_loan_aside(serviced.pool, LOAN)

    await serviced.market.collect(collection_id)

    assert await serviced.pool.fetchval("SELECT needs_person FROM loan") == "contradiction"


async def test_the_process_works_whenever_the_clock_is_moved(serviced: ServicedMarket) -> None:
    process = asyncio.create_task(run_servicing(serviced.servicing, serviced.clock))
    try:
        await serviced.move(step_instant(HAND_IN, Step.COLLECTIONS))
        async with asyncio.timeout(5):
            while not await serviced.is_done():
                await asyncio.sleep(0.01)
    finally:
        process.cancel()

    assert await serviced.market.instructions("collect") == [("ready", 8_607)]

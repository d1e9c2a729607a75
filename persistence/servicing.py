"""The servicing process: every step that is due by the market's clock, in order, as often as the clock moves."""

import asyncio
from datetime import datetime

import asyncpg
import msgspec
import structlog

from marketplace.book.commands import Envelope
from marketplace.loans.loan import LoanContradiction
from marketplace.ports import OrderBooks
from persistence.business_clock import BusinessClock
from persistence.business_day import (
    DueStep,
    Step,
    begin_step,
    due_steps,
    finish_step,
    what_step_waits_for,
)
from persistence.collections_book import due_to_hand_in, request_collection
from persistence.connection import Pool
from persistence.distribution import net_receipts, report_repayments
from persistence.lender_bars import settle_bars
from persistence.loan_record import set_loan_aside
from persistence.reconnection import Backoff, keep_trying
from persistence.request_closings import RequestClosed, close_request, lapsed_requests
from persistence.settled_loan_payouts import pay_out_settled
from persistence.strategies import lenders_with_strategies
from persistence.strategy_desk import refresh_lender

WAKES_EVERY_S = 60.0
"""Of system time. Virtual time announces itself."""
_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.01, 0.5
_LOANS_AT_A_TIME = 4

_log = structlog.get_logger(__name__)


class ServicingProgress(msgspec.Struct, kw_only=True):
    """What the process is doing, for whoever asks: the step in hand, how far it is, and what it waits for."""

    step: str | None = None
    loans_done: int = 0
    loans_in_all: int = 0
    waits_for: str | None = None
    steps_done: int = 0
    loans_set_aside: int = 0


class Servicing:
    """Does what is due. Killed at any point and started again, it goes on where the record says it was.

    `outages` are the exceptions with which `order_books` says that it cannot be reached: the sweeper then sends what
    was recorded.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        clock: BusinessClock,
        order_books: OrderBooks,
        outages: tuple[type[Exception], ...],
        collection_wallet: str,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._order_books = order_books
        self._outages = outages
        self._collection_wallet = collection_wallet
        self.progress = ServicingProgress()

    async def work(self) -> bool:
        """Do everything that can be done at the clock's instant; True when nothing due is left, False to look again."""
        now_at = self._clock.now()
        await self._lapse(now_at)
        async with self._pool.acquire() as connection:
            due = await due_steps(connection, now_at)
        for step in due:
            async with self._pool.acquire() as connection:
                self.progress.waits_for = await what_step_waits_for(connection, step)
            if self.progress.waits_for is not None:
                return False
            await self._take(step, now_at)
        self.progress.step = None
        return True

    async def _lapse(self, now_at: datetime) -> None:
        async with self._pool.acquire() as connection:
            unsigned = await lapsed_requests(connection, now_at)
        for request_id in unsigned:
            async with self._pool.acquire() as connection, connection.transaction():
                outcome = await close_request(connection, request_id=request_id, kind="lapse", at=now_at)
            if isinstance(outcome, RequestClosed):
                _log.info("request_lapsed", request_id=request_id)
                await self._send([outcome.envelope])

    async def _take(self, due: DueStep, now_at: datetime) -> None:
        self.progress.step = f"{due.business_date.isoformat()} {due.step}"
        if due.step is Step.LIMITS:
            await self._set_limits(due, now_at)
        elif due.step is Step.COLLECTIONS:
            await self._hand_in(due, now_at)
        else:
            await self._take_at_once(due, now_at)
        self.progress.steps_done += 1

    async def _set_limits(self, due: DueStep, now_at: datetime) -> None:
        """One transaction for each lender; a step interrupted half way is done again, and finds nothing to change."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await begin_step(connection, due):
                return
            lender_ids = await lenders_with_strategies(connection)
        for lender_id in lender_ids:
            async with self._pool.acquire() as connection, connection.transaction():
                await refresh_lender(connection, lender_id, at=now_at)
                # An offer and the cause of a bar, recorded at the same moment, do not see each other.
                await settle_bars(connection, lender_id=lender_id, at=now_at)
        async with self._pool.acquire() as connection:
            await finish_step(connection, due)

    async def _hand_in(self, due: DueStep, now_at: datetime) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if not await begin_step(connection, due):
                return
            to_hand_in = await due_to_hand_in(connection, due.business_date)
        if to_hand_in.without_mandate:
            _log.error("loans_without_mandate", business_date=due.business_date, loans=to_hand_in.without_mandate)
        self.progress.loans_done, self.progress.loans_in_all = 0, len(to_hand_in.loan_ids)
        waiting = iter(to_hand_in.loan_ids)

        async def work() -> None:
            for loan_id in waiting:
                await self._hand_in_loan(loan_id, due, now_at)
                self.progress.loans_done += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(_LOANS_AT_A_TIME):
                group.create_task(work())
        async with self._pool.acquire() as connection:
            await finish_step(connection, due)
        if to_hand_in.loan_ids:
            _log.info("collections_handed_in", business_date=due.business_date, loans=len(to_hand_in.loan_ids))

    async def _hand_in_loan(self, loan_id: str, due: DueStep, now_at: datetime) -> None:
        try:
            await request_collection(self._pool, loan_id, on_date=due.business_date, at=now_at)
        except (asyncpg.IntegrityConstraintViolationError, LoanContradiction):
            # A loan that contradicts itself is for a person, and stops nobody else's collections.
            await set_loan_aside(self._pool, loan_id)
            self.progress.loans_set_aside += 1
            _log.exception("loan_set_aside", loan_id=loan_id, business_date=due.business_date)

    async def _take_at_once(self, due: DueStep, now_at: datetime) -> None:
        """A step and the record that it is done are one transaction; commands are sent once it is committed."""
        envelopes: list[Envelope] = []
        async with self._pool.acquire() as connection, connection.transaction():
            if not await begin_step(connection, due):
                return
            if due.step is Step.DISTRIBUTION:
                movements = await net_receipts(
                    connection, due.business_date, collection_wallet=self._collection_wallet, at=now_at
                )
                if movements:
                    _log.info("receipts_netted", business_date=due.business_date, movements=movements)
            elif due.step is Step.REPAYMENTS:
                envelopes = await report_repayments(connection, due.business_date, at=now_at)
            else:
                await pay_out_settled(connection, due.business_date, at=now_at)
            await finish_step(connection, due)
        await self._send(envelopes)

    async def _send(self, envelopes: list[Envelope]) -> None:
        for envelope in envelopes:
            try:
                await self._order_books.send(envelope)
            except self._outages as outage:
                _log.warning("book_out_of_reach", company_id=envelope.company_id, cause=str(outage))


async def run_servicing(servicing: Servicing, clock: BusinessClock) -> None:
    """Work until cancelled: at every move of virtual time, every minute of system time."""
    backoff = Backoff()
    looking = Backoff(first_s=_SHORTEST_LOOK_S, most_s=_LONGEST_LOOK_S)

    async def work_by_the_clock() -> None:
        while True:
            seen_at, steps_done = clock.now(), servicing.progress.steps_done
            is_done = await servicing.work()
            backoff.reset()
            if is_done or servicing.progress.steps_done > steps_done:
                looking.reset()
            if not is_done:
                await looking.wait()
            elif not (clock.is_virtual and clock.now() != seen_at):
                await clock.wait_until_moved(timeout_s=WAKES_EVERY_S)

    await keep_trying(work_by_the_clock, name="servicing", backoff=backoff)

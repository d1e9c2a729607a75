"""The results of direct debits, read at Lemonway: credited, refused with the bank's reason, or not known yet."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta

import asyncpg
import structlog

from lemonway.client import DirectKit
from lemonway.messages import TransactionIn
from lemonway.statuses import Outcome, money_in_outcome
from lemonway.translation import instant
from marketplace.business_days import PARIS, business_date_of
from marketplace.loans.loan import LoanContradiction
from marketplace.ports import Clock
from persistence.collection_results import (
    AwaitedCollection,
    awaited_collection_of,
    awaited_collections,
    note_still_pending,
    record_collected,
    record_refused,
)
from persistence.connection import Pool
from persistence.loan_record import set_loan_aside

_REASON_CODE = re.compile(r"\b(?:[A-Z]{2}\d{2}|CERI|CNOR|DNOR|FRAD|TECH)\b")
_NO_REASON = "NONE"
_RECORDED_AT_A_TIME = 4
_WINDOW_MARGIN = timedelta(days=1)
_LISTED_FOR = timedelta(days=7)

_log = structlog.get_logger(__name__)


class DirectDebitResults:
    """Reads results and records them. Reading one twice records it once."""

    def __init__(self, *, pool: Pool, directkit: DirectKit, clock: Clock, collection_wallet: str) -> None:
        self._pool = pool
        self._directkit = directkit
        self._clock = clock
        self._collection_wallet = collection_wallet

    async def read_one(self, money_in_id: int) -> str | None:
        """Re-read a direct debit that a notification says was decided; what a person should know of it, if anything.

        One that is none of ours, or whose result is recorded, is not read again.
        """
        async with self._pool.acquire() as connection:
            awaited = await awaited_collection_of(connection, str(money_in_id))
        if awaited is None:
            return None
        found = await self._directkit.get_money_in(money_in_id)
        if found is None or not _is_decided(found):
            return None
        is_recorded = await self._record(awaited, found)
        return None if is_recorded else f"the result of collection {awaited.collection_id} cannot be booked"

    async def read_awaited(self) -> int:
        """Read every result that is due by the market's clock, and note which are still awaited; how many were read.

        Lemonway is asked for what changed since the awaited dates, which is one list, not one call a debit.
        """
        at = self._clock.now()
        today = business_date_of(at)
        async with self._pool.acquire() as connection:
            awaited = await awaited_collections(connection, today)
        if not awaited:
            return 0
        decided = await self._decided(awaited, at)
        recorded = await self._record_all(awaited, decided)
        pending = [collection.collection_id for collection in awaited if collection.money_in_id not in decided]
        async with self._pool.acquire() as connection:
            await note_still_pending(connection, pending, at=at)
        return recorded

    async def _decided(self, awaited: Sequence[AwaitedCollection], at: datetime) -> dict[str, TransactionIn]:
        """By Lemonway's number. What has been awaited for long is asked for by number, so that the list stays short."""
        listed_from = business_date_of(at) - _LISTED_FOR
        start_at = max(awaited[0].collection_date, listed_from)
        found = await self._directkit.direct_debits_changed(
            start_at=datetime.combine(start_at, time.min, PARIS) - _WINDOW_MARGIN, end_at=at + _WINDOW_MARGIN
        )
        for overdue in awaited:
            if overdue.collection_date < listed_from:
                one = await self._directkit.get_money_in(int(overdue.money_in_id))
                found.extend([one] if one else [])
        return {str(transaction.id): transaction for transaction in found if _is_decided(transaction)}

    async def _record_all(self, awaited: Sequence[AwaitedCollection], decided: dict[str, TransactionIn]) -> int:
        """How many could be recorded."""
        waiting = iter([collection for collection in awaited if collection.money_in_id in decided])
        recorded = 0

        async def work() -> None:
            nonlocal recorded
            for collection in waiting:
                is_recorded = await self._record(collection, decided[collection.money_in_id])
                recorded += is_recorded

        async with asyncio.TaskGroup() as group:
            for _ in range(_RECORDED_AT_A_TIME):
                group.create_task(work())
        return recorded

    async def _record(self, awaited: AwaitedCollection, found: TransactionIn) -> bool:
        """Record a decided one. A loan that contradicts its result is set aside and stops no other: False."""
        try:
            if money_in_outcome(found.status) is Outcome.SUCCEEDED:
                executed_at = instant(found.execution_date_unix_s)
                await record_collected(
                    self._pool,
                    awaited.collection_id,
                    executed_on=business_date_of(executed_at) if executed_at else None,
                    collection_wallet=self._collection_wallet,
                    at=self._clock.now(),
                )
            else:
                await record_refused(
                    self._pool, awaited.collection_id, reason_code=_reason(found), at=self._clock.now()
                )
        except (asyncpg.IntegrityConstraintViolationError, LoanContradiction):
            await set_loan_aside(self._pool, awaited.loan_id)
            _log.exception("result_cannot_be_booked", collection_id=awaited.collection_id, movement=found.id)
            return False
        return True


def _is_decided(found: TransactionIn) -> bool:
    return money_in_outcome(found.status) in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED)


def _reason(found: TransactionIn) -> str:
    """The SEPA reason code, wherever Lemonway put it: nothing says in which of three fields it comes."""
    for text in (found.psp.message if found.psp else None, found.bank_status, found.comment):
        code = _REASON_CODE.search(text or "")
        if code is not None:
            return code[0]
    return _NO_REASON

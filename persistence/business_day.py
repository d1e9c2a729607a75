"""A business day as named steps, each recorded when it is done: what is missing is due, whenever somebody looks.

The morning (07:00 in Rome) sets lenders' limits and hands in direct debits, three and a half hours before the cut-off.
The evening (18:00) shares out what came in: one movement for each participant, then the books are told, then settled
loans are paid out. An evening step starts only when the movements it builds on have ended; mornings wait for nothing.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import msgspec

from marketplace.business_days import ROME, business_date_of
from persistence.connection import AnyConnection
from persistence.inbox import DIRECT_DEBIT_CATEGORIES
from persistence.request_closings import lapsed_requests

_MORNING = time(7, tzinfo=ROME)
_EVENING = time(18, tzinfo=ROME)
_COUNT_OPEN = "SELECT count(*) FROM payment_instruction WHERE state IN ('ready', 'queued', 'sending')"


class Step(StrEnum):
    """In the order in which a day takes them."""

    LIMITS = "limits"
    """Turn the parts of its money to which each lender limits itself into cents of today."""
    COLLECTIONS = "collections"
    """Hand in the direct debits that must leave today."""
    DISTRIBUTION = "distribution"
    """Ask for one movement to each participant, of everything gathered."""
    REPAYMENTS = "repayments"
    """Tell each book the principal that came back."""
    PAYOUTS = "payouts"
    """Pay out to lenders what settled loans have returned."""

    @property
    def is_of_morning(self) -> bool:
        return self in (Step.LIMITS, Step.COLLECTIONS)


class DueStep(msgspec.Struct, frozen=True, order=True):
    """A step of a business date that has not been done."""

    business_date: date
    step: Step


def step_instant(business_date: date, step: Step) -> datetime:
    """From this instant (UTC) on the step is due."""
    return datetime.combine(business_date, _MORNING if step.is_of_morning else _EVENING).astimezone(UTC)


async def due_steps(connection: AnyConnection, now_at: datetime) -> list[DueStep]:
    """Every step that is due at the instant and not done: mornings first, then evenings, each in order of date.

    Days count from the one after the first loan, for limits after the first strategy: before that there is nothing to
    do. Of days on which limits were not set only the last is due: they follow what lenders have now.
    """
    rows = await connection.fetch(
        "SELECT step, max(business_date) AS last_date FROM business_day_step WHERE state = 'done' GROUP BY step"
    )
    last_dates: dict[str, date] = {row["step"]: row["last_date"] for row in rows}
    first_loan: date | None = None
    if len(last_dates) < len(Step):
        first_loan = await connection.fetchval("SELECT min(disbursed_on) FROM loan")
        first_strategy_at = await connection.fetchval("SELECT min(at) FROM strategy")
        if first_strategy_at is not None:
            last_dates.setdefault(Step.LIMITS, business_date_of(first_strategy_at))
    mornings: list[DueStep] = []
    evenings: list[DueStep] = []
    for step in Step:
        last_done = last_dates.get(step, None if step is Step.LIMITS else first_loan)
        if last_done is not None:
            steps = list(_steps_after(last_done, step, now_at))
            (mornings if step.is_of_morning else evenings).extend(steps[-1:] if step is Step.LIMITS else steps)
    order = list(Step)
    evenings.sort(key=lambda due: (due.business_date, order.index(due.step)))
    return [*mornings, *evenings]


def _steps_after(last_done: date, step: Step, now_at: datetime) -> Iterator[DueStep]:
    day = last_done + timedelta(days=1)
    while step_instant(day, step) <= now_at:
        yield DueStep(day, step)
        day += timedelta(days=1)


async def is_servicing_done(connection: AnyConnection, now_at: datetime) -> bool:
    """Whether there is nothing left that servicing should have done by the instant."""
    return not await due_steps(connection, now_at) and not await lapsed_requests(connection, now_at)


async def begin_step(connection: AnyConnection, due: DueStep) -> bool:
    """Take the step, in the transaction that will finish it or before any of its own; False when it is done already."""
    await connection.execute(
        "INSERT INTO business_day_step (business_date, step) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        due.business_date,
        due.step,
    )
    state = await connection.fetchval(
        "SELECT state FROM business_day_step WHERE business_date = $1 AND step = $2 FOR UPDATE",
        due.business_date,
        due.step,
    )
    return bool(state == "started")


async def finish_step(connection: AnyConnection, due: DueStep) -> None:
    """The step is done; it is never taken again."""
    await connection.execute(
        """
        UPDATE business_day_step SET state = 'done', finished_at = now()
        WHERE business_date = $1 AND step = $2 AND state = 'started'
        """,
        due.business_date,
        due.step,
    )


async def what_step_waits_for(connection: AnyConnection, due: DueStep) -> str | None:
    """The reason why a step cannot start yet, None when it can.

    The distribution waits until the day's debits are handed in, every result that Lemonway has had by the evening has
    been read (but for loans set aside for a person), and every receipt is gathered; what comes after it, until every
    movement to a participant has ended.
    """
    match due.step:
        case Step.LIMITS | Step.COLLECTIONS:
            return None
        case Step.DISTRIBUTION:
            return await _what_distribution_waits_for(connection, due)
        case Step.REPAYMENTS | Step.PAYOUTS:
            distributing = await connection.fetchval(f"{_COUNT_OPEN} AND kind = 'distribute'")
            return f"{distributing} movements to participants" if distributing else None


async def _what_distribution_waits_for(connection: AnyConnection, due: DueStep) -> str | None:
    moving = await connection.fetchval(
        f"{_COUNT_OPEN} AND (kind = 'gather' OR (kind = 'collect' AND business_date <= $1))", due.business_date
    )
    if moving:
        return f"{moving} debits to hand in or receipts to gather"
    unread = await connection.fetchval(
        """
        SELECT count(*) FROM collection JOIN loan ON loan.id = loan_id
        WHERE collection.state = 'submitted' AND collection_date <= $1 AND (read_at IS NULL OR read_at < $2)
            AND loan.needs_person IS NULL
        """,
        due.business_date,
        step_instant(due.business_date, due.step),
    )
    if unread:
        return f"{unread} results of debits to read"
    notified = await connection.fetchval(
        "SELECT count(*) FROM lemonway_notification WHERE state = 'received' AND category = ANY($1)",
        DIRECT_DEBIT_CATEGORIES,
    )
    return f"{notified} notifications of debits to follow" if notified else None

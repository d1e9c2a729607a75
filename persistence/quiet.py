"""Is anything still going to happen by itself at the market's present instant, as far as PostgreSQL knows?

Whoever drives the market's time waits for quiet before moving it, so that a run does not depend on who was fast.
"""

from datetime import datetime

import msgspec

from marketplace.business_days import business_date_of
from persistence.business_day import is_servicing_done
from persistence.connection import AnyConnection
from persistence.loan_record import count_loans_set_aside


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How many things are on their way, by kind; all are 0 when the market rests."""

    commands_undecided: int
    requests_opening: int
    covers_in_flight: int
    """Proposed, and neither complete nor given up."""
    fills_in_flight: int
    """Asked of a purse or given up, the answer not recorded yet."""
    purse_steps: int
    payments: int
    notifications: int
    collections_unread: int
    """Direct debits whose date has passed and whose result nobody has read; those of loans set aside do not wait."""
    payouts: int
    servicing: int
    """1 while a step of a business day is due, or a request is to lapse."""


class NeedsPerson(msgspec.Struct, frozen=True, kw_only=True):
    """How many things have stopped until somebody looks at them; all are 0 when nothing went wrong."""

    payments_in_review: int
    purse_steps_in_review: int
    shards_halted: int
    loans_set_aside: int
    """Loans whose record contradicts itself, or what Lemonway says of their debits."""


class QuietReading(msgspec.Struct, frozen=True, kw_only=True):
    """The record's part of quiet. `positions` is the last recorded sequence of every shard, for whoever knows the
    journals to compare: entries that are not recorded yet are still going to cause something."""

    waiting: Waiting
    needs_person: NeedsPerson
    positions: dict[str, int]

    @property
    def is_quiet(self) -> bool:
        return not any(msgspec.structs.astuple(self.waiting))


_COUNTS = """
    SELECT
        (SELECT count(*) FROM command WHERE state = 'received') AS commands_undecided,
        (SELECT count(*) FROM credit_request WHERE state = 'opening') AS requests_opening,
        (SELECT count(*) FROM cover WHERE state = 'proposed' AND NOT is_holding) AS covers_in_flight,
        (SELECT count(*) FROM fill WHERE book_state IN ('asked', 'superseded', 'releasing')) AS fills_in_flight,
        (SELECT count(*) FROM purse_instruction WHERE state = 'ready') AS purse_steps,
        (SELECT count(*) FROM payment_instruction WHERE state IN ('ready', 'queued', 'sending')) AS payments,
        (SELECT count(*) FROM lemonway_notification WHERE state = 'received') AS notifications,
        (SELECT count(*) FROM collection JOIN loan ON loan.id = loan_id
            WHERE collection.state = 'submitted' AND collection_date < $1 AND loan.needs_person IS NULL
        ) AS collections_unread,
        (SELECT count(*) FROM payout WHERE state IN ('asked', 'held')) AS payouts
"""

_NEEDS_PERSON = """
    SELECT
        (SELECT count(*) FROM payment_instruction WHERE state = 'review') AS payments_in_review,
        (SELECT count(*) FROM purse_instruction WHERE state = 'review') AS purse_steps_in_review,
        (SELECT count(*) FROM projection_cursor WHERE halted_why IS NOT NULL) AS shards_halted
"""


async def read_quiet(connection: AnyConnection, now_at: datetime) -> QuietReading:
    """Everything in one state of the database, seen from the market's instant `now_at`.

    Opens a transaction of its own: a step that moves from one table to the next is seen in one of them, never in none.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        counts = await connection.fetchrow(_COUNTS, business_date_of(now_at))
        person = await connection.fetchrow(_NEEDS_PERSON)
        loans_set_aside = await count_loans_set_aside(connection)
        cursors = await connection.fetch("SELECT shard, seq FROM projection_cursor ORDER BY shard")
        is_serviced = await is_servicing_done(connection, now_at)
    assert counts is not None
    assert person is not None
    return QuietReading(
        waiting=Waiting(**dict(counts.items()), servicing=0 if is_serviced else 1),
        needs_person=NeedsPerson(**dict(person.items()), loans_set_aside=loans_set_aside),
        positions={row["shard"]: row["seq"] for row in cursors},
    )

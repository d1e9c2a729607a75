"""The inbox of Lemonway's notifications: each stored once, kept until what it speaks of has been read again."""

from collections.abc import Mapping

import msgspec

from persistence.connection import AnyConnection, Pool
from persistence.instructions import LONGEST_ERROR
from persistence.notifications import LemonwayNotification
from persistence.table_queries import carry_out

DIRECT_DEBIT_CATEGORIES = (11, 17)
"""Lemonway's categories of a direct debit's result and of its cancellation (docs/lemonway_facts.md §10)."""
RETURN_CATEGORIES = (14, 15)
"""Its categories of what a bank took back: a debit from its debtor's side, a payout that it would not take."""


class StoredNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A notification as it was received: `fields` are Lemonway's own, every value a text."""

    key: str
    category: int
    fields: dict[str, str]


async def store_notification(
    connection: AnyConnection, *, key: str, category: int, object_id: str, fields: Mapping[str, str]
) -> bool:
    """Keep a notification; False when a copy of it was there. `key` is the same for every copy."""
    stored = await connection.fetchval(
        """
        INSERT INTO lemonway_notification (key, category, object_id, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT (key) DO NOTHING RETURNING true
        """,
        key,
        category,
        object_id,
        msgspec.json.encode(fields).decode(),
    )
    return bool(stored)


async def waiting_notifications(pool: Pool, *, limit: int) -> list[StoredNotification]:
    """Notifications that nobody has followed yet, oldest first; those that failed lately come last."""
    rows = await pool.fetch(
        """
        SELECT key, category, body FROM lemonway_notification WHERE state = 'received'
        ORDER BY last_error IS NOT NULL, received_at, key LIMIT $1
        """,
        limit,
    )
    return [
        StoredNotification(
            key=row["key"],
            category=row["category"],
            fields=msgspec.json.decode(row["body"], type=dict[str, str]),
        )
        for row in rows
    ]


async def note_followed(pool: Pool, key: str, *, remark: str | None) -> None:
    """What the notification spoke of has been read again. `remark` says what a person should know."""
    await pool.execute(
        """
        UPDATE lemonway_notification SET state = 'processed', processed_at = now(), last_error = $2
        WHERE key = $1 AND state = 'received'
        """,
        key,
        remark and remark[:LONGEST_ERROR],
    )


async def note_failure(pool: Pool, key: str, *, cause: str) -> None:
    """It could not be followed this time: it stays in the inbox."""
    is_waiting = (LemonwayNotification.key == key) & (LemonwayNotification.state == "received")
    failed = LemonwayNotification.update({LemonwayNotification.last_error: cause[:LONGEST_ERROR]})
    await carry_out(pool, failed.where(is_waiting))

"""What PostgreSQL, Redis and Lemonway disagree about, each difference with what it is about.

In a market that runs, what is on its way from one to another looks like a difference for a moment. So each names its
subject: a difference of the same subject that never goes away is a real one.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from actors.event_log import RedisJournals
from actors.purse_inspection import PursesFound, purse_breaks, read_purses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from lemonway.client import DirectKit
from lemonway.reconciliation import reconcile
from marketplace.book.journal import JournalEntry
from marketplace.ports import JournalHead
from persistence.business_clock import read_clock
from persistence.connection import AnyConnection, Pool

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before the first movement of any market."""

PURSE_BUCKETS = ("free", "taken", "sent", "held")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """`subject` stays the same while the same thing differs, whatever the figures are; `text` is for a person."""

    subject: tuple[str | int, ...]
    text: str


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """Where PostgreSQL's copy of a journal ends: a number of entries, and the hash of the last."""

    shard: str
    seq: int
    hash: str


class ComparedStores(msgspec.Struct, frozen=True, kw_only=True):
    """The open connections of a comparison."""

    pool: Pool
    redis: RedisConnection
    journals: RedisJournals
    directkit: DirectKit


async def store_differences(stores: ComparedStores) -> list[Difference]:
    """Every difference there is at this moment. PostgreSQL is read first, since Redis is never behind it."""
    async with stores.pool.acquire() as database:
        ledger = await _lender_buckets(database)
        recorded = await _recorded(database)
        now_at = (await read_clock(database)).now_at or datetime.now(UTC)
    purses = await read_purses(stores.redis, ShardMap())
    heads = await stores.journals.heads()
    found = [
        *(
            Difference(subject=("purse", line.partition(":")[0]), text=f"2 purses: {line}")
            for line in purse_breaks(purses)
        ),
        *_purses_against_ledger(purses, ledger),
    ]
    for shard, head in sorted(heads.items()):
        own = recorded.get(shard, Recorded(shard=shard, seq=0, hash=""))
        entries = await stores.journals.read(shard, after_seq=max(0, own.seq - 1), limit=1) if own.seq else []
        found += journal_differences(head, own, entries)
    reconciliation = await reconcile(
        stores.pool, stores.directkit, start_at=EARLIEST, end_at=now_at + timedelta(days=1)
    )
    return found + [
        Difference(
            subject=("Lemonway", one.kind, one.subject), text=f"8 Lemonway: {one.kind} {one.subject}: {one.detail}"
        )
        for one in reconciliation.breaks
    ]


def journal_differences(head: JournalHead, own: Recorded, entries: Sequence[JournalEntry]) -> Iterator[Difference]:
    """A journal in Redis against PostgreSQL's copy; `entries` holds Redis' entry of the copy's last number, if any.

    Both must agree on that entry. A copy that ends earlier is only behind: its subject changes as it catches up.
    """
    shard = own.shard
    if own.seq > head.seq:
        yield Difference(
            subject=("journal", shard, "short"),
            text=f"5 journal {shard} ends at {head.seq} in Redis and at {own.seq} in PostgreSQL, which copies it",
        )
        return
    if any(entry.seq == own.seq and entry.hash != own.hash for entry in entries):
        yield Difference(
            subject=("journal", shard, "other"),
            text=f"5 journal {shard} has another entry {own.seq} in Redis than in PostgreSQL",
        )
    elif own.seq < head.seq:
        yield Difference(
            subject=("journal", shard, own.seq),
            text=f"5 journal {shard} ends at {head.seq} in Redis and stands still at {own.seq} in PostgreSQL",
        )


async def _lender_buckets(database: AnyConnection) -> dict[tuple[str, str], int]:
    rows = await database.fetch(
        "SELECT owner_id, bucket, balance_cents FROM account WHERE owner_kind = 'lender' AND bucket = ANY($1)",
        list(PURSE_BUCKETS),
    )
    return {(row["owner_id"], row["bucket"]): -row["balance_cents"] for row in rows}


async def _recorded(database: AnyConnection) -> dict[str, Recorded]:
    rows = await database.fetch("SELECT shard, seq, hash FROM projection_cursor ORDER BY shard")
    return {row["shard"]: Recorded(shard=row["shard"], seq=row["seq"], hash=row["hash"]) for row in rows}


def _purses_against_ledger(found: PursesFound, ledger: Mapping[tuple[str, str], int]) -> Iterator[Difference]:
    in_purses = {
        (purse.lender_id, bucket): getattr(purse, f"{bucket}_cents")
        for purse in found.purses
        for bucket in PURSE_BUCKETS
    }
    for lender, bucket in sorted(in_purses.keys() | ledger.keys()):
        purse_cents = in_purses.get((lender, bucket), 0)
        ledger_cents = ledger.get((lender, bucket), 0)
        if purse_cents != ledger_cents:
            text = f"2 lender {lender} has {purse_cents} cents {bucket} in its purse and {ledger_cents} in the ledger"
            yield Difference(subject=("lender", lender, bucket), text=text)

"""`python3 main.py verify`: the invariants of a live market, checked against PostgreSQL, Redis and Lemonway."""

import argparse
import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from actors.event_log import RedisJournals
from actors.purse_inspection import PursesFound, purse_breaks, read_purses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from cli.environment import actor_settings, lemonway_settings, persistence_settings
from cli.lemonway_connection import connection_to
from cli.progress import step
from lemonway.connection import open_lemonway
from lemonway.reconciliation import reconcile
from marketplace.ports import JournalHead
from persistence.business_clock import read_clock
from persistence.connection import AnyConnection, close_pool, open_pool
from persistence.invariants import check_invariants

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before the first movement of any market."""

PURSE_BUCKETS = ("free", "taken", "sent", "held")


def run(arguments: argparse.Namespace) -> int:
    """0 and one line when every invariant holds; 1 and a line for each that broke."""
    broken = asyncio.run(broken_invariants(os.environ))
    for invariant in broken:
        print(f"BROKEN {invariant}")
    if not broken:
        print("all invariants hold")
    return 1 if broken else 0


async def broken_invariants(environment: Mapping[str, str]) -> list[str]:
    """Every invariant of the design that does not hold, in words; empty when all do.

    Run it on a market at rest: what is on its way between two stores looks like a difference.
    """
    redis_url = actor_settings(environment).book_redis_url
    pool = await open_pool(persistence_settings(environment).database_url)
    connection = RedisConnection(redis_url)
    journals = RedisJournals(redis_url, ShardMap())
    try:
        async with step("checking the record"), pool.acquire() as database:
            record = [
                f"{result.number} {result.name}: {result.broken_count}, for instance {'; '.join(result.examples)}"
                for result in await check_invariants(database)
                if not result.holds
            ]
            ledger = await _lender_buckets(database)
            cursors = await _cursors(database)
            now_at = (await read_clock(database)).now_at or datetime.now(UTC)
        async with step("checking purses and journals"):
            purses = await read_purses(connection, ShardMap())
            heads = await journals.heads()
        async with (
            step("comparing with Lemonway"),
            open_lemonway(connection_to(lemonway_settings(environment))) as door,
        ):
            reconciliation = await reconcile(pool, door.directkit, start_at=EARLIEST, end_at=now_at + timedelta(days=1))
    finally:
        await journals.close()
        await connection.close()
        await close_pool(pool)
    return [
        *record,
        *(f"2 purses: {found}" for found in purse_breaks(purses)),
        *_purses_against_ledger(purses, ledger),
        *_journals_against_record(heads, cursors),
        *(f"8 Lemonway: {found.kind} {found.subject}: {found.detail}" for found in reconciliation.breaks),
    ]


async def _lender_buckets(database: AnyConnection) -> dict[tuple[str, str], int]:
    rows = await database.fetch(
        "SELECT owner_id, bucket, balance_cents FROM account WHERE owner_kind = 'lender' AND bucket = ANY($1)",
        list(PURSE_BUCKETS),
    )
    return {(row["owner_id"], row["bucket"]): -row["balance_cents"] for row in rows}


async def _cursors(database: AnyConnection) -> Sequence[tuple[str, int, str]]:
    rows = await database.fetch("SELECT shard, seq, hash FROM projection_cursor ORDER BY shard")
    return [(row["shard"], row["seq"], row["hash"]) for row in rows]


def _purses_against_ledger(found: PursesFound, ledger: Mapping[tuple[str, str], int]) -> Iterator[str]:
    in_purses = {
        (purse.lender_id, bucket): getattr(purse, f"{bucket}_cents")
        for purse in found.purses
        for bucket in PURSE_BUCKETS
    }
    for lender_id, bucket in sorted(in_purses.keys() | ledger.keys()):
        purse_cents = in_purses.get((lender_id, bucket), 0)
        ledger_cents = ledger.get((lender_id, bucket), 0)
        if purse_cents != ledger_cents:
            yield f"2 lender {lender_id} has {purse_cents} cents {bucket} in its purse and {ledger_cents} in the ledger"


def _journals_against_record(
    heads: Mapping[str, JournalHead], cursors: Sequence[tuple[str, int, str]]
) -> Iterator[str]:
    recorded = {shard: (seq, digest) for shard, seq, digest in cursors}
    for shard, head in sorted(heads.items()):
        if recorded.get(shard, (0, head.hash if head.seq == 0 else "")) != (head.seq, head.hash):
            yield f"5 journal {shard} ends at {head.seq} in Redis and at {recorded.get(shard)} in PostgreSQL"

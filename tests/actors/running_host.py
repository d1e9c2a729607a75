"""Hosts of books inside a test, and waiting until the market they run is at rest."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from actors.event_log import read_entries
from actors.host import BookHost
from actors.mailbox import RedisOrderBooks
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from marketplace.book.book_events import AnyBookEvent
from marketplace.book.commands import AnyBookCommand
from marketplace.book.journal import BookRecord, decode_book_record
from marketplace.ports import Clock
from tests.actors.book_examples import ALFA, SetClock, an_envelope

PATIENCE_S = 10.0


def a_host(
    connect: Callable[[], RedisConnection],
    shards: ShardMap,
    *,
    owner_id: str = "host-1",
    lease_ms: int = 3_000,
    clock: Clock | None = None,
    ticking: bool = False,
) -> BookHost:
    return BookHost(
        connect=connect,
        shards=shards,
        owner_id=owner_id,
        lease_ms=lease_ms,
        clock=clock or SetClock(),
        ticking=ticking,
        staging_ms=0,
    )


@asynccontextmanager
async def running(host: BookHost) -> AsyncIterator[BookHost]:
    """The host at work, stopped in order at the end."""
    task = asyncio.create_task(host.run())
    try:
        yield host
    finally:
        host.stop()
        await task


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something that a host is about to do."""
    async with asyncio.timeout(PATIENCE_S):
        while not happened():
            await asyncio.sleep(0.002)


async def at_rest(order_books: RedisOrderBooks) -> None:
    """Wait until nothing more will happen in any book by itself."""
    async with asyncio.timeout(PATIENCE_S):
        while await order_books.unsettled_shards():
            await asyncio.sleep(0.002)


async def send_all(order_books: RedisOrderBooks, *commands: AnyBookCommand, company_id: str = ALFA) -> None:
    """Send commands to one company, each under an id made from its place."""
    for place, command in enumerate(commands):
        await order_books.send(an_envelope(command, command_id=f"{company_id}-{place}", company_id=company_id))


async def book_records(connection: RedisConnection, shards: ShardMap, company_id: str = ALFA) -> list[BookRecord]:
    """The company's history."""
    shard = shards.of_company(company_id)
    entries = await read_entries(connection, shards, shard, after_seq=0, limit=10_000)
    return [decode_book_record(entry.payload) for entry in entries if entry.company_id == company_id]


async def book_events(connection: RedisConnection, shards: ShardMap, company_id: str = ALFA) -> list[AnyBookEvent]:
    """What happened in the company's book."""
    return [record.event for record in await book_records(connection, shards, company_id)]

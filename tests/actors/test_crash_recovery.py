"""A host dies before or after any of its calls to the store; the next one finishes what it began, to the cent."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import msgspec
import pytest

from actors.errors import RedisUnreachable
from actors.event_log import check_chain, read_entries
from actors.mailbox import RedisOrderBooks
from actors.purse import RedisPurses
from actors.purse_inspection import PursesFound, purse_breaks, read_purses
from actors.redis_connection import Command, RedisConnection, Reply
from actors.shards import ShardMap
from marketplace.book_events import AnyBookEvent, Covered, CoverReleased
from marketplace.commands import CancelRequest
from marketplace.journal import GENESIS_HASH, decode_book_record
from marketplace.order_book import OrderBook
from marketplace.ports import JournalHead
from marketplace.purse_calls import PurseCalls
from tests.actors.book_examples import ALFA, SetClock, a_request, an_offer, terms
from tests.actors.purse_steps import a_deposit
from tests.actors.running_host import a_host, at_rest, running, send_all

ONE_BOOK_SHARD = ShardMap(book_count=1, purse_count=2)

When = Literal["before", "after"]


class HostDied(Exception):
    """What the store sees of a killed process: no call any more."""


class Death:
    """A process that dies at its `at`-th call to the store, before it is sent or after it was carried out."""

    def __init__(self, at: int, when: When) -> None:
        self.calls_left = at
        self.when = when
        self.has_come = False

    def meets(self, when: When) -> None:
        """Pass a call, or die of it."""
        if self.has_come or (self.calls_left == 0 and self.when == when):
            self.has_come = True
            raise HostDied
        if when == "after":
            self.calls_left -= 1


class MortalConnection(RedisConnection):
    """A connection of a process that is going to die. Waiting for the mailbox is no call to die of."""

    def __init__(self, url: str, death: Death) -> None:
        super().__init__(url)
        self._death = death

    async def pipeline(self, commands: Sequence[Command]) -> list[Reply]:
        if commands[0][0] == "XREAD":
            return await super().pipeline(commands)
        self._death.meets("before")
        replies = await super().pipeline(commands)
        self._death.meets("after")
        return replies


class BreakingConnection(RedisConnection):
    """A connection that breaks once, at its `at`-th call, and opens again."""

    def __init__(self, url: str, death: Death) -> None:
        super().__init__(url)
        self._death = death

    async def pipeline(self, commands: Sequence[Command]) -> list[Reply]:
        if commands[0][0] == "XREAD" or self._death.has_come:
            return await super().pipeline(commands)
        try:
            self._death.meets("before")
            replies = await super().pipeline(commands)
            self._death.meets("after")
        except HostDied:
            await self.close()
            raise RedisUnreachable("the connection broke") from None
        return replies


class Market(msgspec.Struct, frozen=True):
    """How everything stands when nothing moves any more."""

    events: list[AnyBookEvent]
    purses: PursesFound
    fingerprint: str


class Scene:
    """A store with one book and its purses."""

    def __init__(self, url: str, connection: RedisConnection) -> None:
        self.url = url
        self.connection = connection
        self.purses = RedisPurses(connection, ONE_BOOK_SHARD)
        self.order_books = RedisOrderBooks(url, ONE_BOOK_SHARD, SetClock())

    async def begin(self) -> None:
        """Three lenders with 500.00 each, an offer of each, a request of 900.00 that is covered and one too many."""
        for lender_id in ("ada", "bob", "cyd"):
            await self.purses.apply(a_deposit(50_000, ref=f"wire-{lender_id}", lender_id=lender_id))
        await send_all(
            self.order_books,
            terms(),
            an_offer("ada"),
            an_offer("bob"),
            an_offer("cyd"),
            a_request("r1", 90_000),
            a_request("r2", 60_000),
            CancelRequest(request_id="r1"),
            a_request("r3", 70_000),
        )

    async def run_until_it_dies(self, death: Death) -> None:
        host = a_host(lambda: MortalConnection(self.url, death), ONE_BOOK_SHARD)
        with pytest.raises(HostDied):
            async with asyncio.timeout(10):
                await host.run()

    async def run_to_rest(self, *, lease_ms: int = 3_000) -> Market:
        host = a_host(lambda: RedisConnection(self.url), ONE_BOOK_SHARD, lease_ms=lease_ms)
        async with running(host):
            await at_rest(self.order_books)
        assert all(not status.parked for status in host.status().shards)
        return await self.market()

    async def market(self) -> Market:
        book = OrderBook(ALFA, "bk00")
        head = JournalHead(seq=0, hash=GENESIS_HASH)
        entries = await read_entries(self.connection, ONE_BOOK_SHARD, "bk00", after_seq=0, limit=1_000)
        check_chain(head, entries)
        for entry in entries:
            book.apply(decode_book_record(entry.payload), entry.seq)
        for shard in ONE_BOOK_SHARD.purse_shards():
            purse_entries = await read_entries(self.connection, ONE_BOOK_SHARD, shard, after_seq=0, limit=1_000)
            check_chain(head, purse_entries)
        found = await read_purses(self.connection, ONE_BOOK_SHARD)
        assert purse_breaks(found) == []
        assert book.purse_calls() == PurseCalls(releases=(), takes=())
        held = {fill.fill_id: fill.cents for fill in found.fills if fill.state == "taken"}
        booked = {
            fill.fill_id: fill.taken_cents
            for cover in book.covers.values()
            for fill in cover.fills.values()
            if fill.taken_cents
        }
        assert held == booked
        events = [decode_book_record(entry.payload).event for entry in entries]
        return Market(events=events, purses=found, fingerprint=book.fingerprint())


@pytest.fixture
async def scene(books_redis_url: str, connection: RedisConnection) -> Scene:
    return Scene(books_redis_url, connection)


async def calls_of_an_undisturbed_run(scene: Scene) -> tuple[int, Market]:
    """How often a host calls the store for the whole story, and how the market then stands."""
    endless = Death(at=10_000, when="before")
    await scene.begin()
    host = a_host(lambda: MortalConnection(scene.url, endless), ONE_BOOK_SHARD)
    async with running(host):
        await at_rest(scene.order_books)
    return 10_000 - endless.calls_left, await scene.market()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_host_that_dies_at_any_of_its_calls_leaves_a_market_that_the_next_finishes_alike(
    scene: Scene, when: When
) -> None:
    calls, undisturbed = await calls_of_an_undisturbed_run(scene)
    assert sum(isinstance(event, Covered) for event in undisturbed.events) == 3
    assert sum(isinstance(event, CoverReleased) for event in undisturbed.events) == 1

    for at in range(calls - 2):  # the last two hand the shard over: nothing is left to do
        await scene.connection.call("FLUSHDB", "SYNC")
        await scene.begin()
        await scene.run_until_it_dies(Death(at, when))

        assert await scene.run_to_rest() == undisturbed, f"died {when} call {at}"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_that_breaks_at_any_call_changes_nothing(scene: Scene, when: When) -> None:
    calls, undisturbed = await calls_of_an_undisturbed_run(scene)

    for at in range(calls - 2):
        await scene.connection.call("FLUSHDB", "SYNC")
        await scene.begin()
        fault = Death(at, when)
        async with running(a_host(lambda: BreakingConnection(scene.url, fault), ONE_BOOK_SHARD)):  # noqa: B023
            await at_rest(scene.order_books)
        assert fault.has_come

        assert await scene.market() == undisturbed, f"broke {when} call {at}"

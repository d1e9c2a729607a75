"""A host dies before or after any of its calls to the store; the next one finishes what it began, to the cent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import msgspec
import pytest

from actors.errors import RedisUnreachable
from actors.event_log import check_chain, read_entries
from actors.host import BookHost
from actors.mailbox import RedisOrderBooks
from actors.purse import RedisPurses
from actors.purse_inspection import PursesFound, purse_breaks, read_purses
from actors.redis_connection import Command, RedisConnection, Reply
from actors.shards import ShardMap
from marketplace.book.book_events import AnyBookEvent, CoverAmended, Covered, CoverReleased
from marketplace.book.commands import CancelRequest
from marketplace.book.journal import GENESIS_HASH, JournalEntry, decode_book_record
from marketplace.book.order_book import OrderBook
from marketplace.ports import JournalHead
from tests.actors.book_examples import ALFA, SetClock, a_request, an_offer, terms
from tests.actors.purse_steps import a_deposit, a_take, ask
from tests.actors.running_host import a_host, at_rest, running, send_all

ONE_BOOK_SHARD = ShardMap(book_count=1, purse_count=2)

When = Literal["before", "after"]


class HostDied(Exception):
    """What the store sees of a killed process: no call any more."""


class Death:
    """A process dies at its `at`-th call to the store, before it is sent or after it was carried out."""

    def __init__(self, at: int, when: When) -> None:
        self._calls_left = at
        self._when = when
        self.has_come = False
        self.calls_seen = 0

    async def before(self, commands: Sequence[Command]) -> None:
        if _is_mailbox_read(commands):
            return
        if self.has_come or (self._calls_left == 0 and self._when == "before"):
            self.has_come = True
            raise HostDied

    async def after(self, commands: Sequence[Command]) -> None:
        if _is_mailbox_read(commands):
            return
        if self.has_come or (self._calls_left == 0 and self._when == "after"):
            self.has_come = True
            raise HostDied
        self._calls_left -= 1
        self.calls_seen += 1


class BrokenCall(Death):
    """The connection breaks once, at the `at`-th call, and can be opened again."""

    async def before(self, commands: Sequence[Command]) -> None:
        if not self.has_come:
            await super().before(commands)

    async def after(self, commands: Sequence[Command]) -> None:
        if not self.has_come:
            await super().after(commands)


class RivalBook:
    """Another book asks ada's purse first, each time a host asks purses: its promise is made once and stands."""

    def __init__(self, purses: RedisPurses) -> None:
        self._purses = purses

    async def before(self, commands: Sequence[Command]) -> None:
        if any(command[:2] == ("FCALL", "take") for command in commands):
            await ask(self._purses, a_take(1, 45_000))

    async def after(self, commands: Sequence[Command]) -> None:
        """Nothing: it came first."""


class ShadowedConnection(RedisConnection):
    """A connection that others see the calls of, before and after; what they raise, the caller meets."""

    def __init__(self, url: str, *shadows: Death | RivalBook) -> None:
        super().__init__(url)
        self._shadows = shadows

    async def pipeline(self, commands: Sequence[Command]) -> list[Reply]:
        try:
            for shadow in self._shadows:
                await shadow.before(commands)
            replies = await super().pipeline(commands)
            for shadow in self._shadows:
                await shadow.after(commands)
        except HostDied:
            if any(isinstance(shadow, BrokenCall) for shadow in self._shadows):
                await self.disconnect()
                raise RedisUnreachable("the connection broke") from None
            raise
        return replies


def _is_mailbox_read(commands: Sequence[Command]) -> bool:
    return commands[0][0] == "XREAD"


class Market(msgspec.Struct, frozen=True):
    """How everything stands when nothing moves any more."""

    events: list[AnyBookEvent]
    purses: PursesFound
    fingerprint: str


class Scene:
    """A store with one book and its purses; with a rival, ada's money is promised elsewhere just before it is asked."""

    def __init__(self, url: str, connection: RedisConnection, *, has_rival: bool) -> None:
        self.url = url
        self.connection = connection
        self.has_rival = has_rival
        self.purses = RedisPurses(connection, ONE_BOOK_SHARD)
        self.order_books = RedisOrderBooks(url, ONE_BOOK_SHARD, SetClock())
        self._shadows = (RivalBook(self.purses),) if has_rival else ()

    async def begin(self) -> None:
        """Three lenders with 500.00 each and an offer of each; requests, one of them given back."""
        await self.connection.call("FLUSHDB", "SYNC")
        for lender_id in ("ada", "bob", "cyd"):
            await self.purses.apply(a_deposit(50_000, ref=f"wire-{lender_id}", lender_id=lender_id))
        await send_all(
            self.order_books,
            terms(),
            *(an_offer(lender_id) for lender_id in ("ada", "bob", "cyd")),
            a_request("r1", 90_000),
            a_request("r2", 40_000),
            CancelRequest(request_id="r1"),
            a_request("r3", 30_000),
        )

    def host(self, *shadows: Death) -> BookHost:
        return a_host(lambda: ShadowedConnection(self.url, *shadows, *self._shadows), ONE_BOOK_SHARD)

    async def run_until_it_dies(self, death: Death) -> None:
        with pytest.raises(HostDied):
            async with asyncio.timeout(10):
                await self.host(death).run()

    async def run_to_rest(self, *shadows: Death) -> Market:
        host = self.host(*shadows)
        async with running(host):
            await at_rest(self.order_books)
        assert all(not status.parked for status in host.status().shards)
        return await self.market()

    async def market(self) -> Market:
        """How everything stands; the books, the purses and their journals must agree."""
        book = OrderBook(ALFA, "bk00")
        entries = await self._checked_journal("bk00")
        for entry in entries:
            book.apply(decode_book_record(entry.payload), entry.seq)
        for shard in ONE_BOOK_SHARD.purse_shards():
            await self._checked_journal(shard)
        found = await read_purses(self.connection, ONE_BOOK_SHARD)
        assert purse_breaks(found) == []
        assert not book.purse_calls()
        held = {fill.fill_id: fill.cents for fill in found.fills if fill.state == "taken"}
        booked = {
            fill.fill_id: fill.taken_cents
            for cover in book.covers.values()
            for fill in cover.fills.values()
            if fill.taken_cents
        }
        assert {fill_id: cents for fill_id, cents in held.items() if fill_id.startswith("bk00.")} == booked
        events = [decode_book_record(entry.payload).event for entry in entries]
        return Market(events=events, purses=found, fingerprint=book.fingerprint())

    async def _checked_journal(self, shard: str) -> list[JournalEntry]:
        entries = await read_entries(self.connection, ONE_BOOK_SHARD, shard, after_seq=0, limit=1_000)
        check_chain(JournalHead(seq=0, hash=GENESIS_HASH), entries)
        return entries


@pytest.fixture(params=[False, True], ids=["alone", "against a rival"])
async def scene(
    books_redis_url: str, connection: RedisConnection, request: pytest.FixtureRequest
) -> AsyncIterator[Scene]:
    scene = Scene(books_redis_url, connection, has_rival=request.param)
    yield scene
    await scene.order_books.close()


async def an_undisturbed_run(scene: Scene) -> tuple[int, Market]:
    """How often a host calls the store until nothing is left to do, and how the market then stands."""
    never = Death(at=10_000, when="before")
    await scene.begin()
    market = await scene.run_to_rest(never)
    calls_to_hand_over = 2
    return never.calls_seen - calls_to_hand_over, market


async def test_the_story_has_covers_amended_given_back_and_completed(scene: Scene) -> None:
    _, market = await an_undisturbed_run(scene)

    kinds = [type(event) for event in market.events]
    assert (kinds.count(Covered), kinds.count(CoverReleased)) == (3, 1)
    assert kinds.count(CoverAmended) == (1 if scene.has_rival else 0)
    replaced = [fill.fill_id for fill in market.purses.fills if fill.state == "replaced"]
    assert len(replaced) == (3 if scene.has_rival else 0)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_host_that_dies_at_any_call_leaves_a_market_that_the_next_finishes_alike(
    scene: Scene, when: When
) -> None:
    calls, undisturbed = await an_undisturbed_run(scene)

    for at in range(calls):
        await scene.begin()
        await scene.run_until_it_dies(Death(at, when))

        assert await scene.run_to_rest() == undisturbed, f"died {when} call {at}"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_connection_that_breaks_at_any_call_changes_nothing(scene: Scene, when: When) -> None:
    calls, undisturbed = await an_undisturbed_run(scene)

    for at in range(calls):
        await scene.begin()
        broken = BrokenCall(at, when)

        assert await scene.run_to_rest(broken) == undisturbed, f"broke {when} call {at}"
        assert broken.has_come

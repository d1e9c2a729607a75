"""The feed: a snapshot, then numbered deltas that lead from one view to the next, for books and for purses."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from actors.event_feed import EventFeed, UnknownChannel
from actors.feed_channel import DELTAS_KEPT
from actors.feed_messages import Delta, FeedMessage, Reset, ResumePoint, Snapshot
from actors.purse import RedisPurses
from actors.redis_connection import RedisConnection
from actors.shard_writer import ShardWriter
from actors.shards import ShardMap
from marketplace.book.book_events import OfferWithdrawn, TermsPublished
from marketplace.book.book_view import BookView, book_view_checksum
from marketplace.book.purse_view import PurseView
from tests.actors.book_examples import ALFA, a_record, own, terms
from tests.actors.purse_steps import a_deposit, a_take, ask

BOOK = f"book:{ALFA}"


@asynccontextmanager
async def following(url: str, shards: ShardMap) -> AsyncIterator[EventFeed]:
    feed = EventFeed(url, shards)
    task = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(5):
            await feed.caught_up.wait()
        yield feed
    finally:
        await feed.stop()
        await task


@pytest.fixture
async def feed(books_redis_url: str, connection: RedisConnection, shards: ShardMap) -> AsyncIterator[EventFeed]:
    async with following(books_redis_url, shards) as feed:
        yield feed


@pytest.fixture
async def writer(connection: RedisConnection, shards: ShardMap) -> ShardWriter:
    return await own(connection, shards, shards.of_company(ALFA))


async def publish(writer: ShardWriter, *versions: int) -> None:
    """Publish versions of alfa's terms, each in a turn of its own."""
    for version in versions:
        await writer.commit([a_record(TermsPublished(terms=terms(version=version).terms))], low_water=0)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0.002)


async def test_a_subscriber_gets_a_snapshot_and_then_each_change(feed: EventFeed, writer: ShardWriter) -> None:
    heard: list[FeedMessage] = []
    feed.subscribe(BOOK, heard.append)
    await publish(writer, 1)
    await until(lambda: len(heard) == 2)
    await publish(writer, 2)
    await until(lambda: len(heard) == 3)

    empty = BookView(phase="closed", terms_version=0, o=(), r=(), tot=(0, 0, 0), last=())
    assert heard[0] == Snapshot(ch=BOOK, inc=1, s=0, data=empty, crc=book_view_checksum(ALFA, 1, 0, empty))
    opened = msgspec.structs.replace(empty, phase="open", terms_version=1)
    assert heard[1] == Delta(
        ch=BOOK,
        inc=1,
        p=0,
        s=1,
        ops=(("k", "phase", "open"), ("k", "terms_version", 1)),
        crc=book_view_checksum(ALFA, 1, 1, opened),
    )
    assert isinstance(heard[2], Delta)
    assert (heard[2].p, heard[2].s, heard[2].ops) == (1, 2, (("k", "terms_version", 2),))


async def test_messages_encode_as_the_protocol_writes_them(feed: EventFeed, writer: ShardWriter) -> None:
    heard: list[FeedMessage] = []
    feed.subscribe(BOOK, heard.append)
    await publish(writer, 1)
    await until(lambda: len(heard) == 2)

    snapshot, delta = (msgspec.json.decode(msgspec.json.encode(message)) for message in heard)
    assert list(snapshot) == ["t", "ch", "inc", "s", "data", "crc"]
    assert (snapshot["t"], list(snapshot["data"])) == ("snap", ["phase", "terms_version", "o", "r", "tot", "last"])
    assert list(delta) == ["t", "ch", "inc", "p", "s", "ops", "crc"]
    assert (delta["t"], delta["ops"][0]) == ("d", ["k", "phase", "open"])


async def test_an_entry_that_changes_nothing_to_be_seen_moves_nothing(feed: EventFeed, writer: ShardWriter) -> None:
    heard: list[FeedMessage] = []
    await publish(writer, 1)
    await until(lambda: feed.heads().get(BOOK) == 1)
    feed.subscribe(BOOK, heard.append)
    await writer.commit([a_record()], low_water=0)
    await publish(writer, 2)
    await until(lambda: len(heard) == 2)

    assert isinstance(heard[1], Delta)
    assert (heard[1].p, heard[1].s) == (1, 3)


async def test_what_happened_before_the_feed_began_is_in_its_snapshot(
    books_redis_url: str, shards: ShardMap, writer: ShardWriter
) -> None:
    await publish(writer, *range(1, 8))
    heard: list[FeedMessage] = []
    async with following(books_redis_url, shards) as feed:
        feed.subscribe(BOOK, heard.append)

    (snapshot,) = heard
    assert isinstance(snapshot, Snapshot)
    assert isinstance(snapshot.data, BookView)
    assert (snapshot.s, snapshot.data.terms_version) == (7, 7)


async def test_who_comes_back_where_it_left_misses_nothing(feed: EventFeed, writer: ShardWriter) -> None:
    await publish(writer, 1)
    await until(lambda: feed.heads().get(BOOK) == 1)
    await publish(writer, 2)
    await until(lambda: feed.heads()[BOOK] == 2)
    await publish(writer, 3)
    await until(lambda: feed.heads()[BOOK] == 3)

    missed: list[FeedMessage] = []
    feed.subscribe(BOOK, missed.append, resume=ResumePoint(inc=1, s=1))
    nothing: list[FeedMessage] = []
    feed.subscribe(BOOK, nothing.append, resume=ResumePoint(inc=1, s=3))

    assert [(delta.p, delta.s) for delta in missed if isinstance(delta, Delta)] == [(1, 2), (2, 3)]
    assert nothing == []


@pytest.mark.parametrize(
    "resume",
    [
        pytest.param(ResumePoint(inc=1, s=9), id="a point that never was"),
        pytest.param(ResumePoint(inc=2, s=1), id="another history"),
    ],
)
async def test_who_cannot_be_continued_starts_anew(feed: EventFeed, writer: ShardWriter, resume: ResumePoint) -> None:
    await publish(writer, 1)
    await until(lambda: feed.heads().get(BOOK) == 1)
    heard: list[FeedMessage] = []
    feed.subscribe(BOOK, heard.append, resume=resume)

    assert [type(message) for message in heard] == [Reset, Snapshot]


async def test_only_the_latest_thousand_deltas_can_be_resumed(feed: EventFeed, writer: ShardWriter) -> None:
    for version in range(1, DELTAS_KEPT + 2):
        await publish(writer, version)
        await until(lambda: feed.heads().get(BOOK) == version)  # noqa: B023

    oldest: list[FeedMessage] = []
    lost: list[FeedMessage] = []
    feed.subscribe(BOOK, oldest.append, resume=ResumePoint(inc=1, s=1))
    feed.subscribe(BOOK, lost.append, resume=ResumePoint(inc=1, s=0))

    assert len(oldest) == DELTAS_KEPT
    assert [type(message) for message in lost] == [Reset, Snapshot]


async def test_a_cancelled_subscription_hears_nothing_more(feed: EventFeed, writer: ShardWriter) -> None:
    heard: list[FeedMessage] = []
    subscription = feed.subscribe(BOOK, heard.append)
    subscription.cancel()
    subscription.cancel()
    await publish(writer, 1)
    await until(lambda: feed.heads()[BOOK] == 1)

    assert len(heard) == 1


async def test_a_lender_follows_its_purse(feed: EventFeed, purses: RedisPurses) -> None:
    heard: list[FeedMessage] = []
    feed.subscribe("purse:ada", heard.append)
    await purses.apply(a_deposit(50_000))
    await until(lambda: len(heard) == 2)
    await ask(purses, a_take(1, 20_000))
    await until(lambda: len(heard) == 3)

    assert [message.data for message in heard if isinstance(message, Snapshot)] == [PurseView()]
    assert [message.ops for message in heard if isinstance(message, Delta)] == [
        (("k", "ver", 1), ("k", "free_cents", 50_000), ("k", "in_cents", 50_000)),
        (("k", "ver", 2), ("k", "free_cents", 30_000), ("k", "taken_cents", 20_000)),
    ]


@pytest.mark.parametrize("channel", ["", "book:", "books:alfa", "ops:jobs"])
async def test_an_unknown_channel_is_refused(feed: EventFeed, channel: str) -> None:
    with pytest.raises(UnknownChannel):
        feed.subscribe(channel, lambda message: None)


async def test_a_book_that_cannot_be_followed_stands_still_and_its_neighbours_go_on(
    feed: EventFeed, writer: ShardWriter, shards: ShardMap
) -> None:
    heard: list[FeedMessage] = []
    feed.subscribe(BOOK, heard.append)
    neighbour = next(
        name for name in (f"company-{n}" for n in range(500)) if shards.of_company(name) == shards.of_company(ALFA)
    )
    feed.subscribe(f"book:{neighbour}", heard.append)
    impossible = TermsPublished(terms=terms().terms)
    await writer.commit([a_record(impossible, company_id=ALFA)], low_water=0)
    await until(lambda: len(heard) == 3)
    broken = a_record(OfferWithdrawn(offer_id="never placed"), company_id=ALFA)
    await writer.commit([broken, a_record(impossible, company_id=neighbour)], low_water=0)
    await until(lambda: len(heard) == 4)

    assert list(feed.failed_channels()) == [BOOK]
    assert heard[3].ch == f"book:{neighbour}"

"""The live feed: journals tailed into one view per channel, for whoever subscribes, whatever carries it to them."""

import asyncio

import structlog

from actors.errors import RedisRefused, RedisUnreachable
from actors.event_log import RedisJournals, check_chain
from actors.feed_channel import BookChannelView, Deliver, FeedChannel, PurseChannelView, Subscription
from actors.feed_messages import ResumePoint
from actors.shards import ShardMap
from marketplace.book.journal import GENESIS_HASH, JournalEntry, shard_holds_books
from marketplace.forecasts.market_history import LiveBook
from marketplace.ports import JournalHead

BATCH = 1_000
WAIT_MS = 1_000
RETRY_S = 0.5

_log = structlog.get_logger(__name__)


class UnknownChannel(Exception):
    """No such kind of channel."""


class EventFeed:
    """Channels `book:{company}` and `purse:{lender}`, each with its view, kept current by `run`.

    Journal entries are durable before they can be read, so the feed never shows what a crash may undo. Who may listen
    to which channel is for the caller to decide.
    """

    def __init__(self, url: str, shards: ShardMap) -> None:
        self._journals = RedisJournals(url, shards)
        self._shards = shards
        self._heads = {shard: JournalHead(seq=0, hash=GENESIS_HASH) for shard in self._journals.shards()}
        self._channels: dict[str, FeedChannel] = {}
        self._failed: dict[str, str] = {}
        self._stopping = False
        self.caught_up = asyncio.Event()
        """Set once every journal has been read to its end: before that, views are those of the past."""
        self.is_connected = False
        """Whether the journals could be read when last tried; if not, views may be out of date."""

    async def run(self) -> None:
        """Follow the journals until `stop`. Raises `JournalBroken` on one that does not chain."""
        while not self._stopping:
            try:
                await self._follow()
            except (RedisUnreachable, RedisRefused) as failure:
                self.is_connected = False
                if not self._stopping:
                    _log.warning("feed_unreachable", cause=str(failure))
                    await asyncio.sleep(RETRY_S)

    async def stop(self) -> None:
        """Make `run` return."""
        self._stopping = True
        await self._journals.close()

    def subscribe(self, channel: str, deliver: Deliver, *, resume: ResumePoint | None = None) -> Subscription:
        """Deliver the channel's snapshot, or what has changed since `resume`, and from then on every delta.

        `deliver` is called at once and later from the loop; it must not wait. Raises `UnknownChannel`.
        """
        return self._channel(channel).subscribe(deliver, resume)

    def heads(self) -> dict[str, int]:
        """The sequence each channel has reached."""
        return {name: channel.sequence for name, channel in self._channels.items()}

    def live_book(self, company_id: str) -> LiveBook:
        """A company's book and its recent past as of the last entry read. It goes on: read it before waiting again."""
        view = self._channel(f"book:{company_id}").view
        assert isinstance(view, BookChannelView), company_id
        return view.live_book

    def failed_channels(self) -> dict[str, str]:
        """Channels whose view could not be made from their journal, each with why: they stand still."""
        return dict(self._failed)

    async def _follow(self) -> None:
        for shard in self._journals.shards():
            await self._catch_up(shard)
        self.is_connected = True
        self.caught_up.set()
        while not self._stopping:
            positions = {shard: head.seq for shard, head in self._heads.items()}
            for shard in await self._journals.wait(positions, timeout_ms=WAIT_MS):
                await self._catch_up(shard)

    async def _catch_up(self, shard: str) -> None:
        while entries := await self._journals.read(shard, after_seq=self._heads[shard].seq, limit=BATCH):
            head = check_chain(self._heads[shard], entries)
            touched: dict[str, FeedChannel] = {}
            for entry in entries:
                channel = self._channel(_channel_of(entry))
                if self._apply(channel, entry):
                    touched[channel.name] = channel
            self._heads[shard] = head
            for channel in touched.values():
                channel.publish()

    def _apply(self, channel: FeedChannel, entry: JournalEntry) -> bool:
        if channel.name in self._failed:
            return False
        try:
            channel.apply(entry)
        except Exception as fault:
            self._failed[channel.name] = repr(fault)
            _log.critical("feed_channel_failed", channel=channel.name, seq=entry.seq, exc_info=fault)
            return False
        return True

    def _channel(self, name: str) -> FeedChannel:
        if name not in self._channels:
            kind, _, subject = name.partition(":")
            if kind == "book" and subject:
                view: BookChannelView | PurseChannelView = BookChannelView(subject, self._shards.of_company(subject))
            elif kind == "purse" and subject:
                view = PurseChannelView(subject)
            else:
                raise UnknownChannel(name)
            self._channels[name] = FeedChannel(name, view)
        return self._channels[name]


def _channel_of(entry: JournalEntry) -> str:
    return f"book:{entry.company_id}" if shard_holds_books(entry.shard) else f"purse:{entry.lender_id}"

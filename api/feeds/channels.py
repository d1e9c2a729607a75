"""Which channels there are, who may follow them, and what they show."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from actors.event_feed import EventFeed
from actors.feed_channel import Deliver, Subscription
from actors.feed_messages import FeedMessage, Snapshot
from api.callers import Caller
from api.feeds.messages import Position
from marketplace.book.book_view import BookView
from marketplace.forecasts.market_history import LiveBook
from persistence.company_cards import company_exists
from persistence.connection import Pool

MayFollow = Callable[[str, Caller | None], Awaitable[bool]]


class Channels:
    """Channels by name, `<kind>:<subject>`. A kind is a rule here and a view in the event feed."""

    def __init__(self, feed: EventFeed, pool: Pool, *, public_books: bool) -> None:
        self._feed = feed
        self._pool = pool
        self._public_books = public_books
        self._companies: set[str] = set()
        self._rules: dict[str, MayFollow] = {"book": self._may_follow_book}

    @property
    def is_current(self) -> bool:
        """Whether the views are known to be those of now: the journals are read to their end and can be reached."""
        return self._feed.caught_up.is_set() and self._feed.is_connected

    @property
    def failed(self) -> dict[str, str]:
        """Channels that stand still, each with why."""
        return self._feed.failed_channels()

    async def may_follow(self, name: str, caller: Caller | None) -> bool:
        """Whether there is such a channel for this caller (None: a visitor); nobody learns what there is for others."""
        kind, _, subject = name.partition(":")
        rule = self._rules.get(kind)
        if rule is None or name in self.failed:
            return False
        return await rule(subject, caller)

    def heads(self) -> dict[str, int]:
        """The newest sequence of every channel that anybody has followed."""
        return self._feed.heads()

    def subscribe(self, name: str, deliver: Deliver, *, since: Position | None) -> Subscription:
        """Deliver the channel's snapshot, or what has changed since a position, and every change from then on."""
        return self._feed.subscribe(name, deliver, resume=since)

    async def book_view(self, company_id: str, caller: Caller | None) -> BookView | None:
        """The present view of a company's book; None when there is none for this caller."""
        name = f"book:{company_id}"
        if not self.is_current or not await self.may_follow(name, caller):
            return None
        messages: list[FeedMessage] = []
        self._feed.subscribe(name, messages.append).cancel()
        [snapshot] = messages
        assert isinstance(snapshot, Snapshot), snapshot
        assert isinstance(snapshot.data, BookView), snapshot
        return snapshot.data

    def live_book(self, company_id: str) -> LiveBook | None:
        """A company's book and its recent past, for whoever may know both; None while it is not known to be current.

        The company must exist. The book goes on: read it before waiting again.
        """
        if not self.is_current or f"book:{company_id}" in self.failed:
            return None
        return self._feed.live_book(company_id)

    async def _may_follow_book(self, company_id: str, caller: Caller | None) -> bool:
        if caller is None and not self._public_books:
            return False
        return await self._is_company(company_id)

    async def _is_company(self, company_id: str) -> bool:
        """Companies do not go away, so each is asked for once; a name that is none makes no channel."""
        if company_id not in self._companies:
            if not _is_id(company_id) or not await company_exists(self._pool, company_id):
                return False
            self._companies.add(company_id)
        return True


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False

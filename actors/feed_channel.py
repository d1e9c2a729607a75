"""One channel of the feed: the present view, the deltas that led to it, and who is to hear the next."""

from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeAlias

from actors.feed_messages import FIRST_INCARNATION, Delta, FeedMessage, Reset, ResumePoint, Snapshot
from marketplace.book.book_view import BookView, BookViewFold, ViewOperation, book_view_checksum, book_view_operations
from marketplace.book.journal import JournalEntry, decode_book_record, decode_purse_event
from marketplace.book.purse_view import PurseView, PurseViewFold, purse_view_checksum, purse_view_operations
from marketplace.forecasts.market_history import LiveBook, MarketHistory

DELTAS_KEPT = 1_000

Deliver: TypeAlias = Callable[[FeedMessage], None]


class ChannelView(Protocol):
    """How a channel's view is made from its journal."""

    def apply(self, entry: JournalEntry) -> None:
        """Take the next entry in."""
        ...

    def operations(self) -> list[ViewOperation]:
        """What has changed since this was last asked."""
        ...

    def data(self) -> BookView | PurseView:
        """The view as it stood when its changes were last asked for."""
        ...

    def checksum(self, s: int) -> int:
        """The checksum of `data`, as of sequence `s`."""
        ...


class BookChannelView:
    """The view of `book:{company}`."""

    def __init__(self, company_id: str, shard: str) -> None:
        self._company_id = company_id
        self._fold = BookViewFold(company_id, shard)
        self._history = MarketHistory()
        self._shown = self._fold.view()

    @property
    def live_book(self) -> LiveBook:
        """The book behind the view, with its recent past, as of the last entry taken in; to be read only."""
        return LiveBook(book=self._fold.book, history=self._history)

    def apply(self, entry: JournalEntry) -> None:
        record = decode_book_record(entry.payload)
        self._history.apply(record, self._fold.book)
        self._fold.apply(record, entry.seq)

    def operations(self) -> list[ViewOperation]:
        before, self._shown = self._shown, self._fold.view()
        return book_view_operations(before, self._shown)

    def data(self) -> BookView:
        return self._shown

    def checksum(self, s: int) -> int:
        return book_view_checksum(self._company_id, FIRST_INCARNATION, s, self._shown)


class PurseChannelView:
    """The view of `purse:{lender}`."""

    def __init__(self, lender_id: str) -> None:
        self._lender_id = lender_id
        self._fold = PurseViewFold()
        self._shown = self._fold.view()

    def apply(self, entry: JournalEntry) -> None:
        self._fold.apply(decode_purse_event(entry.payload))

    def operations(self) -> list[ViewOperation]:
        before, self._shown = self._shown, self._fold.view()
        return purse_view_operations(before, self._shown)

    def data(self) -> PurseView:
        return self._shown

    def checksum(self, s: int) -> int:
        return purse_view_checksum(self._lender_id, FIRST_INCARNATION, s, self._shown)


class FeedChannel:
    """A channel's view, its latest 1,000 deltas and its subscribers.

    The channel's sequence is that of the journal entry that last changed its view. Nothing here waits, so a subscriber
    gets its snapshot and every delta after it, none twice and none left out.
    """

    def __init__(self, name: str, view: ChannelView) -> None:
        self.name = name
        self.sequence = 0
        self.view = view
        self._last_entry_seq = 0
        self._deltas: deque[Delta] = deque(maxlen=DELTAS_KEPT)
        self._subscribers: dict[object, Deliver] = {}

    def apply(self, entry: JournalEntry) -> None:
        """Take the next entry of the journal in; `publish` tells of it."""
        self.view.apply(entry)
        self._last_entry_seq = entry.seq

    def publish(self) -> None:
        """Tell the subscribers what the entries taken in since the last time have changed, if anything."""
        operations = self.view.operations()
        if not operations:
            return
        previous, self.sequence = self.sequence, self._last_entry_seq
        delta = Delta(
            ch=self.name,
            inc=FIRST_INCARNATION,
            p=previous,
            s=self.sequence,
            ops=tuple(operations),
            crc=self.view.checksum(self.sequence),
        )
        self._deltas.append(delta)
        for deliver in list(self._subscribers.values()):
            deliver(delta)

    def subscribe(self, deliver: Deliver, resume: ResumePoint | None) -> "Subscription":
        """Deliver what brings the subscriber up to now, and from then on every delta."""
        for message in self._continuation(resume):
            deliver(message)
        subscription = Subscription(self._subscribers)
        self._subscribers[subscription] = deliver
        return subscription

    def _continuation(self, resume: ResumePoint | None) -> list[FeedMessage]:
        if resume is None:
            return [self._snapshot()]
        if resume.inc == FIRST_INCARNATION:
            if resume.s == self.sequence:
                return []
            missed = [delta for delta in self._deltas if delta.p >= resume.s]
            if missed and missed[0].p == resume.s:
                return list(missed)
        return [Reset(ch=self.name, why="too old to be continued"), self._snapshot()]

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            ch=self.name,
            inc=FIRST_INCARNATION,
            s=self.sequence,
            data=self.view.data(),
            crc=self.view.checksum(self.sequence),
        )


class Subscription:
    """One subscriber's place in a channel."""

    def __init__(self, subscribers: dict[object, Deliver]) -> None:
        self._subscribers = subscribers

    def cancel(self) -> None:
        """Deliver nothing more; harmless when done before."""
        self._subscribers.pop(self, None)

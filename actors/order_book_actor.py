"""One company's order book at work: decide, record, apply; then ask purses for what the book proposes.

The book never runs ahead of its journal: an event is applied once it is recorded. So whatever happens between two
steps, another host that replays the journal stands where this one stood, asks purses the same again, and goes on.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from actors.errors import BookFault
from actors.mailbox import WaitingCommand
from actors.purse import RedisPurses
from actors.shard_writer import CommandDecision, ShardWriter
from marketplace.book_decisions import decide
from marketplace.book_events import (
    AnyBookEvent,
    CommandRefused,
    CoverAmended,
    Covered,
    CoverReleased,
    LegDenied,
    LegReleased,
    LegTaken,
    RequestClosed,
)
from marketplace.commands import Envelope, Tick
from marketplace.cover_decisions import decide_answers, decide_cover
from marketplace.journal import BookRecord
from marketplace.order_book import OrderBook, RequestState

Result = TypeVar("Result")


class OrderBookActor:
    """Owns one company's book on behalf of the host that owns the shard.

    `low_water` tells the sequence up to which every fill named in the shard, by any of its books, has its decision
    recorded. Methods raise `BookFault` when the book's own code fails, and what the writer and the purses raise; in
    every case the journal alone says what happened.
    """

    def __init__(
        self, company_id: str, shard: str, writer: ShardWriter, purses: RedisPurses, low_water: Callable[[], int]
    ) -> None:
        self.company_id = company_id
        self._book = OrderBook(company_id, shard)
        self._shard = shard
        self._writer = writer
        self._purses = purses
        self._low_water = low_water

    def replay(self, record: BookRecord, seq: int) -> None:
        """Take in an entry of the journal that this company's book wrote before."""
        self._guard("apply", lambda: self._book.apply(record, seq))

    def lowest_unanswered_seq(self) -> int | None:
        """The oldest event of this book that a purse has yet to answer; None when there is none."""
        return self._book.lowest_unanswered_seq()

    def open_calls(self) -> int:
        """How many fills are asked of purses, or given up, and not yet answered."""
        calls = self._book.purse_calls()
        return len(calls.releases) + len(calls.takes)

    def has_open_requests(self) -> bool:
        """Whether passing time could change this book."""
        return any(booked.state is RequestState.OPEN for booked in self._book.requests.values())

    async def handle(self, command: WaitingCommand) -> None:
        """Decide a command from the mailbox and take it out, in one turn."""
        envelope = self._guard("decode", command.decode)
        events = self._guard("decide", lambda: decide(self._book, envelope))
        deciding = _deciding_event(events)
        await self._record(
            events,
            cause_id=envelope.command_id,
            at=envelope.at,
            decision=CommandDecision(
                command=command,
                outcome="refused" if isinstance(events[deciding], CommandRefused) else "ok",
                event=deciding,
            ),
        )

    async def tick(self, at: datetime) -> None:
        """Let the book see that time has passed, where the host itself keeps the time."""
        tick_id = f"tick:{self.company_id}:{self._writer.position.seq + 1}"
        envelope = Envelope(command_id=tick_id, company_id=self.company_id, at=at, command=Tick())
        events = self._guard("decide", lambda: decide(self._book, envelope))
        await self._record(events, cause_id=tick_id, at=at)

    async def advance(self) -> bool:
        """Take the next step the book can take by itself; False when it rests until a command comes.

        First what it has asked of purses and not yet recorded an answer to; then the next cover it can propose.
        """
        calls = self._guard("list calls", self._book.purse_calls)
        if calls:
            answers = await self._purses.ask(
                calls, book_shard=self._shard, low_water=self._low_water(), at=self._book_time()
            )
            events = self._guard("decide on answers", lambda: decide_answers(self._book, answers))
            if not events:
                raise BookFault(self.company_id, f"take in the answers {answers}")
            await self._record(events, cause_id=None, at=self._book_time())
            return True
        if not self._guard("look for requests", self._book.waits_for_cover):
            return False
        standings = await self._purses.standings(self._book.lenders_with_offers())
        events = self._guard("plan a cover", lambda: decide_cover(self._book, standings))
        if events:
            await self._record(events, cause_id=None, at=self._book_time())
        return bool(events)

    def _book_time(self) -> datetime:
        assert self._book.now_at is not None, "a book that has decided nothing has nothing to ask"
        return self._book.now_at

    async def _record(
        self,
        events: Sequence[AnyBookEvent],
        *,
        cause_id: str | None,
        at: datetime,
        decision: CommandDecision | None = None,
    ) -> None:
        first_seq = self._writer.position.seq + 1
        # A new cover's id is its own event's place in the journal; what was seen on the way to it has the same cause.
        new_cover_id = f"{self._shard}:{first_seq + len(events) - 1}"
        records = [
            BookRecord(
                company_id=self.company_id,
                cause_id=cause_id or _cover_id(event) or new_cover_id,
                at=at,
                event=event,
            )
            for event in events
        ]
        if await self._writer.commit(records, low_water=self._low_water(), decision=decision):
            for seq, record in enumerate(records, first_seq):
                self.replay(record, seq)

    def _guard(self, step: str, work: Callable[[], Result]) -> Result:
        """Run a part of the pure core: whatever it raises concerns this company alone."""
        try:
            return work()
        except Exception as fault:
            raise BookFault(self.company_id, step) from fault


def _cover_id(event: AnyBookEvent) -> str | None:
    match event:
        case LegTaken() | LegDenied() | LegReleased() | CoverAmended() | Covered() | CoverReleased():
            return event.cover_id
        case _:
            return None


def _deciding_event(events: Sequence[AnyBookEvent]) -> int:
    """Where the command's own first event stands, behind the requests that were found expired on the way."""
    for place, event in enumerate(events):
        if not (isinstance(event, RequestClosed) and event.why == "expired"):
            return place
    raise AssertionError(events)

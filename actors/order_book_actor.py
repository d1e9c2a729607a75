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
from actors.purse_watch import PurseWatch
from actors.shard_writer import CommandDecision, ShardWriter
from marketplace.book.book_decisions import decide
from marketplace.book.book_events import (
    AnyBookEvent,
    CommandRefused,
    OfferPlaced,
    StagingSet,
    Standing,
    StandingsObserved,
)
from marketplace.book.commands import Envelope, Tick
from marketplace.book.cover_decisions import decide_answers, decide_step, would_step
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook

Result = TypeVar("Result")


class OrderBookActor:
    """Owns one company's book on behalf of the host that owns the shard.

    `staging_ms` is the platform's staging of new cash; a change is recorded in the book. `low_water` tells the
    sequence up to which every fill named in the shard, by any of its books, has its decision recorded. Methods raise
    `BookFault` when the book's own code fails, and what the writer and the purses raise; in every case the journal
    alone says what happened.
    """

    def __init__(
        self,
        company_id: str,
        shard: str,
        writer: ShardWriter,
        purses: RedisPurses,
        watch: PurseWatch,
        *,
        low_water: Callable[[], int],
        staging_ms: int,
    ) -> None:
        self.company_id = company_id
        self._book = OrderBook(company_id, shard)
        self._shard = shard
        self._writer = writer
        self._purses = purses
        self._watch = watch
        self._unread: set[str] = set()
        """Lenders with offers whose purse may have changed since it was last looked at."""
        self._seen: dict[str, Standing] = {}
        """What was seen of purses and is not recorded yet."""
        self._low_water = low_water
        self._staging_ms = staging_ms

    def replay(self, record: BookRecord, seq: int) -> None:
        """Take in an entry of the journal that this company's book wrote before."""
        self._guard("apply", lambda: self._book.apply(record, seq))
        match record.event:
            case OfferPlaced(offer=offer):
                self._unread.add(offer.lender_id)
            case StandingsObserved():
                self._seen.clear()

    def lowest_unanswered_seq(self) -> int | None:
        """The oldest event of this book that a purse has yet to answer; None when there is none."""
        return self._book.lowest_unanswered_seq()

    def open_calls(self) -> int:
        """How many fills are asked of purses, or given up, and not yet answered."""
        calls = self._book.purse_calls()
        return len(calls.releases) + len(calls.takes)

    def has_open_requests(self) -> bool:
        """Whether passing time could change this book."""
        return any(True for _ in self._book.open_requests())

    async def handle(self, command: WaitingCommand) -> None:
        """Decide a command from the mailbox and take it out, in one turn."""
        envelope = self._guard("decode", command.decode)
        events = self._guard("decide", lambda: decide(self._book, envelope))
        await self._record(
            events,
            cause_id=envelope.command_id,
            at=envelope.at,
            decision=CommandDecision(
                command=command,
                outcome="refused" if isinstance(events[0], CommandRefused) else "ok",
            ),
        )

    async def tick(self, at: datetime) -> None:
        """Let the book see that time has passed, where the host itself keeps the time.

        Only a tick that makes the book do something is recorded: an idle book leaves no trace of the hours.
        """
        standings = await self._observed()
        if not self._guard("look ahead", lambda: would_step(self._book, standings, at)):
            return
        tick_id = self._turn_id("tick")
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
            await self._record(events, cause_id=self._turn_id("answers"), at=self._book_time())
            return True
        if self._book.is_staged_otherwise(self._staging_ms):
            staging = [StagingSet(tick_ms=self._staging_ms)]
            await self._record(staging, cause_id=self._turn_id("setting"), at=self._book_time())
            return True
        if not self._guard("look for a step", self._book.may_take_a_step):
            return False
        standings = await self._observed()
        events = self._guard("decide on a step", lambda: decide_step(self._book, standings))
        if events:
            await self._record(events, cause_id=self._turn_id("step"), at=self._book_time())
        return bool(events)

    async def _observed(self) -> Sequence[Standing]:
        """What the book does not know yet of its lenders' purses; only those that changed are looked at."""
        self._unread |= await self._watch.changed_lenders()
        lender_ids = sorted(lender_id for lender_id in self._unread if self._book.lenders.has_offers(lender_id))
        for standing in await self._purses.standings(lender_ids):
            self._seen[standing.lender_id] = standing
        # Who has no offer now is read when it places one.
        self._unread.clear()
        return tuple(self._seen.values())

    def _turn_id(self, kind: str) -> str:
        """What a turn is known by that no command caused: all its events bear the same."""
        return f"{kind}:{self.company_id}:{self._writer.position.seq + 1}"

    def _book_time(self) -> datetime:
        assert self._book.now_at is not None, "a book that has decided nothing has nothing to ask"
        return self._book.now_at

    async def _record(
        self,
        events: Sequence[AnyBookEvent],
        *,
        cause_id: str,
        at: datetime,
        decision: CommandDecision | None = None,
    ) -> None:
        first_seq = self._writer.position.seq + 1
        records = [BookRecord(company_id=self.company_id, cause_id=cause_id, at=at, event=event) for event in events]
        if await self._writer.commit(records, low_water=self._low_water(), decision=decision):
            for seq, record in enumerate(records, first_seq):
                self.replay(record, seq)

    def _guard(self, step: str, work: Callable[[], Result]) -> Result:
        """Run a part of the pure core: whatever it raises concerns this company alone."""
        try:
            return work()
        except Exception as fault:
            raise BookFault(self.company_id, step) from fault

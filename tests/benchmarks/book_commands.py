"""Whole commands of an order book, as its host runs them: decided, written as journal records and applied.

Each step is given what the purses show that have changed since the last one, as a host learns it from their journals.
What is left out is what a host adds to it: reading those and asking purses, over the network, and the durable write.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal

import msgspec

from marketplace.allocation.orders import CreditRequest, LenderStanding
from marketplace.book.book_decisions import decide
from marketplace.book.book_events import AnyBookEvent, Covered, OfferPlaced, Standing, StandingsObserved
from marketplace.book.book_lenders import terms_of
from marketplace.book.commands import (
    AnyBookCommand,
    CancelRequest,
    Envelope,
    GrantCompanyBudget,
    OpenRequest,
    PlaceOffer,
    PublishTerms,
    WithdrawOffer,
)
from marketplace.book.cover_decisions import decide_answers, decide_step
from marketplace.book.journal import BookRecord, encode_book_record
from marketplace.book.order_book import OrderBook
from marketplace.book.purse_calls import PurseAnswer
from tests.benchmarks.lending_book import NOW_AT
from tests.benchmarks.lending_stream import TERMS, Offering
from tests.benchmarks.processor_time import CallTimes, time_calls

BOOK_PLACE, BOOK_WITHDRAW = "book: place an offer", "book: withdraw an offer"
BOOK_SEE, BOOK_COVER = "book: a purse seen richer", "book: request to covered"
BOOK_COMMANDS = (BOOK_PLACE, BOOK_WITHDRAW, BOOK_SEE, BOOK_COVER)


class RunningBook:
    """An order book with the numbering of its journal, and what the purses of its lenders show."""

    def __init__(self, offerings: Sequence[Offering]) -> None:
        self.book = OrderBook("company", "bk00")
        self._last_seq = 0
        self._shown: dict[str, Standing] = {}
        self._changed: set[str] = set()
        self._commands = 0
        self.command(PublishTerms(terms=TERMS))
        self.command(GrantCompanyBudget(cents=TERMS.company_money.budget_cents))
        for offering in offerings:
            self._record(OfferPlaced(offer=terms_of(offering.offer), sequence=self.book.next_offer_sequence))
        self.see([standing_seen(offering.standing) for offering in offerings])

    def see(self, seen: Sequence[Standing]) -> list[AnyBookEvent]:
        """Take in what purses show."""
        self._shown.update((standing.lender_id, standing) for standing in seen)
        return self._record(StandingsObserved(standings=tuple(seen)))

    def command(self, command: AnyBookCommand) -> list[AnyBookEvent]:
        """Decide a command and take in what it causes."""
        self._commands += 1
        envelope = Envelope(command_id=str(self._commands), company_id="company", at=NOW_AT, command=command)
        return self._record(*decide(self.book, envelope))

    def step(self) -> list[AnyBookEvent]:
        """Let the book do the next thing of itself; the purses that have changed show what it knows already."""
        observed = [self._shown[lender_id] for lender_id in sorted(self._changed)]
        self._changed.clear()
        return self._record(*decide_step(self.book, observed))

    def answer(self, answers: Sequence[PurseAnswer]) -> list[AnyBookEvent]:
        """Tell the book what purses answered."""
        return self._record(*decide_answers(self.book, answers))

    def _record(self, *events: AnyBookEvent) -> list[AnyBookEvent]:
        for event in events:
            self._last_seq += 1
            record = BookRecord(company_id="company", cause_id="bench", at=NOW_AT, event=event)
            encode_book_record(record)
            self.book.apply(record, self._last_seq)
        return list(events)

    def cover(self, request: CreditRequest) -> None:
        """From the request's arrival to its complete cover: planned, every purse asked, every promise recorded."""
        self.command(OpenRequest(request=request))
        self.step()
        takes = self.book.purse_calls().takes
        covered = self.answer([self._answered(take.fill_id, take.lender_id, "taken", take.cents) for take in takes])
        assert isinstance(covered[-1], Covered), covered[-1]

    def undo_cover(self, request: CreditRequest) -> None:
        """Close a covered request; every purse gets its money back and every lender its place."""
        (cover,) = self.book.covers.values()
        promised = {promise.fill_id: promise.cents for promise in cover.promises()}
        self.command(CancelRequest(request_id=request.request_id))
        releases = self.book.purse_calls().releases
        self.answer(
            [self._answered(one.fill_id, one.lender_id, "released", -promised[one.fill_id]) for one in releases]
        )
        for one in releases:
            # An equal standing, not the same: a host reads it anew each time, too.
            self._changed.add(one.lender_id)
            self._shown[one.lender_id] = msgspec.structs.replace(self.book.lenders.standings[one.lender_id])

    def _answered(
        self, fill_id: str, lender_id: str, outcome: Literal["taken", "released"], used_cents: int
    ) -> PurseAnswer:
        known = self.book.lenders.standings[lender_id]
        return PurseAnswer(
            fill_id=fill_id,
            outcome=outcome,
            cents=max(0, used_cents),
            ver=known.ver + 1,
            free_cents=known.free_cents - used_cents,
        )


def book_command_times(
    offerings: Sequence[Offering],
    newcomers: Sequence[Offering],
    richer: Sequence[LenderStanding],
    requests: Iterable[CreditRequest],
) -> Iterator[tuple[str, CallTimes]]:
    """Time whole commands on a book of `offerings`: the newcomers come and go, lenders grow `richer`, then each of
    `requests` but the first is covered and undone."""
    running = RunningBook(offerings)
    requests = iter(requests)
    # A book puts its offers in the order of its terms when it first walks: a cost of starting, not of the commands.
    first = next(requests)
    running.cover(first)
    running.undo_cover(first)
    # A purse is seen before its lender's first offer, so that the offer does not stand idle.
    running.see([standing_seen(newcomer.standing) for newcomer in newcomers])
    yield (
        BOOK_PLACE,
        time_calls(partial(running.command, PlaceOffer(offer=terms_of(newcomer.offer))) for newcomer in newcomers),
    )
    yield (
        BOOK_WITHDRAW,
        time_calls(partial(running.command, WithdrawOffer(offer_id=newcomer.offer.offer_id)) for newcomer in newcomers),
    )
    before = [running.book.lenders.standings[standing.lender_id] for standing in richer]
    yield BOOK_SEE, time_calls(partial(running.see, (standing_seen(standing),)) for standing in richer)
    running.see(before)
    yield BOOK_COVER, time_calls(_covers(running, requests))


def _covers(running: RunningBook, requests: Iterable[CreditRequest]) -> Iterator[Callable[[], object]]:
    for request in requests:
        yield partial(running.cover, request)
        running.undo_cover(request)


def standing_seen(standing: LenderStanding) -> Standing:
    return Standing(
        lender_id=standing.lender_id,
        ver=1,
        free_cents=standing.free_cents,
        cash_since_at=standing.cash_since_at,
        rooms=dict(standing.rooms),
    )

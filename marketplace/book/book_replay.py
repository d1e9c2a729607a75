"""A book computed again from its recorded journal: the same decisions, byte for byte.

A turn of a book is one command and its events, one step the book took of itself, what purses answered and what
followed, or a setting of the platform; all events of a turn bear one cause. Each recorded turn is decided again on the
book as it then was; what is recorded is applied in any case, so that one difference does not cause others.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from marketplace.allocation.matching import share_cap_cents
from marketplace.book.book_decisions import decide
from marketplace.book.book_events import (
    AnyBookEvent,
    CoverAmended,
    CoverProposed,
    LegDenied,
    LegReleased,
    LegTaken,
    PlannedCover,
    StagingSet,
    Standing,
    StandingsObserved,
)
from marketplace.book.commands import Envelope, Tick
from marketplace.book.cover_decisions import decide_answers, decide_step
from marketplace.book.journal import BookRecord, decode_book_record, encode_book_record
from marketplace.book.order_book import OrderBook
from marketplace.book.purse_calls import PurseAnswer

_STEP = "step:"
_ANSWERS = "answers:"
_SETTING = "setting:"
_TICK = "tick:"
"""How the causes of turns begin that no recorded command caused."""

_IMPOSSIBLE = (
    ArithmeticError,
    AssertionError,
    LookupError,
    msgspec.DecodeError,
    UnicodeDecodeError,
    RecursionError,
)
"""How the pure core meets a journal that it can never have written."""


class ReplayedBook:
    """One company's book on its way through its journal.

    `commands` are the recorded commands by id; a turn whose command is missing among them is applied, not decided
    again. `differences` is what a replay decides otherwise, `limits_passed` what the book should never have planned.
    """

    def __init__(self, company_id: str, shard: str, commands: Mapping[str, Envelope]) -> None:
        self.book = OrderBook(company_id, shard)
        self.differences: list[str] = []
        self.limits_passed: list[str] = []
        self.is_impossible = False
        self.turns_decided = 0
        self.turns_without_command = 0
        self._commands = commands
        self._turn: list[tuple[int, BookRecord, bytes]] = []

    def take(self, seq: int, payload: bytes) -> None:
        """The next entry of the journal. After one that cannot have happened to this book, none is looked at."""
        if self.is_impossible:
            return
        try:
            record = decode_book_record(payload)
            if self._turn and self._turn[0][1].cause_id != record.cause_id:
                self._finish_turn()
            self._turn.append((seq, record, payload))
        except _IMPOSSIBLE as error:
            self._give_up(seq, error)

    def finish(self) -> None:
        """The journal has ended: so has its last turn."""
        if self.is_impossible or not self._turn:
            return
        first_seq = self._turn[0][0]
        try:
            self._finish_turn()
        except _IMPOSSIBLE as error:
            self._give_up(first_seq, error)

    def _give_up(self, seq: int, error: Exception) -> None:
        self.is_impossible = True
        self.differences.append(f"{self.book.shard}:{seq} cannot follow on what is recorded: {error!r}")

    def _finish_turn(self) -> None:
        """Decide the turn again, compare, and apply what is recorded."""
        turn, self._turn = self._turn, []
        decided = self._decided_again([record for _, record, _ in turn])
        if decided is None:
            self.turns_without_command += 1
        else:
            self.turns_decided += 1
            if difference := first_difference(turn, decided):
                self.differences.append(f"{self.book.shard}:{difference}")
        for seq, record, payload in turn:
            if decided is None and encode_book_record(record) != payload:
                self.differences.append(f"{self.book.shard}:{seq} is encoded otherwise today")
            self.book.apply(record, seq)
            if isinstance(record.event, CoverProposed | CoverAmended):
                passed = plan_breaches(self.book, record.event.request_id, record.event.plan)
                self.limits_passed += [f"{self.book.shard}:{seq}: {what}" for what in passed]

    def _decided_again(self, records: Sequence[BookRecord]) -> list[BookRecord] | None:
        """What the pure core records for the turn today; None when its command is not known."""
        first = records[0]
        at = self.book.now_at or first.at
        events: list[AnyBookEvent]
        if first.cause_id.startswith(_STEP):
            events = decide_step(self.book, [standing for record in records for standing in _observed(record.event)])
        elif first.cause_id.startswith(_ANSWERS):
            events = decide_answers(self.book, [answer for record in records if (answer := _answer(record.event))])
        elif first.cause_id.startswith(_SETTING):
            events = [record.event for record in records if self._sets_anew(record.event)]
        else:
            envelope = self._command(first)
            if envelope is None:
                return None
            events, at = decide(self.book, envelope), envelope.at
        return [
            BookRecord(company_id=self.book.company_id, cause_id=first.cause_id, at=at, event=event) for event in events
        ]

    def _sets_anew(self, event: AnyBookEvent) -> bool:
        """Whether a host, told the platform's setting that the event records, had to record it."""
        return isinstance(event, StagingSet) and self.book.is_staged_otherwise(event.tick_ms)

    def _command(self, first: BookRecord) -> Envelope | None:
        if first.cause_id.startswith(_TICK):
            # The host's own clock ticked: its instant stands nowhere but in what it caused.
            return Envelope(command_id=first.cause_id, company_id=first.company_id, at=first.at, command=Tick())
        return self._commands.get(first.cause_id)


def first_difference(turn: Sequence[tuple[int, BookRecord, bytes]], decided: Sequence[BookRecord]) -> str | None:
    """Where a recorded turn and the same turn decided again part, in words; None when they are equal byte for byte."""
    cause_id = turn[0][1].cause_id
    for (seq, record, payload), again in zip(turn, decided, strict=False):
        encoded = encode_book_record(again)
        if encoded != payload:
            kinds = f"{_kind(record)} is recorded, {_kind(again)} decided again"
            return f"{seq} ({cause_id}): {kinds}: {_parting(payload, encoded)}"
    if len(turn) > len(decided):
        seq, record, _ = turn[len(decided)]
        return f"{seq} ({cause_id}): {_kind(record)} is recorded, nothing decided again"
    if len(turn) < len(decided):
        again = decided[len(turn)]
        return f"{turn[-1][0]} ({cause_id}): the turn ends here, {_kind(again)} is decided again"
    return None


def plan_breaches(book: OrderBook, request_id: str, plan: PlannedCover) -> Iterator[str]:
    """Each limit or rate that a plan passes which the book has just taken in, in words.

    A promise that is only kept may be older than the caps of the present offer; everything newly asked for may not.
    """
    request = book.requests[request_id].request
    exposures = book.exposures.get(request.borrower_id, {})
    if plan.rate_bp > request.max_rate_bp:
        yield f"{plan.rate_bp} bp is above what the borrower accepts"
    if plan.amount_cents > request.amount_cents:
        yield f"{plan.amount_cents} cents are more than the {request.amount_cents} asked for"
    if not plan.is_holding:
        yield from _loan_breaches(book, plan)
    for leg in plan.legs:
        offer = book.lenders.offers[leg.offer_id]
        ask_bp = offer.ask_for(request.months)
        if ask_bp is None or plan.rate_bp < ask_bp:
            yield f"offer {leg.offer_id}: rate {plan.rate_bp}, limit {ask_bp}"
        if leg.kept_fill_id is not None:
            continue
        limits = (
            ("one loan", leg.cents, offer.per_request_cents),
            ("one borrower", exposures.get(leg.lender_id, 0), offer.per_borrower_cents),
            ("the company", book.lenders.lent_cents.get(leg.lender_id, 0), offer.per_company_cents),
        )
        for name, cents, most_cents in limits:
            if most_cents is not None and cents > most_cents:
                yield f"offer {leg.offer_id}: {name} {cents}, limit {most_cents}"


def _loan_breaches(book: OrderBook, plan: PlannedCover) -> Iterator[str]:
    """What a whole loan must keep besides: number of lenders, share of each, and a receipt that covers."""
    assert book.terms is not None
    if len(plan.legs) > book.terms.max_lenders:
        yield f"{len(plan.legs)} lenders, limit {book.terms.max_lenders}"
    most_cents = share_cap_cents(book.terms, plan.amount_cents + plan.receipt.shrinkable_cents)
    for leg in plan.legs:
        if most_cents is not None and leg.cents > most_cents:
            yield f"offer {leg.offer_id}: {leg.cents} cents, share cap {most_cents}"
    if plan.receipt.outcome != "covered":
        yield f"a loan with a receipt that says {plan.receipt.outcome}"


_SHOWN = 24
"""How many bytes around a difference are shown."""


def _parting(recorded: bytes, decided: bytes) -> str:
    at = next(
        (place for place, (one, other) in enumerate(zip(recorded, decided, strict=False)) if one != other),
        min(len(recorded), len(decided)),
    )
    around = slice(max(0, at - _SHOWN), at + _SHOWN)
    return f"{_text(recorded[around])!r} is recorded, {_text(decided[around])!r} decided (byte {at})"


def _text(part: bytes) -> str:
    return part.decode("utf-8", errors="replace")


def _observed(event: AnyBookEvent) -> Sequence[Standing]:
    return event.standings if isinstance(event, StandingsObserved) else ()


def _answer(event: AnyBookEvent) -> PurseAnswer | None:
    """The purse's answer that a leg's event records."""
    match event:
        case LegTaken(fill_id=fill_id, cents=cents, ver=ver, free_cents=free_cents):
            return PurseAnswer(fill_id=fill_id, outcome="taken", cents=cents, ver=ver, free_cents=free_cents)
        case LegDenied(fill_id=fill_id, ver=ver, free_cents=free_cents):
            return PurseAnswer(fill_id=fill_id, outcome="denied", cents=0, ver=ver, free_cents=free_cents)
        case LegReleased(fill_id=fill_id, answer=answer, ver=ver, free_cents=free_cents):
            return PurseAnswer(fill_id=fill_id, outcome=answer, cents=0, ver=ver, free_cents=free_cents)
        case _:
            return None


def _kind(record: BookRecord) -> str:
    return str(type(record.event).__struct_config__.tag)

"""The books computed again from their recorded journals: the same decisions, byte for byte, and the same rows.

A turn of a book is one command and its events, one cover proposed, or purses' answers and what followed from them.
Each recorded turn is decided again on the book as it then was; what is recorded is applied in any case, so that one
difference does not cause others.
"""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from marketplace.book_decisions import decide
from marketplace.book_events import (
    AnyBookEvent,
    CoverAmended,
    Covered,
    CoverProposed,
    LegDenied,
    LegReleased,
    LegTaken,
    PlannedCover,
    StandingsObserved,
)
from marketplace.commands import AnyBookCommand, Envelope, Tick
from marketplace.cover_decisions import decide_answers, decide_cover
from marketplace.journal import BookRecord, decode_book_record, encode_book_record
from marketplace.order_book import OrderBook, RequestState
from marketplace.purse_calls import PurseAnswer
from persistence.command_rows import decode_command
from persistence.connection import AnyConnection

Turn = Literal["command", "cover", "answers"]

_IMPOSSIBLE = (AssertionError, LookupError, msgspec.DecodeError)
"""How the pure core meets a journal that it can never have written."""

_encoder = msgspec.json.Encoder(order="deterministic")

_LEGS = (LegTaken, LegDenied, LegReleased)
_READ_AT_A_TIME = 500

_ROW_STATES: dict[RequestState, tuple[str, ...]] = {
    RequestState.OPEN: ("open",),
    RequestState.COVERED: ("covered",),
    RequestState.SIGNED: ("signed", "funding", "disbursed"),
    RequestState.CLOSED: ("cancelled", "expired", "lapsed"),
}


class ReplayedBook:
    """One company's book on its way through its journal. `differences` is what a replay decides otherwise,
    `limits_passed` what the book itself should never have planned."""

    def __init__(self, company_id: str, shard: str, commands: Mapping[str, AnyBookCommand]) -> None:
        self.book = OrderBook(company_id, shard)
        self.differences: list[str] = []
        self.limits_passed: list[str] = []
        self.is_impossible = False
        self._commands = commands
        self._turn: list[tuple[int, BookRecord]] = []

    def take(self, seq: int, payload: bytes) -> None:
        """The next entry of the journal. After one that cannot have happened to this book, none is looked at."""
        if self.is_impossible:
            return
        try:
            self._take(seq, payload)
        except _IMPOSSIBLE as error:
            self.is_impossible = True
            self.differences.append(f"{self.book.shard}:{seq} cannot follow on what is recorded: {error!r}")

    def _take(self, seq: int, payload: bytes) -> None:
        record = decode_book_record(payload)
        if encode_book_record(record) != payload:
            self.differences.append(f"{self.book.shard}:{seq} is encoded otherwise today")
        if self._turn and not self._goes_on(record):
            self._finish_turn()
        self._turn.append((seq, record))
        if isinstance(record.event, CoverProposed):
            self._finish_turn()

    def finish(self) -> None:
        """The journal has ended: so has its last turn."""
        if self.is_impossible:
            return
        try:
            self._finish_turn()
        except _IMPOSSIBLE as error:
            self.differences.append(f"{self.book.shard}: the last turn cannot have been: {error!r}")

    def _finish_turn(self) -> None:
        """Decide the turn again, compare, and apply what is recorded."""
        if not self._turn:
            return
        turn, self._turn = self._turn, []
        recorded = [_encoder.encode(record.event) for _, record in turn]
        decided = self._decided_again([record for _, record in turn])
        if decided is not None and sorted(decided) != sorted(recorded):
            first_seq, first = turn[0]
            self.differences.append(
                f"{self.book.shard}:{first_seq} ({first.cause_id}): recorded {_kinds(turn)}, decided again"
                f" {len(decided)} events that differ"
            )
        for seq, record in turn:
            self.book.apply(record, seq)
            if isinstance(record.event, CoverProposed | CoverAmended):
                self._check_limits(seq, record.event.request_id, record.event.plan)

    def _goes_on(self, record: BookRecord) -> bool:
        """Whether `record` belongs to the turn at hand."""
        _, first = self._turn[0]
        kind = self._kind_of(first)
        if self._kind_of(record) != kind:
            return False
        if kind == "command":
            return record.cause_id == first.cause_id
        if kind == "answers":
            _, last = self._turn[-1]
            return isinstance(last.event, _LEGS) or not isinstance(record.event, _LEGS)
        return True

    def _kind_of(self, record: BookRecord) -> Turn:
        if record.cause_id.startswith("tick:") or _is_uuid(record.cause_id):
            return "command"
        if isinstance(record.event, Covered) and not record.event.fills:
            return "cover"  # by the company's money alone: no purse was asked
        return "cover" if isinstance(record.event, StandingsObserved | CoverProposed) else "answers"

    def _decided_again(self, records: list[BookRecord]) -> list[bytes] | None:
        """The events that the pure core decides today, encoded; None when the command is not recorded."""
        first = records[0]
        events: list[AnyBookEvent]
        match self._kind_of(first):
            case "command":
                command = Tick() if first.cause_id.startswith("tick:") else self._commands.get(first.cause_id)
                if command is None:
                    return None
                envelope = Envelope(
                    command_id=first.cause_id, company_id=first.company_id, at=first.at, command=command
                )
                events = decide(self.book, envelope)
            case "cover":
                observed = [
                    standing
                    for record in records
                    if isinstance(record.event, StandingsObserved)
                    for standing in record.event.standings
                ]
                events = decide_cover(self.book, observed)
            case "answers":
                events = decide_answers(self.book, [answer for record in records if (answer := _answer(record.event))])
        return [_encoder.encode(event) for event in events]

    def _check_limits(self, seq: int, request_id: str, plan: PlannedCover) -> None:
        request = self.book.requests[request_id].request
        exposures = self.book.exposures.get(request.borrower_id, {})
        passed = (
            [] if plan.rate_bp <= request.max_rate_bp else [f"{plan.rate_bp} bp is above what the borrower accepts"]
        )
        for leg in plan.legs:
            offer = self.book.offers[leg.offer_id].terms
            limits = (
                ("rate", plan.rate_bp, None, offer.ask_bp),
                ("one loan", leg.cents, offer.per_request_cents, None),
                ("one borrower", exposures.get(leg.lender_id, 0), offer.per_borrower_cents, None),
                ("the company", self.book.exposure_cents.get(leg.lender_id, 0), offer.per_company_cents, None),
            )
            passed += [
                f"offer {leg.offer_id}: {name} {value}, limit {most if least is None else least}"
                for name, value, most, least in limits
                if (most is not None and value > most) or (least is not None and value < least)
            ]
        self.limits_passed += [f"{self.book.shard}:{seq}: {what}" for what in passed]


async def replay_books(connection: AnyConnection) -> list[ReplayedBook]:
    """Every book, replayed from the first entry to the last that is recorded. Runs in the caller's transaction."""
    rows = await connection.fetch("SELECT id, body FROM command")
    commands = {row["id"]: decode_command(row["body"]) for row in rows}
    books: dict[str, ReplayedBook] = {}
    entries = connection.cursor(
        "SELECT shard, seq, company_id, payload FROM journal_event WHERE company_id IS NOT NULL AND shard LIKE 'bk%'"
        " ORDER BY shard, seq",
        prefetch=_READ_AT_A_TIME,
    )
    async for entry in entries:
        company_id = entry["company_id"]
        if company_id not in books:
            books[company_id] = ReplayedBook(company_id, entry["shard"], commands)
        books[company_id].take(entry["seq"], entry["payload"])
    for book in books.values():
        book.finish()
    return list(books.values())


async def rows_that_differ(connection: AnyConnection, replayed: ReplayedBook) -> list[str]:
    """Requests and offers whose rows are not what the replayed book says."""
    book = replayed.book
    requests = await connection.fetch(
        "SELECT id, state FROM credit_request WHERE company_id = $1 AND approval_sequence IS NOT NULL", book.company_id
    )
    offers = await connection.fetch(
        "SELECT id AS offer_id, lender_id, strategy_id, ask_bp, tier, months, min_ticket_cents, per_request_cents,"
        " per_borrower_cents, per_company_cents, strategy_rank FROM offer WHERE company_id = $1 AND state = 'standing'",
        book.company_id,
    )
    states: dict[str, str] = {row["id"]: row["state"] for row in requests}
    differences = [
        f"request {request_id}: book {booked.state}, row {states.get(request_id)}"
        for request_id, booked in book.requests.items()
        if states.get(request_id) not in _ROW_STATES[booked.state]
    ]
    in_book = {offer_id: msgspec.to_builtins(offer.terms) for offer_id, offer in book.offers.items()}
    in_rows = {row["offer_id"]: dict(row.items()) | {"months": row["months"]} for row in offers}
    differences += [
        f"offer {offer_id}: book {in_book.get(offer_id)}, row {in_rows.get(offer_id)}"
        for offer_id in sorted(in_book.keys() | in_rows.keys())
        if _as_lists(in_book.get(offer_id)) != _as_lists(in_rows.get(offer_id))
    ]
    return differences


def _as_lists(terms: dict[str, object] | None) -> dict[str, object] | None:
    return terms and {name: list(value) if isinstance(value, tuple) else value for name, value in terms.items()}


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


def _kinds(turn: list[tuple[int, BookRecord]]) -> str:
    return ", ".join(str(type(record.event).__struct_config__.tag) for _, record in turn)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True

"""One company's order book: the fold of its journal.

`OrderBook` changes only by `apply`; what may happen next is decided by `book_decisions.decide` (commands) and by
`cover_decisions` (time, the walk, and what purses answer), which read it and change nothing. Replaying a journal gives
the same book, byte for byte (`fingerprint`).

A request has at most one live cover, a cover at most one live fill per lender. Reservations (company caps of lenders,
company money, guarantee head-room) count from the moment a cover is proposed and until it is released or repaid.
"""

import copy
import hashlib
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from marketplace.book.book_events import (
    ArrearsRecorded,
    BookPaused,
    BookResumed,
    BreakersSet,
    CommandAcknowledged,
    CommandRefused,
    CompanyBudgetGranted,
    HoldingBegan,
    LenderBarred,
    LenderUnbarred,
    OfferPlaced,
    OfferWithdrawn,
    PausedBy,
    PlannedCover,
    PrincipalRepaid,
    RequestClosed,
    RequestOpened,
    StagingSet,
    StandingsObserved,
    TermsPublished,
)
from marketplace.book.book_lenders import BookLenders
from marketplace.book.booked_requests import BookedRequest, RequestState
from marketplace.book.circuit_breakers import LONGEST_WINDOW, BreakerLimits, RecentCover
from marketplace.book.cover_fold import apply_to_covers
from marketplace.book.covers import Cover, Fill, FillState
from marketplace.book.journal import BookRecord
from marketplace.book.purse_calls import PurseCalls, ReleaseCall, TakeCall
from marketplace.company_terms import CompanyTerms, GuaranteeTerms
from marketplace.strategies.offer_terms import MOST_REFERENCE_COVERS

DEFAULT_STAGING = timedelta(milliseconds=200)


class OrderBook:
    """The open requests and offers of one company, and the covers between them."""

    def __init__(self, company_id: str, shard: str) -> None:
        self.company_id = company_id
        self.shard = shard
        self.sequence = 0
        self.now_at: datetime | None = None
        self.terms: CompanyTerms | None = None
        self.pauses: set[PausedBy] = set()
        self.breakers: BreakerLimits | None = None
        self.is_next_cover_waived = False
        """Operations looked at what tripped a breaker and let the book go on: the next cover is not judged by it."""
        self.staging_tick = DEFAULT_STAGING
        self.arrears_bp = 0
        self.budget_cents = 0
        """Company money granted and not yet used or reserved by a cover."""
        self.outstanding_cents = 0
        """Lender principal of this book: reserved, lent and not yet repaid."""
        self.repaid_of_running_cents = 0
        """Lender principal that came back of loans which are not repaid whole yet."""
        self.lenders = BookLenders()
        self.requests: dict[str, BookedRequest] = {}
        self.covers: dict[str, Cover] = {}
        self.exposures: dict[str, dict[str, int]] = {}
        """Per borrower, the cents of each lender: reserved, lent and not yet repaid."""
        self.covers_completed = 0
        self.recent_covers: deque[RecentCover] = deque()
        """Loans covered within the breakers' window, oldest first."""
        self.latest_rates_bp: dict[int, tuple[int, ...]] = {}
        """Per term, the clearing rates of its latest covers (at most 10), oldest first."""
        self._queue: list[tuple[int, int, str]] = []
        self._offers_seen = 0
        self._requests_seen = 0

    @property
    def next_offer_sequence(self) -> int:
        """The order of arrival the next new offer gets, from 1."""
        return self._offers_seen + 1

    @property
    def next_approval_sequence(self) -> int:
        """The place in the queue the next request gets, from 1."""
        return self._requests_seen + 1

    @property
    def guaranteed_cents(self) -> int:
        """Lender principal under the company's guarantee as its terms stand."""
        return self.guaranteed_cents_under(None if self.terms is None else self.terms.guarantee)

    def guaranteed_cents_under(self, guarantee: GuaranteeTerms | None) -> int:
        """Lender principal on the base that a guarantee chooses: what is outstanding, or what was disbursed of loans
        still running. What a cover reserves counts from its proposal on."""
        is_disbursed = guarantee is not None and guarantee.base == "disbursed"
        return self.outstanding_cents + (self.repaid_of_running_cents if is_disbursed else 0)

    def open_requests(self) -> Iterator[BookedRequest]:
        """Requests without a complete cover, in book order: purpose class, then approval sequence."""
        return (self.requests[request_id] for _, _, request_id in self._queue)

    def waiting_requests(self) -> list[BookedRequest]:
        """Requests that may be tried now, in book order: nothing is being gathered for them, at most something held."""
        return [booked for booked in self.open_requests() if self.is_at_rest(booked) and not self._is_delayed(booked)]

    def is_at_rest(self, booked: BookedRequest) -> bool:
        """Whether an open request has no cover, or one that only holds and awaits no purse."""
        if booked.cover_id is None:
            return True
        cover = self.covers[booked.cover_id]
        return cover.plan.is_holding and not cover.is_awaiting()

    def _is_delayed(self, booked: BookedRequest) -> bool:
        return booked.not_before_at is not None and self.now_at is not None and self.now_at < booked.not_before_at

    def is_staged_otherwise(self, tick_ms: int) -> bool:
        """Whether a book with terms stages new cash by another tick than the platform's."""
        return self.terms is not None and self.staging_tick != timedelta(milliseconds=tick_ms)

    def may_take_a_step(self) -> bool:
        """Whether the book, at its present instant and without a command, may find something to do."""
        return any(self.gathered_covers()) or any(self.is_at_rest(booked) for booked in self.open_requests())

    def gathered_covers(self) -> Iterator[Cover]:
        """Covers that every purse has promised its leg to, and that are not recorded as complete yet."""
        return (cover for cover in self.covers.values() if cover.is_gathered())

    def purse_calls(self) -> PurseCalls:
        """What the book has asked of purses, by its own events, and not yet recorded an answer to."""
        releases: list[ReleaseCall] = []
        takes: list[TakeCall] = []
        for cover in self.covers.values():
            for fill in cover.fills.values():
                if fill.state is FillState.RELEASING:
                    releases.append(
                        ReleaseCall(cover_id=cover.cover_id, fill_id=fill.fill_id, lender_id=fill.leg.lender_id)
                    )
                elif fill.state is FillState.ASKED:
                    takes.append(self._take_call(cover, fill))
        return PurseCalls(releases=tuple(releases), takes=tuple(takes))

    def _take_call(self, cover: Cover, fill: Fill) -> TakeCall:
        return TakeCall(
            cover_id=cover.cover_id,
            fill_id=fill.fill_id,
            lender_id=fill.leg.lender_id,
            strategy_id=fill.leg.strategy_id,
            limit_keys=fill.limit_keys,
            cents=fill.leg.cents,
            min_cents=fill.leg.min_cents,
            replaces=fill.leg.replaces,
        )

    def lowest_unanswered_seq(self) -> int | None:
        """Sequence of the oldest event whose fills are not all decided; None when every fill has its decision."""
        seqs = [
            fill.seq
            for cover in self.covers.values()
            for fill in cover.fills.values()
            if fill.state in (FillState.ASKED, FillState.RELEASING)
        ]
        return min(seqs, default=None)

    def apply(self, record: BookRecord, seq: int) -> None:
        """Take a recorded fact in. `seq` is its number in the shard's journal, above every one applied before."""
        assert record.company_id == self.company_id, (record.company_id, self.company_id)
        assert seq > self.sequence, (seq, self.sequence)
        self.sequence = seq
        if self.now_at is None or record.at > self.now_at:
            self.now_at = record.at
        match record.event:
            case TermsPublished(terms=terms):
                self.terms = terms
            case CompanyBudgetGranted(cents=cents):
                self.budget_cents += cents
            case BookPaused(by=by):
                self.pauses.add(by)
            case BookResumed(by=by):
                self._resume(by)
            case BreakersSet(limits=limits):
                self.breakers = limits
            case StagingSet(tick_ms=tick_ms):
                self.staging_tick = timedelta(milliseconds=tick_ms)
            case ArrearsRecorded(arrears_bp=arrears_bp):
                self.arrears_bp = arrears_bp
            case LenderBarred(lender_id=lender_id, bar=bar):
                self.lenders.bar(lender_id, bar)
            case LenderUnbarred(lender_id=lender_id, bar=bar):
                self.lenders.unbar(lender_id, bar)
            case OfferPlaced(offer=offer, sequence=sequence):
                self.lenders.place(offer, sequence=sequence, at=record.at, rates_bp=self.latest_rates_bp)
                self._offers_seen = max(self._offers_seen, sequence)
            case OfferWithdrawn(offer_id=offer_id):
                self.lenders.withdraw(offer_id)
            case PrincipalRepaid() as event:
                self._repay(event)
            case StandingsObserved(standings=standings):
                for standing in standings:
                    self.lenders.observe(standing)
            case CommandRefused() | CommandAcknowledged():
                pass
            case RequestOpened(request=request, expires_at=expires_at):
                self._open(BookedRequest(request=request, opened_at=record.at, expires_at=expires_at))
            case HoldingBegan(request_id=request_id):
                self.requests[request_id].is_holding = True
            case RequestClosed(request_id=request_id):
                self.move(self.requests[request_id], RequestState.CLOSED)
            case _ as event:
                apply_to_covers(self, event, record.at, seq)

    def move(self, booked: BookedRequest, state: RequestState) -> None:
        """Put a request into another state: only an open one stands in the queue."""
        place = booked.request.book_order()
        index = bisect_left(self._queue, place)
        is_queued = index < len(self._queue) and self._queue[index] == place
        if is_queued and state is not RequestState.OPEN:
            del self._queue[index]
        elif not is_queued and state is RequestState.OPEN:
            self._queue.insert(index, place)
        booked.state = state

    def reserve(self, request_id: str, plan: PlannedCover, *, sign: int) -> None:
        """Count what `plan` uses of company money, caps and head-room (`sign` 1), or take it back (-1)."""
        self.budget_cents -= sign * plan.company_cents
        for leg in plan.legs:
            self.expose(request_id, leg.lender_id, sign * leg.cents)

    def expose(self, request_id: str, lender_id: str, cents: int) -> None:
        """Count `cents` more (negative: less) of a lender's principal on the borrower of a request."""
        to_borrower = self.exposures.setdefault(self.requests[request_id].request.borrower_id, {})
        to_borrower[lender_id] = to_borrower.get(lender_id, 0) + cents
        if to_borrower[lender_id] == 0:
            del to_borrower[lender_id]
        self.lenders.lend(lender_id, cents)
        self.outstanding_cents += cents

    def note_cover(self, cover: RecentCover) -> None:
        """Remember a complete cover for the breakers and for asks that follow the latest rates."""
        self.covers_completed += 1
        since_at = cover.covered_at - LONGEST_WINDOW
        while self.recent_covers and self.recent_covers[0].covered_at <= since_at:
            self.recent_covers.popleft()
        self.recent_covers.append(cover)
        rates_bp = (*self.latest_rates_bp.get(cover.months, ()), cover.rate_bp)
        self.latest_rates_bp[cover.months] = rates_bp[-MOST_REFERENCE_COVERS:]
        self.lenders.refloat(self.latest_rates_bp)

    def copy(self) -> "OrderBook":
        """The same book, to be read on its own while this one goes on."""
        copied = copy.copy(self)
        copied.pauses = self.pauses.copy()
        copied.lenders = self.lenders.copy()
        copied.requests = {request_id: copy.copy(booked) for request_id, booked in self.requests.items()}
        copied.covers = {cover_id: cover.copy() for cover_id, cover in self.covers.items()}
        copied.exposures = {borrower_id: lent.copy() for borrower_id, lent in self.exposures.items()}
        copied.recent_covers = self.recent_covers.copy()
        copied.latest_rates_bp = self.latest_rates_bp.copy()
        copied._queue = self._queue.copy()
        return copied

    def fingerprint(self) -> str:
        """Hex SHA-256 of the whole state, equal for equal books: what a replay is compared by."""
        state = vars(self) | {
            "lenders": self.lenders.state(),
            "pauses": sorted(self.pauses),
            "recent_covers": list(self.recent_covers),
            "latest_rates_bp": sorted(self.latest_rates_bp.items()),
        }
        return hashlib.sha256(msgspec.json.encode(state, order="deterministic")).hexdigest()

    def _open(self, booked: BookedRequest) -> None:
        self.requests[booked.request.request_id] = booked
        self.move(booked, RequestState.OPEN)
        self._requests_seen = max(self._requests_seen, booked.request.approval_sequence)

    def _repay(self, event: PrincipalRepaid) -> None:
        self.expose(event.request_id, event.lender_id, -event.cents)
        booked = self.requests[event.request_id]
        booked.repaid_cents += event.cents
        self.repaid_of_running_cents += event.cents
        if booked.repaid_cents == booked.lent_cents:
            self.repaid_of_running_cents -= booked.repaid_cents

    def _resume(self, by: PausedBy) -> None:
        self.pauses.discard(by)
        if by == "breaker":
            # What tripped it has been looked at: it is not counted again, and would only trip it anew.
            self.recent_covers.clear()
            self.is_next_cover_waived = True

"""One company's order book: the fold of its journal.

`OrderBook` changes only by `apply`; what may happen next is decided by `book_decisions.decide` (commands) and by
`cover_decisions` (the walk, and what purses answer), which read it and change nothing. Replaying a journal gives the
same book, byte for byte (`fingerprint`).

A request has at most one live cover, a cover at most one live fill per lender. Reservations (company caps of lenders,
company money, guarantee head-room) count from the moment a cover is proposed and until it is released or repaid.
"""

import enum
import hashlib
from collections.abc import Iterator
from datetime import datetime

import msgspec

from marketplace.book_events import (
    CommandAcknowledged,
    CommandRefused,
    CompanyBudgetGranted,
    CoverAmended,
    Covered,
    CoverLeg,
    CoverProposed,
    CoverReleased,
    LegDenied,
    LegReleased,
    LegTaken,
    OfferPlaced,
    OfferWithdrawn,
    PlannedCover,
    PrincipalRepaid,
    RequestClosed,
    RequestOpened,
    RequestSigned,
    Standing,
    StandingsObserved,
    TermsPublished,
)
from marketplace.company_terms import CompanyTerms
from marketplace.journal import BookRecord
from marketplace.offer_terms import OfferTerms
from marketplace.orders import CreditRequest
from marketplace.purse_calls import PurseCalls, ReleaseCall, TakeCall


class RequestState(enum.StrEnum):
    """Where a request stands in its book. `open` waits for a cover, and stays so while one is being gathered."""

    OPEN = "open"
    COVERED = "covered"
    SIGNED = "signed"
    CLOSED = "closed"


class FillState(enum.StrEnum):
    """Where one fill stands: what its purse has answered, or what it is still to be asked."""

    ASKED = "asked"
    TAKEN = "taken"
    SUPERSEDED = "superseded"
    RELEASING = "releasing"
    ENDED = "ended"


class BookedRequest(msgspec.Struct, kw_only=True):
    """A request in the book. `failures` counts covers the purses could not promise; `not_before_at` delays the next."""

    request: CreditRequest
    expires_at: datetime
    state: RequestState = RequestState.OPEN
    cover_id: str | None = None
    failures: int = 0
    not_before_at: datetime | None = None


class BookedOffer(msgspec.Struct, kw_only=True):
    """An offer standing in the book; `sequence` is its order of first arrival."""

    terms: OfferTerms
    sequence: int


class Fill(msgspec.Struct, kw_only=True):
    """One lender's part of a cover, known to its purse as `fill_id`. `taken_cents` is 0 until a purse promised."""

    fill_id: str
    seq: int
    leg: CoverLeg
    state: FillState
    taken_cents: int = 0


class Cover(msgspec.Struct, kw_only=True):
    """A cover being gathered, complete or being given up; `fills` in order of creation. Once signed it is the
    payments', and the book forgets it."""

    cover_id: str
    request_id: str
    plan: PlannedCover
    fills: dict[str, Fill]
    amendments: int = 0
    is_complete: bool = False
    is_released: bool = False
    former_places: dict[str, int] = {}

    def live_fills(self) -> Iterator[Fill]:
        """Fills that hold or may come to hold money for this cover's plan."""
        return (fill for fill in self.fills.values() if fill.state in (FillState.ASKED, FillState.TAKEN))

    def reserved_cents(self) -> dict[str, int]:
        """Cents reserved per lender by the present plan."""
        return {leg.lender_id: leg.cents for leg in self.plan.legs}


class OrderBook:
    """The open requests and offers of one company, and the covers between them."""

    def __init__(self, company_id: str, shard: str) -> None:
        self.company_id = company_id
        self.shard = shard
        self.sequence = 0
        self.now_at: datetime | None = None
        self.terms: CompanyTerms | None = None
        self.budget_cents = 0
        """Company money granted and not yet used or reserved by a cover."""
        self.guaranteed_cents = 0
        """Lender principal under the company's guarantee: reserved, lent and not yet repaid."""
        self.offers: dict[str, BookedOffer] = {}
        self.requests: dict[str, BookedRequest] = {}
        self.covers: dict[str, Cover] = {}
        self.standings: dict[str, Standing] = {}
        self.last_rationed: dict[str, int] = {}
        self.exposures: dict[str, dict[str, int]] = {}
        """Per borrower, the cents of each lender: reserved, lent and not yet repaid."""
        self.exposure_cents: dict[str, int] = {}
        """The same per lender, over all borrowers of this book."""
        self.covers_completed = 0
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

    def waiting_requests(self) -> list[BookedRequest]:
        """Requests that may be tried now, in book order: purpose class, then approval sequence."""
        now_at = self.now_at
        assert now_at is not None or not self.requests
        waiting = [
            booked
            for booked in self.requests.values()
            if booked.state is RequestState.OPEN
            and booked.cover_id is None
            and (booked.not_before_at is None or now_at is None or booked.not_before_at <= now_at)
        ]
        return sorted(waiting, key=lambda booked: (booked.request.purpose_class, booked.request.approval_sequence))

    def waits_for_cover(self) -> bool:
        """Whether a walk at the book's present instant may do something: a request waits, or a cover needs no purse."""
        return any(True for _ in self.covers_of_company_money()) or bool(self.waiting_requests())

    def covers_of_company_money(self) -> Iterator[Cover]:
        """Covers that the company's own money funds whole: there is no purse whose answer would complete them."""
        return (
            cover
            for cover in self.covers.values()
            if not cover.plan.legs and not cover.fills and not cover.is_complete and not cover.is_released
        )

    def lenders_with_offers(self) -> tuple[str, ...]:
        """Lenders whose standings a walk needs, in a fixed order."""
        return tuple(sorted({offer.terms.lender_id for offer in self.offers.values()}))

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
                    takes.append(
                        TakeCall(
                            cover_id=cover.cover_id,
                            fill_id=fill.fill_id,
                            lender_id=fill.leg.lender_id,
                            strategy_id=fill.leg.strategy_id,
                            cents=fill.leg.cents,
                            min_cents=fill.leg.min_cents,
                            replaces=fill.leg.replaces,
                        )
                    )
        return PurseCalls(releases=tuple(releases), takes=tuple(takes))

    def lowest_unanswered_seq(self) -> int | None:
        """Sequence of the oldest event whose fills are not all decided; None when every fill has its decision."""
        seqs = [
            fill.seq
            for cover in self.covers.values()
            for fill in cover.fills.values()
            if fill.state in (FillState.ASKED, FillState.RELEASING)
        ]
        return min(seqs, default=None)

    def fill(self, fill_id: str) -> tuple[Cover, Fill] | None:
        """The fill and its cover, while the book still has them."""
        for cover in self.covers.values():
            if fill_id in cover.fills:
                return cover, cover.fills[fill_id]
        return None

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
            case OfferPlaced(offer=offer, sequence=sequence):
                self.offers[offer.offer_id] = BookedOffer(terms=offer, sequence=sequence)
                self._offers_seen = max(self._offers_seen, sequence)
            case OfferWithdrawn(offer_id=offer_id):
                del self.offers[offer_id]
            case RequestOpened(request=request, expires_at=expires_at):
                self.requests[request.request_id] = BookedRequest(request=request, expires_at=expires_at)
                self._requests_seen = max(self._requests_seen, request.approval_sequence)
            case RequestClosed(request_id=request_id):
                self.requests[request_id].state = RequestState.CLOSED
            case StandingsObserved(standings=standings):
                self.standings.update((standing.lender_id, standing) for standing in standings)
            case CoverProposed() as event:
                self._propose(event, seq)
            case CoverAmended() as event:
                self._amend(event, seq)
            case LegTaken() as event:
                self._take(event)
            case LegDenied() as event:
                self._deny(event)
            case Covered() as event:
                self._complete(event)
            case CoverReleased() as event:
                self._release(event)
            case LegReleased() as event:
                self._end(event)
            case RequestSigned() as event:
                self._sign(event)
            case PrincipalRepaid() as event:
                self._expose(event.request_id, event.lender_id, -event.cents)
            case CommandRefused() | CommandAcknowledged():
                pass

    def fingerprint(self) -> str:
        """Hex SHA-256 of the whole state, equal for equal books: what a replay is compared by."""
        return hashlib.sha256(msgspec.json.encode(vars(self), order="deterministic")).hexdigest()

    def _propose(self, event: CoverProposed, seq: int) -> None:
        cover_id = f"{self.shard}:{seq}"
        cover = Cover(cover_id=cover_id, request_id=event.request_id, plan=event.plan, fills={})
        self.covers[cover_id] = cover
        self.requests[event.request_id].cover_id = cover_id
        self._reserve(event.request_id, event.plan, sign=1)
        self._add_fills(cover, event.plan, seq)

    def _amend(self, event: CoverAmended, seq: int) -> None:
        cover = self.covers[event.cover_id]
        self._reserve(event.request_id, cover.plan, sign=-1)
        self._reserve(event.request_id, event.plan, sign=1)
        cover.plan = event.plan
        cover.amendments = event.round
        kept = {leg.kept_fill_id for leg in event.plan.legs} | {leg.replaces for leg in event.plan.legs}
        for fill in cover.live_fills():
            if fill.fill_id not in kept:
                fill.state = FillState.RELEASING
        self._add_fills(cover, event.plan, seq)

    def _add_fills(self, cover: Cover, plan: PlannedCover, seq: int) -> None:
        for place, leg in enumerate(plan.legs):
            if leg.kept_fill_id is not None:
                continue
            if leg.replaces is not None:
                cover.fills[leg.replaces].state = FillState.SUPERSEDED
            fill_id = f"{self.shard}.{seq}.{place}"
            cover.fills[fill_id] = Fill(fill_id=fill_id, seq=seq, leg=leg, state=FillState.ASKED)

    def _reserve(self, request_id: str, plan: PlannedCover, *, sign: int) -> None:
        self.budget_cents -= sign * plan.company_cents
        for leg in plan.legs:
            self._expose(request_id, leg.lender_id, sign * leg.cents)

    def _expose(self, request_id: str, lender_id: str, cents: int) -> None:
        to_borrower = self.exposures.setdefault(self.requests[request_id].request.borrower_id, {})
        for exposure in (to_borrower, self.exposure_cents):
            exposure[lender_id] = exposure.get(lender_id, 0) + cents
            if exposure[lender_id] == 0:
                del exposure[lender_id]
        self.guaranteed_cents += cents

    def _take(self, event: LegTaken) -> None:
        cover = self.covers[event.cover_id]
        fill = cover.fills[event.fill_id]
        fill.state = FillState.TAKEN
        fill.taken_cents = event.cents
        before = 0
        if fill.leg.replaces is not None:
            replaced = cover.fills[fill.leg.replaces]
            before = replaced.taken_cents
            replaced.state, replaced.taken_cents = FillState.ENDED, 0
        self._note_standing(fill.leg, event.ver, event.free_cents, used_cents=event.cents - before)

    def _deny(self, event: LegDenied) -> None:
        cover = self.covers[event.cover_id]
        fill = cover.fills[event.fill_id]
        fill.state = FillState.ENDED
        if fill.leg.replaces is not None:
            cover.fills[fill.leg.replaces].state = FillState.TAKEN
        self._note_standing(fill.leg, event.ver, event.free_cents, used_cents=0)

    def _complete(self, event: Covered) -> None:
        cover = self.covers[event.cover_id]
        cover.is_complete = True
        self.requests[event.request_id].state = RequestState.COVERED
        self.covers_completed += 1
        cover.former_places = {
            lender_id: self.last_rationed.get(lender_id, 0) for lender_id in cover.plan.rotated_lender_ids
        }
        self.last_rationed.update(dict.fromkeys(cover.plan.rotated_lender_ids, self.covers_completed))

    def _release(self, event: CoverReleased) -> None:
        cover = self.covers[event.cover_id]
        cover.is_released = True
        self._reserve(event.request_id, cover.plan, sign=-1)
        for lender_id, place in cover.former_places.items():
            if self.last_rationed[lender_id] > place:
                self.last_rationed[lender_id] = place
        booked = self.requests[event.request_id]
        booked.cover_id = None
        booked.state = RequestState.OPEN
        if event.why == "failed":
            booked.failures += 1
            booked.not_before_at = event.not_before_at
        for fill in cover.fills.values():
            if fill.state is not FillState.ENDED:
                fill.state = FillState.RELEASING
        self._forget_if_ended(cover)

    def _end(self, event: LegReleased) -> None:
        cover = self.covers[event.cover_id]
        fill = cover.fills[event.fill_id]
        freed = fill.taken_cents if event.answer == "released" else 0
        fill.state, fill.taken_cents = FillState.ENDED, 0
        self._note_standing(fill.leg, event.ver, event.free_cents, used_cents=-freed)
        self._forget_if_ended(cover)

    def _sign(self, event: RequestSigned) -> None:
        self.requests[event.request_id].state = RequestState.SIGNED
        del self.covers[event.cover_id]

    def _forget_if_ended(self, cover: Cover) -> None:
        if cover.is_released and all(fill.state is FillState.ENDED for fill in cover.fills.values()):
            del self.covers[cover.cover_id]

    def _note_standing(self, leg: CoverLeg, ver: int, free_cents: int, *, used_cents: int) -> None:
        standing = self.standings.get(leg.lender_id)
        if standing is not None:
            self.standings[leg.lender_id] = standing_after(
                standing, leg, ver=ver, free_cents=free_cents, used_cents=used_cents
            )


def standing_after(standing: Standing, leg: CoverLeg, *, ver: int, free_cents: int, used_cents: int) -> Standing:
    """What a book knows of a lender once its purse has answered about `leg`, which uses `used_cents` more of its
    strategy's budget (negative: less). An answer older than what is known changes nothing."""
    if ver < standing.ver:
        return standing
    rooms = standing.strategy_rooms
    if leg.strategy_id in rooms:
        rooms = {**rooms, leg.strategy_id: max(0, rooms[leg.strategy_id] - used_cents)}
    return msgspec.structs.replace(standing, ver=ver, free_cents=free_cents, strategy_rooms=rooms)

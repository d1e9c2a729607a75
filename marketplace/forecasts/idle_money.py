"""Why a lender's money is idle: its free money split by what holds each part back, to the cent.

For one strategy the free money is led through one gate after the other: the lender's own limits, then what keeps its
offers out of a book, then the requests there are and what they would take. What a gate lets through is the most that
could still be lent behind it; the difference is what that gate holds back. So the parts always sum to what is free.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec

from marketplace.allocation.eligibility import Obstacle
from marketplace.allocation.guarantee import head_room_cents
from marketplace.allocation.lender_rooms import company_room_cents, least_ticket_cents, seen_cash_cents
from marketplace.allocation.matching import share_cap_cents
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.book.book_events import Standing
from marketplace.book.booked_requests import BookedRequest, RequestState
from marketplace.company_terms import CompanyTerms
from marketplace.forecasts.crowds import BookEntrance
from marketplace.forecasts.market_history import LiveBook, PastOutcome
from marketplace.strategies.strategy_limits import budget_key, pace_key, term_key

LATELY = timedelta(hours=24)
"""Requests covered within this time are looked at beside those that wait."""

IdleReason = Literal[
    "reserve", "budget", "pace", "no-offer", "staged-cash",
    "offer-paused", "lender-paused", "identity", "conflict", "company-paused",
    "guarantee-filter", "arrears-filter", "per-company", "term-limit", "below-ticket",
    "no-request", "own-request", "term", "rate", "purpose-filter", "company-guarantee", "per-borrower", "per-request",
    "share", "not-reached", "shared", "request-incomplete",
]  # fmt: skip
"""What holds money back, in the order of the gates.

`term`: not among the terms the offer accepts; `rate`: the ask is above what the borrower or the company allows;
`company-guarantee`: the company's guarantee has no room for the loan; `share`: the company's terms let one lender have
no more of a loan; `not-reached`: cheaper or more preferred money covered the request; `shared`: the bucket was shared
out, and the rest of it went to others; `request-incomplete`: the request still waits for money of others, and nothing
is taken before the whole is there.
"""

REASONS: tuple[IdleReason, ...] = get_args(IdleReason)

_OF_OBSTACLE: dict[Obstacle, IdleReason] = {
    "offer-paused": "offer-paused",
    "lender-paused": "lender-paused",
    "identity": "identity",
    "conflict": "conflict",
    "term": "term",
    "guarantee-rate": "guarantee-filter",
    "guarantee-mode": "guarantee-filter",
    "guarantee-gauge": "guarantee-filter",
    "arrears": "arrears-filter",
}
_OUT_OF_BOOK: tuple[IdleReason, ...] = (
    "offer-paused", "lender-paused", "identity", "conflict", "company-paused", "guarantee-filter", "arrears-filter",
)  # fmt: skip


class IdlePart(msgspec.Struct, frozen=True, kw_only=True):
    """`cents` held back by `reason`. `excluded_count` requests, waiting or covered in the last 24 hours, got nothing of
    this strategy, or not all they would have taken, for that reason."""

    reason: IdleReason
    cents: int
    excluded_count: int


class IdleMoney(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's view of its lender's free money: `parts` in order of the gates, summing to `free_cents`.

    A lender's strategies share that money, so each of them accounts for the whole of it. `request_count` requests were
    looked at.
    """

    strategy_id: str
    free_cents: int
    request_count: int
    parts: tuple[IdlePart, ...]


class _Claim(msgspec.Struct, kw_only=True):
    """What one request could still take of the strategy's money; `stopped_by` once that is nothing, or no more.
    `exposure_cents` is what its borrower owes, or will owe, the lender already."""

    request: CreditRequest
    place: int
    cents: int
    outcome: PastOutcome | None
    got_cents: int
    exposure_cents: int
    stopped_by: IdleReason | None = None


class _OfferInBook(msgspec.Struct, frozen=True, kw_only=True):
    """The strategy's offer in one book."""

    terms: CompanyTerms
    offer: LenderOffer
    standing: LenderStanding
    obstacle: Obstacle | None
    staging_tick: timedelta
    is_paused: bool
    guaranteed_cents: int

    def price_bp(self, months: int) -> int | None:
        """What the offer stands at for a term, None when either side does not take it."""
        ask_bp, band = self.offer.ask_for(months), self.terms.band(months)
        return None if ask_bp is None or band is None else max(ask_bp, band.floor_bp)


class IdleBasis(msgspec.Struct, frozen=True, kw_only=True):
    """All that the split is made of, copied: the books may go on while it is worked out."""

    strategy_id: str
    standing: Standing
    now_at: datetime
    offers: tuple[_OfferInBook, ...]
    claims: tuple[_Claim, ...]


def idle_basis(books: Sequence[LiveBook], strategy_id: str, *, standing: Standing, now_at: datetime) -> IdleBasis:
    """What the split for one strategy is made of. `standing` is what its lender's purse says it can spend now; `books`
    are those in which the strategy has an offer."""
    since_at = max(standing.cash_since_at, now_at - LATELY)
    offers: list[_OfferInBook] = []
    claims: list[_Claim] = []
    for live in books:
        in_book = _offer_in(live, strategy_id, standing, now_at)
        if in_book is not None:
            claims += _claims(live, standing.lender_id, len(offers), since_at)
            offers.append(in_book)
    return IdleBasis(
        strategy_id=strategy_id, standing=standing, now_at=now_at, offers=tuple(offers), claims=tuple(claims)
    )


def idle_money(basis: IdleBasis, *, wallet_free_cents: int) -> IdleMoney:
    """Split the free money of a strategy's lender. `wallet_free_cents` is what is free in its wallet altogether: what
    that is more than its purse says is its reserve."""
    free_cents = max(basis.standing.free_cents, wallet_free_cents)
    return IdleMoney(
        strategy_id=basis.strategy_id,
        free_cents=free_cents,
        request_count=len(basis.claims),
        parts=_Gates(basis).split(free_cents),
    )


class _Gates:
    """The gates in order, over the claims of the requests that could have taken the money."""

    def __init__(self, basis: IdleBasis) -> None:
        self._strategy_id = basis.strategy_id
        self._standing = basis.standing
        self._now_at = basis.now_at
        self._offers = basis.offers
        self.claims = [msgspec.structs.replace(claim) for claim in basis.claims]

    def split(self, free_cents: int) -> tuple[IdlePart, ...]:
        held: dict[IdleReason, int] = {}
        left_cents = free_cents
        for reason in REASONS:
            passed_cents = min(left_cents, self._passing_cents(reason, left_cents))
            held[reason] = left_cents - passed_cents
            left_cents = passed_cents
        assert left_cents == 0, left_cents
        counts = {reason: sum(claim.stopped_by == reason for claim in self.claims) for reason in REASONS}
        return tuple(
            IdlePart(reason=reason, cents=held[reason], excluded_count=counts[reason])
            for reason in REASONS
            if held[reason] or counts[reason]
        )

    def _passing_cents(self, reason: IdleReason, left_cents: int) -> int:
        """The most that can be lent behind the gate."""
        rooms = self._standing.rooms
        match reason:
            case "reserve":
                return self._standing.free_cents
            case "budget":
                return max(0, rooms.get(budget_key(self._strategy_id), left_cents))
            case "pace":
                return max(0, rooms.get(pace_key(self._strategy_id, self._now_at), left_cents))
            case "no-offer":
                return left_cents if self._offers else 0
            case "staged-cash":
                return max((self._seen_cents(in_book) for in_book in self._offers), default=0)
            case "per-company":
                return self._in_books(left_cents, lambda in_book: _company_room(in_book, left_cents))
            case "term-limit":
                return self._in_books(left_cents, lambda in_book: self._term_room(in_book, left_cents))
            case "below-ticket":
                tickets = [least_ticket_cents(in_book.offer, in_book.terms.ticket_cents) for in_book in self._able()]
                return left_cents if left_cents >= min(tickets, default=0) else 0
            case "no-request":
                return self._claimed_cents()
            case _ if reason in _OUT_OF_BOOK:
                return self._keep_out(reason, left_cents)
            case _:
                return self._cut(reason)

    def _seen_cents(self, in_book: _OfferInBook) -> int:
        tick = in_book.staging_tick
        return seen_cash_cents(in_book.standing, in_book.offer.tier, now_at=self._now_at, staging_tick=tick)

    def _able(self) -> list[_OfferInBook]:
        return [in_book for in_book in self._offers if _reason_out(in_book) is None]

    def _keep_out(self, reason: IdleReason, left_cents: int) -> int:
        """Close the books that the strategy's offer is out of by `reason`: nothing passes when no other is left."""
        for claim in self.claims:
            if claim.stopped_by is None and _reason_out(self._offers[claim.place]) == reason:
                claim.cents, claim.stopped_by = 0, reason
        index = REASONS.index(reason)
        later = [out for in_book in self._offers if (out := _reason_out(in_book)) is None or REASONS.index(out) > index]
        return left_cents if later else 0

    def _in_books(self, left_cents: int, room: Callable[[_OfferInBook], int]) -> int:
        able = self._able()
        return min(left_cents, sum(room(in_book) for in_book in able))

    def _term_room(self, in_book: _OfferInBook, left_cents: int) -> int:
        rooms = self._standing.rooms
        months = [months for months in in_book.offer.months if in_book.terms.band(months) is not None]
        by_term = sum(max(0, rooms.get(term_key(self._strategy_id, term), left_cents)) for term in months)
        return min(_company_room(in_book, left_cents), by_term)

    def _claimed_cents(self) -> int:
        by_book = [0] * len(self._offers)
        for claim in self.claims:
            by_book[claim.place] += claim.cents
        return sum(
            min(cents, _company_room(in_book, cents)) for in_book, cents in zip(self._offers, by_book, strict=True)
        )

    def _cut(self, reason: IdleReason) -> int:
        """Cut every claim to what `reason` leaves of it."""
        for claim in self.claims:
            if not claim.cents:
                continue
            in_book = self._offers[claim.place]
            room_cents = self._claim_room_cents(reason, claim, in_book)
            if room_cents < least_ticket_cents(in_book.offer, in_book.terms.ticket_cents):
                room_cents = 0
            if room_cents < claim.cents:
                claim.cents, claim.stopped_by = room_cents, reason
        return self._claimed_cents()

    def _claim_room_cents(self, reason: IdleReason, claim: _Claim, in_book: _OfferInBook) -> int:
        request, offer = claim.request, in_book.offer
        price_bp, band = in_book.price_bp(request.months), in_book.terms.band(request.months)
        match reason:
            case "own-request":
                return 0 if request.borrower_id == offer.lender_id else claim.cents
            case "term":
                return 0 if price_bp is None else claim.cents
            case "rate":
                assert price_bp is not None
                assert band is not None
                return 0 if price_bp > band.ceiling_bp(request.max_rate_bp) else claim.cents
            case "purpose-filter":
                accepted = offer.filters.purpose_classes
                return claim.cents if not accepted or request.purpose_class in accepted else 0
            case "company-guarantee":
                return 0 if claim.outcome is None and _lacks_guarantee(in_book, request) else claim.cents
            case "per-borrower":
                if offer.per_borrower_cents is None:
                    return claim.cents
                return offer.per_borrower_cents - claim.exposure_cents
            case "per-request":
                return claim.cents if offer.per_request_cents is None else offer.per_request_cents - claim.got_cents
            case "share":
                return _share_cap(in_book.terms, request) - claim.got_cents
            case "not-reached":
                return 0 if claim.outcome is not None and _is_beyond(claim.outcome, price_bp, offer) else claim.cents
            case "shared":
                return 0 if claim.outcome is not None else claim.cents
            case _:
                assert reason == "request-incomplete", reason
                return 0


def _offer_in(live: LiveBook, strategy_id: str, seen: Standing, now_at: datetime) -> _OfferInBook | None:
    book = live.book
    offer_id = book.lenders.offer_id_of(seen.lender_id, strategy_id)
    if offer_id is None or book.terms is None:
        return None
    offer = book.lenders.offers[offer_id]
    # A book looks at a purse only when it covers something: what the purse says now is newer.
    with book.lenders.as_if([seen]):
        standing = book.lenders.standing_of(seen.lender_id)
    entrance = BookEntrance(
        book.terms, guaranteed_cents=book.guaranteed_cents, arrears_bp=book.arrears_bp, now_at=now_at
    )
    return _OfferInBook(
        terms=book.terms,
        offer=offer,
        standing=standing,
        obstacle=entrance.obstacle(offer, standing),
        staging_tick=book.staging_tick,
        is_paused=bool(book.pauses),
        guaranteed_cents=book.guaranteed_cents,
    )


def _claims(live: LiveBook, lender_id: str, place: int, since_at: datetime) -> Iterable[_Claim]:
    book = live.book
    for booked in book.open_requests():
        exposure_cents = book.exposures.get(booked.request.borrower_id, {}).get(lender_id, 0)
        yield _claim(booked, place, None, got_cents=0, exposure_cents=exposure_cents)
    for outcome in live.history.outcomes:
        known = book.requests.get(outcome.request_id)
        is_covered = known is not None and known.state in (RequestState.COVERED, RequestState.SIGNED)
        if outcome.end == "covered" and outcome.at >= since_at and known is not None and is_covered:
            got_cents = book.exposures.get(known.request.borrower_id, {}).get(lender_id, 0)
            yield _claim(known, place, outcome, got_cents=got_cents, exposure_cents=got_cents)


def _claim(
    booked: BookedRequest, place: int, outcome: PastOutcome | None, *, got_cents: int, exposure_cents: int
) -> _Claim:
    left_cents = max(0, booked.request.amount_cents - got_cents)
    return _Claim(
        request=booked.request,
        place=place,
        cents=left_cents,
        outcome=outcome,
        got_cents=got_cents,
        exposure_cents=exposure_cents,
    )


def _reason_out(in_book: _OfferInBook) -> IdleReason | None:
    """Why the offer lends nothing in this book whatever is asked for; None when that depends on the request."""
    reason = None if in_book.obstacle is None else _OF_OBSTACLE.get(in_book.obstacle)
    if reason in _OUT_OF_BOOK:
        return reason
    return "company-paused" if in_book.is_paused else None


def _company_room(in_book: _OfferInBook, left_cents: int) -> int:
    room_cents = company_room_cents(in_book.offer, in_book.standing.lent_here_cents)
    return left_cents if room_cents is None else max(0, min(left_cents, room_cents))


def _share_cap(terms: CompanyTerms, request: CreditRequest) -> int:
    cap_cents = share_cap_cents(terms, request.amount_cents)
    return request.amount_cents if cap_cents is None else cap_cents


def _lacks_guarantee(in_book: _OfferInBook, request: CreditRequest) -> bool:
    guarantee = in_book.terms.guarantee
    if guarantee is None:
        return False
    room_cents = head_room_cents(guarantee, guaranteed_cents=in_book.guaranteed_cents)
    return room_cents is not None and room_cents < request.min_amount_cents


def _is_beyond(outcome: PastOutcome, price_bp: int | None, offer: LenderOffer) -> bool:
    """Whether the offer's bucket stands behind the last one that the cover took money from."""
    assert price_bp is not None
    if outcome.rate_bp is None or outcome.last_tier is None:
        return True
    return (price_bp, offer.tier) > (outcome.rate_bp, outcome.last_tier)

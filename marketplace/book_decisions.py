"""What a book answers to a command: the events it causes, never none.

A command is decided on the book as it stands and changes nothing; the caller records the events and then applies them.
Asking for what already stands is acknowledged, asking for what cannot be is refused with what would pass.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from marketplace.book_events import (
    AnyBookEvent,
    CommandAcknowledged,
    CommandRefused,
    CompanyBudgetGranted,
    CoveredFill,
    CoverReleased,
    OfferPlaced,
    OfferWithdrawn,
    PrincipalRepaid,
    RequestClosed,
    RequestOpened,
    RequestSigned,
    TermsPublished,
)
from marketplace.commands import (
    CancelRequest,
    Envelope,
    GrantCompanyBudget,
    LapseRequest,
    OpenRequest,
    PlaceOffer,
    PublishTerms,
    RecordRepayments,
    SignRequest,
    Tick,
    WithdrawOffer,
)
from marketplace.company_terms import CompanyTerms
from marketplace.offer_terms import OfferTerms
from marketplace.order_book import BookedRequest, OrderBook, RequestState
from marketplace.orders import CreditRequest
from marketplace.refusals import (
    AmountNotPositive,
    BookRefusal,
    CoverChanged,
    NoTermsYet,
    OfferBelongsToAnother,
    OfferExistsForStrategy,
    OfferUnknown,
    RateOutsideBand,
    RequestIdReused,
    RequestUnknown,
    TermNotOffered,
    TermsVersionUnexpected,
    WrongState,
)

LARGEST_AMOUNT_CENTS = 10**13
"""No single amount is larger: the store's numbers stay exact well above it."""


def decide(book: OrderBook, envelope: Envelope) -> list[AnyBookEvent]:
    """The events `envelope` causes. The first one of the command itself is its outcome; requests whose time had run
    out by its instant are closed before it."""
    expired = _expired_requests(book, envelope.at)
    gone = {event.request_id for event in expired}
    return [*expired, *_decide_command(book, envelope, gone)]


def _decide_command(book: OrderBook, envelope: Envelope, gone: set[str]) -> Sequence[AnyBookEvent]:
    match envelope.command:
        case PublishTerms(terms=terms):
            return _publish(book, terms)
        case GrantCompanyBudget(cents=cents):
            if not 0 < cents <= LARGEST_AMOUNT_CENTS:
                return _refused(AmountNotPositive(given_cents=cents, maximum_cents=LARGEST_AMOUNT_CENTS))
            return [CompanyBudgetGranted(cents=cents)]
        case PlaceOffer(offer=offer):
            return _place(book, offer)
        case WithdrawOffer(offer_id=offer_id):
            if offer_id not in book.offers:
                return _refused(OfferUnknown(offer_id=offer_id))
            return [OfferWithdrawn(offer_id=offer_id)]
        case OpenRequest(request=request):
            return _open(book, request, envelope.at)
        case CancelRequest(request_id=request_id):
            return _cancel(book, request_id, gone)
        case SignRequest(request_id=request_id, cover_id=cover_id):
            return _sign(book, request_id, cover_id)
        case LapseRequest(request_id=request_id, cover_id=cover_id):
            return _lapse(book, request_id, cover_id)
        case RecordRepayments(repaid=repaid):
            return [
                PrincipalRepaid(request_id=item.request_id, lender_id=item.lender_id, cents=item.cents)
                for item in repaid
            ] or [CommandAcknowledged()]
        case Tick():
            return [CommandAcknowledged()]


def _expired_requests(book: OrderBook, at: datetime) -> list[RequestClosed]:
    return [
        RequestClosed(request_id=request_id, why="expired")
        for request_id, booked in book.requests.items()
        if booked.state is RequestState.OPEN and booked.cover_id is None and booked.expires_at <= at
    ]


def _refused(refusal: BookRefusal) -> list[AnyBookEvent]:
    return [CommandRefused(refusal=refusal)]


def _publish(book: OrderBook, terms: CompanyTerms) -> list[AnyBookEvent]:
    if book.terms == terms:
        return [CommandAcknowledged()]
    expected = 1 if book.terms is None else book.terms.version + 1
    if terms.version != expected:
        return _refused(TermsVersionUnexpected(given_version=terms.version, expected_version=expected))
    return [TermsPublished(terms=terms)]


def _place(book: OrderBook, offer: OfferTerms) -> list[AnyBookEvent]:
    if book.terms is None:
        return _refused(NoTermsYet())
    standing = book.offers.get(offer.offer_id)
    if standing is not None:
        if standing.terms == offer:
            return [CommandAcknowledged()]
        if (standing.terms.lender_id, standing.terms.strategy_id) != (offer.lender_id, offer.strategy_id):
            return _refused(OfferBelongsToAnother(offer_id=offer.offer_id))
        return [OfferPlaced(offer=offer, sequence=standing.sequence)]
    for other in book.offers.values():
        if (other.terms.lender_id, other.terms.strategy_id) == (offer.lender_id, offer.strategy_id):
            return _refused(OfferExistsForStrategy(offer_id=other.terms.offer_id))
    return [OfferPlaced(offer=offer, sequence=book.next_offer_sequence)]


def _open(book: OrderBook, request: CreditRequest, at: datetime) -> list[AnyBookEvent]:
    if book.terms is None:
        return _refused(NoTermsYet())
    known = book.requests.get(request.request_id)
    if known is not None:
        as_asked = _with_place(request, known.request.approval_sequence)
        if known.request == as_asked and known.state is not RequestState.CLOSED:
            return [CommandAcknowledged()]
        return _refused(RequestIdReused(request_id=request.request_id))
    if not 0 < request.amount_cents <= LARGEST_AMOUNT_CENTS:
        return _refused(AmountNotPositive(given_cents=request.amount_cents, maximum_cents=LARGEST_AMOUNT_CENTS))
    band = book.terms.band(request.months)
    if band is None:
        offered = tuple(sorted(band.months for band in book.terms.bands))
        return _refused(TermNotOffered(months=request.months, offered_months=offered))
    if request.max_rate_bp < band.floor_bp:
        return _refused(RateOutsideBand(max_rate_bp=request.max_rate_bp, floor_bp=band.floor_bp, cap_bp=band.cap_bp))
    return [
        RequestOpened(
            request=_with_place(request, book.next_approval_sequence),
            expires_at=at + timedelta(hours=book.terms.expiry_hours),
        )
    ]


def _with_place(request: CreditRequest, approval_sequence: int) -> CreditRequest:
    return CreditRequest(
        request_id=request.request_id,
        borrower_id=request.borrower_id,
        amount_cents=request.amount_cents,
        min_amount_cents=request.min_amount_cents,
        months=request.months,
        max_rate_bp=request.max_rate_bp,
        accepts_shrink=request.accepts_shrink,
        purpose_class=request.purpose_class,
        approval_sequence=approval_sequence,
    )


def _cancel(book: OrderBook, request_id: str, gone: set[str]) -> list[AnyBookEvent]:
    booked = book.requests.get(request_id)
    if booked is None:
        return _refused(RequestUnknown(request_id=request_id))
    if booked.state is RequestState.CLOSED or request_id in gone:
        return [CommandAcknowledged()]
    if booked.state is RequestState.SIGNED:
        return _refused(WrongState(request_id=request_id, state=booked.state, allowed=("open", "covered")))
    return _closed(booked, "cancelled")


def _closed(booked: BookedRequest, why: Literal["cancelled", "lapsed"]) -> list[AnyBookEvent]:
    request_id = booked.request.request_id
    closed = RequestClosed(request_id=request_id, why=why)
    if booked.cover_id is None:
        return [closed]
    return [CoverReleased(cover_id=booked.cover_id, request_id=request_id, why=why), closed]


def _sign(book: OrderBook, request_id: str, cover_id: str) -> list[AnyBookEvent]:
    booked = book.requests.get(request_id)
    if booked is None:
        return _refused(RequestUnknown(request_id=request_id))
    if booked.cover_id != cover_id:
        return _refused(CoverChanged(request_id=request_id, cover_id=booked.cover_id))
    if booked.state is RequestState.SIGNED:
        return [CommandAcknowledged()]
    if booked.state is not RequestState.COVERED:
        return _refused(WrongState(request_id=request_id, state=booked.state, allowed=("covered",)))
    cover = book.covers[cover_id]
    return [
        RequestSigned(
            cover_id=cover_id,
            request_id=request_id,
            company_cents=cover.plan.company_cents,
            fills=tuple(
                CoveredFill(
                    fill_id=fill.fill_id,
                    lender_id=fill.leg.lender_id,
                    strategy_id=fill.leg.strategy_id,
                    cents=fill.taken_cents,
                )
                for fill in cover.live_fills()
            ),
        )
    ]


def _lapse(book: OrderBook, request_id: str, cover_id: str) -> list[AnyBookEvent]:
    booked = book.requests.get(request_id)
    if booked is None:
        return _refused(RequestUnknown(request_id=request_id))
    if booked.state is RequestState.CLOSED:
        return [CommandAcknowledged()]
    if booked.cover_id != cover_id:
        return _refused(CoverChanged(request_id=request_id, cover_id=booked.cover_id))
    if booked.state is not RequestState.COVERED:
        return _refused(WrongState(request_id=request_id, state=booked.state, allowed=("covered",)))
    return _closed(booked, "lapsed")

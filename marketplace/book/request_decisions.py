"""What a book answers to commands about one request: opening, closing, signing it, and giving back what it holds."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from marketplace.allocation.orders import CreditRequest
from marketplace.book.book_events import (
    AnyBookEvent,
    CommandAcknowledged,
    CommandRefused,
    CoveredFill,
    CoverReleased,
    HoldLifted,
    RequestClosed,
    RequestOpened,
    RequestSigned,
)
from marketplace.book.booked_requests import BookedRequest, RequestState
from marketplace.book.commands import (
    CancelRequest,
    LapseRequest,
    LiftHold,
    OpenRequest,
    SignRequest,
    YieldHold,
)
from marketplace.book.cover_retries import next_try_at
from marketplace.book.covers import Cover
from marketplace.book.order_book import OrderBook
from marketplace.book.refusals import (
    BookIsPaused,
    BookRefusal,
    CoverChanged,
    NoTermsYet,
    NothingHeld,
    RateOutsideBand,
    RequestIdReused,
    RequestUnknown,
    TermNotOffered,
    ValueOutOfRange,
    WrongState,
)
from marketplace.company_terms import LARGEST_AMOUNT_CENTS

RequestCommand = OpenRequest | CancelRequest | SignRequest | LapseRequest | LiftHold | YieldHold


def decide_on_request(book: OrderBook, command: RequestCommand, at: datetime) -> list[AnyBookEvent]:
    """The events that a command about one request causes at instant `at`; the first one is its outcome."""
    if isinstance(command, OpenRequest):
        return _open(book, command.request, at)
    booked = book.requests.get(command.request_id)
    if booked is None:
        return refused(RequestUnknown(request_id=command.request_id))
    match command:
        case CancelRequest():
            return _cancel(booked)
        case SignRequest(cover_id=cover_id):
            return _sign(book, booked, cover_id)
        case LapseRequest(cover_id=cover_id):
            return _lapse(booked, cover_id)
        case LiftHold(lender_id=lender_id):
            return _lift(book, booked, lender_id)
        case YieldHold():
            return _yield(book, booked)


def refused(refusal: BookRefusal) -> list[AnyBookEvent]:
    """The outcome of a command that cannot be."""
    return [CommandRefused(refusal=refusal)]


def _open(book: OrderBook, request: CreditRequest, at: datetime) -> list[AnyBookEvent]:
    if book.terms is None:
        return refused(NoTermsYet())
    known = book.requests.get(request.request_id)
    if known is not None:
        as_asked = msgspec.structs.replace(request, approval_sequence=known.request.approval_sequence)
        if known.request == as_asked and known.state is not RequestState.CLOSED:
            return [CommandAcknowledged()]
        return refused(RequestIdReused(request_id=request.request_id))
    if "company" in book.pauses:
        return refused(BookIsPaused())
    if not 0 < request.amount_cents <= LARGEST_AMOUNT_CENTS:
        return refused(
            ValueOutOfRange(setting="amount_cents", given=request.amount_cents, minimum=1, maximum=LARGEST_AMOUNT_CENTS)
        )
    if not 0 < request.min_amount_cents <= request.amount_cents:
        return refused(
            ValueOutOfRange(
                setting="min_amount_cents", given=request.min_amount_cents, minimum=1, maximum=request.amount_cents
            )
        )
    classes = book.terms.purpose_class_count()
    if not 1 <= request.purpose_class <= classes:
        return refused(
            ValueOutOfRange(setting="purpose_class", given=request.purpose_class, minimum=1, maximum=classes)
        )
    band = book.terms.band(request.months)
    if band is None:
        offered = tuple(sorted(band.months for band in book.terms.bands))
        return refused(TermNotOffered(months=request.months, offered_months=offered))
    if request.max_rate_bp < band.floor_bp:
        return refused(RateOutsideBand(max_rate_bp=request.max_rate_bp, floor_bp=band.floor_bp, cap_bp=band.cap_bp))
    return [
        RequestOpened(
            request=msgspec.structs.replace(request, approval_sequence=book.next_approval_sequence),
            expires_at=at + timedelta(hours=book.terms.expiry_hours),
        )
    ]


def _cancel(booked: BookedRequest) -> list[AnyBookEvent]:
    if booked.state is RequestState.CLOSED:
        return [CommandAcknowledged()]
    if booked.state is RequestState.SIGNED:
        return _wrong_state(booked, "open", "covered")
    return _closed(booked, "cancelled")


def _closed(booked: BookedRequest, why: Literal["cancelled", "lapsed"]) -> list[AnyBookEvent]:
    request_id = booked.request.request_id
    closed = RequestClosed(request_id=request_id, why=why)
    if booked.cover_id is None:
        return [closed]
    return [CoverReleased(cover_id=booked.cover_id, request_id=request_id, why=why), closed]


def _sign(book: OrderBook, booked: BookedRequest, cover_id: str) -> list[AnyBookEvent]:
    request_id = booked.request.request_id
    if booked.cover_id != cover_id:
        return refused(CoverChanged(request_id=request_id, cover_id=booked.cover_id))
    if booked.state is RequestState.SIGNED:
        return [CommandAcknowledged()]
    if booked.state is not RequestState.COVERED:
        return _wrong_state(booked, "covered")
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


def _lapse(booked: BookedRequest, cover_id: str) -> list[AnyBookEvent]:
    if booked.state is RequestState.CLOSED:
        return [CommandAcknowledged()]
    if booked.cover_id != cover_id:
        return refused(CoverChanged(request_id=booked.request.request_id, cover_id=booked.cover_id))
    if booked.state is not RequestState.COVERED:
        return _wrong_state(booked, "covered")
    return _closed(booked, "lapsed")


def _lift(book: OrderBook, booked: BookedRequest, lender_id: str) -> list[AnyBookEvent]:
    """Let one lender go; without a holder left, the whole hold goes."""
    request_id = booked.request.request_id
    if lender_id in booked.lifted_lender_ids:
        return [CommandAcknowledged()]
    hold = _hold(book, booked)
    if hold is None or lender_id not in {leg.lender_id for leg in hold.plan.legs}:
        return refused(NothingHeld(request_id=request_id))
    lifted = HoldLifted(cover_id=hold.cover_id, request_id=request_id, lender_id=lender_id)
    if len(hold.plan.legs) > 1:
        return [lifted]
    return [lifted, CoverReleased(cover_id=hold.cover_id, request_id=request_id, why="yielded")]


def _yield(book: OrderBook, booked: BookedRequest) -> list[AnyBookEvent]:
    request_id = booked.request.request_id
    hold = _hold(book, booked)
    if hold is None:
        return refused(NothingHeld(request_id=request_id))
    assert book.now_at is not None
    # It waits as after a failure: what it gave back is for another.
    not_before_at = next_try_at(book.now_at, request_id, booked.failures + 1)
    return [CoverReleased(cover_id=hold.cover_id, request_id=request_id, why="yielded", not_before_at=not_before_at)]


def _hold(book: OrderBook, booked: BookedRequest) -> Cover | None:
    """The cover of an open request that only holds fills, None when there is none or it is whole."""
    if booked.state is not RequestState.OPEN or booked.cover_id is None:
        return None
    cover = book.covers[booked.cover_id]
    return cover if cover.plan.is_holding else None


def _wrong_state(booked: BookedRequest, *allowed: str) -> list[AnyBookEvent]:
    return refused(WrongState(request_id=booked.request.request_id, state=booked.state, allowed=allowed))

"""What the passing of time alone brings about in a book: holding begins, and requests expire."""

from datetime import timedelta

from marketplace.allocation.matching import CoverPlan
from marketplace.book.book_events import (
    AnyBookEvent,
    CoverAmended,
    CoverProposed,
    CoverReleased,
    HoldingBegan,
    RequestClosed,
)
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.holding import plan_at_expiry
from marketplace.book.order_book import OrderBook
from marketplace.book.planned_covers import planned_cover


def decide_due(book: OrderBook) -> list[AnyBookEvent]:
    """What is due by the book's own time, for the open requests that nothing is being gathered for, in book order.

    Whatever changes money of the company or of lenders stands alone or last, so that the next is decided on what it
    left. A paused book still lets requests expire, but makes no loan of what is held.
    """
    due: list[AnyBookEvent] = []
    for booked in book.open_requests():
        if not book.is_at_rest(booked):
            continue
        if not _is_expired(book, booked):
            due += _holding_due(book, booked)
            continue
        plan = None if book.pauses else plan_at_expiry(book, booked)
        if plan is not None:
            return due or [_last_plan(book, booked, plan)]
        due += _expired(booked)
        if booked.cover_id is not None:
            return due
    return due


def _is_expired(book: OrderBook, booked: BookedRequest) -> bool:
    assert book.now_at is not None
    return booked.expires_at <= book.now_at


def _holding_due(book: OrderBook, booked: BookedRequest) -> list[AnyBookEvent]:
    assert book.terms is not None
    assert book.now_at is not None
    holds_from_at = booked.opened_at + timedelta(hours=book.terms.patience_hours)
    if booked.is_holding or book.now_at < holds_from_at:
        return []
    return [HoldingBegan(request_id=booked.request.request_id)]


def _last_plan(book: OrderBook, booked: BookedRequest, plan: CoverPlan) -> AnyBookEvent:
    """The loan that the borrower is offered at expiry, in place of what was asked for."""
    request_id = booked.request.request_id
    if booked.cover_id is None:
        return CoverProposed(request_id=request_id, plan=planned_cover(plan))
    own = book.covers[booked.cover_id]
    return CoverAmended(cover_id=own.cover_id, request_id=request_id, round=0, plan=planned_cover(plan, own.promises()))


def _expired(booked: BookedRequest) -> list[AnyBookEvent]:
    request_id = booked.request.request_id
    closed = RequestClosed(request_id=request_id, why="expired")
    if booked.cover_id is None:
        return [closed]
    return [CoverReleased(cover_id=booked.cover_id, request_id=request_id, why="expired"), closed]

"""What the events of covers do to a book: fills, reservations, the rotation, and what is known of the lenders' money.

`OrderBook.apply` calls this while it takes its journal in; nobody else may.
"""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from marketplace.book.book_events import (
    AnyBookEvent,
    CoverAmended,
    Covered,
    CoverProposed,
    CoverReleased,
    HoldLifted,
    LegDenied,
    LegReleased,
    LegTaken,
    PlannedCover,
    RequestSigned,
    Standing,
)
from marketplace.book.booked_requests import RequestState
from marketplace.book.circuit_breakers import RecentCover
from marketplace.book.covers import Cover, Fill, FillState
from marketplace.strategies.strategy_limits import limit_keys

if TYPE_CHECKING:
    from marketplace.book.order_book import OrderBook


def apply_to_covers(book: "OrderBook", event: AnyBookEvent, at: datetime, seq: int) -> None:
    """Take in an event about a cover, recorded at instant `at` under number `seq`."""
    match event:
        case CoverProposed():
            _propose(book, event, at, seq)
        case CoverAmended():
            _amend(book, event, at, seq)
        case LegTaken():
            _take(book, event)
        case LegDenied():
            _deny(book, event)
        case HoldLifted():
            _lift(book, event)
        case Covered():
            _complete(book, event, at)
        case CoverReleased():
            _release(book, event)
        case LegReleased():
            _end(book, event)
        case RequestSigned(request_id=request_id, cover_id=cover_id, fills=fills):
            booked = book.requests[request_id]
            book.move(booked, RequestState.SIGNED)
            booked.lent_cents = sum(fill.cents for fill in fills)
            del book.covers[cover_id]
        case _:
            raise AssertionError(event)


def standing_after(
    standing: Standing, keys: tuple[str, ...], *, ver: int, free_cents: int, used_cents: int
) -> Standing:
    """What a book knows of a lender once its purse has answered about a fill that counts against limits `keys` and uses
    `used_cents` more of them (negative: less). An answer older than what is known changes nothing."""
    if ver < standing.ver:
        return standing
    rooms = dict(standing.rooms)
    for key in keys:
        if key in rooms:
            rooms[key] = max(0, rooms[key] - used_cents)
    return msgspec.structs.replace(
        standing,
        ver=ver,
        free_cents=free_cents,
        rooms=rooms,
        fresh_cents=min(standing.fresh_cents, free_cents),
    )


def _propose(book: "OrderBook", event: CoverProposed, at: datetime, seq: int) -> None:
    cover_id = f"{book.shard}:{seq}"
    cover = Cover(cover_id=cover_id, request_id=event.request_id, plan=event.plan, fills={})
    book.covers[cover_id] = cover
    book.requests[event.request_id].cover_id = cover_id
    book.reserve(event.request_id, event.plan, sign=1)
    book.is_next_cover_waived = book.is_next_cover_waived and event.plan.is_holding
    _add_fills(book, cover, event.plan, at, seq)


def _amend(book: "OrderBook", event: CoverAmended, at: datetime, seq: int) -> None:
    cover = book.covers[event.cover_id]
    book.reserve(event.request_id, cover.plan, sign=-1)
    book.reserve(event.request_id, event.plan, sign=1)
    cover.plan = event.plan
    cover.amendments = event.round
    if event.not_before_at is not None:
        booked = book.requests[event.request_id]
        booked.failures += 1
        booked.not_before_at = event.not_before_at
    kept = {leg.kept_fill_id for leg in event.plan.legs} | {leg.replaces for leg in event.plan.legs}
    for fill in cover.live_fills():
        if fill.fill_id not in kept:
            fill.state = FillState.RELEASING
    _add_fills(book, cover, event.plan, at, seq)


def _add_fills(book: "OrderBook", cover: Cover, plan: PlannedCover, at: datetime, seq: int) -> None:
    # A key is the strategy's id and an ending that is the same for the whole request.
    endings = limit_keys("", book.requests[cover.request_id].request.months, at)
    for place, leg in enumerate(plan.legs):
        if leg.kept_fill_id is not None:
            continue
        if leg.replaces is not None:
            cover.fills[leg.replaces].state = FillState.SUPERSEDED
        fill_id = f"{book.shard}.{seq}.{place}"
        cover.fills[fill_id] = Fill(
            fill_id=fill_id,
            seq=seq,
            limit_keys=tuple([leg.strategy_id + ending for ending in endings]),
            leg=leg,
            state=FillState.ASKED,
        )


def _take(book: "OrderBook", event: LegTaken) -> None:
    cover = book.covers[event.cover_id]
    fill = cover.fills[event.fill_id]
    fill.state = FillState.TAKEN
    fill.taken_cents = event.cents
    before_cents = 0
    if fill.leg.replaces is not None:
        replaced = cover.fills[fill.leg.replaces]
        before_cents = replaced.taken_cents
        replaced.state, replaced.taken_cents = FillState.ENDED, 0
    _note_standing(book, fill, event, used_cents=event.cents - before_cents)


def _deny(book: "OrderBook", event: LegDenied) -> None:
    cover = book.covers[event.cover_id]
    fill = cover.fills[event.fill_id]
    fill.state = FillState.ENDED
    if fill.leg.replaces is not None:
        cover.fills[fill.leg.replaces].state = FillState.TAKEN
    _note_standing(book, fill, event, used_cents=0)


def _lift(book: "OrderBook", event: HoldLifted) -> None:
    cover = book.covers[event.cover_id]
    book.reserve(event.request_id, cover.plan, sign=-1)
    left = tuple(leg for leg in cover.plan.legs if leg.lender_id != event.lender_id)
    cents = sum(leg.cents for leg in left)
    cover.plan = msgspec.structs.replace(cover.plan, legs=left, amount_cents=cover.plan.company_cents + cents)
    book.reserve(event.request_id, cover.plan, sign=1)
    for fill in cover.fills.values():
        if fill.leg.lender_id == event.lender_id and fill.state is not FillState.ENDED:
            fill.state = FillState.RELEASING
    booked = book.requests[event.request_id]
    booked.lifted_lender_ids = tuple(sorted({*booked.lifted_lender_ids, event.lender_id}))


def _complete(book: "OrderBook", event: Covered, at: datetime) -> None:
    cover = book.covers[event.cover_id]
    cover.is_complete = True
    book.move(book.requests[event.request_id], RequestState.COVERED)
    book.note_cover(
        RecentCover(covered_at=at, months=event.months, rate_bp=event.rate_bp, amount_cents=event.amount_cents)
    )
    lenders = book.lenders
    cover.number = book.covers_completed
    cover.former_places = {
        lender_id: lenders.last_rationed.get(lender_id, 0) for lender_id in cover.plan.rotated_lender_ids
    }
    for lender_id in cover.plan.rotated_lender_ids:
        lenders.rotate(lender_id, cover.number)


def _release(book: "OrderBook", event: CoverReleased) -> None:
    cover = book.covers[event.cover_id]
    cover.is_released = True
    book.reserve(event.request_id, cover.plan, sign=-1)
    for lender_id, place in cover.former_places.items():
        _give_place_back(book, lender_id, cover.number, place)
    booked = book.requests[event.request_id]
    booked.cover_id = None
    book.move(booked, RequestState.OPEN)
    if event.not_before_at is not None:
        booked.failures += 1
        booked.not_before_at = event.not_before_at
    for fill in cover.fills.values():
        if fill.state is not FillState.ENDED:
            fill.state = FillState.RELEASING
    _forget_if_ended(book, cover)


def _give_place_back(book: "OrderBook", lender_id: str, number: int, place: int) -> None:
    """Let the lender stand where it stood before cover `number`, unless a later cover filled it, too."""
    if book.lenders.last_rationed[lender_id] == number:
        book.lenders.rotate(lender_id, place)
    for later in book.covers.values():
        if later.former_places.get(lender_id) == number:
            later.former_places[lender_id] = place


def _end(book: "OrderBook", event: LegReleased) -> None:
    cover = book.covers[event.cover_id]
    fill = cover.fills[event.fill_id]
    freed_cents = fill.taken_cents if event.answer == "released" else 0
    fill.state, fill.taken_cents = FillState.ENDED, 0
    _note_standing(book, fill, event, used_cents=-freed_cents)
    _forget_if_ended(book, cover)


def _forget_if_ended(book: "OrderBook", cover: Cover) -> None:
    if cover.is_released and all(fill.state is FillState.ENDED for fill in cover.fills.values()):
        del book.covers[cover.cover_id]


def _note_standing(
    book: "OrderBook", fill: Fill, answer: LegTaken | LegDenied | LegReleased, *, used_cents: int
) -> None:
    standing = book.lenders.standings.get(fill.leg.lender_id)
    if standing is not None:
        book.lenders.observe(
            standing_after(
                standing,
                fill.limit_keys,
                ver=answer.ver,
                free_cents=answer.free_cents,
                used_cents=used_cents,
            )
        )

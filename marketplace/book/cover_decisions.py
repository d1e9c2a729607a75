"""How a book covers its requests: it proposes a plan, hears the purses, amends the plan, and completes or gives it up.

Nothing is frozen before a walk covers the whole request, or the request has begun to hold; then every purse is asked
for its leg. When some fall short, the walk is repeated on the refreshed figures with what is already promised counting
as free, and only differences are asked for or released. After `MOST_AMENDMENTS` the cover is given up, or falls back
to what the request holds, and is tried again later; the request keeps its place.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from marketplace.allocation.matching import CoverPlan, Uncovered
from marketplace.book.book_events import (
    AnyBookEvent,
    BookPaused,
    CoverAmended,
    Covered,
    CoveredFill,
    CoverProposed,
    CoverReleased,
    LegDenied,
    LegReleased,
    LegTaken,
    PlannedCover,
    Standing,
    StandingsObserved,
)
from marketplace.book.book_walk import walk
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.circuit_breakers import RecentCover, breaker_trip
from marketplace.book.cover_fold import standing_after
from marketplace.book.cover_retries import next_try_at
from marketplace.book.covers import Cover, Fill, FillState, Promise, promise_of
from marketplace.book.holding import held_cover
from marketplace.book.order_book import OrderBook
from marketplace.book.planned_covers import planned_cover
from marketplace.book.purse_calls import PurseAnswer
from marketplace.book.request_clocks import decide_due

MOST_AMENDMENTS = 3
MOST_UNRECORDED = 200
"""Standings that a step may see without recording them."""


def decide_step(book: OrderBook, observed: Sequence[Standing]) -> list[AnyBookEvent]:
    """The next thing the book does of itself, and what it saw of the purses to do so; nothing when it rests.

    `observed` are present standings of lenders with offers, at least of those whose purses have changed since the book
    was told. A gathered cover is completed first; then comes
    what is due by time; then requests are tried in book order, and the first that can be covered whole, or that can
    hold more, is proposed alone, so that its promises are known before the next walk.
    """
    if book.terms is None or book.now_at is None:
        return []
    for cover in book.gathered_covers():
        return [_covered(book, cover)]
    due = decide_due(book)
    if due or book.pauses:
        return due
    news = tuple(standing for standing in observed if _is_news(book, standing))
    with book.lenders.as_if(news):
        for booked in book.waiting_requests():
            event = _next_for(book, booked)
            if event is not None:
                return [StandingsObserved(standings=news), event] if news else [event]
    # Seen for nothing so far; recorded all the same before it is so much that every step is slowed by it.
    return [StandingsObserved(standings=news)] if len(news) >= MOST_UNRECORDED else []


def _is_news(book: OrderBook, standing: Standing) -> bool:
    """Whether a purse shows something else than the book knows; what is older than that is no news."""
    known = book.lenders.standings.get(standing.lender_id)
    return known is None or (standing != known and standing.ver >= known.ver)


def would_step(book: OrderBook, observed: Sequence[Standing], at: datetime) -> bool:
    """Whether the book would do something of itself if its time were `at`; the book is left as it was."""
    now_at = book.now_at
    if now_at is None:
        return False
    book.now_at = max(now_at, at)
    try:
        return bool(decide_step(book, observed))
    finally:
        book.now_at = now_at


def _next_for(book: OrderBook, booked: BookedRequest) -> AnyBookEvent | None:
    """What can be done for a waiting request: cover it, let it hold more, or stop the book because a breaker trips."""
    own = None if booked.cover_id is None else book.covers[booked.cover_id]
    promises = () if own is None else own.promises()
    outcome = walk(book, booked, own=own, promises=promises)
    plan: PlannedCover | None
    if isinstance(outcome, CoverPlan):
        if (paused := _tripped(book, booked, outcome)) is not None:
            return paused
        plan = planned_cover(outcome, promises)
    elif booked.is_holding:
        plan = held_cover(book, booked, outcome, own, promises)
    else:
        return None
    if own is None:
        return None if plan is None else CoverProposed(request_id=booked.request.request_id, plan=plan)
    if plan is None:
        return CoverReleased(cover_id=own.cover_id, request_id=own.request_id, why="yielded")
    return _amendment(own, plan, round_number=0) if _differs(plan, own.plan) else None


def _differs(plan: PlannedCover, present: PlannedCover) -> bool:
    """Whether a plan holds anything else than the present one; figures that only explain it do not count."""
    as_held = {leg.lender_id: leg.cents for leg in present.legs}
    as_planned = {leg.lender_id: leg.cents for leg in plan.legs}
    return (as_planned, plan.company_cents, plan.is_holding) != (as_held, present.company_cents, present.is_holding)


def _tripped(book: OrderBook, booked: BookedRequest, plan: CoverPlan) -> BookPaused | None:
    if book.breakers is None or book.is_next_cover_waived:
        return None
    assert book.now_at is not None
    months = booked.request.months
    candidate = RecentCover(covered_at=book.now_at, months=months, rate_bp=plan.rate_bp, amount_cents=plan.amount_cents)
    trip = breaker_trip(book.breakers, book.recent_covers, candidate, book.latest_rates_bp.get(months, ()))
    return None if trip is None else BookPaused(by="breaker", trip=trip)


def decide_answers(book: OrderBook, answers: Sequence[PurseAnswer]) -> list[AnyBookEvent]:
    """Record what purses answered about fills this book has asked about, and what follows for their covers.

    An answer about a fill the book no longer waits for is left out: it was recorded before.
    """
    events: list[AnyBookEvent] = []
    by_fill = {answer.fill_id: answer for answer in answers}
    for cover in book.covers.values():
        heard = [(fill, by_fill[fill.fill_id]) for fill in cover.fills.values() if fill.fill_id in by_fill]
        awaited = [(fill, answer) for fill, answer in heard if _is_awaited(fill, answer)]
        if not awaited:
            continue
        events.extend(_recorded(cover, fill, answer) for fill, answer in awaited)
        if not cover.is_released and not cover.is_complete:
            events.extend(_progress(book, _Gathering(book, cover, awaited)))
    return events


def _is_awaited(fill: Fill, answer: PurseAnswer) -> bool:
    if fill.state is FillState.ASKED:
        return answer.outcome in ("taken", "denied")
    return fill.state is FillState.RELEASING and answer.outcome != "taken"


def _recorded(cover: Cover, fill: Fill, answer: PurseAnswer) -> AnyBookEvent:
    if fill.state is FillState.RELEASING:
        assert answer.outcome != "taken"
        return LegReleased(
            cover_id=cover.cover_id,
            fill_id=fill.fill_id,
            answer=answer.outcome,
            ver=answer.ver,
            free_cents=answer.free_cents,
        )
    if answer.outcome == "taken":
        return LegTaken(
            cover_id=cover.cover_id,
            fill_id=fill.fill_id,
            cents=answer.cents,
            ver=answer.ver,
            free_cents=answer.free_cents,
        )
    return LegDenied(cover_id=cover.cover_id, fill_id=fill.fill_id, ver=answer.ver, free_cents=answer.free_cents)


class _Gathering:
    """A cover as it stands once the answers at hand are recorded: its promises, and the standings that changed."""

    def __init__(self, book: OrderBook, cover: Cover, awaited: Sequence[tuple[Fill, PurseAnswer]]) -> None:
        self.cover = cover
        self.standings: dict[str, Standing] = {}
        taken = {promise.fill_id: promise for promise in cover.promises()}
        asked = {fill.fill_id for fill in cover.fills.values() if fill.state is FillState.ASKED}
        for fill, answer in awaited:
            replaced = None if fill.leg.replaces is None else cover.fills[fill.leg.replaces]
            used_cents = 0
            if fill.state is FillState.RELEASING:
                used_cents = -fill.taken_cents if answer.outcome == "released" else 0
            elif answer.outcome == "taken":
                taken[fill.fill_id] = msgspec.structs.replace(promise_of(fill), cents=answer.cents)
                used_cents = answer.cents - (0 if replaced is None else replaced.taken_cents)
            elif replaced is not None:
                taken[replaced.fill_id] = promise_of(replaced)
            asked.discard(fill.fill_id)
            self._note_standing(book, fill, answer, used_cents)
        self.promises: tuple[Promise, ...] = tuple(taken[fill_id] for fill_id in cover.fills if fill_id in taken)
        self.is_awaiting = bool(asked)

    def is_whole(self) -> bool:
        """Whether every leg of the plan is promised to the cent, and nothing else."""
        return {promise.lender_id: promise.cents for promise in self.promises} == self.cover.reserved_cents()

    def _note_standing(self, book: OrderBook, fill: Fill, answer: PurseAnswer, used_cents: int) -> None:
        lender_id = fill.leg.lender_id
        known = self.standings.get(lender_id) or book.lenders.standings.get(lender_id)
        if known is not None:
            self.standings[lender_id] = standing_after(
                known,
                fill.limit_keys,
                ver=answer.ver,
                free_cents=answer.free_cents,
                used_cents=used_cents,
            )


def _progress(book: OrderBook, gathering: _Gathering) -> list[AnyBookEvent]:
    """What follows for a cover when the answers of a round are in; nothing while some are awaited."""
    cover, promises = gathering.cover, gathering.promises
    if gathering.is_awaiting:
        return []
    if gathering.is_whole():
        return [] if cover.plan.is_holding else [_covered(book, cover, promises)]
    booked = book.requests[cover.request_id]
    with book.lenders.as_if(tuple(gathering.standings.values())):
        outcome = walk(book, booked, own=cover, promises=promises)
        if isinstance(outcome, CoverPlan) and (cover.plan.is_holding or cover.amendments < MOST_AMENDMENTS):
            round_number = 0 if cover.plan.is_holding else cover.amendments + 1
            return [_amendment(cover, planned_cover(outcome, promises), round_number=round_number)]
        return [_fallen_back(book, booked, gathering, outcome)]


def _fallen_back(
    book: OrderBook, booked: BookedRequest, gathering: _Gathering, outcome: CoverPlan | Uncovered
) -> AnyBookEvent:
    """Keep what a holding request was promised; give up the cover of any other, to be tried again later."""
    assert book.now_at is not None
    cover = gathering.cover
    not_before_at = next_try_at(book.now_at, cover.request_id, booked.failures + 1)
    if booked.is_holding:
        held = held_cover(book, booked, _nothing_beyond(outcome), cover, gathering.promises)
        if held is not None:
            amended = _amendment(cover, held, round_number=0)
            return amended if cover.plan.is_holding else msgspec.structs.replace(amended, not_before_at=not_before_at)
    return CoverReleased(
        cover_id=cover.cover_id, request_id=cover.request_id, why="failed", not_before_at=not_before_at
    )


def _nothing_beyond(outcome: CoverPlan | Uncovered) -> Uncovered:
    """What a walk reached, but without a leg to ask anybody for: only promises at hand are to be kept."""
    company_cents = outcome.receipt.company.tranche_cents
    return Uncovered(
        reason="uncovered",
        coverable_cents=company_cents,
        company_cents=company_cents,
        rate_bp=None,
        legs=(),
        rotated_lender_ids=(),
        receipt=outcome.receipt,
    )


def _amendment(cover: Cover, plan: PlannedCover, *, round_number: int) -> CoverAmended:
    return CoverAmended(cover_id=cover.cover_id, request_id=cover.request_id, round=round_number, plan=plan)


def _covered(book: OrderBook, cover: Cover, promises: Sequence[Promise] | None = None) -> Covered:
    assert book.terms is not None
    assert book.now_at is not None
    booked = book.requests[cover.request_id]
    fills = tuple(
        CoveredFill(
            fill_id=promise.fill_id,
            lender_id=promise.lender_id,
            strategy_id=promise.strategy_id,
            cents=promise.cents,
        )
        for promise in (cover.promises() if promises is None else promises)
    )
    plan = cover.plan
    assert sum(fill.cents for fill in fills) + plan.company_cents == plan.amount_cents, (fills, plan)
    return Covered(
        cover_id=cover.cover_id,
        request_id=cover.request_id,
        borrower_id=booked.request.borrower_id,
        amount_cents=plan.amount_cents,
        company_cents=plan.company_cents,
        months=booked.request.months,
        rate_bp=plan.rate_bp,
        loan_rate_cbp=plan.loan_rate_cbp,
        terms_version=plan.receipt.terms_version,
        accept_until_at=book.now_at + timedelta(hours=book.terms.accept_window_hours),
        fills=fills,
    )

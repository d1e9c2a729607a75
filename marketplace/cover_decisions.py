"""How a book covers a request: it proposes a plan, hears the purses, amends the plan, and completes or gives it up.

Nothing is frozen before a walk covers the whole request; then every purse is asked for its leg. When some fall short,
the walk is repeated on the refreshed figures with what is already promised counting as free, and only differences are
asked for or released. After `MOST_AMENDMENTS` the cover is given up and the request tried again later, keeping its
place.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from marketplace.book_events import (
    AnyBookEvent,
    CoverAmended,
    Covered,
    CoveredFill,
    CoverLeg,
    CoverProposed,
    CoverReleased,
    LegDenied,
    LegReleased,
    LegTaken,
    PlannedCover,
    Standing,
    StandingsObserved,
)
from marketplace.matching import CoverPlan, Uncovered, plan_cover_from
from marketplace.order_book import BookedRequest, Cover, Fill, FillState, OrderBook, standing_after
from marketplace.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.purse_calls import PurseAnswer
from marketplace.resting_offers import RestingOffers

MOST_AMENDMENTS = 3
RETRY_TICK = timedelta(milliseconds=200)
MOST_DOUBLINGS = 6


def decide_cover(book: OrderBook, observed: Sequence[Standing]) -> list[AnyBookEvent]:
    """The next cover this book proposes, and what it saw of the purses to do so; nothing if no request can be covered.

    `observed` are the present standings of the lenders with offers. Requests are tried in book order; the first that
    can be covered whole is proposed alone, so that its promises are known before the next walk. A cover that the
    company's money funds whole is complete as soon as it is proposed.
    """
    assert book.terms is not None
    for cover in book.covers_of_company_money():
        return [_covered(book, book.requests[cover.request_id], cover.cover_id, cover.plan, ())]
    news = tuple(standing for standing in observed if book.standings.get(standing.lender_id) != standing)
    standings = {**book.standings, **{standing.lender_id: standing for standing in news}}
    for booked in book.waiting_requests():
        plan = _walk(book, booked.request, standings, own=None, promised={})
        if isinstance(plan, CoverPlan):
            proposed = CoverProposed(request_id=booked.request.request_id, plan=_planned(plan, _fresh_legs(plan)))
            return [StandingsObserved(standings=news), proposed] if news else [proposed]
    return []


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
    """A cover as it stands once the answers at hand are recorded."""

    def __init__(self, book: OrderBook, cover: Cover, awaited: Sequence[tuple[Fill, PurseAnswer]]) -> None:
        self.cover = cover
        self.standings = dict(book.standings)
        self.taken = {fill.fill_id: fill.taken_cents for fill in cover.fills.values() if fill.state is FillState.TAKEN}
        asked = {fill.fill_id for fill in cover.fills.values() if fill.state is FillState.ASKED}
        for fill, answer in awaited:
            replaced = fill.leg.replaces
            before_cents = 0 if replaced is None else cover.fills[replaced].taken_cents
            used_cents = 0
            if fill.state is FillState.RELEASING:
                used_cents = -fill.taken_cents if answer.outcome == "released" else 0
            elif answer.outcome == "taken":
                self.taken[fill.fill_id] = answer.cents
                used_cents = answer.cents - before_cents
            elif replaced is not None:
                self.taken[replaced] = before_cents
            asked.discard(fill.fill_id)
            standing = self.standings.get(fill.leg.lender_id)
            if standing is not None:
                self.standings[fill.leg.lender_id] = standing_after(
                    standing, fill.leg, ver=answer.ver, free_cents=answer.free_cents, used_cents=used_cents
                )
        self.is_awaiting = bool(asked)

    def promises(self) -> Iterator[tuple[Fill, int]]:
        """Fills that hold a promise now, with its cents, in order of creation."""
        return ((fill, self.taken[fill.fill_id]) for fill in self.cover.fills.values() if fill.fill_id in self.taken)

    def kept_by(self, plan: PlannedCover) -> Iterator[tuple[Fill, int]]:
        """The promises that `plan` keeps as they are."""
        kept = {leg.kept_fill_id for leg in plan.legs}
        return ((fill, cents) for fill, cents in self.promises() if fill.fill_id in kept)

    def is_whole(self) -> bool:
        """Whether every leg of the plan is promised to the cent, and nothing else."""
        promised = {fill.leg.lender_id: cents for fill, cents in self.promises()}
        return promised == self.cover.reserved_cents()


def _progress(book: OrderBook, gathering: _Gathering) -> list[AnyBookEvent]:
    cover = gathering.cover
    booked = book.requests[cover.request_id]
    if gathering.is_awaiting:
        return []
    if gathering.is_whole():
        return [_covered(book, booked, cover.cover_id, cover.plan, gathering.promises())]
    if cover.amendments < MOST_AMENDMENTS:
        plan = _walk(
            book,
            booked.request,
            gathering.standings,
            own=cover,
            promised={fill.leg.lender_id: cents for fill, cents in gathering.promises()},
            promising_strategies={fill.leg.lender_id: fill.leg.strategy_id for fill, _ in gathering.promises()},
        )
        if isinstance(plan, CoverPlan):
            return _amended(book, booked, gathering, plan)
    assert book.now_at is not None
    return [
        CoverReleased(
            cover_id=cover.cover_id,
            request_id=cover.request_id,
            why="failed",
            not_before_at=_next_try_at(book.now_at, cover.request_id, booked.failures + 1),
        )
    ]


def _amended(book: OrderBook, booked: BookedRequest, gathering: _Gathering, plan: CoverPlan) -> list[AnyBookEvent]:
    planned = _planned(plan, _legs_against_promises(plan, gathering))
    amended = CoverAmended(
        cover_id=gathering.cover.cover_id,
        request_id=gathering.cover.request_id,
        round=gathering.cover.amendments + 1,
        plan=planned,
    )
    if any(leg.kept_fill_id is None for leg in planned.legs):
        return [amended]
    return [amended, _covered(book, booked, gathering.cover.cover_id, planned, gathering.kept_by(planned))]


def _covered(
    book: OrderBook,
    booked: BookedRequest,
    cover_id: str,
    plan: PlannedCover,
    promises: Iterable[tuple[Fill, int]],
) -> Covered:
    assert book.terms is not None
    assert book.now_at is not None
    fills = tuple(
        CoveredFill(fill_id=fill.fill_id, lender_id=fill.leg.lender_id, strategy_id=fill.leg.strategy_id, cents=cents)
        for fill, cents in promises
    )
    assert sum(fill.cents for fill in fills) + plan.company_cents == plan.amount_cents
    return Covered(
        cover_id=cover_id,
        request_id=booked.request.request_id,
        borrower_id=booked.request.borrower_id,
        amount_cents=plan.amount_cents,
        company_cents=plan.company_cents,
        months=booked.request.months,
        rate_bp=plan.rate_bp,
        loan_rate_cbp=plan.loan_rate_cbp,
        terms_version=book.terms.version,
        accept_until_at=book.now_at + timedelta(hours=book.terms.accept_window_hours),
        fills=fills,
    )


def _walk(
    book: OrderBook,
    request: CreditRequest,
    standings: dict[str, Standing],
    *,
    own: Cover | None,
    promised: dict[str, int],
    promising_strategies: dict[str, str] | None = None,
) -> CoverPlan | Uncovered:
    """The rule on the book's present figures; what `own` reserves is put back first, and `promised` counts as free."""
    assert book.terms is not None
    reserved = {} if own is None else own.reserved_cents()
    exposures = {
        lender_id: cents - reserved.get(lender_id, 0)
        for lender_id, cents in book.exposures.get(request.borrower_id, {}).items()
    }
    offers = [
        _lender_offer(book, offer_id, standings, reserved, promised, promising_strategies or {})
        for offer_id, booked in book.offers.items()
        if booked.terms.lender_id in standings
    ]
    resting = RestingOffers(
        offers,
        {
            lender_id: LenderStanding(
                lender_id=lender_id,
                free_cents=standing.free_cents,
                cash_since_at=standing.cash_since_at,
                last_rationed=book.last_rationed.get(lender_id, 0),
            )
            for lender_id, standing in standings.items()
        },
    )
    return plan_cover_from(
        resting,
        request,
        book.terms,
        guaranteed_cents=book.guaranteed_cents - sum(reserved.values()),
        company_budget_left_cents=book.budget_cents + (0 if own is None else own.plan.company_cents),
        promised=promised,
        exposures=exposures,
        sequence=book.covers_completed,
    )


def _lender_offer(
    book: OrderBook,
    offer_id: str,
    standings: dict[str, Standing],
    reserved: dict[str, int],
    promised: dict[str, int],
    promising_strategies: dict[str, str],
) -> LenderOffer:
    booked = book.offers[offer_id]
    terms = booked.terms
    company_room_cents = None
    if terms.per_company_cents is not None:
        others_cents = book.exposure_cents.get(terms.lender_id, 0) - reserved.get(terms.lender_id, 0)
        company_room_cents = terms.per_company_cents - others_cents - promised.get(terms.lender_id, 0)
    strategy_room_cents = standings[terms.lender_id].strategy_rooms.get(terms.strategy_id)
    if strategy_room_cents is not None and promising_strategies.get(terms.lender_id) == terms.strategy_id:
        strategy_room_cents += promised.get(terms.lender_id, 0)
    return LenderOffer(
        offer_id=terms.offer_id,
        lender_id=terms.lender_id,
        strategy_id=terms.strategy_id,
        sequence=booked.sequence,
        ask_bp=terms.ask_bp,
        tier=terms.tier,
        months=terms.months,
        min_ticket_cents=terms.min_ticket_cents,
        per_request_cents=terms.per_request_cents,
        per_borrower_cents=terms.per_borrower_cents,
        per_company_room_cents=company_room_cents,
        strategy_room_cents=strategy_room_cents,
        strategy_rank=terms.strategy_rank,
    )


def _planned(plan: CoverPlan, legs: tuple[CoverLeg, ...]) -> PlannedCover:
    return PlannedCover(
        amount_cents=plan.amount_cents,
        rate_bp=plan.rate_bp,
        loan_rate_cbp=plan.loan_rate_cbp,
        company_cents=plan.company_cents,
        dust=plan.dust,
        legs=legs,
        rotated_lender_ids=plan.rotated_lender_ids,
        receipt=plan.receipt,
    )


def _fresh_legs(plan: CoverPlan) -> tuple[CoverLeg, ...]:
    return tuple(
        CoverLeg(
            lender_id=leg.lender_id,
            offer_id=leg.offer_id,
            strategy_id=leg.strategy_id,
            cents=leg.cents,
            min_cents=leg.min_cents,
        )
        for leg in plan.legs
    )


def _legs_against_promises(plan: CoverPlan, gathering: _Gathering) -> tuple[CoverLeg, ...]:
    """The plan's legs, each saying what becomes of the promise its lender has given already."""
    promises = {fill.leg.lender_id: (fill, cents) for fill, cents in gathering.promises()}
    legs = []
    for leg in _fresh_legs(plan):
        promise = promises.get(leg.lender_id)
        if promise is None:
            legs.append(leg)
            continue
        fill, cents = promise
        # A leg that does not grow keeps the strategy that promised it.
        strategy_id = leg.strategy_id if leg.cents > cents else fill.leg.strategy_id
        if leg.cents == cents:
            legs.append(msgspec.structs.replace(leg, strategy_id=strategy_id, kept_fill_id=fill.fill_id))
        else:
            legs.append(msgspec.structs.replace(leg, strategy_id=strategy_id, replaces=fill.fill_id))
    return tuple(legs)


def _next_try_at(now_at: datetime, request_id: str, failures: int) -> datetime:
    """When a request whose cover failed is tried again: doubling, spread by a stable hash so that two books that want
    the same purses do not meet again and again."""
    spread = zlib.crc32(f"{request_id}:{failures}".encode())
    microseconds = RETRY_TICK // timedelta(microseconds=1) * 2 ** min(failures, MOST_DOUBLINGS)
    return now_at + timedelta(microseconds=microseconds * (2**31 + spread) // 2**32)

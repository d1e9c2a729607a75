"""A request that waited beyond its company's patience keeps what it can get, until it is whole or its time is up.

From then on fills are held in request order, as they come, so that small requests no longer starve a large one. A held
leg only grows, or goes when its lender lifts it or its offer no longer suits; it shrinks only in a plan that covers the
loan. At expiry the company's backstop fills what is missing, or the borrower is offered the loan that is held.
"""

from collections.abc import Sequence

import msgspec

from marketplace.allocation.company_money import loan_rate_cbp
from marketplace.allocation.guarantee import head_room_cents
from marketplace.allocation.matching import (
    CoverPlan,
    LastChance,
    PlannedLeg,
    Uncovered,
    eligibility_for,
    plan_cover_from,
    share_cap_cents,
)
from marketplace.allocation.orders import LenderOffer
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.book.book_events import PlannedCover
from marketplace.book.book_walk import figures_for, own_promises
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.covers import Cover, Promise
from marketplace.book.order_book import OrderBook
from marketplace.book.planned_covers import legs_against


def held_cover(
    book: OrderBook, booked: BookedRequest, reached: Uncovered, own: Cover | None, promises: Sequence[Promise]
) -> PlannedCover | None:
    """What the request holds from now on: its promises that still suit, and what the walk `reached` beyond them.

    None when there is nothing to hold. Together they always fall short of the loan: only a walk makes a loan whole, so
    that every loan has a receipt that proves it.
    """
    terms = book.terms
    assert terms is not None
    band = terms.band(booked.request.months)
    suiting = () if own is None else suiting_promises(book, booked, own, promises)
    legs = _held_legs(book, booked, reached, own, suiting)
    if not legs or band is None:
        return None
    lender_cents = sum(leg.cents for leg in legs)
    # Terms may have brought more company money since; a hold reserves none that the loan could not use.
    company_cents = min(reached.company_cents, booked.request.amount_cents - 1 - lender_cents)
    asks_bp = [_ask_bp(book.lenders.offers[leg.offer_id], booked) for leg in legs]
    rate_bp = max(band.floor_bp, *asks_bp)
    amount_cents = company_cents + lender_cents
    return PlannedCover(
        amount_cents=amount_cents,
        rate_bp=rate_bp,
        loan_rate_cbp=loan_rate_cbp(
            clearing_bp=rate_bp,
            subsidised_bp=terms.company_money.rate_bp,
            tranche_cents=company_cents,
            amount_cents=amount_cents,
        ),
        company_cents=company_cents,
        dust="none",
        # A promise that no longer suits is given back whole, also where another strategy of its lender lends instead.
        legs=legs_against([promise for promise, _ in suiting], legs),
        rotated_lender_ids=(),
        receipt=reached.receipt,
        is_holding=True,
    )


def suiting_promises(
    book: OrderBook, booked: BookedRequest, own: Cover, promises: Sequence[Promise]
) -> tuple[tuple[Promise, LenderOffer], ...]:
    """Promises whose offers would still lend to the request, whatever they could give now, each with its offer."""
    assert book.terms is not None
    band = book.terms.band(booked.request.months)
    if band is None or band.floor_bp > booked.request.max_rate_bp:
        return ()
    figures = figures_for(book, booked, own=own)
    eligibility = eligibility_for(booked.request, book.terms, band, figures=figures, share_cap_cents=None)
    suiting = []
    for promise in promises:
        offer_id = book.lenders.offer_id_of(promise.lender_id, promise.strategy_id)
        offer = None if offer_id is None else book.lenders.offers[offer_id]
        standing = book.lenders.standing_of(promise.lender_id)
        if offer is not None and eligibility.obstacle_before_capacity(offer, standing) is None:
            suiting.append((promise, offer))
    return tuple(suiting)


def _held_legs(
    book: OrderBook,
    booked: BookedRequest,
    reached: Uncovered,
    own: Cover | None,
    suiting: Sequence[tuple[Promise, LenderOffer]],
) -> list[PlannedLeg]:
    assert book.terms is not None
    planned = {leg.lender_id: leg for leg in (() if own is None else own.plan.legs)}
    legs = {
        promise.lender_id: PlannedLeg(
            lender_id=promise.lender_id,
            offer_id=offer.offer_id,
            strategy_id=promise.strategy_id,
            cents=promise.cents,
            min_cents=planned[promise.lender_id].min_cents,
            place=place,
        )
        for place, (promise, offer) in enumerate(suiting)
    }
    room_cents = _room_to_hold(book, booked, reached, own) - sum(leg.cents for leg in legs.values())
    for leg in reached.legs:
        held = legs.get(leg.lender_id)
        held_cents = 0 if held is None else held.cents
        more_cents = min(leg.cents - held_cents, room_cents)
        is_crowded = held is None and len(legs) >= book.terms.max_lenders
        if more_cents <= 0 or is_crowded or held_cents + more_cents < leg.min_cents:
            continue
        place = len(legs) if held is None else held.place
        legs[leg.lender_id] = msgspec.structs.replace(leg, cents=held_cents + more_cents, place=place)
        room_cents -= more_cents
    return list(legs.values())


def _room_to_hold(book: OrderBook, booked: BookedRequest, reached: Uncovered, own: Cover | None) -> int:
    """The most that lenders may hold altogether: less than the request needs, and what the guarantee has room for."""
    assert book.terms is not None
    need_cents = booked.request.amount_cents - reached.company_cents - 1
    if book.terms.guarantee is None:
        return need_cents
    guaranteed_cents = figures_for(book, booked, own=own).guaranteed_cents
    room_cents = head_room_cents(book.terms.guarantee, guaranteed_cents=guaranteed_cents)
    return need_cents if room_cents is None else min(need_cents, room_cents)


def _ask_bp(offer: LenderOffer, booked: BookedRequest) -> int:
    ask_bp = offer.ask_for(booked.request.months)
    assert ask_bp is not None, offer.offer_id
    return ask_bp


def plan_at_expiry(book: OrderBook, booked: BookedRequest) -> CoverPlan | None:
    """The largest loan, of at least the borrower's minimum, that can be made of what is held and of company money.

    A backstop now carries whatever is missing, as far as its budget goes. The rule is applied to the held offers
    alone, for the whole amount and then for what that reached, until it covers.
    """
    assert book.terms is not None
    own = None if booked.cover_id is None else book.covers[booked.cover_id]
    held = () if own is None else suiting_promises(book, booked, own, own.promises())
    resting = _resting_of(book, [offer for _, offer in held])
    figures = figures_for(book, booked, own=own)
    amount_cents = booked.request.amount_cents
    while amount_cents >= booked.request.min_amount_cents:
        most_cents = share_cap_cents(book.terms, amount_cents)
        lendable_cents = sum(
            promise.cents if most_cents is None else min(promise.cents, most_cents) for promise, _ in held
        )
        missing_cents = max(0, amount_cents - lendable_cents)
        outcome = plan_cover_from(
            resting,
            booked.request,
            book.terms,
            figures=figures,
            own=own_promises(own, [promise for promise, _ in held]),
            last_chance=LastChance(
                amount_cents=amount_cents, backstop_cents=min(figures.budget_left_cents, missing_cents)
            ),
        )
        if isinstance(outcome, CoverPlan):
            return outcome
        if outcome.reason == "guarantee" or outcome.coverable_cents >= amount_cents:
            return None
        amount_cents = outcome.coverable_cents
    return None


def _resting_of(book: OrderBook, held: Sequence[LenderOffer]) -> RestingOffers:
    """The offers that hold something, with no money but what they hold."""
    standings = {}
    for offer in held:
        standing = book.lenders.standing_of(offer.lender_id)
        standings[offer.lender_id] = msgspec.structs.replace(standing, free_cents=0, fresh_cents=0)
    return RestingOffers(held, standings)

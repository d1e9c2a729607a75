"""A request that waited beyond its company's patience keeps what it can get, until it is whole or its time is up.

From then on fills are held in request order, as they come, so that small requests no longer starve a large one. A held
leg only grows, or goes when its lender lifts it or its offer no longer suits; it shrinks only in a plan that covers the
loan. At expiry the company's backstop fills what is missing, or the borrower is offered the loan that is held.
"""

from collections.abc import Sequence

import msgspec

from marketplace.allocation.company_money import loan_rate_cbp
from marketplace.allocation.guarantee import head_room_cents
from marketplace.allocation.matching import CoverPlan, PlannedLeg, Uncovered, plan_cover_from
from marketplace.allocation.orders import LenderOffer
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.book.book_events import PlannedCover
from marketplace.book.book_walk import figures_for, own_promises
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.covers import Cover, Promise
from marketplace.book.order_book import OrderBook
from marketplace.book.planned_covers import legs_against
from marketplace.company_terms import WHOLE_BP, CompanyMoney


def held_cover(
    book: OrderBook, booked: BookedRequest, reached: Uncovered, own: Cover | None, promises: Sequence[Promise]
) -> PlannedCover | None:
    """What the request holds from now on: its promises that still suit, and what the walk `reached` beyond them.

    None when there is nothing to hold. The plan is whole, no hold any more, when the two together fund the loan.
    """
    terms = book.terms
    assert terms is not None
    band = terms.band(booked.request.months)
    legs = _held_legs(book, booked, reached, own, promises)
    if not legs or band is None:
        return None
    lender_cents = sum(leg.cents for leg in legs)
    company_cents = reached.company_cents
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
        legs=legs_against(promises, legs),
        rotated_lender_ids=(),
        receipt=reached.receipt,
        is_holding=amount_cents < booked.request.amount_cents,
    )


def suiting_promises(book: OrderBook, booked: BookedRequest, promises: Sequence[Promise]) -> tuple[Promise, ...]:
    """Promises whose offers would still lend to the request at a rate that company and borrower accept."""
    assert book.terms is not None
    band = book.terms.band(booked.request.months)
    if band is None:
        return ()
    ceiling_bp = min(band.cap_bp, booked.request.max_rate_bp)
    return tuple(promise for promise in promises if _suits(book, booked, promise, ceiling_bp))


def _suits(book: OrderBook, booked: BookedRequest, promise: Promise, ceiling_bp: int) -> bool:
    lenders = book.lenders
    offer_id = lenders.offer_id_of(promise.lender_id, promise.strategy_id)
    if offer_id is None or promise.lender_id in lenders.bars or promise.lender_id in booked.lifted_lender_ids:
        return False
    offer = lenders.offers[offer_id]
    ask_bp = offer.ask_for(booked.request.months)
    return not offer.is_paused and ask_bp is not None and ask_bp <= ceiling_bp


def _held_legs(
    book: OrderBook, booked: BookedRequest, reached: Uncovered, own: Cover | None, promises: Sequence[Promise]
) -> list[PlannedLeg]:
    assert book.terms is not None
    planned = {leg.lender_id: leg for leg in (() if own is None else own.plan.legs)}
    legs = {
        promise.lender_id: PlannedLeg(
            lender_id=promise.lender_id,
            offer_id=book.lenders.offer_id_of(promise.lender_id, promise.strategy_id) or "",
            strategy_id=promise.strategy_id,
            cents=promise.cents,
            min_cents=planned[promise.lender_id].min_cents,
            place=place,
        )
        for place, promise in enumerate(suiting_promises(book, booked, promises))
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
    """The most that lenders may hold for the request altogether: its need, and what the guarantee has room for."""
    assert book.terms is not None
    need_cents = booked.request.amount_cents - reached.company_cents
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
    held = () if own is None else suiting_promises(book, booked, own.promises())
    resting = _resting_of(book, held)
    figures = figures_for(book, booked, own=own)
    amount_cents = booked.request.amount_cents
    while amount_cents >= booked.request.min_amount_cents:
        money, budget_cents = book.terms.company_money, figures.budget_left_cents
        if money.mode == "backstop":
            money = CompanyMoney(mode="first", budget_cents=money.budget_cents)
            budget_cents = min(budget_cents, max(0, amount_cents - _lendable_cents(book, held, amount_cents)))
        outcome = plan_cover_from(
            resting,
            msgspec.structs.replace(booked.request, amount_cents=amount_cents, accepts_shrink=False),
            msgspec.structs.replace(book.terms, company_money=money),
            figures=msgspec.structs.replace(figures, budget_left_cents=budget_cents),
            own=own_promises(own, held),
        )
        if isinstance(outcome, CoverPlan):
            return outcome
        if outcome.reason == "guarantee" or outcome.coverable_cents >= amount_cents:
            return None
        amount_cents = outcome.coverable_cents
    return None


def _resting_of(book: OrderBook, held: Sequence[Promise]) -> RestingOffers:
    """The offers that hold something, with no money but what they hold."""
    offers, standings = [], {}
    for promise in held:
        offer_id = book.lenders.offer_id_of(promise.lender_id, promise.strategy_id)
        assert offer_id is not None, promise
        offers.append(book.lenders.offers[offer_id])
        standing = book.lenders.standing_of(promise.lender_id)
        standings[promise.lender_id] = msgspec.structs.replace(standing, free_cents=0, fresh_cents=0)
    return RestingOffers(offers, standings)


def _lendable_cents(book: OrderBook, held: Sequence[Promise], amount_cents: int) -> int:
    """What the holders may lend to a loan of `amount_cents`, where none may have more than its share."""
    assert book.terms is not None
    share_bp = book.terms.max_share_bp
    most_cents = amount_cents if share_bp is None else amount_cents * share_bp // WHOLE_BP
    return sum(min(promise.cents, most_cents) for promise in held)

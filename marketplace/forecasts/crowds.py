"""A live book made small enough to be played forward many times: one lender as it is, all others as crowds.

Lenders who ask alike and are about as long in reserve are one crowd, of which only sums are kept. The lender whom the
forecast is for keeps its own offers, caps and place in the rotation.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from marketplace.allocation.eligibility import NOTHING_PROMISED, Circumstances, Eligibility, Obstacle
from marketplace.allocation.guarantee import head_room_cents
from marketplace.allocation.lender_rooms import (
    company_room_cents,
    least_room_cents,
    least_ticket_cents,
    loan_cap_cents,
)
from marketplace.allocation.offer_queues import place_of
from marketplace.allocation.orders import LenderOffer, LenderStanding
from marketplace.book.book_events import Standing
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import WHOLE_BP, CompanyTerms
from marketplace.forecasts.market_history import PastRequest, past_request
from marketplace.strategies.offer_terms import Tier
from marketplace.strategies.strategy_limits import budget_key, pace_key, term_key

_RESERVE_STEPS = (1, 2, 8)
"""Lenders with money for up to so many loans at their cap are counted together, and those with more."""

Asks = tuple[tuple[int, int], ...]
"""Term in months and the ask for it in basis points, one pair per term."""
Rung = tuple[int, Tier, tuple[int, ...]]
"""Price in basis points, tier, and the crowds that stand there, by index: none where only an own offer does."""


class Crowd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`count` lenders alike: together they have `free_cents`, lend at most `cap_cents` to one loan (None: all they
    have), and not less than `ticket_cents` each."""

    asks: Asks
    tier: Tier
    count: int
    free_cents: int
    cap_cents: int | None
    ticket_cents: int


class OwnOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer of the lender whom the forecast is for.

    `ahead` says, per term, how many lenders of its bucket stand before it in the ticket round. The rooms are what its
    limits leave (cents, None for no limit): in this book, and per term in all books.
    """

    offer: LenderOffer
    asks: Mapping[int, int]
    ahead: Mapping[int, int]
    ticket_cents: int
    company_room_cents: int | None
    term_rooms: Mapping[int, int]


class SmallBook(msgspec.Struct, frozen=True, kw_only=True):
    """A book with one lender as it is and all others as crowds.

    `crowd_of` finds a lender's crowd, `ladders` are the buckets of each term in walking order, `waiting` the requests
    that wait now, in book order, each with when it expires. A paused book lends nothing until somebody lets it go on.
    """

    terms: CompanyTerms
    crowds: tuple[Crowd, ...]
    crowd_of: Mapping[str, int]
    own: tuple[OwnOffer, ...]
    ladders: Mapping[int, tuple[Rung, ...]]
    waiting: tuple[tuple[PastRequest, datetime], ...]
    budget_cents: int
    head_room_cents: int | None
    is_paused: bool


class FrozenBook(msgspec.Struct, frozen=True, kw_only=True):
    """A book as it stood when it was copied: what a forecast reads of it while the book goes on.

    `offers` is one per lender, the one it ranks highest, with what is known of the lender; `own_offers` are those of
    the lender whom the forecast is for, of whom `own_standing` is known.
    """

    company_id: str
    terms: CompanyTerms
    offers: tuple[tuple[LenderOffer, LenderStanding], ...]
    own_offers: tuple[LenderOffer, ...]
    own_standing: LenderStanding
    waiting: tuple[tuple[PastRequest, datetime], ...]
    budget_cents: int
    guaranteed_cents: int
    arrears_bp: int
    is_paused: bool


def frozen_book(book: OrderBook, own_offers: Sequence[LenderOffer], own: Standing) -> FrozenBook:
    """The book as the lender of `own` meets it with `own_offers` instead of the offers it has there now.

    `own` is what its purse says now: a book looks at a purse only when it covers something. The company must have
    published terms.
    """
    assert book.terms is not None
    with book.lenders.as_if([own]):
        return FrozenBook(
            company_id=book.company_id,
            terms=book.terms,
            offers=_speakers(book),
            own_offers=tuple(own_offers),
            own_standing=book.lenders.standing_of(own.lender_id),
            waiting=tuple(
                (past_request(booked.request, booked.opened_at), booked.expires_at)
                for booked in book.open_requests()
                if booked.cover_id is None
            ),
            budget_cents=book.budget_cents,
            guaranteed_cents=book.guaranteed_cents,
            arrears_bp=book.arrears_bp,
            is_paused=bool(book.pauses),
        )


def small_book(frozen: FrozenBook, now_at: datetime) -> SmallBook:
    """The book made small."""
    terms, lender_id = frozen.terms, frozen.own_standing.lender_id
    entrance = BookEntrance(
        terms, guaranteed_cents=frozen.guaranteed_cents, arrears_bp=frozen.arrears_bp, now_at=now_at
    )
    others = [
        (offer, standing)
        for offer, standing in frozen.offers
        if offer.lender_id != lender_id and entrance.obstacle(offer, standing) is None
    ]
    crowds, crowd_of = _crowds(others, terms, now_at)
    able = [offer for offer in frozen.own_offers if entrance.obstacle(offer, frozen.own_standing) is None]
    own = tuple(_own_offer(offer, frozen.own_standing, terms, others) for offer in able)
    return SmallBook(
        terms=terms,
        crowds=crowds,
        crowd_of=crowd_of,
        own=own,
        ladders={band.months: _ladder(band.months, band.floor_bp, band.cap_bp, crowds, own) for band in terms.bands},
        waiting=frozen.waiting,
        budget_cents=frozen.budget_cents,
        head_room_cents=None
        if terms.guarantee is None
        else head_room_cents(terms.guarantee, guaranteed_cents=frozen.guaranteed_cents),
        is_paused=frozen.is_paused,
    )


class BookEntrance:
    """What keeps offers from lending in a book whatever is asked for."""

    def __init__(self, terms: CompanyTerms, *, guaranteed_cents: int, arrears_bp: int, now_at: datetime) -> None:
        self._terms = terms
        self._guaranteed_cents = guaranteed_cents
        self._arrears_bp = arrears_bp
        self._now_at = now_at
        self._eligibilities: dict[tuple[int, int], Eligibility] = {}

    def obstacle(self, offer: LenderOffer, standing: LenderStanding) -> Obstacle | None:
        """The first obstacle that no request could remove; None when it depends on the request."""
        for band in self._terms.bands:
            if offer.ask_for(band.months) is not None:
                purposes = offer.filters.purpose_classes
                eligibility = self._eligibility(band.months, purposes[0] if purposes else 1)
                return eligibility.obstacle_before_capacity(offer, standing)
        return "term"

    def _eligibility(self, months: int, purpose_class: int) -> Eligibility:
        """The tests for a request that would take any rate."""
        eligibility = self._eligibilities.get((months, purpose_class))
        if eligibility is None:
            given = Circumstances(
                borrower_id="",
                months=months,
                purpose_class=purpose_class,
                ceiling_bp=WHOLE_BP,
                ticket_cents=self._terms.ticket_cents,
                guarantee=self._terms.guarantee,
                guaranteed_cents=self._guaranteed_cents,
                company_arrears_bp=self._arrears_bp,
                exposures={},
                own=NOTHING_PROMISED,
                now_at=self._now_at,
                staging_tick=timedelta(0),
            )
            eligibility = self._eligibilities[months, purpose_class] = Eligibility(given, share_cap_cents=None)
        return eligibility


def _speakers(book: OrderBook) -> tuple[tuple[LenderOffer, LenderStanding], ...]:
    """One offer per lender, the one it ranks highest: its money must not be counted twice."""
    best: dict[str, LenderOffer] = {}
    for offer in book.lenders.offers.values():
        if offer.is_paused:
            continue
        other = best.get(offer.lender_id)
        if other is None or (offer.strategy_rank, offer.sequence) < (other.strategy_rank, other.sequence):
            best[offer.lender_id] = offer
    standing_of = book.lenders.resting.standing
    return tuple((offer, standing_of(lender_id)) for lender_id, offer in best.items())


def _crowds(
    others: Sequence[tuple[LenderOffer, LenderStanding]], terms: CompanyTerms, now_at: datetime
) -> tuple[tuple[Crowd, ...], dict[str, int]]:
    members: dict[tuple[Asks, Tier, int, bool], list[tuple[str, int, int, int]]] = {}
    for offer, standing in others:
        keys = (budget_key(offer.strategy_id), pace_key(offer.strategy_id, now_at))
        rooms = (least_room_cents(standing.rooms, keys), company_room_cents(offer, standing.lent_here_cents))
        free_cents = max(0, min([standing.free_cents, *(room for room in rooms if room is not None)]))
        cap_cents = loan_cap_cents(offer)
        ticket_cents = least_ticket_cents(offer, terms.ticket_cents)
        if offer.is_all_or_none:
            ticket_cents = max(ticket_cents, free_cents if cap_cents is None else min(cap_cents, free_cents))
        loans = 0 if free_cents < ticket_cents else 1 if cap_cents is None else free_cents // max(1, cap_cents)
        step = 0 if free_cents < ticket_cents else 1 + sum(loans >= most for most in _RESERVE_STEPS)
        key = (_asks(offer, terms), offer.tier, step, cap_cents is None)
        members.setdefault(key, []).append((offer.lender_id, free_cents, cap_cents or 0, ticket_cents))
    crowds: list[Crowd] = []
    crowd_of: dict[str, int] = {}
    for (asks, tier, _, is_uncapped), lenders in sorted(members.items()):
        crowd_of.update((lender_id, len(crowds)) for lender_id, _, _, _ in lenders)
        crowds.append(
            Crowd(
                asks=asks,
                tier=tier,
                count=len(lenders),
                free_cents=sum(free_cents for _, free_cents, _, _ in lenders),
                cap_cents=None if is_uncapped else sum(cap_cents for _, _, cap_cents, _ in lenders),
                ticket_cents=sum(ticket_cents for _, _, _, ticket_cents in lenders) // len(lenders),
            )
        )
    return tuple(crowds), crowd_of


def _asks(offer: LenderOffer, terms: CompanyTerms) -> Asks:
    asks = ((band.months, offer.ask_for(band.months)) for band in terms.bands)
    return tuple((months, ask_bp) for months, ask_bp in asks if ask_bp is not None)


def _own_offer(
    offer: LenderOffer,
    standing: LenderStanding,
    terms: CompanyTerms,
    others: Sequence[tuple[LenderOffer, LenderStanding]],
) -> OwnOffer:
    asks = dict(_asks(offer, terms))
    place = place_of(offer, standing)
    floors = {band.months: band.floor_bp for band in terms.bands}
    ahead = dict.fromkeys(asks, 0)
    for other, others_standing in others:
        if other.tier != offer.tier or place_of(other, others_standing) > place:
            continue
        for months, ask_bp in asks.items():
            others_bp = other.ask_for(months)
            if others_bp is not None and max(others_bp, floors[months]) == max(ask_bp, floors[months]):
                ahead[months] += 1
    rooms = {months: standing.rooms.get(term_key(offer.strategy_id, months)) for months in asks}
    company_room = company_room_cents(offer, standing.lent_here_cents)
    return OwnOffer(
        offer=offer,
        asks=asks,
        ahead=ahead,
        ticket_cents=least_ticket_cents(offer, terms.ticket_cents),
        company_room_cents=None if company_room is None else max(0, company_room),
        term_rooms={months: max(0, room) for months, room in rooms.items() if room is not None},
    )


def _ladder(
    months: int, floor_bp: int, cap_bp: int, crowds: Sequence[Crowd], own: Sequence[OwnOffer]
) -> tuple[Rung, ...]:
    at: dict[tuple[int, Tier], list[int]] = {}
    for index, crowd in enumerate(crowds):
        ask_bp = dict(crowd.asks).get(months)
        if ask_bp is not None and ask_bp <= cap_bp:
            at.setdefault((max(ask_bp, floor_bp), crowd.tier), []).append(index)
    for mine in own:
        ask_bp = mine.asks.get(months)
        if ask_bp is not None and ask_bp <= cap_bp:
            at.setdefault((max(ask_bp, floor_bp), mine.offer.tier), [])
    return tuple((price_bp, tier, tuple(at[price_bp, tier])) for price_bp, tier in sorted(at))

"""The offers that stand in one book, kept in the order in which a walk meets them."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from heapq import merge

from marketplace.offer_terms import Tier
from marketplace.orders import LenderOffer, LenderStanding

Place = tuple[int, datetime, int, str, str]
"""Order of the ticket round: last rationed fill (oldest first, never = 0), cash available since, offer sequence,
lender; the offer's id closes it, which tells several strategies of one lender apart and finds the offer again."""

_Level = tuple[int, Tier]
TIERS: tuple[Tier, ...] = ("A", "B", "C")


class RestingOffers:
    """Offers of one book with the standing of their lenders, sorted by ask, tier and place.

    A walk reads it bucket by bucket and only as far as it needs, so a cover costs what it touches, whatever the book
    holds. Placing, replacing or withdrawing an offer and changing a standing move single entries. Every offer's lender
    must have a standing.
    """

    def __init__(self, offers: Iterable[LenderOffer], standings: Mapping[str, LenderStanding]) -> None:
        self._standings = dict(standings)
        self._offers: dict[str, LenderOffer] = {}
        self._offer_ids_of: dict[str, tuple[str, ...]] = {}
        self._levels: dict[_Level, list[Place]] = {}
        for offer in offers:
            assert offer.offer_id not in self._offers, offer.offer_id
            self._register(offer)
            self._levels.setdefault((offer.ask_bp, offer.tier), []).append(self._place_of(offer))
        for places in self._levels.values():
            places.sort()
        self._level_keys = sorted(self._levels)

    def standing(self, lender_id: str) -> LenderStanding:
        """What the book knows of a lender."""
        return self._standings[lender_id]

    def offers_of(self, lender_id: str) -> tuple[LenderOffer, ...]:
        """The lender's offers in this book, one per strategy."""
        return tuple(self._offers[offer_id] for offer_id in self._offer_ids_of.get(lender_id, ()))

    def place(self, offer: LenderOffer) -> None:
        """Add an offer, or put new terms in the place of the one with its id."""
        if offer.offer_id in self._offers:
            self.withdraw(offer.offer_id)
        self._register(offer)
        self._enter(offer)

    def withdraw(self, offer_id: str) -> None:
        """Take an offer out of the book."""
        offer = self._offers[offer_id]
        self._leave(offer)
        del self._offers[offer_id]
        left = tuple(other for other in self._offer_ids_of[offer.lender_id] if other != offer_id)
        if left:
            self._offer_ids_of[offer.lender_id] = left
        else:
            del self._offer_ids_of[offer.lender_id]

    def restand(self, standing: LenderStanding) -> None:
        """Replace what the book knows of a lender, and move its offers to their new place."""
        before = self._standings.get(standing.lender_id)
        is_moved = before is not None and (
            (before.last_rationed, before.cash_since_at) != (standing.last_rationed, standing.cash_since_at)
        )
        moved = self.offers_of(standing.lender_id) if is_moved else ()
        for offer in moved:
            self._leave(offer)
        self._standings[standing.lender_id] = standing
        for offer in moved:
            self._enter(offer)

    def buckets(self, *, floor_bp: int, ceiling_bp: int) -> Iterator[tuple[int, Tier, Iterator[LenderOffer]]]:
        """(price, tier, its offers in order of the ticket round), in walking order up to `ceiling_bp`, all lazy.

        The price is the ask, raised to `floor_bp` where it is lower. The book must not change during the walk.
        """
        above_floor = bisect_right(self._level_keys, (floor_bp, TIERS[-1]))
        for tier in TIERS:
            levels = [self._levels[key] for key in self._level_keys[:above_floor] if key[1] == tier]
            if levels:
                yield floor_bp, tier, self._offers_at(levels)
        for index in range(above_floor, len(self._level_keys)):
            price_bp, tier = self._level_keys[index]
            if price_bp > ceiling_bp:
                return
            yield price_bp, tier, self._offers_at([self._levels[price_bp, tier]])

    def _offers_at(self, levels: list[list[Place]]) -> Iterator[LenderOffer]:
        for place in levels[0] if len(levels) == 1 else merge(*levels):
            yield self._offers[place[-1]]

    def _register(self, offer: LenderOffer) -> None:
        self._offers[offer.offer_id] = offer
        self._offer_ids_of[offer.lender_id] = (*self._offer_ids_of.get(offer.lender_id, ()), offer.offer_id)

    def _place_of(self, offer: LenderOffer) -> Place:
        standing = self._standings[offer.lender_id]
        return standing.last_rationed, standing.cash_since_at, offer.sequence, offer.lender_id, offer.offer_id

    def _enter(self, offer: LenderOffer) -> None:
        level = (offer.ask_bp, offer.tier)
        if level not in self._levels:
            self._levels[level] = []
            insort(self._level_keys, level)
        insort(self._levels[level], self._place_of(offer))

    def _leave(self, offer: LenderOffer) -> None:
        level = (offer.ask_bp, offer.tier)
        places = self._levels[level]
        place = self._place_of(offer)
        index = bisect_left(places, place)
        assert places[index] == place, offer.offer_id
        del places[index]
        if not places:
            del self._levels[level]
            self._level_keys.remove(level)

"""The offers that stand in one book, kept in the order in which a walk meets them."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from marketplace.allocation.lender_rooms import company_room_cents, least_ticket_cents
from marketplace.allocation.offer_queues import Entry, OfferQueue, Stand, entry_of, place_key, rotated_key
from marketplace.allocation.orders import LenderOffer, LenderStanding
from marketplace.company_terms import CompanyTerms
from marketplace.strategies.offer_terms import NO_FILTERS, OfferFilters, Tier
from marketplace.strategies.strategy_limits import pace_key, term_key

_Level = tuple[int, Tier]
_Months = tuple[int, ...]
_Stands = tuple[Stand, ...]
_Moves = dict[Stand, list[Entry]]
"""Offers that leave or enter queues, gathered by stand."""


class _Resting(msgspec.Struct, frozen=True, gc=False):
    """An offer in the book: where it stands (nowhere while idle), and the key of its place."""

    offer: LenderOffer
    stands: _Stands
    key: int


class _Arrangement(msgspec.Struct, frozen=True):
    """What of terms and calendar decides where offers stand: the floor of each term offered, the ticket, the month."""

    floors_bp: Mapping[int, int]
    ticket_cents: int
    pace_ending: str


class RestingOffers:
    """Offers of one book with the standing of their lenders, sorted by price, tier and place.

    A walk reads it bucket by bucket and only as far as it needs, so a cover costs what it touches, whatever the book
    holds. Placing, replacing or withdrawing an offer and changing a standing move single entries. Every offer's lender
    must have a standing.

    An offer stands once at each price it asks for some terms. It stands nowhere while it is *idle*: paused, its lender
    barred, or with less than a ticket left by the cash, a limit or a cap that count for every request. So a walk meets
    no idle offer, however long it has waited.

    Prices are asks raised to the floors, and idleness depends on ticket and month, so the order is made for the terms
    of a walk: `arrange` does nothing while they stay the same, and orders the book anew when they have changed.
    """

    def __init__(self, offers: Iterable[LenderOffer], standings: Mapping[str, LenderStanding]) -> None:
        self._standings = dict(standings)
        self._resting: dict[str, _Resting] = {}
        # Most lenders have one offer in a book: its id alone, which saves a tuple for each.
        self._offer_ids_of: dict[str, str | tuple[str, ...]] = {}
        self._arrangement: _Arrangement | None = None
        self._arranged_terms: CompanyTerms | None = None
        self._arranged_at: datetime | None = None
        # Every stand thought of so far; those of offers that ask one rate for all terms and make no conditions apart.
        self._stands: dict[tuple[int, Tier, _Months, OfferFilters], Stand] = {}
        self._plain_stands: dict[tuple[int, Tier, _Months], _Stands] = {}
        # Queues and levels in which somebody waits, and only these.
        self._queues: dict[Stand, OfferQueue] = {}
        self._levels: dict[_Level, list[Stand]] = {}
        self._level_keys: list[_Level] = []
        for offer in offers:
            assert offer.offer_id not in self._resting, offer.offer_id
            self._register(offer, self._standings[offer.lender_id])

    def copy(self) -> "RestingOffers":
        """The same book, to be changed on its own."""
        copied = RestingOffers((), self._standings)
        copied._resting = self._resting.copy()
        copied._offer_ids_of = self._offer_ids_of.copy()
        copied._arrangement = self._arrangement
        copied._arranged_terms, copied._arranged_at = self._arranged_terms, self._arranged_at
        # Stands mean the same in both books as long as they are arranged alike, and `arrange` begins with new ones.
        copied._stands, copied._plain_stands = self._stands.copy(), self._plain_stands.copy()
        copied._queues = {stand: queue.copy() for stand, queue in self._queues.items()}
        copied._levels = {level: stands.copy() for level, stands in self._levels.items()}
        copied._level_keys = self._level_keys.copy()
        return copied

    @property
    def standings(self) -> Mapping[str, LenderStanding]:
        """What the book knows of every lender, to be read only."""
        return self._standings

    def standing(self, lender_id: str) -> LenderStanding:
        """What the book knows of a lender."""
        return self._standings[lender_id]

    def offer(self, offer_id: str) -> LenderOffer:
        """The offer of that id."""
        return self._resting[offer_id].offer

    def offers_of(self, lender_id: str) -> tuple[LenderOffer, ...]:
        """The lender's offers in this book, one per strategy."""
        return tuple([resting.offer for resting in self._of_lender(lender_id)])

    def has_several_offers(self, lender_id: str) -> bool:
        """Whether a lender with an offer has more than one in this book."""
        return self._offer_ids_of[lender_id].__class__ is tuple

    def place(self, offer: LenderOffer) -> None:
        """Add an offer, or put new terms in the place of the one with its id."""
        if offer.offer_id in self._resting:
            self.withdraw(offer.offer_id)
        resting = self._register(offer, self._standings[offer.lender_id])
        for stand in resting.stands:
            self._queue_at(stand).add(resting.key, offer)

    def withdraw(self, offer_id: str) -> None:
        """Take an offer out of the book."""
        resting = self._resting.pop(offer_id)
        offer = resting.offer
        for stand in resting.stands:
            self._leave(stand, [entry_of(resting.key, offer)])
        ids = self._offer_ids_of.pop(offer.lender_id)
        if not isinstance(ids, str):
            left = tuple(other for other in ids if other != offer_id)
            self._offer_ids_of[offer.lender_id] = left if len(left) > 1 else left[0]

    def restand(self, standing: LenderStanding) -> None:
        """Replace what the book knows of a lender, and move its offers to their new place."""
        if standing.lender_id in self._offer_ids_of:
            self.restand_all((standing,))
        else:
            self._standings[standing.lender_id] = standing

    def restand_all(self, standings: Iterable[LenderStanding]) -> None:
        """Replace what the book knows of some lenders, each at most once: quicker than one by one where they stand
        together, as those of a cover do."""
        leaving: _Moves = {}
        entering: _Moves = {}
        for after in standings:
            before = self._standings.get(after.lender_id)
            self._standings[after.lender_id] = after
            if before is not None:
                self._stand_anew(before, after, leaving, entering)
        self._carry_out(leaving, entering)

    def arrange(self, terms: CompanyTerms, now_at: datetime) -> None:
        """Have the order that a walk under `terms` in the month of `now_at` needs; orders anew if it is another."""
        if terms is self._arranged_terms and now_at == self._arranged_at:
            return
        self._arranged_terms, self._arranged_at = terms, now_at
        before, floors_bp = self._arrangement, {band.months: band.floor_bp for band in terms.bands}
        arrangement = _Arrangement(floors_bp, terms.ticket_cents, pace_key("", now_at))
        if arrangement == before:
            return
        self._arrangement = arrangement
        leaving: _Moves = {}
        entering: _Moves = {}
        if before is not None and (before.floors_bp, before.ticket_cents) == (floors_bp, terms.ticket_cents):
            for standing in self._standings.values():
                if standing.rooms:  # only who has limits can have a new pace with the month
                    self._stand_anew(standing, standing, leaving, entering)
        else:
            self._stands, self._plain_stands = {}, {}
            self._queues, self._levels, self._level_keys = {}, {}, []
            for offer_id, resting in self._resting.items():
                offer, key = resting.offer, resting.key
                stands = self._stands_of(offer, self._standings[offer.lender_id])
                self._resting[offer_id] = _Resting(offer, stands, key)
                _gather(entering, stands, key, offer)
        self._carry_out(leaving, entering)

    def buckets(
        self, months: int, *, ceiling_bp: int, also: Iterable[str] = ()
    ) -> Iterator[tuple[int, Tier, Sequence[tuple[OfferFilters, OfferQueue]], Sequence[Entry]]]:
        """(price, tier, queues with their conditions, idle offers) for a term of the arrangement, in walking order up
        to `ceiling_bp`.

        The offers of the lenders `also` are met even where they are idle: these are given apart, in order. The book
        must not change during the walk.
        """
        idle = self._idle_entries(months, also)
        keys = sorted({*self._level_keys, *idle}) if idle else self._level_keys
        for level in keys:
            price_bp, tier = level
            if price_bp > ceiling_bp:
                return
            stands = [stand for stand in self._levels.get(level, ()) if months in stand.months]
            idle_here = idle.get(level, ())
            if stands or idle_here:
                yield price_bp, tier, [(stand.filters, self._queues[stand]) for stand in stands], idle_here

    def _idle_entries(self, months: int, lender_ids: Iterable[str]) -> dict[_Level, list[Entry]]:
        assert self._arrangement is not None
        idle: dict[_Level, list[Entry]] = {}
        for lender_id in lender_ids:
            for resting in self._of_lender(lender_id):
                ask_bp = resting.offer.ask_for(months)
                if ask_bp is not None and not any(months in stand.months for stand in resting.stands):
                    level = (max(ask_bp, self._arrangement.floors_bp[months]), resting.offer.tier)
                    insort(idle.setdefault(level, []), entry_of(resting.key, resting.offer))
        return idle

    def _of_lender(self, lender_id: str) -> Sequence[_Resting]:
        ids = self._offer_ids_of.get(lender_id, ())
        return (self._resting[ids],) if isinstance(ids, str) else [self._resting[offer_id] for offer_id in ids]

    def _register(self, offer: LenderOffer, standing: LenderStanding) -> _Resting:
        resting = _Resting(offer, self._stands_of(offer, standing), place_key(offer, standing))
        self._resting[offer.offer_id] = resting
        ids = self._offer_ids_of.get(offer.lender_id)
        if ids is None:
            self._offer_ids_of[offer.lender_id] = offer.offer_id
        else:
            self._offer_ids_of[offer.lender_id] = (*((ids,) if isinstance(ids, str) else ids), offer.offer_id)
        return resting

    def _stand_anew(self, before: LenderStanding, after: LenderStanding, leaving: _Moves, entering: _Moves) -> None:
        """Note what it means for the places of a lender's offers that it stands otherwise."""
        later = after.last_rationed - before.last_rationed
        is_since_kept = before.cash_since_at == after.cash_since_at
        for resting in self._of_lender(after.lender_id):
            offer = resting.offer
            stands = self._stands_of(offer, after)
            key = rotated_key(resting.key, later) if is_since_kept else place_key(offer, after)
            if key == resting.key and stands == resting.stands:
                continue
            self._resting[offer.offer_id] = _Resting(offer, stands, key)
            _gather(leaving, resting.stands, resting.key, offer)
            _gather(entering, stands, key, offer)

    def _carry_out(self, leaving: _Moves, entering: _Moves) -> None:
        for stand, entries in leaving.items():
            entries.sort()
            self._leave(stand, entries)
        for stand, entries in entering.items():
            entries.sort()
            self._queue_at(stand).add_all(entries)

    def _queue_at(self, stand: Stand) -> OfferQueue:
        """The queue of a stand, made when its first offer comes."""
        queue = self._queues.get(stand)
        if queue is None:
            queue = self._queues[stand] = OfferQueue()
            level = (stand.price_bp, stand.tier)
            if level not in self._levels:
                self._levels[level] = []
                insort(self._level_keys, level)
            self._levels[level].append(stand)
        return queue

    def _leave(self, stand: Stand, ascending: Sequence[Entry]) -> None:
        queue = self._queues[stand]
        queue.remove_all(ascending)
        if queue:
            return
        del self._queues[stand]
        level = (stand.price_bp, stand.tier)
        self._levels[level].remove(stand)
        if not self._levels[level]:
            del self._levels[level]
            del self._level_keys[bisect_left(self._level_keys, level)]

    def _stands_of(self, offer: LenderOffer, standing: LenderStanding) -> _Stands:
        """Where an offer stands; nowhere while idle. It depends on nothing but arrangement, offer and standing."""
        arrangement = self._arrangement
        if arrangement is None or offer.is_paused or standing.bars:
            return ()
        ticket_cents = least_ticket_cents(offer, arrangement.ticket_cents)
        if standing.free_cents < ticket_cents:
            return ()
        if offer.per_request_cents is not None and offer.per_request_cents < ticket_cents:
            return ()
        room_cents = company_room_cents(offer, standing.lent_here_cents)
        if room_cents is not None and room_cents < ticket_cents:
            return ()
        rooms, other_rooms = standing.rooms, 0
        if rooms:
            budget_cents = rooms.get(offer.strategy_id)
            pace_cents = rooms.get(offer.strategy_id + arrangement.pace_ending)
            if budget_cents is not None and budget_cents < ticket_cents:
                return ()
            if pace_cents is not None and pace_cents < ticket_cents:
                return ()
            other_rooms = len(rooms) - (budget_cents is not None) - (pace_cents is not None)
        if other_rooms or offer.asks_by_term or offer.floating_asks or offer.filters != NO_FILTERS:
            return self._stands_by_term(offer, rooms, ticket_cents, arrangement)
        # The many that ask one rate, make no conditions and have no limit by term: looked up at once.
        key = (offer.ask_bp, offer.tier, offer.months)
        stands = self._plain_stands.get(key)
        if stands is None:
            stands = self._plain_stands[key] = self._stands_by_term(offer, {}, ticket_cents, arrangement)
        return stands

    def _stands_by_term(
        self, offer: LenderOffer, rooms: Mapping[str, int], ticket_cents: int, arrangement: _Arrangement
    ) -> _Stands:
        months_at: dict[int, _Months] = {}
        for months in offer.months:
            floor_bp, ask_bp = arrangement.floors_bp.get(months), offer.ask_for(months)
            if floor_bp is None or ask_bp is None:
                continue
            if rooms.get(term_key(offer.strategy_id, months), ticket_cents) >= ticket_cents:
                price_bp = max(ask_bp, floor_bp)
                months_at[price_bp] = (*months_at.get(price_bp, ()), months)
        return tuple(
            [self._stand(price_bp, offer.tier, months, offer.filters) for price_bp, months in months_at.items()]
        )

    def _stand(self, price_bp: int, tier: Tier, months: _Months, filters: OfferFilters) -> Stand:
        stand = self._stands.get((price_bp, tier, months, filters))
        if stand is None:
            stand = Stand(price_bp, tier, months, filters)
            self._stands[price_bp, tier, months, filters] = stand
        return stand


def _gather(moves: _Moves, stands: _Stands, key: int, offer: LenderOffer) -> None:
    for stand in stands:
        entries = moves.get(stand)
        if entries is None:
            moves[stand] = [entry_of(key, offer)]
        else:
            entries.append(entry_of(key, offer))

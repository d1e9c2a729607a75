"""The lenders of one book: their offers, what is known of their money, and the sorted index a walk reads.

Everything that decides an offer's place or room is set through this class, which keeps the index in step, so that a
walk never has to build it.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from marketplace.allocation.orders import Bar, LenderOffer, LenderStanding
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.book.book_events import Standing
from marketplace.strategies.offer_terms import OfferTerms, TermAsk

_NEVER_SEEN_AT = datetime.max.replace(tzinfo=UTC)
"""Cash nobody has seen yet has waited for no time at all."""


class BookLenders:
    """Offers and standings of a book's lenders, and `resting`, the index made of both.

    `lent_cents` is, per lender, what is reserved, lent and not yet repaid in this book, over all its borrowers;
    `last_rationed` the number of the last cover that filled the lender in a rationed bucket. `withdrawn` is the last
    offer that each strategy took out of the book.
    """

    def __init__(self) -> None:
        self.offers: dict[str, LenderOffer] = {}
        self.withdrawn: dict[str, LenderOffer] = {}
        self.standings: dict[str, Standing] = {}
        self.lent_cents: dict[str, int] = {}
        self.last_rationed: dict[str, int] = {}
        self.bars: dict[str, tuple[Bar, ...]] = {}
        self._resting = RestingOffers((), {})
        self._changed: set[str] = set()
        """Lenders whose standing the index does not know yet: one cover changes each of its lenders several times, and
        a walk needs only what came of it."""
        self._offer_ids: dict[str, dict[str, str]] = {}
        self._with_offers: tuple[str, ...] | None = ()
        self._floating: set[str] = set()

    @property
    def resting(self) -> RestingOffers:
        """The index of the offers as everything recorded so far leaves them."""
        if self._changed:
            self._resting.restand_all([self.standing_of(lender_id) for lender_id in sorted(self._changed)])
            self._changed.clear()
        return self._resting

    def with_offers(self) -> tuple[str, ...]:
        """Lenders whose standings a walk needs, in a fixed order."""
        if self._with_offers is None:
            self._with_offers = tuple(sorted(self._offer_ids))
        return self._with_offers

    def has_offers(self, lender_id: str) -> bool:
        """Whether the lender has an offer in this book."""
        return lender_id in self._offer_ids

    def offer_id_of(self, lender_id: str, strategy_id: str) -> str | None:
        """The offer a strategy has in this book."""
        return self._offer_ids.get(lender_id, {}).get(strategy_id)

    def place(self, terms: OfferTerms, *, sequence: int, at: datetime, rates_bp: Mapping[int, tuple[int, ...]]) -> None:
        """Stand an offer in the book, or give it new terms; `rates_bp` are the latest clearing rates per term."""
        offer = LenderOffer(
            **{field: getattr(terms, field) for field in OfferTerms.__struct_fields__},
            sequence=sequence,
            floating_asks=floating_asks(terms, rates_bp),
        )
        # A new offer of a strategy goes on from the one it withdrew: cancelling and placing anew gains no time.
        before = self.offers.get(terms.offer_id) or self.withdrawn.pop(_left_by(terms), None)
        if before is not None:
            raised_at = at if is_raised(before, offer) else before.raised_at
            offer = msgspec.structs.replace(offer, raised_at=raised_at)
        if terms.lender_id not in self._offer_ids:
            self._offer_ids[terms.lender_id] = {}
            self._with_offers = None
            self._resting.restand(self.standing_of(terms.lender_id))
        self._offer_ids[terms.lender_id][terms.strategy_id] = terms.offer_id
        self.offers[terms.offer_id] = offer
        self._resting.place(offer)
        if terms.floating is None:
            self._floating.discard(terms.offer_id)
        else:
            self._floating.add(terms.offer_id)

    def withdraw(self, offer_id: str) -> None:
        """Take an offer out of the book."""
        offer = self.offers.pop(offer_id)
        self.withdrawn[_left_by(offer)] = offer
        self._floating.discard(offer_id)
        of_lender = self._offer_ids[offer.lender_id]
        del of_lender[offer.strategy_id]
        if not of_lender:
            del self._offer_ids[offer.lender_id]
            self._changed.discard(offer.lender_id)
            self._with_offers = None
        self._resting.withdraw(offer_id)

    def refloat(self, rates_bp: Mapping[int, tuple[int, ...]]) -> None:
        """Let the floating asks follow the latest clearing rates."""
        for offer_id in sorted(self._floating):
            offer = self.offers[offer_id]
            asks = floating_asks(offer, rates_bp)
            if asks != offer.floating_asks:
                self.offers[offer_id] = msgspec.structs.replace(offer, floating_asks=asks)
                self._resting.place(self.offers[offer_id])

    def observe(self, standing: Standing) -> None:
        """What a purse says of its lender now."""
        self.standings[standing.lender_id] = standing
        self._restand(standing.lender_id)

    def lend(self, lender_id: str, cents: int) -> None:
        """Count `cents` more as lent in this book (negative: less)."""
        lent_cents = self.lent_cents.get(lender_id, 0) + cents
        if lent_cents:
            self.lent_cents[lender_id] = lent_cents
        else:
            self.lent_cents.pop(lender_id, None)
        self._restand(lender_id)

    def rotate(self, lender_id: str, place: int) -> None:
        """Give the lender another place in the rotation of the ticket round."""
        self.last_rationed[lender_id] = place
        self._restand(lender_id)

    def bar(self, lender_id: str, bar: Bar) -> None:
        """Keep the lender out for one more reason."""
        self.bars[lender_id] = tuple(sorted({*self.bars.get(lender_id, ()), bar}))
        self._restand(lender_id)

    def unbar(self, lender_id: str, bar: Bar) -> None:
        """Take one reason back."""
        left = tuple(other for other in self.bars.get(lender_id, ()) if other != bar)
        if left:
            self.bars[lender_id] = left
        else:
            self.bars.pop(lender_id, None)
        self._restand(lender_id)

    def copy(self) -> "BookLenders":
        """The same lenders, to be read on their own while these go on."""
        copied = copy.copy(self)
        copied.offers = self.offers.copy()
        copied.withdrawn = self.withdrawn.copy()
        copied.standings = self.standings.copy()
        copied.lent_cents = self.lent_cents.copy()
        copied.last_rationed = self.last_rationed.copy()
        copied.bars = self.bars.copy()
        copied._resting = self._resting.copy()
        copied._changed = self._changed.copy()
        copied._offer_ids = {lender_id: ids.copy() for lender_id, ids in self._offer_ids.items()}
        copied._floating = self._floating.copy()
        return copied

    def state(self) -> dict[str, object]:
        """Everything that does not follow from the rest of it."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def standing_of(self, lender_id: str) -> LenderStanding:
        """All that a walk needs to know of a lender; one whose purse was never seen has no money."""
        seen = self.standings.get(lender_id)
        return LenderStanding(
            lender_id=lender_id,
            free_cents=0 if seen is None else seen.free_cents,
            cash_since_at=_NEVER_SEEN_AT if seen is None else seen.cash_since_at,
            last_rationed=self.last_rationed.get(lender_id, 0),
            lent_here_cents=self.lent_cents.get(lender_id, 0),
            rooms={} if seen is None else seen.rooms,
            bars=self.bars.get(lender_id, ()),
            fresh_cents=0 if seen is None else seen.fresh_cents,
            fresh_at=None if seen is None else seen.fresh_at,
        )

    @contextmanager
    def as_if(self, standings: Sequence[Standing]) -> Iterator[RestingOffers]:
        """The index as it will be once `standings` are recorded; as it was again when the block ends."""
        before = {standing.lender_id: self.standings.get(standing.lender_id) for standing in standings}
        try:
            for standing in standings:
                self.observe(standing)
            yield self.resting
        finally:
            for lender_id, known in before.items():
                if known is None:
                    del self.standings[lender_id]
                else:
                    self.standings[lender_id] = known
                self._restand(lender_id)

    def _restand(self, lender_id: str) -> None:
        if lender_id in self._offer_ids:
            self._changed.add(lender_id)


def terms_of(offer: LenderOffer) -> OfferTerms:
    """The lender's own terms of an offer, without what the book keeps beside them."""
    return OfferTerms(**{field: getattr(offer, field) for field in OfferTerms.__struct_fields__})


def _left_by(offer: OfferTerms) -> str:
    """Whose place a withdrawn offer keeps."""
    return f"{offer.lender_id}/{offer.strategy_id}"


def is_raised(before: LenderOffer, after: LenderOffer) -> bool:
    """Whether new terms ask more or offer more than the old: the offer's waiting time then begins again."""
    if any(_ask_after_is_higher(before, after, months) for months in after.months):
        return True
    caps = (
        (before.per_request_cents, after.per_request_cents),
        (before.per_borrower_cents, after.per_borrower_cents),
        (before.per_company_cents, after.per_company_cents),
    )
    return any(old is not None and (new is None or new > old) for old, new in caps)


def _ask_after_is_higher(before: LenderOffer, after: LenderOffer, months: int) -> bool:
    old_bp, new_bp = before.ask_for(months), after.ask_for(months)
    return old_bp is not None and new_bp is not None and new_bp > old_bp


def floating_asks(terms: OfferTerms, rates_bp: Mapping[int, tuple[int, ...]]) -> tuple[TermAsk, ...]:
    """What a floating ask comes to in each term that has seen a clearing rate; empty for a fixed one."""
    if terms.floating is None:
        return ()
    resolved = ((months, terms.floating.resolved_bp(rates_bp.get(months, ()))) for months in sorted(terms.months))
    return tuple(TermAsk(months=months, ask_bp=ask_bp) for months, ask_bp in resolved if ask_bp is not None)

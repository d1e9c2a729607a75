"""One price and tier of a book as a walk sees it: the eligible offers, in order of the ticket round."""

from collections import Counter
from collections.abc import Iterator

from marketplace.eligibility import Candidate, Eligibility, Obstacle
from marketplace.offer_terms import Tier
from marketplace.orders import LenderOffer
from marketplace.resting_offers import RestingOffers


class Bucket:
    """The candidates of one (price, tier), judged only as far as somebody asks and then remembered.

    `seen` holds the candidates met so far, `obstacles` counts the offers that could not lend, `is_exhausted` tells
    whether every offer was looked at.
    """

    def __init__(
        self,
        price_bp: int,
        tier: Tier,
        offers: Iterator[LenderOffer],
        *,
        eligibility: Eligibility,
        resting: RestingOffers,
    ) -> None:
        self.price_bp = price_bp
        self.tier = tier
        self.seen: list[Candidate] = []
        self.obstacles: Counter[Obstacle] = Counter()
        self.is_exhausted = False
        self._offers = offers
        self._eligibility = eligibility
        self._resting = resting

    def __iter__(self) -> Iterator[Candidate]:
        index = 0
        while index < len(self.seen) or self._see_one_more():
            yield self.seen[index]
            index += 1

    def first(self) -> Candidate | None:
        """The candidate that has waited longest, None when no offer of the bucket is eligible."""
        return next(iter(self), None)

    def has_ticket_within(self, need_cents: int) -> bool:
        """Whether some candidate would lend as little as `need_cents`."""
        if need_cents < self._eligibility.ticket_cents:
            return False
        return any(candidate.minimum_cents <= need_cents for candidate in self)

    def _see_one_more(self) -> bool:
        for offer in self._offers:
            verdict = self._judge(offer)
            if isinstance(verdict, Candidate):
                self.seen.append(verdict)
                return True
            self.obstacles[verdict] += 1
        self.is_exhausted = True
        return False

    def _judge(self, offer: LenderOffer) -> Candidate | Obstacle:
        standing = self._resting.standing(offer.lender_id)
        verdict = self._eligibility.judge(offer, standing)
        if isinstance(verdict, Candidate):
            strategies = self._resting.offers_of(offer.lender_id)
            if len(strategies) > 1 and self._eligibility.speaker(strategies, standing) != offer.offer_id:
                return "other-strategy"
        return verdict


def walk_order(resting: RestingOffers, eligibility: Eligibility, *, floor_bp: int) -> Iterator[Bucket]:
    """The buckets of a book for one request, cheapest first, then by preference; nothing is judged yet."""
    for price_bp, tier, offers in resting.buckets(floor_bp=floor_bp, ceiling_bp=eligibility.ceiling_bp):
        yield Bucket(price_bp, tier, offers, eligibility=eligibility, resting=resting)

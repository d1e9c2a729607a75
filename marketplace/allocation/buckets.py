"""One price and tier of a book as a walk sees it: the eligible offers, in order of the ticket round."""

from collections.abc import Iterator, Sequence
from heapq import merge

from marketplace.allocation.eligibility import Candidate, Eligibility, Obstacle
from marketplace.allocation.offer_queues import Entry, OfferQueue
from marketplace.allocation.orders import LenderOffer, LenderStanding
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.strategies.offer_terms import OfferFilters, Tier


class Bucket:
    """The candidates of one (price, tier), found only as far as somebody asks and then remembered.

    `seen` holds the candidates met so far, `is_exhausted` tells whether these are all. `obstacles` counts the offers
    that could not lend; whoever finds the candidates keeps it up.
    """

    __slots__ = ("_candidates", "_ticket_cents", "is_exhausted", "obstacles", "price_bp", "seen", "tier")

    def __init__(
        self,
        price_bp: int,
        tier: Tier,
        candidates: Iterator[Candidate],
        *,
        ticket_cents: int,
        obstacles: dict[Obstacle, int],
    ) -> None:
        self.price_bp = price_bp
        self.tier: Tier = tier
        self.seen: list[Candidate] = []
        self.is_exhausted = False
        self.obstacles = obstacles
        self._candidates = candidates
        self._ticket_cents = ticket_cents

    def __iter__(self) -> Iterator[Candidate]:
        """From the first; one iteration at a time."""
        seen = self.seen
        yield from seen
        for candidate in self._candidates:
            seen.append(candidate)
            yield candidate
        self.is_exhausted = True

    def first(self) -> Candidate | None:
        """The candidate that has waited longest, None when no offer of the bucket is eligible."""
        return self.seen[0] if self.seen else next(iter(self), None)

    def has_ticket_within(self, need_cents: int) -> bool:
        """Whether some candidate would lend as little as `need_cents`."""
        if need_cents < self._ticket_cents:
            return False
        first = self.first()
        if first is not None and first.minimum_cents <= need_cents:  # nearly always: no need to look further
            return True
        return any(candidate.minimum_cents <= need_cents for candidate in self)

    def fits_whole(self, need_cents: int, lenders_room: int) -> bool:
        """Whether all candidates together stay within the need and the number of lenders; looks no further than it
        must."""
        left_cents = need_cents - sum([candidate.capacity_cents for candidate in self.seen])
        if left_cents < 0 or len(self.seen) > lenders_room:
            return False
        for candidate in self._candidates:
            self.seen.append(candidate)
            left_cents -= candidate.capacity_cents
            if left_cents < 0 or len(self.seen) > lenders_room:
                return False
        self.is_exhausted = True
        return True


def walk_order(resting: RestingOffers, eligibility: Eligibility) -> Iterator[Bucket]:
    """The buckets of a book for one request, cheapest first, then by preference; nothing is judged yet."""
    given = eligibility.given
    for price_bp, tier, queues, idle in resting.buckets(
        given.months, ceiling_bp=given.ceiling_bp, also=given.own.promised
    ):
        judging = _Judging(resting, eligibility, queues, idle)
        yield Bucket(
            price_bp,
            tier,
            judging.candidates(),
            ticket_cents=given.ticket_cents,
            obstacles=judging.obstacles,
        )


class _Judging:
    """Finds the candidates among the offers of one bucket, in order, and counts why the others are none.

    The offers in `queues` are known to pass every test but that of their capacity, or fail together by a condition that
    they share; the idle ones are judged whole.
    """

    __slots__ = ("_eligibility", "_idle", "_queues", "_resting", "obstacles")

    def __init__(
        self,
        resting: RestingOffers,
        eligibility: Eligibility,
        queues: Sequence[tuple[OfferFilters, OfferQueue]],
        idle: Sequence[Entry],
    ) -> None:
        self.obstacles: dict[Obstacle, int] = {}
        self._resting = resting
        self._eligibility = eligibility
        self._queues = queues
        self._idle = idle

    def candidates(self) -> Iterator[Candidate]:
        idle_ids = {offer_id for _, _, offer_id, _ in self._idle} if self._idle else None
        standings, has_several_offers = self._resting.standings, self._resting.has_several_offers
        judge, judge_capacity = self._eligibility.judge, self._eligibility.judge_capacity
        for offer in self._offers():
            standing = standings[offer.lender_id]
            is_idle = idle_ids is not None and offer.offer_id in idle_ids
            verdict = judge(offer, standing) if is_idle else judge_capacity(offer, standing)
            if not isinstance(verdict, Candidate):
                self._count(verdict, 1)
            elif has_several_offers(offer.lender_id) and not self._speaks(offer, standing):
                self._count("other-strategy", 1)
            else:
                yield verdict

    def _offers(self) -> Iterator[LenderOffer]:
        """The offers of the queues whose conditions are met, in one order; the other queues are counted whole."""
        met = []
        for filters, queue in self._queues:
            obstacle = self._eligibility.unmet(filters)
            if obstacle is None:
                met.append(queue)
            else:
                self._count(obstacle, len(queue))
        if len(met) == 1 and not self._idle:
            return iter(met[0])
        return (entry[3] for entry in merge(self._idle, *[queue.entries() for queue in met]))

    def _speaks(self, offer: LenderOffer, standing: LenderStanding) -> bool:
        return self._eligibility.speaker(self._resting.offers_of(offer.lender_id), standing) == offer.offer_id

    def _count(self, obstacle: Obstacle, offers: int) -> None:
        self.obstacles[obstacle] = self.obstacles.get(obstacle, 0) + offers

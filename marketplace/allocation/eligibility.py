"""Who may lend to one request, how much, and what stands in the way of the others (capacity and eligibility)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from marketplace.allocation import guarantee as guarantee_gate
from marketplace.allocation.lender_rooms import company_room_cents, seen_cash_cents
from marketplace.allocation.offer_queues import Place, place_of
from marketplace.allocation.orders import Bar, LenderOffer, LenderStanding
from marketplace.company_terms import GuaranteeTerms
from marketplace.strategies.offer_terms import NO_FILTERS, OfferFilters
from marketplace.strategies.strategy_limits import limit_keys

Bound = Literal[
    "cash", "staged-cash", "budget", "term-limit", "pace", "per-request", "per-borrower", "per-company", "share",
]  # fmt: skip
"""The cap that decides a capacity; of equal ones the first in this order. `staged-cash`: the lender's cash, less what
came so lately that more preferred books see it first."""

FilterObstacle = Literal["guarantee-rate", "guarantee-mode", "guarantee-gauge", "arrears", "purpose"]
"""Which of the lender's own conditions the company or the purpose does not meet."""

Obstacle = Literal[
    "is-borrower", "lifted", "offer-paused", "lender-paused", "identity", "conflict", "term", "rate",
    "guarantee-rate", "guarantee-mode", "guarantee-gauge", "arrears", "purpose", "other-strategy",
    "cash", "staged-cash", "budget", "term-limit", "pace", "per-request", "per-borrower", "per-company", "share",
]  # fmt: skip
"""Why an offer cannot lend to the request; a `Bound` says which cap leaves less than its ticket. `lifted`: its lender
took back what it held for this very request."""

BARRED: Mapping[Bar, Obstacle] = {"paused": "lender-paused", "identity": "identity", "conflict": "conflict"}
_LIMITS: tuple[Bound, Bound, Bound] = ("budget", "term-limit", "pace")
"""What the keys of `limit_keys` limit, in their order."""
_CASH: Bound = "cash"


class OwnPromises(msgspec.Struct, frozen=True):
    """What the request's own live cover holds, by lender: it counts as free where the walk is repeated for it.

    `promised` cents of cash, from the strategies in `strategies`; `reserved` cents of the caps of this book.
    """

    promised: Mapping[str, int]
    strategies: Mapping[str, str]
    reserved: Mapping[str, int]


NOTHING_PROMISED = OwnPromises({}, {}, {})


class Candidate(msgspec.Struct, gc=False):
    """An eligible offer: it can lend `minimum_cents` (its ticket) to `capacity_cents`, which `bound_by` limits.

    `place` orders the ticket round: last rationed, waiting since, offer sequence. `filled_cents` is what it lends in
    the end, 0 if nothing: the one field that is written later, when the walk is over, because a walk makes a candidate
    of every offer it looks at and a second struct for its receipt would double the cost.
    """

    offer_id: str
    lender_id: str
    strategy_id: str
    ask_bp: int
    capacity_cents: int
    bound_by: Bound
    minimum_cents: int
    place: Place
    filled_cents: int = 0


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What eligibility depends on beside offer and lender. Amounts are cents, by lender where they are mappings.

    `exposures` is what each lender has in loans to this borrower, `own` what of that and of its cash is promised to
    this very request. `lifted_lender_ids` took back what they held for it. Fresh cash is seen one `staging_tick` later
    by tier B and two by tier C.
    """

    borrower_id: str
    months: int
    purpose_class: int
    ceiling_bp: int
    ticket_cents: int
    guarantee: GuaranteeTerms | None
    guaranteed_cents: int
    company_arrears_bp: int
    exposures: Mapping[str, int]
    own: OwnPromises
    now_at: datetime
    lifted_lender_ids: frozenset[str] = frozenset()
    staging_tick: timedelta


class Eligibility:
    """The tests an offer must pass for one request."""

    __slots__ = (
        "_exposures",
        "_has_staging",
        "_kept_out",
        "_key_endings",
        "_promised",
        "_reserved",
        "_share_cap_cents",
        "given",
        "ticket_cents",
    )

    def __init__(self, given: Circumstances, *, share_cap_cents: int | None) -> None:
        self.ticket_cents = given.ticket_cents
        self.given = given
        self._share_cap_cents = share_cap_cents
        self._kept_out: dict[str, Obstacle] = dict.fromkeys(given.lifted_lender_ids, "lifted")
        self._kept_out[given.borrower_id] = "is-borrower"
        self._promised = given.own.promised
        self._exposures = given.exposures
        self._reserved = given.own.reserved
        # A key is the strategy's id and an ending that is the same for the whole request.
        self._key_endings = tuple(zip(limit_keys("", given.months, given.now_at), _LIMITS, strict=True))
        self._has_staging = given.staging_tick > timedelta(0)

    def obstacle_before_capacity(self, offer: LenderOffer, standing: LenderStanding) -> Obstacle | None:
        """What keeps the offer out whatever its lender could give, None when only its capacity is left to see."""
        if offer.lender_id in self._kept_out:
            return self._kept_out[offer.lender_id]
        if offer.is_paused:
            return "offer-paused"
        if standing.bars:
            return min((BARRED[bar] for bar in standing.bars), key=tuple(BARRED.values()).index)
        ask_bp = offer.ask_for(self.given.months)
        if ask_bp is None:
            return "term"
        if ask_bp > self.given.ceiling_bp:
            return "rate"
        return self.unmet(offer.filters)

    def unmet(self, filters: OfferFilters) -> FilterObstacle | None:
        """The first of a lender's conditions that this company or this request does not meet."""
        if filters is NO_FILTERS:
            return None
        given, guarantee = self.given, self.given.guarantee
        if filters.min_guarantee_bp is not None:
            guaranteed_bp = 0 if guarantee is None else guarantee.rate_bp
            if guaranteed_bp < filters.min_guarantee_bp:
                return "guarantee-rate"
        if filters.guarantee_modes and (guarantee is None or guarantee.mode not in filters.guarantee_modes):
            return "guarantee-mode"
        if filters.min_gauge_bp is not None and (
            guarantee is None
            or not guarantee_gate.has_unused(
                guarantee, guaranteed_cents=given.guaranteed_cents, least_bp=filters.min_gauge_bp
            )
        ):
            return "guarantee-gauge"
        if filters.max_arrears_bp is not None and given.company_arrears_bp > filters.max_arrears_bp:
            return "arrears"
        if filters.purpose_classes and given.purpose_class not in filters.purpose_classes:
            return "purpose"
        return None

    def judge(self, offer: LenderOffer, standing: LenderStanding) -> Candidate | Obstacle:
        """The offer as a candidate, or the first obstacle it meets."""
        obstacle = self.obstacle_before_capacity(offer, standing)
        return obstacle if obstacle is not None else self.judge_capacity(offer, standing)

    def judge_capacity(self, offer: LenderOffer, standing: LenderStanding) -> Candidate | Obstacle:
        """As `judge`, for an offer that stands in a queue: only its lender or its capacity can be an obstacle."""
        lender_id = offer.lender_id
        if lender_id in self._kept_out:
            return self._kept_out[lender_id]
        capacity_cents, bound_by = standing.free_cents, _CASH
        if self._has_staging and standing.fresh_cents > 0:
            capacity_cents, bound_by = self._seen_cash(offer, standing)
        if self._promised:
            capacity_cents += self._promised.get(lender_id, 0)
        if standing.rooms:
            room_cents, limit = self._room(offer, standing)
            if room_cents is not None and room_cents < capacity_cents:
                capacity_cents, bound_by = room_cents, limit
        if offer.per_request_cents is not None and offer.per_request_cents < capacity_cents:
            capacity_cents, bound_by = offer.per_request_cents, "per-request"
        if offer.per_borrower_cents is not None:
            lent_cents = self._exposures.get(lender_id, 0) - self._reserved.get(lender_id, 0)
            if offer.per_borrower_cents - lent_cents < capacity_cents:
                capacity_cents, bound_by = offer.per_borrower_cents - lent_cents, "per-borrower"
        if offer.per_company_cents is not None:
            room_cents = company_room_cents(offer, standing.lent_here_cents - self._reserved.get(lender_id, 0))
            if room_cents is not None and room_cents < capacity_cents:
                capacity_cents, bound_by = room_cents, "per-company"
        if self._share_cap_cents is not None and self._share_cap_cents < capacity_cents:
            capacity_cents, bound_by = self._share_cap_cents, "share"
        minimum_cents = self.ticket_cents
        if offer.min_ticket_cents > minimum_cents:  # as `least_ticket_cents`, whose call would cost a walk 6 %
            minimum_cents = offer.min_ticket_cents
        if capacity_cents < minimum_cents:
            return bound_by
        return Candidate(
            offer.offer_id,
            lender_id,
            offer.strategy_id,
            # Worked out only where it can differ: a walk comes here for every offer it looks at.
            self._ask_bp(offer) if offer.asks_by_term or offer.floating_asks else offer.ask_bp,
            capacity_cents,
            bound_by,
            capacity_cents if offer.is_all_or_none else minimum_cents,
            (standing.last_rationed, standing.cash_since_at, offer.sequence)
            if offer.raised_at is None
            else place_of(offer, standing),
        )

    def speaker(self, offers: Iterable[LenderOffer], standing: LenderStanding) -> str | None:
        """Of several offers of one lender, the id of the one that speaks: eligible and ranked highest by the lender."""
        eligible = (offer for offer in offers if isinstance(self.judge(offer, standing), Candidate))
        best = min(eligible, key=lambda offer: (offer.strategy_rank, offer.sequence, offer.offer_id), default=None)
        return None if best is None else best.offer_id

    def _ask_bp(self, offer: LenderOffer) -> int:
        ask_bp = offer.ask_for(self.given.months)
        assert ask_bp is not None, offer.offer_id
        return ask_bp

    def _seen_cash(self, offer: LenderOffer, standing: LenderStanding) -> tuple[int, Bound]:
        """What of its lender's free cash a book of the offer's tier sees by now."""
        cents = seen_cash_cents(standing, offer.tier, now_at=self.given.now_at, staging_tick=self.given.staging_tick)
        return cents, _CASH if cents == standing.free_cents else "staged-cash"

    def _room(self, offer: LenderOffer, standing: LenderStanding) -> tuple[int | None, Bound]:
        """What the purse's limits leave to the offer's strategy, with what it has promised to this request put back."""
        strategy_id, lender_id = offer.strategy_id, offer.lender_id
        least_cents: int | None = None
        bound_by: Bound = "budget"
        for ending, limit in self._key_endings:
            room_cents = standing.rooms.get(strategy_id + ending)
            if room_cents is not None and (least_cents is None or room_cents < least_cents):
                least_cents, bound_by = room_cents, limit
        if least_cents is not None and self.given.own.strategies.get(lender_id) == strategy_id:
            least_cents += self._promised.get(lender_id, 0)
        return least_cents, bound_by

"""Who may lend to one request, how much, and what stands in the way of the others (capacity and eligibility)."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from marketplace.orders import LenderOffer, LenderStanding

Bound = Literal["cash", "strategy", "per-request", "per-borrower", "per-company", "share"]
"""The cap that decides a capacity; of equal ones the first in this order."""

Obstacle = Literal[
    "is-borrower", "inactive", "term", "rate", "other-strategy", "cash", "strategy", "per-request", "per-borrower",
    "per-company", "share",
]  # fmt: skip
"""Why an offer cannot lend to the request; a `Bound` says which cap leaves less than its ticket."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An eligible offer: it can lend `minimum_cents` (its ticket) to `capacity_cents`, which `bound_by` limits."""

    offer: LenderOffer
    standing: LenderStanding
    capacity_cents: int
    minimum_cents: int
    bound_by: Bound


class Eligibility(msgspec.Struct, frozen=True, kw_only=True):
    """The tests an offer must pass for one request. Amounts are cents, by lender where they are mappings.

    `promised` is what each lender has already promised to this very request: it counts as free cash and as room under
    the company cap. `exposures` is what each already lends to the borrower otherwise.
    """

    borrower_id: str
    months: int
    ceiling_bp: int
    ticket_cents: int
    share_cap_cents: int | None
    promised: Mapping[str, int]
    exposures: Mapping[str, int]

    def judge(self, offer: LenderOffer, standing: LenderStanding) -> Candidate | Obstacle:
        """The offer as a candidate, or the first obstacle it meets."""
        if offer.lender_id == self.borrower_id:
            return "is-borrower"
        if not offer.is_active:
            return "inactive"
        if self.months not in offer.months:
            return "term"
        if offer.ask_bp > self.ceiling_bp:
            return "rate"
        capacity_cents, bound_by = self._capacity(offer, standing)
        minimum_cents = max(self.ticket_cents, offer.min_ticket_cents)
        if capacity_cents < minimum_cents:
            return bound_by
        return Candidate(offer, standing, capacity_cents, minimum_cents, bound_by)

    def speaker(self, offers: Iterable[LenderOffer], standing: LenderStanding) -> str | None:
        """Of several offers of one lender, the id of the one that speaks: eligible and ranked highest by the lender."""
        eligible = (offer for offer in offers if isinstance(self.judge(offer, standing), Candidate))
        best = min(eligible, key=lambda offer: (offer.strategy_rank, offer.sequence, offer.offer_id), default=None)
        return None if best is None else best.offer_id

    def _capacity(self, offer: LenderOffer, standing: LenderStanding) -> tuple[int, Bound]:
        promised_cents = self.promised.get(offer.lender_id, 0)
        capacity_cents: int = standing.free_cents + promised_cents
        bound_by: Bound = "cash"
        if offer.strategy_room_cents is not None and offer.strategy_room_cents < capacity_cents:
            capacity_cents, bound_by = offer.strategy_room_cents, "strategy"
        if offer.per_request_cents is not None and offer.per_request_cents < capacity_cents:
            capacity_cents, bound_by = offer.per_request_cents, "per-request"
        if offer.per_borrower_cents is not None:
            room_cents = offer.per_borrower_cents - self.exposures.get(offer.lender_id, 0)
            if room_cents < capacity_cents:
                capacity_cents, bound_by = max(0, room_cents), "per-borrower"
        if offer.per_company_room_cents is not None:
            room_cents = offer.per_company_room_cents + promised_cents
            if room_cents < capacity_cents:
                capacity_cents, bound_by = room_cents, "per-company"
        if self.share_cap_cents is not None and self.share_cap_cents < capacity_cents:
            capacity_cents, bound_by = self.share_cap_cents, "share"
        return capacity_cents, bound_by

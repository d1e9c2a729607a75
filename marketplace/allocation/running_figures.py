"""The figures of a book while requests are planned on it in turn: what a cover takes, the next one lacks."""

from collections.abc import Mapping, Sequence

import msgspec

from marketplace.allocation.matching import BookFigures, CoverPlan, PlannedLeg, Uncovered, plan_cover_from
from marketplace.allocation.orders import CreditRequest, LenderStanding
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import CompanyTerms
from marketplace.strategies.strategy_limits import limit_keys


class RunningFigures:
    """The money of a book under `terms`, lowered by each cover.

    Covers take lenders' cash, limits, caps and places from `resting`, which the caller gives away (hand over a copy of
    a book that lives on); budget, head-room and a sequence number go on from those of `given`. `exposures` are what
    each lender has with each borrower, by borrower; those of `given`, which are one borrower's, are not read.
    """

    def __init__(
        self,
        resting: RestingOffers,
        terms: CompanyTerms,
        given: BookFigures,
        *,
        exposures: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self.resting = resting
        self.terms = terms
        self.guaranteed_cents = given.guaranteed_cents
        self.budget_left_cents = given.budget_left_cents
        self._given = given
        self._sequence = given.sequence
        self._exposures = {borrower_id: dict(lent) for borrower_id, lent in (exposures or {}).items()}

    def figures_of(self, request: CreditRequest, given: BookFigures | None = None) -> BookFigures:
        """What a plan for the request is made on now; whatever does not run is as in `given`, or as at the start."""
        return msgspec.structs.replace(
            self._given if given is None else given,
            guaranteed_cents=self.guaranteed_cents,
            budget_left_cents=self.budget_left_cents,
            exposures=self._exposures.setdefault(request.borrower_id, {}),
            sequence=self._sequence,
        )

    def plan(self, request: CreditRequest, given: BookFigures | None = None) -> CoverPlan | Uncovered:
        """Plan a request on the present figures; a cover takes what it uses."""
        figures = self.figures_of(request, given)
        outcome = plan_cover_from(self.resting, request, self.terms, figures=figures)
        if isinstance(outcome, CoverPlan):
            self.take(request, outcome, figures)
        return outcome

    def take(self, request: CreditRequest, cover: CoverPlan, figures: BookFigures) -> None:
        """Take what `cover`, planned on `figures`, uses."""
        self.resting.restand_all(_standings_after(self.resting, request, cover, figures))
        self.reserve(request.borrower_id, {leg.lender_id: leg.cents for leg in cover.legs}, cover.company_cents)
        self._sequence += 1

    def reserve(self, borrower_id: str, lent: Mapping[str, int], company_cents: int) -> None:
        """Count what lenders lend to the borrower, and the company's part, as used; of standings nothing changes."""
        exposures = self._exposures.setdefault(borrower_id, {})
        for lender_id, cents in lent.items():
            exposures[lender_id] = exposures.get(lender_id, 0) + cents
        self.guaranteed_cents += sum(lent.values())
        self.budget_left_cents -= company_cents

    def free(self, borrower_id: str, lent: Mapping[str, int], company_cents: int) -> None:
        """Undo `reserve`."""
        self.reserve(borrower_id, {lender_id: -cents for lender_id, cents in lent.items()}, -company_cents)


def _standings_after(
    resting: RestingOffers, request: CreditRequest, cover: CoverPlan, figures: BookFigures
) -> list[LenderStanding]:
    """What the lenders of a cover have left: less cash, less room under their limits, and a place at the back of the
    ticket round for those filled in a rationed bucket."""
    rotated = set(cover.rotated_lender_ids)
    key_endings = limit_keys("", request.months, figures.now_at)
    after = []
    for leg in cover.legs:
        standing = resting.standing(leg.lender_id)
        free_cents = standing.free_cents - leg.cents
        after.append(
            LenderStanding(
                lender_id=leg.lender_id,
                free_cents=free_cents,
                cash_since_at=standing.cash_since_at,
                last_rationed=figures.sequence if leg.lender_id in rotated else standing.last_rationed,
                lent_here_cents=standing.lent_here_cents + leg.cents,
                rooms=_rooms_after(standing.rooms, leg, key_endings) if standing.rooms else standing.rooms,
                bars=standing.bars,
                fresh_cents=min(standing.fresh_cents, free_cents),
                fresh_at=standing.fresh_at,
            )
        )
    return after


def _rooms_after(rooms: Mapping[str, int], leg: PlannedLeg, key_endings: Sequence[str]) -> Mapping[str, int]:
    after = dict(rooms)
    for ending in key_endings:
        if (key := leg.strategy_id + ending) in after:
            after[key] -= leg.cents
    return after

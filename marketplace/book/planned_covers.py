"""A plan of the rule written down as the book's event, its legs set against what purses have promised already."""

from collections.abc import Iterable, Sequence

from marketplace.allocation.matching import CoverPlan, PlannedLeg
from marketplace.book.book_events import CoverLeg, PlannedCover
from marketplace.book.covers import Promise


def planned_cover(plan: CoverPlan, promises: Sequence[Promise] = ()) -> PlannedCover:
    """The whole plan, to be recorded."""
    return PlannedCover(
        amount_cents=plan.amount_cents,
        rate_bp=plan.rate_bp,
        loan_rate_cbp=plan.loan_rate_cbp,
        company_cents=plan.company_cents,
        dust=plan.dust,
        legs=legs_against(promises, plan.legs),
        rotated_lender_ids=plan.rotated_lender_ids,
        receipt=plan.receipt,
    )


def legs_against(promises: Sequence[Promise], legs: Iterable[PlannedLeg]) -> tuple[CoverLeg, ...]:
    """The plan's legs, each saying what becomes of the promise its lender has given already.

    A promise of the same cents is kept; any other is swapped for a new one. A leg that does not grow keeps the strategy
    that promised it.
    """
    by_lender = {promise.lender_id: promise for promise in promises}
    return tuple(_leg(leg, by_lender.get(leg.lender_id)) for leg in legs)


def _leg(leg: PlannedLeg, promise: Promise | None) -> CoverLeg:
    is_grown = promise is None or leg.cents > promise.cents
    is_kept = promise is not None and leg.cents == promise.cents
    return CoverLeg(
        lender_id=leg.lender_id,
        offer_id=leg.offer_id,
        strategy_id=leg.strategy_id if promise is None or is_grown else promise.strategy_id,
        cents=leg.cents,
        min_cents=leg.min_cents,
        replaces=None if promise is None or is_kept else promise.fill_id,
        kept_fill_id=promise.fill_id if promise is not None and is_kept else None,
    )

"""A recorded plan in words: the same account of it for whoever asks, wherever it is asked for.

A plan is more than the walk of its receipt: one that holds keeps what lenders promised to the request before.
"""

from collections.abc import Sequence

import msgspec

from marketplace.book.book_events import PlannedCover
from marketplace.explanations.borrower_account import borrower_account_of_plan
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_account import lender_account
from marketplace.explanations.lender_outcomes import (
    Filled,
    JudgedOffer,
    LenderOutcome,
    PlanStatus,
    fill_outcome,
    lender_outcome,
)
from marketplace.explanations.operations_account import operations_account_of_plan
from marketplace.explanations.sentences import Sentence


def account_of_plan(
    plan: PlannedCover,
    reader: str,
    language: Language,
    *,
    status: PlanStatus,
    offers: Sequence[JudgedOffer] = (),
) -> tuple[Sentence, ...]:
    """The plan in the words of one reader: `lender:ID`, `borrower` or `operations`.

    `status` is what became of the plan; `offers` are the lender's own as the book had them before it, for one that has
    no part in it.
    """
    if reader == "borrower":
        return borrower_account_of_plan(plan, language)
    if reader == "operations":
        return operations_account_of_plan(plan, language)
    outcome = outcome_in_plan(plan, reader.removeprefix("lender:"), status=status, offers=offers)
    return lender_account(plan.receipt, outcome, language)


def outcome_in_plan(
    plan: PlannedCover, lender_id: str, *, status: PlanStatus, offers: Sequence[JudgedOffer] = ()
) -> LenderOutcome:
    """What the plan means to a lender, whether or not it has a part in it."""
    if any(leg.lender_id == lender_id for leg in plan.legs):
        return fill_outcome(plan, lender_id, status=status)
    outcome = lender_outcome(plan.receipt, lender_id, offers, status=status)
    if isinstance(outcome, Filled) and status == "holding":
        # The walk came to the offer, but nothing of it is held: the request has others for as much as it may hold.
        return msgspec.structs.replace(outcome, status="uncovered")
    return outcome

"""The next direct debit of a loan: when it is handed in, for how much, and which presentation of the debt it is."""

from collections.abc import Sequence
from datetime import date

import msgspec

from marketplace.business_days import (
    BusinessCalendar,
    add_business_days,
    earliest_collection_date,
    submission_date,
)
from marketplace.loans.collection_returns import RE_PRESENTATION_BUSINESS_DAYS
from marketplace.loans.loan import InstalmentDue, Loan, due_instalments


class NextCollection(msgspec.Struct, frozen=True, kw_only=True):
    """The next direct debit of a loan. It is to be handed in on `submission_date`, before the cut-off."""

    collection_date: date
    submission_date: date
    amount_cents: int
    instalment_numbers: tuple[int, ...]
    presentation: int
    needs_notice: bool
    """The borrower must be told amount and date first: they are not those that the plan announced."""


def next_collection(loan: Loan, on_date: date) -> NextCollection | None:
    """The next debit to hand in, seen on `on_date` before the day's cut-off; none while one is open, while a person has
    to act, or when nothing is left to collect.

    An instalment is collected on its due date or the next TARGET day; a debt refused for want of money once more, on
    the fifth TARGET day after the refusal, or together with the next instalment when that comes first. A day that can
    no longer be reached becomes the first that can. Everything unpaid by the day of collection goes into the one debit.
    """
    unpaid = [instalment for instalment in loan.instalments if instalment.left_cents]
    if not unpaid or loan.settled_on or loan.open_collection or loan.needs_person:
        return None
    wanted = unpaid[0].payable_date
    if loan.refused is not None:
        wanted = _re_presentation_date(loan.refused.refused_on, unpaid)
    collection_date = max(wanted, earliest_collection_date(on_date))
    collected = due_instalments(loan, collection_date)
    amount = sum(instalment.left_cents for instalment in collected) - loan.unapplied_cents
    if amount <= 0:
        return None
    first, presentation = collected[0], loan.next_presentation
    is_as_announced = (
        presentation == 1
        and len(collected) == 1
        and collection_date == first.payable_date
        and amount == first.principal_cents + first.interest_cents
    )
    return NextCollection(
        collection_date=collection_date,
        submission_date=submission_date(collection_date),
        amount_cents=amount,
        instalment_numbers=tuple(instalment.number for instalment in collected),
        presentation=presentation,
        needs_notice=not is_as_announced,
    )


def _re_presentation_date(refused_on: date, unpaid: Sequence[InstalmentDue]) -> date:
    latest = add_business_days(refused_on, RE_PRESENTATION_BUSINESS_DAYS, BusinessCalendar.TARGET)
    not_due_yet = (instalment.payable_date for instalment in unpaid if instalment.due_date > refused_on)
    return min(latest, next(not_due_yet, latest))

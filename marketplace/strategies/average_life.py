"""How long money lent in a French plan is away on average."""

from datetime import date
from fractions import Fraction
from functools import lru_cache

from marketplace.calendar_months import months_later
from marketplace.loans.schedules import PlanTerms, annual_rate, instalment_plan

_PRINCIPAL_CENTS = 10_000_000
"""Large enough that the rounding of instalments to cents does not show."""
_DISBURSED_ON = date(2025, 1, 1)


@lru_cache(maxsize=1_024)
def average_life_months(months: int, rate_bp: int) -> Fraction:
    """The average of the months after which each cent of principal is back, in a plan of `months` monthly instalments.

    Without interest it is (months + 1) / 2; a higher rate pays principal back later. Source: the weighted average life
    of amortising loans.
    """
    terms = PlanTerms(
        principal_cents=_PRINCIPAL_CENTS,
        count=months,
        disbursed_on=_DISBURSED_ON,
        first_due_date=months_later(_DISBURSED_ON, 1),
    )
    plan = instalment_plan(terms, annual_rate(rate_bp * 100))
    weighted = sum(instalment.number * instalment.principal_cents for instalment in plan.instalments)
    return Fraction(weighted, _PRINCIPAL_CENTS)

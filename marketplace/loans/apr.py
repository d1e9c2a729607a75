"""The annual percentage rate of charge (TAEG) of a set of cash flows.

It is the rate X at which drawdowns and payments, each discounted by (1 + X) to the power of its years from the first
drawdown, are worth the same. Source: directive 2008/48/EC, annex I, part I, with part II as replaced by 2011/90/EU;
directive (EU) 2023/2225, annex III; articles 121 to 123 of the Italian banking act (TUB).
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction

import msgspec

from marketplace.loans.apr_periods import AprUnit, years_from
from marketplace.loans.schedules import PeriodUnit, Plan, PlanTerms

APR_PERCENT_DECIMALS = 6
"""Decimals of the rate we store; a document prints two, the law asks for one."""

APR_UNIT = {PeriodUnit.MONTHS: AprUnit.MONTH, PeriodUnit.WEEKS: AprUnit.WEEK, PeriodUnit.DAYS: AprUnit.YEAR}
"""The whole units in which the first interval of a plan is counted; what a plan in days has left over is days."""

_ARITHMETIC = Context(prec=50, rounding=ROUND_HALF_UP)
_FORCE_MAX = Decimal(30)
"""Rates from e^-30 - 1 to e^30 - 1 a year are looked for: from losing all but everything to a million million times."""
_FIRST_STEP = Decimal(1) / 1024
_FORCE_TOLERANCE = Decimal("1e-30")


class CashFlow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A drawdown (above zero) or a payment or charge of the borrower (below zero)."""

    amount: int
    """In euro cents, or in any other unit that is the same for all flows: only proportions matter."""
    years: Fraction
    """From the first drawdown, by the directive's day rules; below zero for a cost paid before it."""


class AprImpossible(StrEnum):
    """Why a set of cash flows has no rate."""

    NO_DRAWDOWN = "no-drawdown"
    NO_PAYMENT = "no-payment"
    NO_RATE = "no-rate"
    """No rate makes the two sides equal, or only one beyond any that could be meant."""


def apr_percent(cash_flows: Sequence[CashFlow]) -> Decimal | AprImpossible:
    """The rate in percent a year, rounded half up to 6 decimals; below zero when less is paid back than was drawn.

    Example: 200.00 drawn, 350.00 paid a month later is 82400.500685.
    """
    percent = unrounded_apr_percent(cash_flows)
    return percent if isinstance(percent, AprImpossible) else rounded_percent(percent, APR_PERCENT_DECIMALS)


def unrounded_apr_percent(cash_flows: Sequence[CashFlow]) -> Decimal | AprImpossible:
    """The rate in percent a year, right to far more digits than any document prints: for whoever rounds it otherwise.

    Should several rates solve the equation, as they may when costs come before the drawdown or drawdowns between the
    payments, the one nearest to zero is meant.
    """
    if not any(flow.amount > 0 for flow in cash_flows):
        return AprImpossible.NO_DRAWDOWN
    if not any(flow.amount < 0 for flow in cash_flows):
        return AprImpossible.NO_PAYMENT
    with localcontext(_ARITHMETIC):
        force = _root(_Discounting(cash_flows))
        if force is None:
            return AprImpossible.NO_RATE
        return (force.exp() - 1) * 100


def rounded_percent(percent: Decimal, decimals: int) -> Decimal:
    """`percent` with `decimals` decimals, half rounded up. Source: annex I, part I, remark (d)."""
    rounded = percent.quantize(Decimal(1).scaleb(-decimals), context=_ARITHMETIC)
    return abs(rounded) if rounded == 0 else rounded  # a zero has no sign to print


def plan_cash_flows(
    terms: PlanTerms, plan: Plan, *, upfront_cost_cents: int = 0, cost_per_instalment_cents: int = 0
) -> list[CashFlow]:
    """The flows of a loan for its TAEG: principal drawn, costs paid at drawdown, instalments with their collection fee.

    Times run on the agreed due dates, never on the days to which a collection is moved: the first interval by the
    directive's day rules, every later one exactly as many whole units longer.
    """
    first = years_from(terms.disbursed_on, terms.first_due_date, APR_UNIT[terms.unit])
    step = _standard_years(terms)
    flows = [CashFlow(amount=terms.principal_cents, years=Fraction(0))]
    if upfront_cost_cents:
        flows.append(CashFlow(amount=-upfront_cost_cents, years=Fraction(0)))
    flows += [
        CashFlow(amount=-(instalment.instalment_cents + cost_per_instalment_cents), years=first + index * step)
        for index, instalment in enumerate(plan.instalments)
    ]
    return flows


def _standard_years(terms: PlanTerms) -> Fraction:
    match terms.unit:
        case PeriodUnit.MONTHS:
            return Fraction(terms.every, 12)
        case PeriodUnit.WEEKS:
            return Fraction(terms.every, 52)
        case PeriodUnit.DAYS:
            return Fraction(terms.every, 365)


class _Discounting:
    """The flows at their worth on the day of the first drawdown, as a function of the force of interest y = ln(1 + X).

    The worth is the sum of A e^(-ty). In order of time each discount factor is the one before it times the factor of
    the gap between, and a plan has few different gaps, so one evaluation takes few exponentials.
    """

    def __init__(self, cash_flows: Iterable[CashFlow]) -> None:
        by_time: dict[Fraction, int] = {}
        for flow in cash_flows:
            by_time[flow.years] = by_time.get(flow.years, 0) + flow.amount
        times = sorted(by_time)
        gaps = [time - before for before, time in zip([Fraction(0), *times], times, strict=False)]
        place = {gap: index for index, gap in enumerate(dict.fromkeys(gaps))}
        self._gaps = [_decimal(gap) for gap in place]
        self._flows = [
            (place[gap], _decimal(time), Decimal(by_time[time])) for gap, time in zip(gaps, times, strict=True)
        ]
        self.undiscounted = sum(by_time.values())

    def worth_and_slope(self, force: Decimal) -> tuple[Decimal, Decimal]:
        factors = [(-force * years).exp() for years in self._gaps]
        discount, worth, slope = Decimal(1), Decimal(0), Decimal(0)
        for gap, years, amount in self._flows:
            discount *= factors[gap]
            part = amount * discount
            worth += part
            slope -= years * part
        return worth, slope


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _root(discounting: _Discounting) -> Decimal | None:
    """The force of interest nearest to zero at which the flows are worth nothing.

    A borrower who pays back more than was drawn has a positive rate, one who pays back less a negative one: that says
    on which side to look. The first change of sign met in widening steps encloses the root.
    """
    if discounting.undiscounted == 0:
        return Decimal(0)
    direction = 1 if discounting.undiscounted < 0 else -1
    near = Decimal(0)
    for far in _widening(direction):
        worth, _ = discounting.worth_and_slope(far)
        if worth == 0:
            return far
        if (worth > 0) != (discounting.undiscounted > 0):
            return _enclosed_root(discounting, near, far, near_is_positive=discounting.undiscounted > 0)
        near = far
    return None


def _widening(direction: int) -> Iterator[Decimal]:
    step = _FIRST_STEP
    while step < _FORCE_MAX:
        yield direction * step
        step *= 2
    yield direction * _FORCE_MAX


def _enclosed_root(discounting: _Discounting, near: Decimal, far: Decimal, *, near_is_positive: bool) -> Decimal:
    """Newton's steps, with a halving of the interval in place of any step that would leave it."""
    guess = (near + far) / 2
    while abs(far - near) > _FORCE_TOLERANCE:
        worth, slope = discounting.worth_and_slope(guess)
        if worth == 0:
            return guess
        if (worth > 0) == near_is_positive:
            near = guess
        else:
            far = guess
        newton = guess - worth / slope if slope else guess
        if abs(newton - guess) < _FORCE_TOLERANCE:
            return newton
        guess = newton if min(near, far) < newton < max(near, far) else (near + far) / 2
    return guess

"""Instalment plans: when each instalment falls due and how it divides into principal and interest, to the cent."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

import msgspec

from marketplace.calendar_months import is_whole_months, last_day_of_month, months_later
from marketplace.loans.day_counts import DayCount, days_in_year, year_fraction
from marketplace.rounding import Rounding, rounded_quotient

CBP_PER_UNIT = 1_000_000
"""A rate of 1 (100 % a year) in hundredths of a basis point."""


class PeriodUnit(StrEnum):
    MONTHS = "months"
    WEEKS = "weeks"
    DAYS = "days"


class Level(StrEnum):
    """What the constant instalment of a French plan is solved from."""

    BY_MONTHS = "by-months"
    """Equal periods, each of `every` standard units, whatever the calendar says of the first."""
    BY_DAYS = "by-days"
    """The very periods that bear the interest, each as long as the day count makes it."""


class Method(StrEnum):
    FRENCH = "french"
    """One constant instalment; its principal part grows as the interest falls. At a rate of zero: equal parts."""
    CONSTANT_PRINCIPAL = "constant-principal"
    """Equal principal parts, interest on what is still owed."""
    BULLET = "bullet"
    """Interest at every due date, the whole principal at the last."""


class PlanTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that a contract fixes about its plan, save the rate. Frozen at signing."""

    principal_cents: int
    count: int
    """How many instalments, >= 1."""
    every: int = 1
    """Units from one due date to the next, >= 1."""
    unit: PeriodUnit = PeriodUnit.MONTHS
    disbursed_on: date
    first_due_date: date
    """Later than `disbursed_on`; the first period may be shorter or longer than the others."""
    due_day: int | None = None
    """Day of the month, 1 to 31, of the later due dates of a plan in months; none: the day of `first_due_date`."""
    day_count: DayCount = DayCount.THIRTY_360
    level: Level = Level.BY_MONTHS
    method: Method = Method.FRENCH
    rounding: Rounding = Rounding.HALF_UP


class Instalment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    number: int
    """From 1."""
    due_date: date
    """As agreed, before any shift off a closed day."""
    days: int
    """Days of the calendar since the due date before it (since disbursement for the first)."""
    principal_cents: int
    """Below zero only where a long first period costs more interest than the constant instalment pays."""
    interest_cents: int
    balance_cents: int
    """Principal owed once this instalment is paid; zero at the last."""

    @property
    def instalment_cents(self) -> int:
        return self.principal_cents + self.interest_cents


class Plan(msgspec.Struct, frozen=True, gc=False):
    instalments: tuple[Instalment, ...]

    @property
    def total_interest_cents(self) -> int:
        return sum(instalment.interest_cents for instalment in self.instalments)

    @property
    def total_cents(self) -> int:
        """All that the borrower pays under the plan: principal and interest."""
        return sum(instalment.instalment_cents for instalment in self.instalments)


def annual_rate(rate_cbp: int) -> Fraction:
    """The rate of a loan, in hundredths of a basis point (50,000 is 5 % a year), as an exact number (1/20)."""
    return Fraction(rate_cbp, CBP_PER_UNIT)


def instalment_plan(terms: PlanTerms, rate: Fraction) -> Plan:
    """The plan of `terms` at the nominal annual `rate` >= 0 (1/20 is 5 %).

    The constant instalment and the interest of each period, which runs on the rounded balance, are rounded to the cent
    by the contract's rounding; the last instalment repays all that is left, so that the principal parts sum to the
    principal.
    Source: Italian practice for fixed-rate personal loans (TAN).
    """
    assert terms.principal_cents > 0, terms
    assert terms.count >= 1, terms
    assert rate >= 0, rate
    dates = due_dates(terms)
    assert terms.disbursed_on < dates[0], terms
    starts = [terms.disbursed_on, *dates[:-1]]
    period_rates = list(_period_rates(terms, rate, starts, dates))
    principal_part = _principal_rule(terms, rate, period_rates)
    balance = terms.principal_cents
    instalments = []
    for number, (start, due, period_rate) in enumerate(zip(starts, dates, period_rates, strict=True), start=1):
        interest = rounded_quotient(balance * period_rate.numerator, period_rate.denominator, terms.rounding)
        principal = balance if number == terms.count else min(principal_part(interest), balance)
        balance -= principal
        instalments.append(
            Instalment(
                number=number,
                due_date=due,
                days=(due - start).days,
                principal_cents=principal,
                interest_cents=interest,
                balance_cents=balance,
            )
        )
    return Plan(tuple(instalments))


def due_dates(terms: PlanTerms) -> list[date]:
    """Every due date in order, as agreed: a day that a month lacks is its last day, closed days are not moved."""
    first = terms.first_due_date
    later = range(terms.every, terms.every * terms.count, terms.every)
    if terms.unit is PeriodUnit.MONTHS:
        return [first, *(months_later(first, months, day_of_month=terms.due_day) for months in later)]
    return [first, *(units_later(first, units, terms.unit) for units in later)]


def units_later(day: date, count: int, unit: PeriodUnit) -> date:
    """The date `count` units after `day`, a month end standing for a day that the month lacks."""
    match unit:
        case PeriodUnit.MONTHS:
            return months_later(day, count)
        case PeriodUnit.WEEKS:
            return day + timedelta(weeks=count)
        case PeriodUnit.DAYS:
            return day + timedelta(days=count)


def due_day_of(disbursed_on: date, first_due_date: date) -> int:
    """The day of the month that later due dates take when only the first is agreed.

    That of `first_due_date`, unless it is a month end standing for a later day of `disbursed_on`: a loan of 31 January
    first due on 28 February is next due on 31 March.
    """
    is_month_end = first_due_date.day == last_day_of_month(first_due_date.year, first_due_date.month)
    return max(first_due_date.day, disbursed_on.day) if is_month_end else first_due_date.day


def first_due_date_after(disbursed_on: date, due_day: int, *, days_min: int) -> date:
    """The first date on the borrower's chosen `due_day` (1 to 31) at least `days_min` > 0 days after disbursement.

    With few days the first period is short, with about a month it is never shorter than the others; 14 leaves room for
    the notice that a direct debit needs.
    """
    assert 1 <= due_day <= 31, due_day
    assert days_min > 0, days_min
    earliest = disbursed_on + timedelta(days=days_min)
    in_its_month = months_later(earliest, 0, day_of_month=due_day)
    return in_its_month if in_its_month >= earliest else months_later(earliest, 1, day_of_month=due_day)


def monthly_instalment_cents(principal_cents: int, rate: Fraction, months: int, rounding: Rounding) -> int:
    """The constant instalment of a French plan of `months` equal months at the nominal annual `rate`."""
    return _level_instalment_cents(principal_cents, [rate / 12] * months, rounding)


def _period_rates(
    terms: PlanTerms, rate: Fraction, starts: Sequence[date], dates: Sequence[date]
) -> Iterator[Fraction]:
    """The rate that each period bears.

    Under 30/360 a whole number of units counts as such (a month is 1/12 of a year whatever its days), so only a broken
    first period is counted by its days; every other convention counts the days of each period.
    """
    whole_period = rate * _standard_period(terms)
    for index, (start, due) in enumerate(zip(starts, dates, strict=True)):
        if terms.day_count is not DayCount.THIRTY_360:
            yield rate * year_fraction(terms.day_count, start, due)
        elif index > 0:
            yield whole_period
        else:
            yield rate * _first_period_of_30_360(terms)


def _standard_period(terms: PlanTerms) -> Fraction:
    """The years in a period of `every` whole units: twelfths for months, else days over the convention's year."""
    match terms.unit:
        case PeriodUnit.MONTHS:
            return Fraction(terms.every, 12)
        case PeriodUnit.WEEKS:
            return Fraction(7 * terms.every, days_in_year(terms.day_count))
        case PeriodUnit.DAYS:
            return Fraction(terms.every, days_in_year(terms.day_count))


def _first_period_of_30_360(terms: PlanTerms) -> Fraction:
    start, due = terms.disbursed_on, terms.first_due_date
    days = (due - start).days
    match terms.unit:
        case PeriodUnit.MONTHS if is_whole_months(start, due):
            return Fraction((due.year - start.year) * 12 + due.month - start.month, 12)
        case PeriodUnit.WEEKS if days % 7 == 0:
            return Fraction(days, 360)
        case PeriodUnit.DAYS:
            return Fraction(days, 360)
        case _:
            return year_fraction(DayCount.THIRTY_360, start, due)


def _principal_rule(terms: PlanTerms, rate: Fraction, period_rates: Sequence[Fraction]) -> Callable[[int], int]:
    """How much principal an instalment repays, given its interest in cents; the last instalment does not ask."""
    match terms.method:
        case Method.FRENCH:
            equal_periods = [rate * _standard_period(terms)] * terms.count
            solved_from = equal_periods if terms.level is Level.BY_MONTHS else period_rates
            level = _level_instalment_cents(terms.principal_cents, solved_from, terms.rounding)
            return lambda interest_cents: level - interest_cents
        case Method.CONSTANT_PRINCIPAL:
            part = rounded_quotient(terms.principal_cents, terms.count, terms.rounding)
            return lambda _: part
        case Method.BULLET:
            return lambda _: 0


def _level_instalment_cents(principal_cents: int, period_rates: Sequence[Fraction], rounding: Rounding) -> int:
    """The instalment whose payments, discounted at the rates of their periods, are worth the principal.

    R = P / sum over k of the product over j <= k of 1 / (1 + r_j), summed from the last period to the first on whole
    numbers, because reducing a fraction at every step would cost far more than it saves.
    """
    worth, scale = 0, 1
    for rate in reversed(period_rates):
        worth, scale = (scale + worth) * rate.denominator, scale * (rate.numerator + rate.denominator)
    return rounded_quotient(principal_cents * scale, worth, rounding)

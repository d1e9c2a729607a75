"""How the directive turns dates into years when it asks for an annual percentage rate.

Source: directive 2008/48/EC, annex I, part I, remark (c), as shown by the worked cases of the European Commission's
report on APR examples (January 2015), examples 2 and 18. The directive is silent on month ends; the reading taken here
is that a day which a month lacks is its last day, both counting forwards and counting back.
"""

from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

import msgspec

from marketplace.calendar_months import is_whole_months, months_later, whole_months_between


class AprUnit(StrEnum):
    """The unit in which whole periods are counted: that of the plan's frequency."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"


UNITS_PER_YEAR = {AprUnit.YEAR: 1, AprUnit.MONTH: 12, AprUnit.WEEK: 52}


class AprInterval(msgspec.Struct, frozen=True, kw_only=True):
    """Whole units, then the days left over, over the days of the year that ends where the whole units stop."""

    unit: AprUnit
    whole_units: int
    days: int
    days_in_year: int | None
    """365 or 366; none when no day is left over."""

    @property
    def years(self) -> Fraction:
        whole = Fraction(self.whole_units, UNITS_PER_YEAR[self.unit])
        return whole if self.days_in_year is None else whole + Fraction(self.days, self.days_in_year)


def interval_between(start: date, end: date, unit: AprUnit) -> AprInterval:
    """The interval from `start` to `end` >= `start`, counted back from `end` in whole units not passing `start`.

    Where `end` lies a whole number of units after `start`, month ends clipped, that number is the interval. Otherwise
    the days left over are divided by the length of the year that ends at the date where the whole units stop.
    Example: 12 January to 15 February 2012 is one month and 3 of 365 days; 12 January to 15 February 2013 is one month
    and 3 of 366 days, because the year back from 15 January 2013 holds a 29 February.
    """
    assert start <= end, (start, end)
    exact_units = _exact_units(start, end, unit)
    if exact_units is not None:
        return AprInterval(unit=unit, whole_units=exact_units, days=0, days_in_year=None)
    whole_units = _units_counted_back(start, end, unit)
    stop = _units_before(end, whole_units, unit)
    days = (stop - start).days
    days_in_year = (stop - months_later(stop, -12)).days if days else None
    return AprInterval(unit=unit, whole_units=whole_units, days=days, days_in_year=days_in_year)


def years_from(first_drawdown: date, day: date, unit: AprUnit) -> Fraction:
    """Years from the first drawdown to `day`, below zero for a cost paid before it."""
    if day < first_drawdown:
        return -interval_between(day, first_drawdown, unit).years
    return interval_between(first_drawdown, day, unit).years


def _exact_units(start: date, end: date, unit: AprUnit) -> int | None:
    if unit is AprUnit.WEEK:
        weeks, days = divmod((end - start).days, 7)
        return weeks if days == 0 else None
    if not is_whole_months(start, end):
        return None
    units, months = divmod(whole_months_between(start, end), 12 // UNITS_PER_YEAR[unit])
    return units if months == 0 else None


def _units_counted_back(start: date, end: date, unit: AprUnit) -> int:
    if unit is AprUnit.WEEK:
        return (end - start).days // 7
    months = (end.year - start.year) * 12 + end.month - start.month
    if months_later(end, -months) < start:
        months -= 1
    return months // (12 // UNITS_PER_YEAR[unit])


def _units_before(end: date, units: int, unit: AprUnit) -> date:
    if unit is AprUnit.WEEK:
        return end - timedelta(weeks=units)
    return months_later(end, -units * (12 // UNITS_PER_YEAR[unit]))

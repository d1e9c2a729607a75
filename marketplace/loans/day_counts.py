"""How much of a year lies between two dates: the day-count conventions a contract may freeze.

Every result is exact. A period includes its first day and excludes its last.
Source: ISDA 2006 Definitions, section 4.16; the letter of the paragraph stands beside each convention.
"""

from calendar import isleap
from datetime import date
from enum import StrEnum
from fractions import Fraction


class DayCount(StrEnum):
    THIRTY_360 = "30/360"
    """Bond basis, 4.16(f): months of 30 days; a 31st closes a period as a 30th only if it opened on a 30th or 31st."""
    THIRTY_E_360 = "30E/360"
    """Eurobond basis, 4.16(g): months of 30 days; every 31st is read as a 30th."""
    ACT_365 = "ACT/365"
    """Actual/365 fixed, 4.16(d): the days of the calendar over 365, leap years included."""
    ACT_360 = "ACT/360"
    """4.16(e): the days of the calendar over 360."""
    ACT_ACT = "ACT/ACT"
    """4.16(b): the days that fall in a leap year over 366, the others over 365."""


def days_in_year(day_count: DayCount) -> int:
    """The year that a standard period is measured against: 360 or 365 days (365 under ACT/ACT)."""
    return 365 if day_count in (DayCount.ACT_365, DayCount.ACT_ACT) else 360


def year_fraction(day_count: DayCount, start: date, end: date) -> Fraction:
    """Years from `start` (included) to `end` (excluded), `start` <= `end`, exact.

    Example: 31 January to 28 February 2025 is 28/360 under 30E/360 and 28/365 under ACT/ACT.
    """
    assert start <= end, (start, end)
    match day_count:
        case DayCount.THIRTY_360:
            last_day = 30 if end.day == 31 and start.day >= 30 else end.day
            return Fraction(_days_of_30_day_months(start, end, last_day), 360)
        case DayCount.THIRTY_E_360:
            return Fraction(_days_of_30_day_months(start, end, min(end.day, 30)), 360)
        case DayCount.ACT_365 | DayCount.ACT_360:
            return Fraction((end - start).days, days_in_year(day_count))
        case DayCount.ACT_ACT:
            return _actual_years(start, end)


def _days_of_30_day_months(start: date, end: date, last_day: int) -> int:
    months = (end.year - start.year) * 12 + end.month - start.month
    return months * 30 + last_day - min(start.day, 30)


def _actual_years(start: date, end: date) -> Fraction:
    years = Fraction(0)
    while start.year < end.year:
        new_year = date(start.year + 1, 1, 1)
        years += Fraction((new_year - start).days, _days_of_year(start.year))
        start = new_year
    return years + Fraction((end - start).days, _days_of_year(end.year))


def _days_of_year(year: int) -> int:
    return 366 if isleap(year) else 365

"""Days on which banks settle and offices work, how a date moves off a closed day, when a direct debit must leave."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

ROME = ZoneInfo("Europe/Rome")
"""The zone of business dates."""
PARIS = ZoneInfo("Europe/Paris")
"""The zone of Lemonway's cut-offs and of its times without an offset."""

SUBMISSION_BUSINESS_DAYS = 2
"""A collection leaves this many TARGET days before its date. Source: Lemonway's guidance for a credit on the date."""
SUBMISSION_CUT_OFF = time(10, 30, tzinfo=PARIS)
"""The file to the bank leaves at this time of each business day (the same wall clock in Rome). Source: Lemonway."""

ITALIAN_FEAST_OF_SAINT_FRANCIS_FROM_YEAR = 2026
"""4 October is a national holiday again from this year. Source: law 151/2025."""


class BusinessCalendar(StrEnum):
    TARGET = "target"
    """Days on which euro payments settle. Source: ECB, long-term calendar of T2."""
    ITALY = "italy"
    """Working days of Italian offices: weekends and national holidays are closed, patron saints are not counted."""


class Shift(StrEnum):
    """Where a date goes when it falls on a closed day."""

    NEXT = "next"
    PREVIOUS = "previous"
    KEEP = "keep"


def business_date_of(at: datetime) -> date:
    """The date that the instant `at` has in Rome."""
    return at.astimezone(ROME).date()


def is_business_day(day: date, calendar: BusinessCalendar) -> bool:
    return day.weekday() < 5 and day not in _closed_days(day.year, calendar)


def shifted(day: date, shift: Shift, calendar: BusinessCalendar) -> date:
    """`day` itself when it is a business day or `shift` keeps it, else the nearest business day in that direction."""
    if shift is Shift.KEEP:
        return day
    step = timedelta(days=1 if shift is Shift.NEXT else -1)
    while not is_business_day(day, calendar):
        day += step
    return day


def add_business_days(day: date, count: int, calendar: BusinessCalendar) -> date:
    """The `count`-th business day after `day` (before it when negative).

    `day` need not be one itself; a count of 0 answers `day` unchanged.
    """
    step = timedelta(days=1 if count > 0 else -1)
    for _ in range(abs(count)):
        day += step
        while not is_business_day(day, calendar):
            day += step
    return day


def submission_date(collection_date: date) -> date:
    """The last day on which a direct debit can be handed in to be credited on `collection_date`, a TARGET day."""
    assert is_business_day(collection_date, BusinessCalendar.TARGET), collection_date
    return add_business_days(collection_date, -SUBMISSION_BUSINESS_DAYS, BusinessCalendar.TARGET)


def submission_deadline_at(collection_date: date) -> datetime:
    """The instant (UTC) by which a direct debit for `collection_date`, a TARGET day, must be handed in."""
    return datetime.combine(submission_date(collection_date), SUBMISSION_CUT_OFF).astimezone(UTC)


def earliest_collection_date(on_date: date) -> date:
    """The first TARGET day for which a direct debit handed in on `on_date` before the cut-off is in time."""
    handed_in = shifted(on_date, Shift.NEXT, BusinessCalendar.TARGET)
    return add_business_days(handed_in, SUBMISSION_BUSINESS_DAYS, BusinessCalendar.TARGET)


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar. Source: the anonymous algorithm printed in Nature, 20 April 1876."""
    golden = year % 19
    century, year_of_century = divmod(year, 100)
    century_leaps, century_rest = divmod(century, 4)
    moon_correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century_leaps - moon_correction + 15) % 30
    leaps, leap_rest = divmod(year_of_century, 4)
    to_sunday = (32 + 2 * century_rest + 2 * leaps - epact - leap_rest) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day_index = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day_index + 1)


@lru_cache(maxsize=512)
def _closed_days(year: int, calendar: BusinessCalendar) -> frozenset[date]:
    easter = easter_sunday(year)
    easter_monday = easter + timedelta(days=1)
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 12, 25), date(year, 12, 26)}
    if calendar is BusinessCalendar.TARGET:
        return frozenset(fixed | {easter - timedelta(days=2), easter_monday})
    national = {date(year, month, day) for month, day in ((1, 6), (4, 25), (6, 2), (8, 15), (11, 1), (12, 8))}
    if year >= ITALIAN_FEAST_OF_SAINT_FRANCIS_FROM_YEAR:
        national.add(date(year, 10, 4))
    return frozenset(fixed | national | {easter, easter_monday})

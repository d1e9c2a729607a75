"""Counting in calendar months, where a day that the month lacks is read as its last day."""

import calendar
from datetime import date


def last_day_of_month(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def months_later(day: date, months: int, *, day_of_month: int | None = None) -> date:
    """The date `months` calendar months after `day` (before it when negative).

    The day of the month is that of `day`, or `day_of_month` (1 to 31) when given; in a month too short for it, the last
    day. Example: one month after 31 January 2025 is 28 February 2025, two months after it 31 March.
    """
    year, month_index = divmod(day.year * 12 + day.month - 1 + months, 12)
    wanted = day.day if day_of_month is None else day_of_month
    return date(year, month_index + 1, min(wanted, last_day_of_month(year, month_index + 1)))


def whole_months_between(start: date, end: date) -> int:
    """How many whole months fit from `start` to `end` >= `start`, counted forwards.

    Example: from 31 January to 28 February 2025 one whole month has passed, to 27 February none.
    """
    assert start <= end, (start, end)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if months_later(start, months) <= end else months - 1


def is_whole_months(start: date, end: date) -> bool:
    """Whether `end` is a whole number of months after `start`, month ends clipped."""
    return months_later(start, whole_months_between(start, end)) == end

"""Business days and the cut-off of the bank files: TARGET days, 10:30 in Paris (docs/lemonway_facts.md §6, §8)."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
CUT_OFF = time(10, 30)
_DEBIT_HOUR = time(9)
"""When a collection's result arrives on its date. Lemonway publishes no hour; the bank answers in the morning."""
_SCHEDULED_TRANSFERS_HOUR = time(1)

_FIXED_CLOSING_DAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}


def is_business_day(day: date) -> bool:
    """Neither a weekend nor a closing day of TARGET: 1 January, Good Friday, Easter Monday, 1 May, 25-26 December."""
    if day.weekday() >= 5 or (day.month, day.day) in _FIXED_CLOSING_DAYS:
        return False
    return day - _easter_sunday(day.year) not in (timedelta(days=-2), timedelta(days=1))


@lru_cache
def _easter_sunday(year: int) -> date:
    """Gregorian computus in the form of Meeus, Astronomical Algorithms, chapter 8; the letters are his."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), f = divmod(b, 4), (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    l_ = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * l_) // 451
    month, day = divmod(h + l_ - 7 * m + 114, 31)
    return date(year, month, day + 1)


def business_day_after(day: date, count: int = 1) -> date:
    """The `count`-th business day strictly after `day`."""
    for _ in range(count):
        day += timedelta(days=1)
        while not is_business_day(day):
            day += timedelta(days=1)
    return day


def business_day_before(day: date) -> date:
    """The last business day strictly before `day`."""
    day -= timedelta(days=1)
    while not is_business_day(day):
        day -= timedelta(days=1)
    return day


def business_day_from(day: date) -> date:
    """`day` itself when it is a business day, else the next one."""
    return day if is_business_day(day) else business_day_after(day)


def paris_date(at_s: int) -> date:
    return datetime.fromtimestamp(at_s, PARIS).date()


def _paris(day: date, hour: time) -> int:
    return int(datetime.combine(day, hour, PARIS).timestamp())


def next_file_at(at_s: int) -> int:
    """When the next file leaves for the bank, strictly after the instant."""
    day = business_day_from(paris_date(at_s))
    file_at = _paris(day, CUT_OFF)
    return file_at if at_s < file_at else _paris(business_day_after(day), CUT_OFF)


def earliest_collection_date(at_s: int) -> date:
    """The business day after the next file: D+1 when asked before 10:30, else D+2."""
    return business_day_after(paris_date(next_file_at(at_s)))


def collection_file_at(collection_date: date) -> int:
    """When the file that carries a collection leaves: the cut-off of the business day before."""
    return _paris(business_day_before(collection_date), CUT_OFF)


def collection_result_at(collection_date: date) -> int:
    return _paris(collection_date, _DEBIT_HOUR)


def scheduled_transfer_at(day: date) -> int:
    """A scheduled P2P is carried out at 01:00 in Paris on its date."""
    return _paris(day, _SCHEDULED_TRANSFERS_HOUR)


def paris_wall_clock(at_s: int) -> str:
    """`NotifDate`: Paris local time with milliseconds and no offset."""
    return datetime.fromtimestamp(at_s, PARIS).replace(tzinfo=None).isoformat(timespec="milliseconds")


def utc_iso(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""The names of the limits that a strategy has in its lender's purse.

A purse counts against a key whatever lending names it, in all books together, and refuses only what would pass a key
that has a limit. Budget and term cap count money outstanding: principal that comes back frees them. The pace counts new
lending of a calendar month: what is given back before it was lent frees it, a repayment does not.
"""

from datetime import date, datetime

from marketplace.business_days import business_date_of
from marketplace.calendar_months import months_later


def budget_key(strategy_id: str) -> str:
    """The key of all that the strategy may have outstanding."""
    return strategy_id


def term_key(strategy_id: str, months: int) -> str:
    """The key of what the strategy may have outstanding in loans of `months` (at least 1) months."""
    assert months >= 1, months
    return f"{strategy_id}/{months}m"


def pace_key(strategy_id: str, at: datetime) -> str:
    """The key of what the strategy may newly lend in the month of `at` (aware), as the calendar in Rome has it."""
    assert at.tzinfo is not None, at
    return _pace_key(strategy_id, business_date_of(at))


def coming_pace_keys(strategy_id: str, at: datetime) -> tuple[str, str]:
    """The keys of the month of `at` and of the one after it, which starts before anybody could set its limit."""
    today = business_date_of(at)
    return _pace_key(strategy_id, today), _pace_key(strategy_id, months_later(today, 1))


def limit_keys(strategy_id: str, months: int, at: datetime) -> tuple[str, ...]:
    """Every key that lending of the strategy to a request of `months` months at the instant `at` counts against."""
    return budget_key(strategy_id), term_key(strategy_id, months), pace_key(strategy_id, at)


def outstanding_keys(strategy_id: str, months: int) -> tuple[str, ...]:
    """Those of the keys that principal coming back of such a loan frees."""
    return budget_key(strategy_id), term_key(strategy_id, months)


def _pace_key(strategy_id: str, day: date) -> str:
    return f"{strategy_id}/{day:%Y-%m}"

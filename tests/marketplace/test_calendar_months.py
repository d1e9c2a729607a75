"""Counting in months reads a day that a month lacks as its last day."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.calendar_months import is_whole_months, months_later, whole_months_between


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2025-01-31", 1, "2025-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2025-01-31", 2, "2025-03-31"),
        ("2025-03-31", -1, "2025-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2025-01-15", -13, "2023-12-15"),
        ("2025-12-31", 0, "2025-12-31"),
    ],
)
def test_a_date_moves_by_months(day: str, months: int, later: str) -> None:
    assert months_later(date.fromisoformat(day), months) == date.fromisoformat(later)


def test_a_date_can_take_another_day_of_the_month() -> None:
    assert months_later(date(2025, 1, 15), 1, day_of_month=31) == date(2025, 2, 28)
    assert months_later(date(2025, 2, 28), 1, day_of_month=31) == date(2025, 3, 31)


@pytest.mark.parametrize(
    ("start", "end", "months", "is_whole"),
    [
        ("2025-01-31", "2025-02-27", 0, False),
        ("2025-01-31", "2025-02-28", 1, True),
        ("2025-01-31", "2025-03-30", 1, False),
        ("2025-01-15", "2026-01-15", 12, True),
        ("2025-01-15", "2025-01-15", 0, True),
    ],
)
def test_whole_months_are_counted_forwards(start: str, end: str, months: int, is_whole: bool) -> None:
    period = date.fromisoformat(start), date.fromisoformat(end)

    assert whole_months_between(*period) == months
    assert is_whole_months(*period) is is_whole


@given(day=st.dates(date(1990, 1, 1), date(2090, 1, 1)), months=st.integers(0, 600))
def test_a_date_moved_by_months_is_that_many_whole_months_away(day: date, months: int) -> None:
    assert whole_months_between(day, months_later(day, months)) == months
    assert is_whole_months(day, months_later(day, months))

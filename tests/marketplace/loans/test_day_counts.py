"""Each day-count convention measures a period as its definition says, exactly."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.loans.day_counts import DayCount, year_fraction

DATES = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("start", "end", "thirty_360", "thirty_e_360", "actual_days"),
    [
        pytest.param("2025-01-15", "2025-02-15", 30, 30, 31, id="a month of the same day"),
        pytest.param("2025-01-31", "2025-02-28", 28, 28, 28, id="into a February end"),
        pytest.param(
            "2025-02-28", "2025-03-31", 33, 32, 31, id="out of a February end only the Eurobond trims the 31st"
        ),
        pytest.param("2025-01-30", "2025-03-31", 60, 60, 60, id="from a 30th both trim the 31st"),
        pytest.param("2025-01-31", "2025-03-31", 60, 60, 59, id="from a 31st to a 31st"),
        pytest.param("2024-02-29", "2024-08-31", 182, 181, 184, id="from a leap day"),
        pytest.param("2025-06-15", "2025-06-15", 0, 0, 0, id="no time at all"),
        pytest.param("2023-12-15", "2026-03-01", 796, 796, 807, id="over years"),
    ],
)
def test_a_period_has_the_days_of_its_convention(
    start: str, end: str, thirty_360: int, thirty_e_360: int, actual_days: int
) -> None:
    period = date.fromisoformat(start), date.fromisoformat(end)

    assert year_fraction(DayCount.THIRTY_360, *period) == Fraction(thirty_360, 360)
    assert year_fraction(DayCount.THIRTY_E_360, *period) == Fraction(thirty_e_360, 360)
    assert year_fraction(DayCount.ACT_365, *period) == Fraction(actual_days, 365)
    assert year_fraction(DayCount.ACT_360, *period) == Fraction(actual_days, 360)


@pytest.mark.parametrize(
    ("start", "end", "years"),
    [
        pytest.param("2023-12-12", "2024-01-12", Fraction(20, 365) + Fraction(11, 366), id="the turn into a leap year"),
        pytest.param("2024-12-31", "2025-01-01", Fraction(1, 366), id="the last day of a leap year belongs to it"),
        pytest.param("2024-01-01", "2025-01-01", Fraction(1), id="a whole leap year is one year"),
        pytest.param("2025-02-01", "2025-03-01", Fraction(28, 365), id="within a common year"),
        pytest.param("2023-07-01", "2026-07-01", Fraction(184, 365) + 2 + Fraction(181, 365), id="over whole years"),
    ],
)
def test_actual_actual_counts_leap_days_over_366(start: str, end: str, years: Fraction) -> None:
    assert year_fraction(DayCount.ACT_ACT, date.fromisoformat(start), date.fromisoformat(end)) == years


@given(start=DATES, first=st.integers(0, 800), second=st.integers(0, 800))
def test_the_calendar_conventions_add_up_over_adjacent_periods(start: date, first: int, second: int) -> None:
    middle = start + timedelta(days=first)
    end = middle + timedelta(days=second)

    for day_count in (DayCount.ACT_365, DayCount.ACT_360, DayCount.ACT_ACT):
        parts = year_fraction(day_count, start, middle) + year_fraction(day_count, middle, end)
        assert parts == year_fraction(day_count, start, end)


@given(start=DATES, days=st.integers(0, 20_000))
def test_every_convention_stays_close_to_the_calendar(start: date, days: int) -> None:
    end = start + timedelta(days=days)

    for day_count in DayCount:
        assert abs(year_fraction(day_count, start, end) * 365 - days) <= 3 + Fraction(days, 60)


def test_a_period_cannot_run_backwards() -> None:
    with pytest.raises(AssertionError):
        year_fraction(DayCount.ACT_365, date(2025, 2, 1), date(2025, 1, 31))

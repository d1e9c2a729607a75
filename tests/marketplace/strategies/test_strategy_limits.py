"""A strategy's budget, its cap of a term and its monthly pace each have a key of their own."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.strategies.strategy_limits import coming_pace_keys, limit_keys, outstanding_keys, pace_key


def test_lending_counts_against_budget_term_and_month() -> None:
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)

    assert limit_keys("main", 24, at) == ("main", "main/24m", "main/2026-11")


def test_principal_that_comes_back_frees_budget_and_term_alone() -> None:
    assert outstanding_keys("main", 24) == ("main", "main/24m")


@pytest.mark.parametrize(
    ("at", "key"),
    [
        pytest.param(datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), "main/2026-12", id="the last second in Rome"),
        pytest.param(datetime(2026, 12, 31, 23, tzinfo=UTC), "main/2027-01", id="midnight of winter in Rome"),
        pytest.param(datetime(2026, 7, 31, 21, 59, tzinfo=UTC), "main/2026-07", id="the last minute of July"),
        pytest.param(datetime(2026, 7, 31, 22, tzinfo=UTC), "main/2026-08", id="midnight of summer in Rome"),
        pytest.param(
            datetime(2026, 8, 1, 5, tzinfo=timezone(timedelta(hours=9))), "main/2026-07", id="told in another zone"
        ),
    ],
)
def test_a_month_is_that_of_the_calendar_in_rome(at: datetime, key: str) -> None:
    assert pace_key("main", at) == key


@pytest.mark.parametrize(
    ("at", "months"),
    [
        pytest.param(datetime(2027, 1, 31, 9, tzinfo=UTC), ("2027-01", "2027-02"), id="before a short month"),
        pytest.param(datetime(2026, 12, 31, 23, tzinfo=UTC), ("2027-01", "2027-02"), id="after midnight in Rome"),
        pytest.param(datetime(2026, 12, 1, 9, tzinfo=UTC), ("2026-12", "2027-01"), id="over the turn of the year"),
    ],
)
def test_a_pace_is_set_for_this_month_and_the_next(at: datetime, months: tuple[str, str]) -> None:
    assert coming_pace_keys("main", at) == tuple(f"main/{month}" for month in months)


@given(
    months=st.lists(st.integers(1, 600), min_size=2, max_size=2, unique=True),
    at=st.integers(0, 10**6).map(lambda hours: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
)
def test_no_two_limits_share_a_key(months: list[int], at: datetime) -> None:
    one, other = (limit_keys("main", of_months, at) for of_months in months)

    assert len({*one, *other}) == 4

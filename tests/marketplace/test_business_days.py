"""Dates move off closed days, and direct debits leave in time."""

from datetime import UTC, date, datetime, timedelta

import holidays
import pytest

from marketplace.business_days import (
    BusinessCalendar,
    Shift,
    add_business_days,
    earliest_collection_date,
    easter_sunday,
    is_business_day,
    shifted,
    submission_date,
    submission_deadline_at,
)

TARGET, ITALY = BusinessCalendar.TARGET, BusinessCalendar.ITALY


@pytest.mark.parametrize(
    ("good_friday", "easter_monday"),
    [
        ("2026-04-03", "2026-04-06"),
        ("2027-03-26", "2027-03-29"),
        ("2028-04-14", "2028-04-17"),
        ("2029-03-30", "2029-04-02"),
        ("2030-04-19", "2030-04-22"),
        ("2031-04-11", "2031-04-14"),
    ],
)
def test_target_closes_around_easter_and_italy_only_on_its_monday(good_friday: str, easter_monday: str) -> None:
    friday, monday = date.fromisoformat(good_friday), date.fromisoformat(easter_monday)

    assert easter_sunday(monday.year) == monday - timedelta(days=1)
    assert not is_business_day(friday, TARGET)
    assert not is_business_day(monday, TARGET)
    assert is_business_day(friday, ITALY)
    assert not is_business_day(monday, ITALY)


@pytest.mark.parametrize("day", ["2026-01-06", "2025-04-25", "2026-06-02", "2025-08-15", "2027-10-04", "2027-11-01"])
def test_euro_payments_settle_on_italian_holidays(day: str) -> None:
    assert is_business_day(date.fromisoformat(day), TARGET)
    assert not is_business_day(date.fromisoformat(day), ITALY)


@pytest.mark.parametrize("day", ["2026-01-01", "2026-05-01", "2026-12-25", "2025-12-26", "2026-08-01", "2026-08-02"])
def test_both_calendars_close_on_weekends_and_common_holidays(day: str) -> None:
    assert not is_business_day(date.fromisoformat(day), TARGET)
    assert not is_business_day(date.fromisoformat(day), ITALY)


@pytest.mark.parametrize("year", range(2012, 2060))
def test_the_calendars_are_those_of_an_independent_source(year: int) -> None:
    ecb, italy = holidays.financial_holidays("ECB", years=year), holidays.country_holidays("IT", years=year)
    weekdays = [
        day
        for number in range(366)
        if (day := date(year, 1, 1) + timedelta(days=number)).year == year and day.weekday() < 5
    ]

    assert [day for day in weekdays if not is_business_day(day, TARGET)] == [day for day in weekdays if day in ecb]
    assert [day for day in weekdays if not is_business_day(day, ITALY)] == [day for day in weekdays if day in italy]


@pytest.mark.parametrize(
    ("day", "shift", "moved"),
    [
        pytest.param("2026-04-03", Shift.NEXT, "2026-04-07", id="Good Friday goes past the whole Easter weekend"),
        pytest.param("2026-04-03", Shift.PREVIOUS, "2026-04-02", id="or back to the Thursday"),
        pytest.param("2026-04-03", Shift.KEEP, "2026-04-03", id="or stays"),
        pytest.param("2026-05-31", Shift.NEXT, "2026-06-01", id="a Sunday month end goes into the next month"),
        pytest.param("2026-06-02", Shift.NEXT, "2026-06-02", id="an Italian holiday is no reason to move a debit"),
    ],
)
def test_a_date_moves_off_a_closed_day(day: str, shift: Shift, moved: str) -> None:
    assert shifted(date.fromisoformat(day), shift, TARGET) == date.fromisoformat(moved)


@pytest.mark.parametrize(
    ("day", "count", "result"),
    [
        ("2026-04-01", 1, "2026-04-02"),
        ("2026-04-01", 2, "2026-04-07"),
        ("2026-04-07", -2, "2026-04-01"),
        ("2026-04-04", 1, "2026-04-07"),
        ("2026-04-04", -1, "2026-04-02"),
        ("2026-04-04", 0, "2026-04-04"),
        ("2026-12-24", 5, "2027-01-04"),
    ],
)
def test_business_days_are_counted_over_closed_ones(day: str, count: int, result: str) -> None:
    assert add_business_days(date.fromisoformat(day), count, TARGET) == date.fromisoformat(result)


@pytest.mark.parametrize(
    ("collection", "submission"),
    [
        pytest.param("2026-03-11", "2026-03-09", id="within a week"),
        pytest.param("2026-03-09", "2026-03-05", id="over a weekend"),
        pytest.param("2026-04-08", "2026-04-02", id="over Easter"),
        pytest.param("2026-06-03", "2026-06-01", id="an Italian holiday counts as a business day"),
    ],
)
def test_a_debit_leaves_two_target_days_before_its_date(collection: str, submission: str) -> None:
    assert submission_date(date.fromisoformat(collection)) == date.fromisoformat(submission)


def test_the_cut_off_is_half_past_ten_in_paris_whatever_the_season() -> None:
    assert submission_deadline_at(date(2026, 1, 14)) == datetime(2026, 1, 12, 9, 30, tzinfo=UTC)
    assert submission_deadline_at(date(2026, 7, 15)) == datetime(2026, 7, 13, 8, 30, tzinfo=UTC)


def test_no_debit_can_be_dated_on_a_closed_day() -> None:
    with pytest.raises(AssertionError):
        submission_date(date(2026, 4, 3))


@pytest.mark.parametrize(
    ("on", "collection"),
    [
        pytest.param("2026-03-09", "2026-03-11", id="handed in on a business day"),
        pytest.param("2026-03-07", "2026-03-11", id="handed in on a Saturday it waits for Monday"),
        pytest.param("2026-04-03", "2026-04-09", id="handed in on Good Friday it waits for Tuesday"),
    ],
)
def test_the_earliest_collection_is_the_one_still_in_time(on: str, collection: str) -> None:
    assert earliest_collection_date(date.fromisoformat(on)) == date.fromisoformat(collection)


def test_a_debit_handed_in_for_the_earliest_date_is_never_late() -> None:
    for number in range(800):
        on_date = date(2026, 1, 1) + timedelta(days=number)
        earliest = earliest_collection_date(on_date)
        assert submission_date(earliest) >= on_date
        day_before = add_business_days(earliest, -1, TARGET)
        assert submission_date(day_before) < on_date

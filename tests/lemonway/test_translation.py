"""Lemonway's forms and ours."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemonway.translation import (
    cents_to_euros,
    country_on_mandate,
    e164,
    euros_to_cents,
    instant,
    msisdn,
    read_date,
    read_paris_time,
    request_date,
    unix_seconds,
)


@pytest.mark.parametrize(
    ("euros", "cents"),
    [("10.00", 1000), ("0.01", 1), ("1234.5", 123450), ("7", 700), ("10,50", 1050), ("-3.20", -320), (" 1.00 ", 100)],
)
def test_decimal_euros_become_cents(euros: str, cents: int) -> None:
    assert euros_to_cents(euros) == cents


@pytest.mark.parametrize("text", ["", "ten", "1.234", "1e3", "1.000,00", "+1", "NaN", "٣.00"])
def test_what_is_no_amount_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        euros_to_cents(text)


@given(st.integers(min_value=-(2**40), max_value=2**40))
def test_euros_and_cents_are_one_amount(cents: int) -> None:
    assert euros_to_cents(cents_to_euros(cents)) == cents


def test_instants_are_whole_utc_seconds_and_zero_means_not_yet() -> None:
    assert unix_seconds(datetime(2026, 1, 12, 8, 0, 0, 999_999, tzinfo=UTC)) == 1768204800
    assert instant(1768204800) == datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
    assert instant(0) is None
    assert instant(None) is None


def test_dates_are_sent_with_slashes_and_read_in_both_orders() -> None:
    assert request_date(date(2026, 3, 9)) == "2026/03/09"
    assert read_date("2026/03/09") == read_date("09/03/2026") == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("2026-01-12T09:00:00.000", datetime(2026, 1, 12, 8, 0, tzinfo=UTC), id="winter"),
        pytest.param("2026-07-06T10:30:00.000", datetime(2026, 7, 6, 8, 30, tzinfo=UTC), id="summer"),
        pytest.param("2026-10-25T02:30:00.000", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), id="the doubled hour"),
        pytest.param("2026-07-06T10:30:00Z", datetime(2026, 7, 6, 10, 30, tzinfo=UTC), id="an offset is believed"),
    ],
)
def test_notification_times_are_paris_wall_clock(text: str, at: datetime) -> None:
    assert read_paris_time(text) == at


@pytest.mark.parametrize("phone", ["+39 333 123 4567", "0039 333 1234567", "+39 (333) 123-4567"])
def test_phones_are_written_in_the_form_of_each_host(phone: str) -> None:
    assert e164(phone) == "+393331234567"
    assert msisdn(phone) == "393331234567"


@pytest.mark.parametrize("phone", ["333 1234567", "+39", "", "+39 333 CALL ME", "+0039333"])
def test_a_phone_without_a_country_is_refused(phone: str) -> None:
    with pytest.raises(ValueError, match="phone"):
        e164(phone)


@pytest.mark.parametrize(
    ("code", "printed"),
    [("IT", "ITALY"), ("FR", "FRANCE"), ("SM", "SAN MARINO"), ("GB", "UNITED KINGDOM"), ("MA", "MA")],
)
def test_a_mandate_prints_the_name_of_a_sepa_country(code: str, printed: str) -> None:
    assert country_on_mandate(code) == printed

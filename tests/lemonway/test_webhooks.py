"""Notifications in the three ways they are sent, and what the internet may send instead."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemonway.webhooks import MalformedNotification, NotificationHint, parse_notification

DIRECT_DEBIT = {
    "NotifCategory": "11",
    "NotifDate": "2026-01-13T09:00:00.000",
    "IntId": "15",
    "ExtId": "ada",
    "IdTransaction": "204",
    "Amount": "100.00",
    "Status": "0",
}
FORM = "application/x-www-form-urlencoded"


def read(fields: dict[str, str]) -> NotificationHint:
    hint = parse_notification(content_type=FORM, body=urlencode(fields).encode())
    assert isinstance(hint, NotificationHint), hint
    return hint


def test_a_notification_reads_alike_as_form_as_json_and_as_get() -> None:
    as_form = read(DIRECT_DEBIT)
    as_json = parse_notification(content_type="application/json; charset=utf-8", body=msgspec.json.encode(DIRECT_DEBIT))
    as_get = parse_notification(content_type="", body=b"", query=urlencode(DIRECT_DEBIT))

    assert as_form == as_json == as_get
    assert (as_form.category, as_form.transaction_id, as_form.amount_cents) == (11, 204, 100_00)
    assert (as_form.wallet_id, as_form.status) == ("ada", "0")
    assert as_form.notified_at == datetime(2026, 1, 13, 8, 0, tzinfo=UTC)
    assert as_form.fields == DIRECT_DEBIT


def test_a_number_sent_bare_in_json_is_read_like_its_text() -> None:
    body = msgspec.json.encode({**DIRECT_DEBIT, "Status": 0, "IdTransaction": 204})

    hint = parse_notification(content_type="application/json", body=body)

    assert isinstance(hint, NotificationHint)
    assert hint.dedupe_key == read(DIRECT_DEBIT).dedupe_key


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        pytest.param({}, "11|204|0|2026-01-13T09:00:00.000", id="transaction"),
        pytest.param({"Amount": "5.00"}, "11|204|0|2026-01-13T09:00:00.000", id="the amount is no part of it"),
        pytest.param({"Status": "6"}, "11|204|6|2026-01-13T09:00:00.000", id="another status is another event"),
        pytest.param(
            {"NotifCategory": "9", "IdTransaction": "", "DocId": "3"},
            "9|3|0|2026-01-13T09:00:00.000",
            id="document",
        ),
        pytest.param({"NotifCategory": "8", "IdTransaction": ""}, "8|ada|0|2026-01-13T09:00:00.000", id="wallet"),
        pytest.param(
            {"NotifCategory": "13", "IdTransaction": "", "Status": "6", "Blocking": "1"},
            "13|ada|6 blocking 1|2026-01-13T09:00:00.000",
            id="blocking and unblocking are two events of one status",
        ),
    ],
)
def test_copies_of_a_notification_share_a_key(changes: dict[str, str], key: str) -> None:
    assert read({**DIRECT_DEBIT, **changes}).dedupe_key == key


def test_a_bounced_payout_names_both_transactions() -> None:
    hint = read(
        {
            **DIRECT_DEBIT,
            "NotifCategory": "15",
            "IdTransaction": "310",
            "IdOriginTransaction": "204",
            "Payment method": "3",
        }
    )

    assert (hint.transaction_id, hint.origin_transaction_id) == (310, 204)
    assert hint.fields["Payment method"] == "3"


def test_an_onboarding_notification_dates_itself_by_its_event() -> None:
    hint = read(
        {
            "NotifCategory": "50",
            "EventDate": "2026-01-12T08:00:00.000Z",
            "AccountID": "17",
            "ExtId": "ada",
            "Status": "2",
        }
    )

    assert (hint.wallet_id, hint.account_id, hint.status) == ("ada", "17", "2")


def test_a_category_nobody_knows_is_still_a_hint() -> None:
    assert read({**DIRECT_DEBIT, "NotifCategory": "99"}).category == 99


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(FORM, b"", id="empty"),
        pytest.param(FORM, b"hello", id="no fields"),
        pytest.param(FORM, b"NotifCategory=11", id="no date"),
        pytest.param(FORM, b"NotifCategory=eleven&NotifDate=2026-01-13T09:00:00.000", id="category is no number"),
        pytest.param(FORM, b"NotifCategory=11&NotifDate=yesterday", id="date is no date"),
        pytest.param(FORM, b"NotifCategory=11&NotifDate=2026-01-13&Amount=a+lot", id="amount is no amount"),
        pytest.param(FORM, b"NotifCategory=11&NotifDate=2026-01-13&IdTransaction=-1", id="negative id"),
        pytest.param(FORM, b"NotifCategory=11&NotifDate=2026-01-13&IdTransaction=" + b"9" * 30, id="endless id"),
        pytest.param(FORM, b"\xff\xfe", id="no text"),
        pytest.param(FORM, b"a=" + b"x" * 20_000, id="too long"),
        pytest.param(FORM, b"&".join(b"k%d=1" % i for i in range(100)), id="too many fields"),
        pytest.param("application/json", b"[1]", id="JSON but no object"),
        pytest.param("application/json", b'{"NotifCategory":{"a":1}}', id="nested JSON"),
        pytest.param("application/json", b"{", id="broken JSON"),
    ],
)
def test_whatever_is_not_a_notification_is_malformed_and_raises_nothing(content_type: str, body: bytes) -> None:
    assert isinstance(parse_notification(content_type=content_type, body=body), MalformedNotification)


@given(st.sampled_from([FORM, "application/json", "text/plain", ""]), st.binary(max_size=300), st.text(max_size=80))
def test_no_bytes_make_the_parser_raise(content_type: str, body: bytes, query: str) -> None:
    parsed = parse_notification(content_type=content_type, body=body, query=query)

    assert isinstance(parsed, NotificationHint | MalformedNotification)

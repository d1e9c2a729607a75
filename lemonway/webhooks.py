"""Parsing of a notification. It is unsigned, may be late, doubled, out of order or forged: a hint, never a proof.

The receiver stores it under its `dedupe_key`, answers 200, and re-reads the object through the API.
Fields: docs/lemonway_facts.md §10. Every value is text; amounts are euros with two decimals; times are those of Paris.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from lemonway.translation import euros_to_cents, read_paris_time

_MAX_BODY_BYTES = 16_384
_MAX_FIELDS = 64


class NotificationHint(msgspec.Struct, frozen=True, kw_only=True):
    """What a notification says happened, before anybody has checked it.

    `category` may be a number that `NotificationCategory` does not list. `object_id` names what the notification is
    about: the transaction, else the document, else the account, else the wallet. `fields` keeps everything received.
    """

    category: int
    notified: str
    wallet_id: str | None
    internal_id: str | None
    object_id: str
    status: str | None
    blocking: str | None
    transaction_id: int | None
    origin_transaction_id: int | None
    document_id: int | None
    account_id: str | None
    amount_cents: int | None
    fields: dict[str, str]

    @property
    def dedupe_key(self) -> str:
        """The same for every copy of one notification: category, object, status and `NotifDate`.

        Blocking and unblocking leave a wallet's status as it is, so there the direction belongs to the status.
        """
        status = f"{self.status or ''}{'' if self.blocking is None else f' blocking {self.blocking}'}"
        return f"{self.category}|{self.object_id}|{status}|{self.notified}"

    @property
    def notified_at(self) -> datetime:
        """`NotifDate` as a UTC instant."""
        return read_paris_time(self.notified)


class MalformedNotification(msgspec.Struct, frozen=True):
    """Not a notification. Count it, answer 200, change nothing."""

    reason: str


def parse_notification(*, content_type: str, body: bytes, query: str = "") -> NotificationHint | MalformedNotification:
    """Read a notification sent as POST form, POST JSON, or GET (fields in the query string).

    Never raises: whatever the internet may send is either a hint or malformed.
    """
    if len(body) > _MAX_BODY_BYTES or len(query) > _MAX_BODY_BYTES:
        return MalformedNotification("longer than any notification")
    try:
        fields = _fields(content_type, body, query)
        if any("\x00" in text for pair in fields.items() for text in pair):
            raise ValueError("a field holds a NUL, which nothing of ours can store")
        return _hint(fields)
    except (ValueError, msgspec.MsgspecError) as error:
        return MalformedNotification(str(error)[:200])


def _fields(content_type: str, body: bytes, query: str) -> dict[str, str]:
    if not body:
        return dict(parse_qsl(query, max_num_fields=_MAX_FIELDS, keep_blank_values=True))
    if content_type.partition(";")[0].strip().lower() == "application/json":
        decoded = msgspec.json.decode(body, type=dict[str, Any])
        return {key: _text(value) for key, value in decoded.items()}
    return dict(parse_qsl(body.decode(), max_num_fields=_MAX_FIELDS, keep_blank_values=True))


def _text(value: object) -> str:
    """JSON values are text too, but one published sample shows a bare number."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"a field is neither text nor a whole number: {str(value)[:40]}")


def _hint(fields: dict[str, str]) -> NotificationHint:
    # One sample prints "0:" for a status and one page writes the keys in another case: both are read.
    folded = {key.strip().rstrip(":").lower(): value.strip().rstrip(":") for key, value in fields.items()}
    category = _number(folded, "notifcategory")
    notified = _given(folded, "notifdate") or _given(folded, "eventdate")
    if category is None:
        raise ValueError("no NotifCategory")
    if notified is None:
        raise ValueError("no NotifDate")
    read_paris_time(notified)
    transaction_id, document_id = _number(folded, "idtransaction"), _number(folded, "docid")
    account_id, wallet_id, internal_id = (_given(folded, key) for key in ("accountid", "extid", "intid"))
    object_id = transaction_id or document_id or wallet_id or account_id or internal_id
    amount = _given(folded, "amount")
    return NotificationHint(
        category=category,
        notified=notified,
        wallet_id=wallet_id,
        internal_id=internal_id,
        object_id="" if object_id is None else str(object_id),
        status=_given(folded, "status"),
        blocking=_given(folded, "blocking"),
        transaction_id=transaction_id,
        origin_transaction_id=_number(folded, "idorigintransaction"),
        document_id=document_id,
        account_id=account_id,
        amount_cents=None if amount is None else euros_to_cents(amount),
        fields=fields,
    )


def _given(folded: Mapping[str, str], key: str) -> str | None:
    return folded.get(key) or None


def _number(folded: Mapping[str, str], key: str) -> int | None:
    text = _given(folded, key)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ValueError(f"{key} is not a number: {text[:40]!r}")
    return int(text)

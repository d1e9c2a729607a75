"""Direct-debit mandates and their electronic signature (docs/lemonway_facts.md §8)."""

import sqlite3
from uuid import NAMESPACE_URL, uuid5

import msgspec

from lemonway.simulator.fields import Fields
from lemonway.simulator.ibans import is_bic, is_iban, normalised
from lemonway.simulator.notifications import call_return_address, notify
from lemonway.simulator.paging import Json
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store
from lemonway.simulator.wallets import mandate_json, mandates, note_change, wallet

PENDING, VALIDATED, ENABLED, DISABLED, REJECTED = 0, 5, 6, 8, 9
MAY_BE_DEBITED = (VALIDATED, ENABLED)
_MANDATE_DOCUMENT = 21
_DOCUMENT_ACCEPTED = 2
_LANGUAGES = ("fr", "en", "de", "es", "it")


class NotWaitingForSignature(Exception):
    """No signature was started for the mandate, or it was decided already."""


def create_mandate(store: Store, body: Fields) -> Json:
    """POST sdd/mandate: pending until signed. The answer's key is misspelt, as in the specification."""
    wallet_id, holder = body.text("wallet", longest=256), body.text("holder", longest=100)
    iban, bic = normalised(body.text("iban", longest=42, shortest=15)), body.text("bic", longest=11)
    language = body.optional_text("mandateLanguage", longest=2) or "fr"
    reference = body.optional_text("rum", longest=35)
    body.flag("isRecurring")
    if not is_iban(iban):
        raise Refused(221, iban)
    if not is_bic(bic):
        raise Refused(242, bic)
    if language not in _LANGUAGES:
        raise Refused(234, f"mandateLanguage must be one of {', '.join(_LANGUAGES)}")
    wallet(store, wallet_id)
    number = store.value("SELECT count(*) + 1 FROM mandates")
    mandate_id = store.insert(
        "mandates",
        wallet_id=wallet_id,
        holder=holder,
        iban=iban,
        bic=bic,
        reference=reference or f"LWSIM{number:012d}",
        is_b2b=int(body.flag("isB2B", default=False)),
        status=PENDING,
    )
    note_change(store, wallet_id)
    return {"SSDMandate": mandate_json(mandate(store, mandate_id))}


def mandate(store: Store, mandate_id: int) -> sqlite3.Row:
    row = store.one("SELECT * FROM mandates WHERE id = ?", mandate_id)
    if row is None:
        raise Refused(244, str(mandate_id))
    return row


def _own_mandate(store: Store, mandate_id: int, wallet_id: str) -> sqlite3.Row:
    row = mandate(store, mandate_id)
    if row["wallet_id"] != wallet(store, wallet_id)["id"]:
        raise Refused(244, f"{mandate_id} is not a mandate of {wallet_id}")
    return row


def usable_mandate(store: Store, mandate_id: int, wallet_id: str) -> sqlite3.Row:
    """A mandate of the wallet that may be debited; refused (244, 245) otherwise."""
    row = _own_mandate(store, mandate_id, wallet_id)
    if row["status"] not in MAY_BE_DEBITED:
        raise Refused(245, f"mandate {mandate_id} has status {row['status']}")
    return row


def list_mandates(store: Store, wallet_id: str) -> Json:
    return {"mandates": mandates(store, wallet(store, wallet_id)["id"])}


def unregister_mandate(store: Store, mandate_id: int, body: Fields) -> Json:
    row = _own_mandate(store, mandate_id, body.text("account", longest=256))
    change_mandate(store, row, DISABLED)
    return {"SDDMandate": mandate_json(mandate(store, mandate_id))}


def change_mandate(store: Store, row: sqlite3.Row, status: int) -> None:
    if row["status"] != status:
        store.run("UPDATE mandates SET status = ? WHERE id = ?", status, row["id"])
        note_change(store, row["wallet_id"])


def start_signature(store: Store, wallet_id: str, mandate_id: int, body: Fields) -> Json:
    """A11: a token for the hosted signing page. The text message needs a mobile number (249)."""
    row = _own_mandate(store, mandate_id, wallet_id)
    if body.number("type") != _MANDATE_DOCUMENT:
        raise Refused(234, f"type must be {_MANDATE_DOCUMENT}")
    return_url, error_url = body.text("returnUrl", longest=2000), body.text("errorUrl", longest=2000)
    if row["status"] != PENDING:
        raise Refused(258, f"mandate {mandate_id} has status {row['status']}")
    if body.optional_text("mobileNumber", longest=30) is None and not _has_mobile(store, wallet_id):
        raise Refused(249, wallet_id)
    attempt = store.value("SELECT count(*) FROM signatures WHERE mandate_id = ?", mandate_id)
    token = str(uuid5(NAMESPACE_URL, f"signature {mandate_id} {attempt}"))
    store.insert("signatures", token=token, mandate_id=mandate_id, return_url=return_url, error_url=error_url)
    return {"signDocument": token}


def _has_mobile(store: Store, wallet_id: str) -> bool:
    details = store.value("SELECT details FROM accounts WHERE wallet_id = ?", wallet_id)
    if details is None:
        return False
    account = msgspec.json.decode(details)
    person = account.get("individual") or account.get("legalRepresentative") or {}
    return bool(person.get("phoneNumber"))


def _signature(store: Store, token: str) -> sqlite3.Row:
    row = store.one("SELECT * FROM signatures WHERE token = ?", token)
    if row is None:
        raise NotWaitingForSignature("unknown signing token")
    return row


def mandate_to_sign(store: Store, token: str) -> sqlite3.Row:
    """The mandate that a signing token stands for."""
    return mandate(store, _signature(store, token)["mandate_id"])


def decide_signature(store: Store, mandate_id: int, outcome: str) -> None:
    """`signed`, `rejected` (the mandate is lost) or `failed` (the person may try again). Repeating is harmless."""
    row = mandate(store, mandate_id)
    reached = {"signed": MAY_BE_DEBITED, "rejected": (REJECTED,), "failed": ()}[outcome]
    if row["status"] in reached:
        return
    started = store.value("SELECT count(*) FROM signatures WHERE mandate_id = ?", mandate_id)
    if row["status"] != PENDING or not started:
        raise NotWaitingForSignature(
            f"mandate {mandate_id} has status {row['status']} and {started} signatures started"
        )
    if outcome == "signed":
        _sign(store, row)
    elif outcome == "rejected":
        change_mandate(store, row, REJECTED)


def _sign(store: Store, row: sqlite3.Row) -> None:
    document_id = store.insert(
        "documents",
        wallet_id=row["wallet_id"],
        mandate_id=row["id"],
        type=_MANDATE_DOCUMENT,
        status=_DOCUMENT_ACCEPTED,
    )
    change_mandate(store, row, VALIDATED)
    for category in (9, 44):
        notify(
            store,
            category,
            subject=f"mandate {row['id']}",
            wallet_id=row["wallet_id"],
            DocId=document_id,
            DocType=_MANDATE_DOCUMENT,
            Status=_DOCUMENT_ACCEPTED,
        )


def sign_by_page(store: Store, token: str, outcome: str) -> str:
    """The person signs, or does not, on the hosted page; the address the browser goes to next.

    Only a signature calls the partner's server: of a failure it hears nothing.
    """
    row = _signature(store, token)
    decide_signature(store, row["mandate_id"], outcome)
    if outcome != "signed":
        return str(row["error_url"])
    call_return_address(store, row["return_url"], subject=f"signature {token}", form={"signingtoken": token})
    return str(row["return_url"])

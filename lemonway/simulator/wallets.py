"""Wallets: opening, blocking, who may send and receive, and how DirectKit shows them."""

import sqlite3
from typing import Any

import msgspec

from lemonway.simulator.clock import now_s
from lemonway.simulator.fields import Fields
from lemonway.simulator.movements import OUTSIDE
from lemonway.simulator.notifications import notify
from lemonway.simulator.paging import Json, pages
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store

LW_WALLET_ID = "LW"
SC_STATUS, KYC_2_STATUS, TECHNICAL_STATUS = -1, 6, 16
_MAY_MOVE_MONEY = {SC_STATUS, KYC_2_STATUS, 7, 15, TECHNICAL_STATUS}
_LW_INTERNAL_ID, _SC_INTERNAL_ID, _FIRST_CLIENT_INTERNAL_ID = 4, 11, 12
_BLOCKED_BY_PARTNER = 3


def open_own_wallets(store: Store, *, sc_wallet_id: str, technical_wallet_ids: tuple[str, ...]) -> None:
    """The wallets that exist before anybody applied: SC, Lemonway's own, the technical ones, the outside world."""
    own = [
        (OUTSIDE, 0, "outside", KYC_2_STATUS),
        (LW_WALLET_ID, _LW_INTERNAL_ID, "lw", KYC_2_STATUS),
        (sc_wallet_id, _SC_INTERNAL_ID, "sc", SC_STATUS),
    ]
    for wallet_id, internal_id, kind, status in own:
        if store.one("SELECT 1 FROM wallets WHERE internal_id = ?", internal_id) is None:
            _insert(store, wallet_id, internal_id, kind, status)
    for wallet_id in technical_wallet_ids:
        if store.one("SELECT 1 FROM wallets WHERE id = ?", wallet_id) is None:
            _insert(store, wallet_id, _next_internal_id(store), "technical", TECHNICAL_STATUS)


def open_wallet(store: Store, wallet_id: str) -> None:
    """The wallet of an accepted account, verified (status 6)."""
    _insert(store, wallet_id, _next_internal_id(store), "client", KYC_2_STATUS)
    note_change(store, wallet_id)
    notify(store, 8, subject=f"wallet {wallet_id}", wallet_id=wallet_id, Status=KYC_2_STATUS, Blocked=0)


def _insert(store: Store, wallet_id: str, internal_id: int, kind: str, status: int) -> None:
    store.insert("wallets", id=wallet_id, internal_id=internal_id, kind=kind, status=status, opened_at=now_s(store))


def _next_internal_id(store: Store) -> int:
    return int(store.value("SELECT max(?, max(internal_id) + 1) FROM wallets", _FIRST_CLIENT_INTERNAL_ID))


def note_change(store: Store, wallet_id: str) -> None:
    """Make the wallet appear in the list of changes: its status, an IBAN, a document or a mandate is new."""
    status = store.value("SELECT status FROM wallets WHERE id = ?", wallet_id)
    store.insert("wallet_changes", wallet_id=wallet_id, status=status, changed_at=now_s(store))


def wallet(store: Store, wallet_id: str) -> sqlite3.Row:
    """The wallet; refused (147) when there is none, which is also so until its owner was accepted."""
    row = store.one("SELECT * FROM wallets WHERE id = ? AND kind <> 'outside'", wallet_id)
    if row is None:
        raise Refused(147, wallet_id)
    return row


def sending_wallet(store: Store, wallet_id: str, cents: int) -> sqlite3.Row:
    """A wallet that may send and holds the amount; refused (147, 167, 111, 110) otherwise."""
    row = wallet(store, wallet_id)
    if row["is_blocked"]:
        raise Refused(167, wallet_id)
    if row["status"] not in _MAY_MOVE_MONEY:
        raise Refused(111, wallet_id)
    if row["balance_cents"] < cents:
        raise Refused(110, f"{wallet_id} holds {row['balance_cents']} cents")
    return row


def receiving_wallet(store: Store, wallet_id: str) -> sqlite3.Row:
    """A wallet that may receive; refused (147, 168, 146) otherwise."""
    row = wallet(store, wallet_id)
    if row["is_blocked"]:
        raise Refused(168, wallet_id)
    if row["status"] not in _MAY_MOVE_MONEY:
        raise Refused(146, wallet_id)
    return row


def get_account(store: Store, wallet_id: str) -> Json:
    """A1."""
    return {"account": account_json(store, wallet(store, wallet_id))}


def account_json(store: Store, row: sqlite3.Row) -> Json:
    account = {
        "id": row["id"],
        "internalId": row["internal_id"],
        "balance": row["balance_cents"],
        "status": row["status"],
        "isblocked": bool(row["is_blocked"]),
    }
    owner = store.one("SELECT type, profile, details FROM accounts WHERE wallet_id = ?", row["id"])
    return account if owner is None else account | _owner_json(owner)


def _owner_json(owner: sqlite3.Row) -> Json:
    details: dict[str, Any] = msgspec.json.decode(owner["details"])
    is_legal = owner["type"] == "LEGAL_ENTITY"
    person = details["legalRepresentative" if is_legal else "individual"]
    owner_json = {
        "clientTitle": "U",
        "firstname": person["firstName"],
        "lastname": person["lastName"],
        "email": person["email"],
        "mobileNumber": str(person.get("phoneNumber") or "").removeprefix("+"),
        "accountType": int(is_legal),
        "isDebtor": owner["profile"] == "PROJECT_HOLDER",
    }
    if is_legal:
        entity = details["legalEntity"]
        owner_json["company"] = {
            "name": entity["name"],
            "description": entity["name"],
            "identificationNumber": entity.get("registrationNumber"),
        }
    return owner_json


def changed_accounts(store: Store, query: Fields) -> Json:
    """A4: one entry per change, with the documents, IBANs and mandates as they are now."""
    listed = pages(
        store,
        query,
        "/v2/accounts/kycstatus",
        "SELECT * FROM wallet_changes WHERE changed_at >= ? ORDER BY id",
        query.number("updateDate"),
    )
    accounts = [
        {
            "id": row["wallet_id"],
            "status": row["status"],
            "date": str(row["changed_at"]),
            "documents": documents(store, row["wallet_id"]),
            "ibans": ibans(store, row["wallet_id"]),
            "sddMandates": mandates(store, row["wallet_id"]),
        }
        for row in listed.rows
    ]
    return {"accounts": accounts, "_links": listed.links}


def list_documents(store: Store, wallet_id: str) -> Json:
    """A3: here only signed mandates; identity documents stay with Online Onboarding."""
    return {"documents": documents(store, wallet(store, wallet_id)["id"])}


def documents(store: Store, wallet_id: str) -> list[Json]:
    rows = store.all("SELECT * FROM documents WHERE wallet_id = ? ORDER BY id", wallet_id)
    return [
        {"id": row["id"], "status": row["status"], "type": row["type"], "validityDate": "", "comment": None}
        for row in rows
    ]


def ibans(store: Store, wallet_id: str) -> list[Json]:
    rows = store.all("SELECT * FROM ibans WHERE wallet_id = ? ORDER BY id", wallet_id)
    return [
        {
            "id": row["id"],
            "status": row["status"],
            "iban": row["iban"],
            "swift": row["bic"],
            "holder": row["holder"],
            "type": row["type"],
        }
        for row in rows
    ]


def mandates(store: Store, wallet_id: str) -> list[Json]:
    return [mandate_json(row) for row in store.all("SELECT * FROM mandates WHERE wallet_id = ? ORDER BY id", wallet_id)]


def mandate_json(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "status": row["status"],
        "UniqueMandateReference": row["reference"],
        "IBAN": row["iban"],
        "BIC": row["bic"],
        "holder": row["holder"],
    }


def changed_balances(store: Store, query: Fields) -> Json:
    """A5: by time of the last posting, or by range of internal ids; SC and LW are never listed."""
    since = query.optional_number("updateDate")
    if since is None:
        condition = "internal_id BETWEEN ? AND ?"
        values = [query.number("internalAccountIdStart"), query.number("internalAccountIdEnd")]
    else:
        condition = "id IN (SELECT wallet_id FROM postings WHERE posted_at >= ?)"
        values = [since]
    listed = pages(
        store,
        query,
        "/v2/accounts/balances",
        f"SELECT id, balance_cents FROM wallets"
        f" WHERE kind IN ('client', 'technical') AND {condition} ORDER BY internal_id",
        *values,
    )
    accounts = [{"id": row["id"], "balance": row["balance_cents"]} for row in listed.rows]
    return {"accounts": accounts, "_links": listed.links}


def balance_at(store: Store, wallet_id: str, query: Fields) -> Json:
    """A6: the sum of the postings up to an instant."""
    if wallet(store, wallet_id)["kind"] in ("sc", "lw"):
        raise Refused(147, wallet_id)
    balance_cents = store.value(
        "SELECT coalesce(sum(amount_cents), 0) FROM postings WHERE wallet_id = ? AND posted_at <= ?",
        wallet_id,
        query.number("atDate"),
    )
    return {"balance": balance_cents}


def set_blocked(store: Store, wallet_id: str, body: Fields) -> Json:
    """A8. A change of the block is notified (13); the same again is not."""
    row = wallet(store, wallet_id)
    is_blocked = body.flag("isBlocked")
    if bool(row["is_blocked"]) != is_blocked:
        store.run("UPDATE wallets SET is_blocked = ? WHERE id = ?", int(is_blocked), wallet_id)
        note_change(store, wallet_id)
        notify(
            store,
            13,
            subject=f"wallet {wallet_id}",
            wallet_id=wallet_id,
            Status=row["status"],
            Blocked=int(is_blocked),
            ReasonId=_BLOCKED_BY_PARTNER,
            Blocking=int(is_blocked),
            BlockingReason=str(_BLOCKED_BY_PARTNER) if is_blocked else "empty",
        )
    return {"account": {"id": wallet_id, "isBlocked": is_blocked}}

"""Online Onboarding: accounts before they have a wallet, how the identity check ends (docs/lemonway_facts.md §4)."""

import re
import sqlite3
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from lemonway.simulator.business_calendar import utc_iso
from lemonway.simulator.clock import now_s
from lemonway.simulator.notifications import notify
from lemonway.simulator.paging import Json
from lemonway.simulator.refusals import RefusedByOnboarding
from lemonway.simulator.store import Store
from lemonway.simulator.wallets import open_wallet

_PROFILES = (
    "DONOR PROJECT_HOLDER LENDER INVESTOR CREDITOR DEBTOR BUYER MERCHANT SELLER OPERATOR CONTENT_EDITOR"
    " OTHER_OPERATOR VISA_APPLICANT PAYER"
).split()
_WALLET_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

_PROFILE_NUMBERS = {"UNDER_ANALYSIS": 2, "ACCEPTED": 3, "DENIED": 4, "REJECTED": 5}
_OUTCOMES = {
    "accepted": "ACCEPTED",
    "rejected": "REJECTED",
    "denied": "DENIED",
    "under_analysis": "UNDER_ANALYSIS",
}
_FINAL = ("ACCEPTED", "DENIED")


def create_individual(store: Store, body: Json) -> Json:
    person = _person(body.get("individual"))
    identity = "|".join(["person", *(person[key] for key in ("firstName", "lastName", "birthDate", "birthCountry"))])
    return _create(store, body, "INDIVIDUAL", identity, f"{person['firstName']} {person['lastName']}")


def create_legal_entity(store: Store, body: Json) -> Json:
    entity = body.get("legalEntity")
    if not isinstance(entity, dict):
        raise RefusedByOnboarding(400, "legalEntity is required")
    _person(body.get("legalRepresentative"))
    keys = ("name", "registrationNumber", "registrationCountry")
    for key in keys:
        _require_text(entity, key)
    identity = "|".join(["company", *(entity[key] for key in keys), str(entity.get("registrationDate") or "")])
    return _create(store, body, "LEGAL_ENTITY", identity, entity["name"])


def _create(store: Store, body: Json, account_type: str, identity: str, holder: str) -> Json:
    if body.get("profile") not in _PROFILES:
        raise RefusedByOnboarding(400, "profile is not one of the documented values")
    number = store.value("SELECT count(*) + 1 FROM accounts")
    wallet_id = body.get("walletId") or f"wallet{number}"
    if not isinstance(wallet_id, str) or not _WALLET_ID.fullmatch(wallet_id):
        raise RefusedByOnboarding(400, "walletId holds letters, digits, dashes and underscores, 100 at most")
    taken = "SELECT 1 FROM accounts WHERE wallet_id = ? UNION ALL SELECT 1 FROM wallets WHERE id = ?"
    if store.one(taken, wallet_id, wallet_id):
        raise RefusedByOnboarding(409, f"walletId {wallet_id} is used already")
    if store.one("SELECT 1 FROM accounts WHERE identity = ?", identity.casefold()):
        raise RefusedByOnboarding(409, "an account exists for this identity")
    account_id = str(uuid5(NAMESPACE_URL, f"account {wallet_id}"))
    at = now_s(store)
    store.insert(
        "accounts",
        id=account_id,
        number=number,
        wallet_id=wallet_id,
        type=account_type,
        profile=body["profile"],
        status="CREATED",
        profile_status="AWAITING_INFORMATION",
        identity=identity.casefold(),
        holder=holder,
        details=msgspec.json.encode(body).decode(),
        created_at=at,
        updated_at=at,
    )
    row = account(store, account_id)
    _notify_account(store, row, 1)
    _notify_profile(store, row, 1)
    return {"id": account_id, "status": row["status"], "profileStatus": row["profile_status"]}


def _person(person: Any) -> Json:
    if not isinstance(person, dict):
        raise RefusedByOnboarding(400, "the person is required")
    for key in ("firstName", "lastName", "birthDate", "birthCountry", "email"):
        _require_text(person, key)
    if not _DAY.match(person["birthDate"]):
        raise RefusedByOnboarding(400, "birthDate must be YYYY-MM-DD")
    address = person.get("address")
    nationalities = person.get("nationalities")
    if not isinstance(address, dict) or not isinstance(nationalities, list) or not nationalities:
        raise RefusedByOnboarding(400, "address and nationalities are required")
    for country in (person["birthCountry"], address.get("country"), *nationalities):
        if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
            raise RefusedByOnboarding(400, "countries are ISO alpha-2 codes")
    phone = person.get("phoneNumber")
    if phone is not None and not (isinstance(phone, str) and _PHONE.fullmatch(phone)):
        raise RefusedByOnboarding(400, "phoneNumber must be E.164")
    return person


def _require_text(values: Json, key: str) -> None:
    if not isinstance(values.get(key), str) or not values[key].strip():
        raise RefusedByOnboarding(400, f"{key} is required")


def account(store: Store, account_id: object) -> sqlite3.Row:
    row = store.one("SELECT * FROM accounts WHERE id = ?", account_id)
    if row is None:
        raise RefusedByOnboarding(404, f"account {account_id} not found")
    return row


def start_onboarding(store: Store, body: Json, hosted_page: str, *, account_type: str) -> Json:
    """POST onboardings/…: once per account (409), while information is awaited. `hosted_page` ends with a slash."""
    row = account(store, body.get("accountId"))
    if row["type"] != account_type:
        raise RefusedByOnboarding(404, f"account {row['id']} is of type {row['type']}")
    if row["onboarding_id"] is not None:
        raise RefusedByOnboarding(409, "onboarding already initiated for this account")
    redirect_url = body.get("redirectUrl")
    if redirect_url is not None and not isinstance(redirect_url, str):
        raise RefusedByOnboarding(400, "redirectUrl must be text")
    onboarding_id = str(uuid5(NAMESPACE_URL, f"onboarding {row['id']}"))
    store.run(
        "UPDATE accounts SET onboarding_id = ?, redirect_url = ? WHERE id = ?", onboarding_id, redirect_url, row["id"]
    )
    _set_profile(store, row, "INFORMATION_COLLECTION_IN_PROGRESS")
    return {"onboardingId": onboarding_id, "url": hosted_page + onboarding_id}


def onboarding(store: Store, onboarding_id: str) -> sqlite3.Row:
    row = store.one("SELECT * FROM accounts WHERE onboarding_id = ?", onboarding_id)
    if row is None:
        raise RefusedByOnboarding(404, f"onboarding {onboarding_id} not found")
    return row


def resume_onboarding(store: Store, onboarding_id: str, hosted_page: str) -> Json:
    row = onboarding(store, onboarding_id)
    if row["profile_status"] in _FINAL:
        raise RefusedByOnboarding(404, "this onboarding is finished")
    return {"onboardingId": onboarding_id, "url": hosted_page + onboarding_id}


def decide_onboarding(store: Store, account_or_wallet_id: str, outcome: str) -> None:
    """How the hosted check ends: `accepted` opens the wallet, `rejected` may be corrected, `denied` is final.

    Repeating an outcome changes nothing; an account that was accepted or denied takes no other (409).
    """
    row = store.one("SELECT * FROM accounts WHERE ? IN (id, wallet_id)", account_or_wallet_id)
    if row is None:
        raise RefusedByOnboarding(404, f"account {account_or_wallet_id} not found")
    status = _OUTCOMES[outcome]
    if row["profile_status"] == status:
        return
    if row["onboarding_id"] is None:
        raise RefusedByOnboarding(409, "the onboarding was not started")
    if row["profile_status"] in _FINAL:
        raise RefusedByOnboarding(409, f"the account is {row['profile_status']} already")
    _set_profile(store, row, status)
    _notify_profile(store, row, _PROFILE_NUMBERS[status])
    if status == "ACCEPTED":
        _set_account_status(store, row, "ACCEPTED")
        open_wallet(store, row["wallet_id"])
        _notify_account(store, row, 2)
        notify(store, 52, subject=f"account {row['id']}", wallet_id=row["wallet_id"], AccountID=row["number"], Status=1)
    elif status == "DENIED":
        _set_account_status(store, row, "DENIED")
        _notify_account(store, row, 3)


def _set_profile(store: Store, row: sqlite3.Row, status: str) -> None:
    statement = "UPDATE accounts SET profile_status = ?, updated_at = ? WHERE id = ?"
    store.run(statement, status, now_s(store), row["id"])


def _set_account_status(store: Store, row: sqlite3.Row, status: str) -> None:
    store.run("UPDATE accounts SET status = ? WHERE id = ?", status, row["id"])


def _notify_profile(store: Store, row: sqlite3.Row, status: int) -> None:
    _notify(store, 49, row, status)


def _notify_account(store: Store, row: sqlite3.Row, status: int) -> None:
    _notify(store, 50, row, status)


def _notify(store: Store, category: int, row: sqlite3.Row, status: int) -> None:
    notify(
        store,
        category,
        subject=f"account {row['id']}",
        wallet_id=row["wallet_id"],
        AccountID=row["number"],
        ProfileID=row["number"],
        EventDate=utc_iso(now_s(store)),
        Status=status,
    )


def account_json(row: sqlite3.Row) -> Json:
    details = msgspec.json.decode(row["details"])
    person = details.get("individual") or details["legalRepresentative"]
    return {
        "id": row["id"],
        "onboardingId": row["onboarding_id"],
        "identity": {"firstName": person["firstName"], "lastName": person["lastName"]},
        "status": row["status"],
        "profiles": [
            {
                "id": str(uuid5(NAMESPACE_URL, f"profile {row['id']}")),
                "profile": row["profile"],
                "status": row["profile_status"],
                "wallets": [{"walletId": row["wallet_id"]}],
            }
        ],
        "information": details.get("individual") or details["legalEntity"],
        "type": row["type"],
        "documents": [],
        "updatedAt": utc_iso(row["updated_at"]),
        "createdAt": utc_iso(row["created_at"]),
        "legalRepresentative": details.get("legalRepresentative"),
        "requirements": [],
        "restrictions": [],
    }


def list_accounts(store: Store, *, page: int, limit: int) -> Json:
    """All accounts in order of creation. No filter is documented, so none is offered."""
    rows = store.all("SELECT * FROM accounts ORDER BY number LIMIT ? OFFSET ?", limit, (page - 1) * limit)
    return {"accounts": [account_json(row) for row in rows]}

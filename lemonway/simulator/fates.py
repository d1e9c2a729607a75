"""Failures of collections planned before they happen: "the third instalment of this mandate fails with AM04"."""

import re
import sqlite3
from typing import Annotated, Literal

import msgspec

from lemonway.simulator.faults import IdUsedForAnotherPlan
from lemonway.simulator.movements import CANCELLED
from lemonway.simulator.store import Store

_REASON = r"^[A-Z]{2}[0-9]{2}$"


class Fate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What will become of one coming collection, chosen by mandate, wallet or reference.

    Of a mandate or a wallet, `occurrence` counts its collections from 1 as they were asked for (cancelled ones left
    out), and `date` is the collection date; with neither the next one is meant. `reject`: it fails on its date
    (status 6). `return`: it is credited, and taken back `after_business_days` later. Used once.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    reason_code: Annotated[str, msgspec.Meta(pattern=_REASON)]
    mandate: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    wallet: str | None = None
    reference: str | None = None
    occurrence: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    date: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    phase: Literal["reject", "return"] = "reject"
    after_business_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 2

    def __post_init__(self) -> None:
        if [self.mandate, self.wallet, self.reference].count(None) != 2:
            raise ValueError("exactly one of mandate, wallet and reference says which collection is meant")


def plan_fate(store: Store, fate: Fate) -> None:
    """Plan it. The same plan again is the same fate, also when it has come to pass."""
    known = store.value("SELECT plan FROM fates WHERE id = ?", fate.id)
    if known is not None:
        if msgspec.json.decode(known, type=Fate) != fate:
            raise IdUsedForAnotherPlan(fate.id)
        return
    store.insert(
        "fates",
        id=fate.id,
        plan=msgspec.json.encode(fate).decode(),
        mandate_id=fate.mandate,
        wallet_id=fate.wallet,
        reference=fate.reference,
        occurrence=fate.occurrence,
        collection_date=fate.date,
    )


def take_fate(store: Store, collection: sqlite3.Row) -> Fate | None:
    """The fate that meets this collection on its date, used up by it."""
    rows = store.all(
        "SELECT * FROM fates WHERE used_by IS NULL AND (mandate_id = ? OR wallet_id = ? OR reference = ?)"
        " ORDER BY number",
        collection["mandate_id"],
        collection["receiver_id"],
        collection["reference"],
    )
    for row in rows:
        if _meets(store, row, collection):
            store.run("UPDATE fates SET used_by = ? WHERE number = ?", collection["id"], row["number"])
            return msgspec.json.decode(row["plan"], type=Fate)
    return None


def fate_of_return(store: Store, transaction_id: int) -> Fate:
    plan = store.value("SELECT plan FROM fates WHERE used_by = ?", transaction_id)
    assert plan is not None, transaction_id
    return msgspec.json.decode(plan, type=Fate)


def _meets(store: Store, fate: sqlite3.Row, collection: sqlite3.Row) -> bool:
    date = re.sub("/", "-", collection["scheduled_date"])
    if fate["collection_date"] not in (None, date):
        return False
    return fate["occurrence"] in (None, _occurrence(store, fate, collection))


def _occurrence(store: Store, fate: sqlite3.Row, collection: sqlite3.Row) -> int:
    """Which collection of its mandate, or of its wallet, this is."""
    column = "mandate_id" if fate["mandate_id"] is not None else "receiver_id"
    return int(
        store.value(
            f"SELECT count(*) FROM transactions WHERE {column} = ? AND kind = 'direct_debit'"
            " AND id <= ? AND status <> ?",
            collection[column],
            collection["id"],
            CANCELLED,
        )
    )

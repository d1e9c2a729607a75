"""SEPA direct debit: collection, its result on the date, and what the bank takes back (docs/lemonway_facts.md §8)."""

import sqlite3

from lemonway.simulator.business_calendar import (
    business_day_after,
    business_day_from,
    collection_file_at,
    collection_result_at,
    earliest_collection_date,
    paris_date,
)
from lemonway.simulator.clock import now_s, schedule, unschedule
from lemonway.simulator.fates import Fate, fate_of_return, take_fate
from lemonway.simulator.fields import Fields
from lemonway.simulator.limits import refuse_beyond_limits_of_collection
from lemonway.simulator.mandates import ENABLED, MAY_BE_DEBITED, change_mandate, mandate, usable_mandate
from lemonway.simulator.movements import (
    BANK_ERROR,
    CANCELLED,
    DIRECT_DEBIT,
    EXECUTED,
    LEMONWAY_ERROR,
    OUTSIDE,
    P2P,
    PENDING,
    SUCCESS,
    change_status,
    move,
    record,
    refuse_repeated_reference,
    sc_wallet_id,
    take_commission,
    transaction,
)
from lemonway.simulator.notifications import euros, notify
from lemonway.simulator.paging import Json
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store
from lemonway.simulator.transactions import shown
from lemonway.simulator.wallets import receiving_wallet, wallet

_NO_MANDATE = "MD01"


def collect(store: Store, body: Fields) -> Json:
    """POST sdd/init: pending (4) until the date. A day on which no bank works moves to the next one that does."""
    wallet_id, mandate_id = body.text("accountId", longest=256), body.number("sddMandateId")
    cents, comment = body.cents("totalAmount"), body.optional_text("comment", longest=140)
    reference = body.optional_text("reference", longest=50)
    is_own_fee = not body.flag("autoCommission", default=False)
    commission_cents = body.optional_cents("commissionAmount") if is_own_fee else 0
    if commission_cents >= cents:
        raise Refused(118, "nothing is left for the wallet")
    receiving_wallet(store, wallet_id)
    usable_mandate(store, mandate_id, wallet_id)
    refuse_beyond_limits_of_collection(store, wallet_id=wallet_id, cents=cents)
    refuse_repeated_reference(store, "direct_debit", reference)
    earliest = earliest_collection_date(now_s(store))
    asked = body.optional_day("collectionDate") or earliest
    if asked < earliest:
        raise Refused(254, f"collectionDate can be {earliest:%Y/%m/%d} at the earliest")
    collection_date = business_day_from(asked)
    transaction_id = record(
        store,
        kind="direct_debit",
        method=DIRECT_DEBIT,
        status=PENDING,
        amount_cents=cents,
        commission_cents=commission_cents,
        receiver_id=wallet_id,
        comment=comment,
        reference=reference,
        mandate_id=mandate_id,
        scheduled_date=f"{collection_date:%Y/%m/%d}",
        file_at=collection_file_at(collection_date),
    )
    schedule(store, due_at=collection_result_at(collection_date), event="collection_result", subject=transaction_id)
    return shown(store, transaction_id)


def cancel(store: Store, transaction_id: int, body: Fields) -> Json:
    """PUT cancel, before the file leaves (notification 17)."""
    row = transaction(store, transaction_id)
    if row["kind"] != "direct_debit" or row["receiver_id"] != body.text("account", longest=256):
        raise Refused(143, str(transaction_id))
    if row["status"] != PENDING or now_s(store) >= row["file_at"]:
        raise Refused(143, f"collection {transaction_id} has left or was decided")
    unschedule(store, subject=transaction_id)
    change_status(store, transaction_id, CANCELLED)
    _notify(store, 17, row, CANCELLED)
    return shown(store, transaction_id)


def decide_collection(store: Store, transaction_id: int) -> None:
    """The collection date: credited, or rejected as planned or as the mandate and the wallet demand."""
    row = transaction(store, transaction_id)
    debited = mandate(store, row["mandate_id"])
    fate = take_fate(store, row)
    if debited["status"] not in MAY_BE_DEBITED:
        _reject(store, row, BANK_ERROR, _NO_MANDATE)
    elif fate is not None and fate.phase == "reject":
        _reject(store, row, BANK_ERROR, fate.reason_code)
    elif wallet(store, row["receiver_id"])["is_blocked"]:
        _reject(store, row, LEMONWAY_ERROR, "wallet blocked")
    else:
        _credit(store, row)
        change_mandate(store, debited, ENABLED)
        if fate is not None:
            _plan_return(store, row, fate)


def _reject(store: Store, row: sqlite3.Row, status: int, reason: str) -> None:
    change_status(store, row["id"], status, psp_message=reason, bank_status=reason)
    _notify(store, 11, row, status)


def _credit(store: Store, row: sqlite3.Row) -> None:
    change_status(store, row["id"], SUCCESS, executed=True)
    move(store, row["id"], source=OUTSIDE, target=row["receiver_id"], cents=row["amount_cents"])
    take_commission(store, row["id"], wallet_id=row["receiver_id"], cents=row["commission_cents"])
    _notify(store, 11, row, SUCCESS)


def _plan_return(store: Store, row: sqlite3.Row, fate: Fate) -> None:
    day = business_day_after(paris_date(now_s(store)), fate.after_business_days)
    schedule(store, due_at=collection_result_at(day), event="collection_return", subject=row["id"])


def return_as_planned(store: Store, transaction_id: int) -> None:
    return_collection(store, transaction_id, fate_of_return(store, transaction_id).reason_code)


def return_collection(store: Store, transaction_id: int, reason_code: str) -> int:
    """The debtor's bank takes a collected debit back: the chargeback's id, the same when told again.

    The wallet is debited in full; what it lacks Lemonway first brings by a P2P from SC, which may go below zero.
    """
    row = transaction(store, transaction_id)
    charged_back = store.value("SELECT id FROM transactions WHERE kind = 'chargeback' AND origin_id = ?", row["id"])
    if charged_back is not None:
        return int(charged_back)
    if row["kind"] != "direct_debit" or row["status"] != SUCCESS:
        raise Refused(143, f"{transaction_id} is no collected direct debit")
    wallet_id, cents = row["receiver_id"], row["amount_cents"]
    _bring_shortfall(store, wallet_id, cents)
    chargeback_id = record(
        store,
        kind="chargeback",
        method=DIRECT_DEBIT,
        status=SUCCESS,
        amount_cents=cents,
        sender_id=wallet_id,
        executed_at=now_s(store),
        origin_id=row["id"],
        comment=reason_code,
    )
    move(store, chargeback_id, source=wallet_id, target=OUTSIDE, cents=cents)
    _notify(store, 14, transaction(store, chargeback_id), SUCCESS)
    return chargeback_id


def _bring_shortfall(store: Store, wallet_id: str, cents: int) -> None:
    shortfall_cents = cents - wallet(store, wallet_id)["balance_cents"]
    sc_id = sc_wallet_id(store)
    if shortfall_cents <= 0 or wallet_id == sc_id:
        return
    transfer_id = record(
        store,
        kind="p2p",
        method=P2P,
        status=EXECUTED,
        amount_cents=shortfall_cents,
        sender_id=sc_id,
        receiver_id=wallet_id,
        executed_at=now_s(store),
        comment="Shortfall of a chargeback",
    )
    move(store, transfer_id, source=sc_id, target=wallet_id, cents=shortfall_cents)


def _notify(store: Store, category: int, row: sqlite3.Row, status: int) -> None:
    notify(
        store,
        category,
        subject=f"transaction {row['id']}",
        wallet_id=row["receiver_id"] or row["sender_id"],
        IdTransaction=row["id"],
        Amount=euros(row["amount_cents"]),
        Status=status,
    )

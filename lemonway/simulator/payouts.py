"""Money out: bank accounts of wallets' owners, payouts, the daily file, what comes back (docs/lemonway_facts.md §6)."""

import re
import sqlite3
import unicodedata

from lemonway.simulator.behaviour import behaviour
from lemonway.simulator.business_calendar import next_file_at
from lemonway.simulator.clock import now_s, schedule, unschedule
from lemonway.simulator.fields import Fields
from lemonway.simulator.ibans import is_bic, is_iban, normalised
from lemonway.simulator.limits import refuse_beyond_limits_of_payout
from lemonway.simulator.movements import (
    CANCELLED,
    EXECUTED,
    OUTSIDE,
    PENDING,
    SUCCESS,
    WIRE_OUT,
    change_status,
    move,
    record,
    refuse_repeated_reference,
    take_commission,
    transaction,
)
from lemonway.simulator.notifications import euros, notify
from lemonway.simulator.paging import Json
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store
from lemonway.simulator.transactions import shown
from lemonway.simulator.wallets import ibans, note_change, sending_wallet, wallet

_PAYOUT = 1
_WAITING, _ACTIVATED, _REJECTED_BY_BANK, _REJECTED_NO_OWNER, _DEACTIVATED = 4, 5, 6, 7, 8


def register_iban(store: Store, body: Fields) -> Json:
    """POST moneyouts/iban. The holder must be the wallet's owner, or the IBAN is kept as rejected (7)."""
    wallet_id, holder = body.text("accountId", longest=256), body.text("holder", longest=256)
    iban = normalised(body.text("iban", longest=42, shortest=15))
    bic = body.optional_text("bic", longest=11)
    if not is_iban(iban):
        raise Refused(221, iban)
    if bic is not None and not is_bic(bic):
        raise Refused(242, bic)
    owner = holder_name(store, wallet(store, wallet_id)["id"])
    activated = _ACTIVATED if behaviour(store).iban_validation == "immediate" else _WAITING
    status = activated if _names(holder) == _names(owner) else _REJECTED_NO_OWNER
    iban_id = store.insert("ibans", wallet_id=wallet_id, type=_PAYOUT, iban=iban, bic=bic, holder=holder, status=status)
    note_change(store, wallet_id)
    return {"ibanId": iban_id, "status": status}


def holder_name(store: Store, wallet_id: str) -> str:
    """The owner's name; a wallet of the platform itself is held in Lemonway's name for it."""
    return str(store.value("SELECT holder FROM accounts WHERE wallet_id = ?", wallet_id) or wallet_id)


def _names(name: str) -> set[str]:
    """A name without accents, case, punctuation and order, so that `Rossi, Niccolò` is Niccolo Rossi."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return set(re.findall(r"[a-z0-9]+", plain))


def list_ibans(store: Store, wallet_id: str) -> Json:
    return {"ibans": ibans(store, wallet(store, wallet_id)["id"])}


def decide_iban(store: Store, iban_id: int, *, is_accepted: bool) -> None:
    """The outcome of Lemonway's check of a waiting IBAN; once decided it stays so."""
    row = store.one("SELECT * FROM ibans WHERE id = ? AND type = ?", iban_id, _PAYOUT)
    if row is None:
        raise Refused(215, f"no payout IBAN {iban_id}")
    if row["status"] == _WAITING:
        status = _ACTIVATED if is_accepted else _REJECTED_BY_BANK
        store.run("UPDATE ibans SET status = ? WHERE id = ?", status, iban_id)
        note_change(store, row["wallet_id"])


def unregister_iban(store: Store, iban_id: int, body: Fields) -> Json:
    wallet_id = body.text("wallet", longest=256)
    touched = store.run(
        "UPDATE ibans SET status = ? WHERE id = ? AND wallet_id = ? AND status <> ?",
        _DEACTIVATED,
        iban_id,
        wallet_id,
        _DEACTIVATED,
    )
    if not touched:
        raise Refused(220, str(iban_id))
    note_change(store, wallet_id)
    return {"id": iban_id}


def pay_out(store: Store, body: Fields) -> Json:
    """POST moneyouts. The wallet is debited now; the bank is told at the next cut-off."""
    wallet_id, cents = body.text("accountId", longest=256), body.cents("totalAmount")
    commission_cents = 0 if body.flag("autoCommission") else body.optional_cents("commissionAmount")
    reference = body.optional_text("reference", longest=50)
    comment = body.optional_text("comment", longest=140)
    if commission_cents >= cents:
        raise Refused(118, "nothing is left for the payee")
    sending_wallet(store, wallet_id, cents)
    iban = _payable_iban(store, wallet_id, body.optional_number("ibanId"))
    refuse_beyond_limits_of_payout(store, wallet_id=wallet_id, cents=cents)
    refuse_repeated_reference(store, "money_out", reference)
    file_at = next_file_at(now_s(store))
    transaction_id = record(
        store,
        kind="money_out",
        method=WIRE_OUT,
        status=_waiting_status(store),
        amount_cents=cents,
        commission_cents=commission_cents,
        sender_id=wallet_id,
        comment=comment,
        reference=reference,
        iban_id=iban["id"],
        label=_masked(iban["iban"]),
        file_at=file_at,
    )
    move(store, transaction_id, source=wallet_id, target=OUTSIDE, cents=cents - commission_cents)
    take_commission(store, transaction_id, wallet_id=wallet_id, cents=commission_cents)
    schedule(store, due_at=file_at, event="payout_file", subject=transaction_id)
    return shown(store, transaction_id)


def _payable_iban(store: Store, wallet_id: str, iban_id: int | None) -> sqlite3.Row:
    """The IBAN asked for, or the last one activated; refused (215) when it is not activated."""
    row = store.one(
        "SELECT * FROM ibans WHERE wallet_id = ? AND type = ? AND status = ? AND coalesce(id = ?, 1)"
        " ORDER BY id DESC LIMIT 1",
        wallet_id,
        _PAYOUT,
        _ACTIVATED,
        iban_id,
    )
    if row is None:
        raise Refused(215, wallet_id)
    return row


def _waiting_status(store: Store) -> int:
    return SUCCESS if behaviour(store).money_out_family == "specification" else PENDING


def _sent_status(store: Store) -> int:
    return EXECUTED if behaviour(store).money_out_family == "specification" else SUCCESS


def _masked(iban: str) -> str:
    return f"{iban[:4]}{'X' * (len(iban) - 8)}{iban[-4:]}"


def send_payout_file(store: Store, transaction_id: int) -> None:
    """The cut-off: from here the payout can only come back from the payee's bank."""
    change_status(store, transaction_id, _sent_status(store), executed=True)


def cancel_payout(store: Store, transaction_id: int, body: Fields) -> Json:
    """PUT cancel, before the file leaves; the money comes back as a transaction of its own (notification 15)."""
    row = transaction(store, transaction_id)
    if row["kind"] != "money_out" or row["sender_id"] != body.text("accountId", longest=256):
        raise Refused(143, str(transaction_id))
    if row["status"] == CANCELLED or row["executed_at"]:
        raise Refused(143, f"payout {transaction_id} has left or was cancelled")
    unschedule(store, subject=transaction_id)
    change_status(store, transaction_id, CANCELLED)
    _give_back(store, row)
    return shown(store, transaction_id)


def bounce_payout(store: Store, transaction_id: int) -> int:
    """The payee's bank sends the money back; the id of the credit, the same when told again."""
    row = transaction(store, transaction_id)
    returned = store.value("SELECT id FROM transactions WHERE kind = 'bounce' AND origin_id = ?", transaction_id)
    if returned is not None:
        return int(returned)
    if row["kind"] != "money_out" or not row["executed_at"]:
        raise Refused(143, f"{transaction_id} is no payout that the bank was told of")
    return _give_back(store, row)


def _give_back(store: Store, payout: sqlite3.Row) -> int:
    """A new incoming transaction "Cancelled Pay-Out". The platform's commission is not given back."""
    cents = payout["amount_cents"] - payout["commission_cents"]
    transaction_id = record(
        store,
        kind="bounce",
        method=WIRE_OUT,
        status=SUCCESS,
        amount_cents=cents,
        receiver_id=payout["sender_id"],
        executed_at=now_s(store),
        origin_id=payout["id"],
        comment=f"Cancelled Pay-Out {payout['id']}",
    )
    move(store, transaction_id, source=OUTSIDE, target=payout["sender_id"], cents=cents)
    notify(
        store,
        15,
        subject=f"transaction {payout['id']}",
        wallet_id=payout["sender_id"],
        IdTransaction=transaction_id,
        IdOriginTransaction=payout["id"],
        Amount=euros(cents),
        Status=SUCCESS,
        **{"Payment method": WIRE_OUT},
    )
    return transaction_id

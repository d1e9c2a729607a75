"""Money: transactions, and the two-sided postings that carry them out.

A balance is changed by `move` and by nothing else, in the same transaction as its two postings.
"""

import sqlite3
from typing import Any

from lemonway.simulator.behaviour import behaviour
from lemonway.simulator.clock import now_s
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store

OUTSIDE = "@bank"
"""The other side of every movement into or out of Lemonway; no wallet id may hold an `@`."""

SUCCESS, PENDING_P2P, EXECUTED, LEMONWAY_ERROR, PENDING, BANK_ERROR, CANCELLED = 0, 0, 3, 3, 4, 6, 7
WIRE_IN, WIRE_OUT, P2P, DIRECT_DEBIT = 1, 3, 4, 14


def transaction(store: Store, transaction_id: int) -> sqlite3.Row:
    """The transaction; refused (143) when there is none."""
    row = store.one("SELECT * FROM transactions WHERE id = ?", transaction_id)
    if row is None:
        raise Refused(143, str(transaction_id))
    return row


def record(store: Store, *, kind: str, method: int, status: int, amount_cents: int, **columns: Any) -> int:
    """Add a transaction initiated now; its id. Moves nothing."""
    at = now_s(store)
    return store.insert(
        "transactions",
        kind=kind,
        method=method,
        status=status,
        amount_cents=amount_cents,
        initiated_at=at,
        changed_at=at,
        **columns,
    )


def move(store: Store, transaction_id: int, *, source: str, target: str, cents: int) -> None:
    """Carry `cents` from one wallet to the other. The caller has checked that the source holds them."""
    at = now_s(store)
    movement = store.value("SELECT coalesce(max(movement), 0) + 1 FROM postings")
    for wallet_id, amount_cents in ((source, -cents), (target, cents)):
        store.insert(
            "postings",
            movement=movement,
            transaction_id=transaction_id,
            wallet_id=wallet_id,
            amount_cents=amount_cents,
            posted_at=at,
        )
        store.run("UPDATE wallets SET balance_cents = balance_cents + ? WHERE id = ?", amount_cents, wallet_id)


def change_status(store: Store, transaction_id: int, status: int, *, executed: bool = False, **columns: object) -> None:
    """Give a transaction its new status, with the instant, which the searches by time go by."""
    at = now_s(store)
    columns |= {"status": status, "changed_at": at} | ({"executed_at": at} if executed else {})
    assignments = ", ".join(f"{name} = ?" for name in columns)
    store.run(f"UPDATE transactions SET {assignments} WHERE id = ?", *columns.values(), transaction_id)


def take_commission(store: Store, transaction_id: int, *, wallet_id: str, cents: int) -> None:
    """Pay the platform's commission of a transaction from the wallet to SC, as a P2P of its own."""
    if cents == 0:
        return
    sc_id = sc_wallet_id(store)
    fee = record(
        store,
        kind="p2p",
        method=P2P,
        status=EXECUTED,
        amount_cents=cents,
        sender_id=wallet_id,
        receiver_id=sc_id,
        executed_at=now_s(store),
        fee_of=transaction_id,
    )
    move(store, fee, source=wallet_id, target=sc_id, cents=cents)


def sc_wallet_id(store: Store) -> str:
    return str(store.value("SELECT id FROM wallets WHERE kind = 'sc'"))


def refuse_repeated_reference(store: Store, kind: str, reference: str | None) -> None:
    """Lemonway does not say whether a `reference` may come twice; the behaviour decides. By default it may."""
    if reference is None or not behaviour(store).reject_duplicate_references:
        return
    if store.one("SELECT 1 FROM transactions WHERE reference = ? AND kind = ?", reference, kind):
        raise Refused(234, f"reference {reference} was used before")

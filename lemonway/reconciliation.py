"""Our books against Lemonway's: every movement has one instruction, or one recorded cause where somebody else began it.

Run it when nothing is on its way: a movement executed between the two readings would look like a break.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from lemonway.client import DirectKit
from lemonway.messages import HistoryEntry
from lemonway.statuses import Method, Outcome, money_in_outcome, money_out_outcome, p2p_outcome
from persistence.booked_movements import (
    BookedMovement,
    booked_movements,
    booked_wallets,
    booked_wires,
    returns_told,
)
from persistence.connection import Pool

_WALLETS_AT_A_TIME = 4


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """A difference. `ours_only`: in our books and not at Lemonway; `theirs_only`: the reverse; `differs`: in both, with
    other wallets or another amount; `doubled`: one reference moved money more than once; `balance`: of a wallet."""

    kind: Literal["ours_only", "theirs_only", "differs", "doubled", "balance"]
    subject: str
    detail: str


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """How much was compared, and what did not agree."""

    wallets: int
    movements: int
    matched: int
    breaks: tuple[Break, ...]


class _Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of money at Lemonway. `debit` and `credit` are wallets, None for the outside world."""

    id: str
    family: Literal["transfer", "in", "out"]
    reference: str | None
    debit: str | None
    credit: str | None
    cents: int
    method: int | None


async def reconcile(pool: Pool, directkit: DirectKit, *, start_at: datetime, end_at: datetime) -> Reconciliation:
    """Compare everything that moved in the window at Lemonway, which must span all of our movements, and all balances.

    Raises a LemonwayError when something cannot be read.
    """
    ours = await booked_movements(pool)
    wires = await booked_wires(pool)
    wallets = await booked_wallets(pool)
    theirs, balances = await _read_wallets(directkit, list(wallets), start_at, end_at)
    breaks = [
        *_compare_references(ours, theirs),
        *_compare_causes(wires, await returns_told(pool), theirs),
        *_compare_balances(wallets, balances),
    ]
    return Reconciliation(
        wallets=len(wallets), movements=len(theirs), matched=len(ours) + len(wires), breaks=tuple(breaks)
    )


async def _read_wallets(
    directkit: DirectKit, wallet_ids: list[str], start_at: datetime, end_at: datetime
) -> tuple[list[_Moved], dict[str, int]]:
    """All movements, each once although two wallets may list it, and what every wallet holds."""
    moved: dict[tuple[str, str], _Moved] = {}
    balances: dict[str, int] = {}
    waiting = iter(wallet_ids)

    async def read() -> None:
        for wallet_id in waiting:
            history = await directkit.wallet_transactions(wallet_id, start_at=start_at, end_at=end_at)
            moved.update({(one.family, one.id): one for entry in history if (one := _moved(entry)) is not None})
            balances[wallet_id] = await directkit.wallet_balance_cents(wallet_id)

    async with asyncio.TaskGroup() as group:
        for _ in range(_WALLETS_AT_A_TIME):
            group.create_task(read())
    return list(moved.values()), balances


def _moved(entry: HistoryEntry) -> _Moved | None:
    """None for what has not moved money: pending, refused, cancelled before it was executed."""
    if (transfer := entry.transaction_p2p) is not None:
        if p2p_outcome(transfer.status) is not Outcome.SUCCEEDED:
            return None
        return _Moved(
            id=str(transfer.id),
            family="transfer",
            reference=transfer.reference,
            debit=transfer.sender_account_id,
            credit=transfer.receiver_account_id,
            cents=transfer.debit_amount_cents or 0,
            method=transfer.method,
        )
    if (out := entry.transaction_out) is not None:
        # A payout is debited when it is taken in, and stays so even when it comes back: that is a movement of its own.
        if money_out_outcome(out.status) in (Outcome.FAILED, Outcome.UNKNOWN):
            return None
        return _Moved(
            id=str(out.id),
            family="out",
            reference=out.reference,
            debit=out.sender_account_id,
            credit=None,
            cents=out.debit_amount_cents or 0,
            method=out.method,
        )
    received = entry.transaction_in
    if received is None or money_in_outcome(received.status) is not Outcome.SUCCEEDED:
        return None
    return _Moved(
        id=str(received.id),
        family="in",
        reference=received.reference,
        debit=None,
        credit=received.receiver_account_id,
        cents=received.credit_amount_cents or 0,
        method=received.method,
    )


def _compare_references(ours: list[BookedMovement], theirs: list[_Moved]) -> Iterable[Break]:
    by_reference: dict[str, _Moved] = {}
    times = Counter(moved.reference for moved in theirs if moved.reference)
    for moved in theirs:
        if moved.reference:
            by_reference[moved.reference] = moved
    for reference, count in times.items():
        if count > 1:
            yield Break(kind="doubled", subject=reference, detail=f"{count} movements at Lemonway carry this reference")
    for booked in ours:
        found = by_reference.pop(booked.reference, None)
        if found is None:
            yield Break(
                kind="ours_only",
                subject=booked.reference,
                detail=f"{booked.kind} of {booked.cents} cents, movement {booked.psp_id}, is not at Lemonway",
            )
        elif (found.id, found.debit, found.credit, found.cents) != _as_booked(booked):
            yield Break(kind="differs", subject=booked.reference, detail=f"booked {booked}, at Lemonway {found}")
    for reference, moved in by_reference.items():
        yield Break(kind="theirs_only", subject=reference, detail=f"{moved} is in no book of ours")


def _as_booked(booked: BookedMovement) -> tuple[str, str | None, str | None, int]:
    return booked.psp_id, booked.debit_wallet, booked.credit_wallet, booked.cents


def _compare_causes(wires: dict[str, tuple[str, int]], causes: set[str], theirs: list[_Moved]) -> Iterable[Break]:
    """Movements that carry no reference of ours: each is a recorded wire, or what a bank took back and told us of."""
    unseen = dict(wires)
    for moved in theirs:
        if moved.reference:
            continue
        if moved.family == "in" and moved.method == Method.WIRE_IN:
            if unseen.pop(moved.id, None) != (moved.credit, moved.cents):
                yield Break(kind="theirs_only", subject=moved.id, detail=f"{moved} is not a recorded wire")
        elif moved.id not in causes:
            yield Break(kind="theirs_only", subject=moved.id, detail=f"{moved} has no recorded cause")
    for wire_id, (wallet_id, cents) in unseen.items():
        yield Break(
            kind="ours_only", subject=wire_id, detail=f"wire of {cents} cents to {wallet_id} is not at Lemonway"
        )


def _compare_balances(ours: dict[str, int], theirs: dict[str, int]) -> Iterable[Break]:
    for wallet_id, cents in ours.items():
        if theirs[wallet_id] != cents:
            yield Break(
                kind="balance",
                subject=wallet_id,
                detail=f"the ledger holds {cents} cents, Lemonway {theirs[wallet_id]}",
            )

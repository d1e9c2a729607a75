"""P2P: money from wallet to wallet, at once and wholly, or on a date to come (docs/lemonway_facts.md §7)."""

from typing import Any

import msgspec

from lemonway.simulator.business_calendar import paris_date, scheduled_transfer_at
from lemonway.simulator.clock import now_s, schedule
from lemonway.simulator.fields import Fields
from lemonway.simulator.limits import refuse_beyond_limits_of_transfer
from lemonway.simulator.movements import (
    EXECUTED,
    P2P,
    PENDING_P2P,
    change_status,
    move,
    record,
    refuse_repeated_reference,
    transaction,
)
from lemonway.simulator.paging import Json
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store
from lemonway.simulator.transactions import shown
from lemonway.simulator.wallets import receiving_wallet, sending_wallet

_DENIED = 4


def transfer(store: Store, body: Fields) -> Json:
    """POST p2p. A scheduled one is taken without looking at balance or status; both are looked at on its date."""
    sender_id, receiver_id = body.text("debitAccountId", longest=256), body.text("creditAccountId", longest=256)
    cents, reference = body.cents("amount"), body.optional_text("reference", longest=36)
    private_data, scheduled_date = body.texts("privateData"), body.optional_day("scheduledDate")
    columns: dict[str, Any] = {
        "kind": "p2p",
        "method": P2P,
        "amount_cents": cents,
        "sender_id": sender_id,
        "receiver_id": receiver_id,
        "comment": body.optional_text("comment", longest=140),
        "reference": reference,
        "private_data": msgspec.json.encode(private_data).decode() if private_data else None,
        "origin_id": body.optional_number("originTransactionId"),
    }
    if sender_id == receiver_id:
        raise Refused(186, sender_id)
    refuse_repeated_reference(store, "p2p", reference)
    if scheduled_date is not None:
        if scheduled_date <= paris_date(now_s(store)):
            raise Refused(254, "scheduledDate must be after today in Paris")
        scheduled = record(store, status=PENDING_P2P, scheduled_date=f"{scheduled_date:%Y/%m/%d}", **columns)
        schedule(store, due_at=scheduled_transfer_at(scheduled_date), event="scheduled_transfer", subject=scheduled)
        return shown(store, scheduled)
    _refuse_unless_possible(store, sender_id, receiver_id, cents)
    executed = record(store, status=EXECUTED, executed_at=now_s(store), **columns)
    move(store, executed, source=sender_id, target=receiver_id, cents=cents)
    return shown(store, executed)


def execute_scheduled_transfer(store: Store, transaction_id: int) -> None:
    """On its date: carried out, or denied with the reason in the comment."""
    row = transaction(store, transaction_id)
    try:
        _refuse_unless_possible(store, row["sender_id"], row["receiver_id"], row["amount_cents"])
    except Refused as refusal:
        change_status(store, transaction_id, _DENIED, comment=str(refusal))
        return
    move(store, transaction_id, source=row["sender_id"], target=row["receiver_id"], cents=row["amount_cents"])
    change_status(store, transaction_id, EXECUTED, executed=True)


def _refuse_unless_possible(store: Store, sender_id: str, receiver_id: str, cents: int) -> None:
    receiving_wallet(store, receiver_id)
    sending_wallet(store, sender_id, cents)
    refuse_beyond_limits_of_transfer(store, sender_id=sender_id, receiver_id=receiver_id, cents=cents)

"""Wires read at Lemonway and recorded: one that a notification names, or all since the last one known."""

from datetime import timedelta

from lemonway.client import DirectKit
from lemonway.messages import TransactionIn
from lemonway.statuses import Method, Outcome, money_in_outcome
from lemonway.translation import instant
from marketplace.ports import Clock
from persistence.connection import Pool
from persistence.wires import ReceivedWire, last_wire_at, record_wire

_OVERLAP = timedelta(days=1)
_FIRST_WINDOW = timedelta(days=7)


class WiresIn:
    """Reads wires and credits them. Reading one twice credits it once."""

    def __init__(self, *, pool: Pool, directkit: DirectKit, clock: Clock) -> None:
        self._pool = pool
        self._directkit = directkit
        self._clock = clock

    async def read_one(self, money_in_id: int, *, notification_key: str) -> str | None:
        """Re-read a wire that a notification names; why it is no wire to credit, None when it was credited."""
        found = await self._directkit.get_money_in(money_in_id)
        if found is None:
            return f"Lemonway knows no money-in {money_in_id}"
        wire = _received(found)
        if wire is None:
            return f"money-in {money_in_id} is no credited wire (method {found.method}, status {found.status})"
        await record_wire(self._pool, wire, notification_key=notification_key)
        return None

    async def read_new(self) -> int:
        """Read the wires since the last one known, a day of overlap included; how many were new."""
        async with self._pool.acquire() as connection:
            last_at = await last_wire_at(connection)
        now_at = self._clock.now()
        start_at = now_at - _FIRST_WINDOW if last_at is None else last_at - _OVERLAP
        found = await self._directkit.list_wires_in(start_at=start_at, end_at=now_at + _OVERLAP)
        wires = [wire for transaction in found if (wire := _received(transaction)) is not None]
        return sum([await record_wire(self._pool, wire) for wire in wires])


def _received(found: TransactionIn) -> ReceivedWire | None:
    credited_at = instant(found.execution_date_unix_s) or instant(found.date_unix_s)
    is_wire = found.method == Method.WIRE_IN and money_in_outcome(found.status) is Outcome.SUCCEEDED
    if not is_wire or credited_at is None or not found.receiver_account_id or not found.credit_amount_cents:
        return None
    return ReceivedWire(
        money_in_id=str(found.id),
        wallet_id=found.receiver_account_id,
        cents=found.credit_amount_cents,
        executed_at=credited_at,
    )

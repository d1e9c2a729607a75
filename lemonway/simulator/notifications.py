"""Notifications to the partner: written with what they tell of, in its transaction; sent later, until answered 2xx.

Sent as POST form-urlencoded with text values (docs/lemonway_facts.md §10). About one object they leave in the order
they were made; a copy may be sent twice when the simulator dies between sending and remembering, as Lemonway's may.
"""

import asyncio
import sqlite3

import httpx
import msgspec

from lemonway.simulator.business_calendar import paris_wall_clock
from lemonway.simulator.clock import now_s, real_now_ms
from lemonway.simulator.faults import take_fault
from lemonway.simulator.store import Store

_CONNECTIONS = 16
_BATCH = 64
_ATTEMPT_TIMEOUT_S = 10
_PAUSE_FIRST_MS = 100
_PAUSE_LONGEST_MS = 30_000
_RETURN_ADDRESS_ATTEMPTS = 5


def euros(cents: int) -> str:
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02d}"


def notify(store: Store, category: int, *, subject: str, wallet_id: str | None, **fields: str | int) -> None:
    """Write a notification about `subject`, to be sent once the transaction has been committed."""
    internal_id = store.value("SELECT internal_id FROM wallets WHERE id = ?", wallet_id)
    form = {
        "NotifCategory": str(category),
        "NotifDate": paris_wall_clock(now_s(store)),
        "IntId": "" if internal_id is None else str(internal_id),
        "ExtId": wallet_id or "",
        **{name: str(value) for name, value in fields.items()},
    }
    has_receiver = store.value("SELECT value FROM facts WHERE name = 'webhook_url'") != ""
    fault = take_fault(store, f"webhook {category}", of_webhooks=True)
    is_dropped = fault is not None and fault.mode == "webhook_dropped"
    copies = fault.copies if fault is not None and fault.mode == "webhook_repeated" else 1
    late_ms = fault.delay_ms if fault is not None and fault.mode == "webhook_late" else 0
    for _ in range(copies):
        store.insert(
            "notifications",
            # A late one must be overtaken by those that follow it, so it waits in a line of its own.
            subject=f"late {subject}" if late_ms else subject,
            form=msgspec.json.encode(form).decode(),
            state="dropped" if is_dropped else "pending" if has_receiver else "unaddressed",
            next_attempt_at_ms=real_now_ms() + late_ms if late_ms else 0,
            created_at=now_s(store),
        )


def call_return_address(store: Store, url: str, *, subject: str, form: dict[str, str]) -> None:
    """Tell the address given with a signature that it was signed. Given up after a few attempts."""
    store.insert(
        "notifications",
        subject=subject,
        url=url,
        form=msgspec.json.encode(form).decode(),
        state="pending",
        attempts_max=_RETURN_ADDRESS_ATTEMPTS,
        created_at=now_s(store),
    )


def address_notifications(store: Store, webhook_url: str | None) -> None:
    """Remember where to send; what was written while there was no address stays unsent."""
    store.run(
        "INSERT INTO facts VALUES ('webhook_url', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        webhook_url or "",
    )


def pending_notifications(store: Store) -> int:
    return int(store.value("SELECT count(*) FROM notifications WHERE state = 'pending'"))


class NotificationSender:
    """Sends what is pending. One runs beside the server, in its event loop."""

    def __init__(self, store: Store, webhook_url: str | None) -> None:
        self._store = store
        self._webhook_url = webhook_url
        self._wake = asyncio.Event()

    def wake_if_pending(self) -> None:
        """To be called after every commit that may have written a notification."""
        if self._store.one("SELECT 1 FROM notifications WHERE state = 'pending' LIMIT 1"):
            self._wake.set()

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
        async with httpx.AsyncClient(timeout=_ATTEMPT_TIMEOUT_S, limits=limits) as http:
            while True:
                self._wake.clear()
                due = self._due()
                if due:
                    await self._send(http, due)
                else:
                    await self._pause()

    def _due(self) -> list[sqlite3.Row]:
        return self._store.all(
            "SELECT * FROM notifications WHERE state = 'pending' AND next_attempt_at_ms <= ? AND id IN"
            " (SELECT min(id) FROM notifications WHERE state = 'pending' GROUP BY subject) ORDER BY id LIMIT ?",
            real_now_ms(),
            _BATCH,
        )

    async def _pause(self) -> None:
        """Until something new is written, or the next repeated attempt is due."""
        due_at_ms = self._store.value("SELECT min(next_attempt_at_ms) FROM notifications WHERE state = 'pending'")
        timeout_s = None if due_at_ms is None else max(due_at_ms - real_now_ms(), 10) / 1000
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _send(self, http: httpx.AsyncClient, due: list[sqlite3.Row]) -> None:
        answered = await asyncio.gather(*(self._attempt(http, row) for row in due))
        with self._store.transaction():
            for row, is_delivered in zip(due, answered, strict=True):
                self._remember(row, is_delivered=is_delivered)

    async def _attempt(self, http: httpx.AsyncClient, row: sqlite3.Row) -> bool:
        url = row["url"] or self._webhook_url
        if url is None:
            return False
        try:
            response = await http.post(url, data=msgspec.json.decode(row["form"], type=dict[str, str]))
        except httpx.HTTPError:
            return False
        return response.is_success

    def _remember(self, row: sqlite3.Row, *, is_delivered: bool) -> None:
        attempts = row["attempts"] + 1
        is_given_up = row["attempts_max"] is not None and attempts >= row["attempts_max"]
        pause_ms = min(_PAUSE_FIRST_MS * 2 ** min(attempts - 1, 16), _PAUSE_LONGEST_MS)
        self._store.run(
            "UPDATE notifications SET state = ?, attempts = ?, next_attempt_at_ms = ? WHERE id = ?",
            "delivered" if is_delivered else "abandoned" if is_given_up else "pending",
            attempts,
            real_now_ms() + pause_ms,
            row["id"],
        )

"""The simulator's time and its agenda: what will happen by itself, and when."""

import time
from datetime import UTC, datetime
from typing import Literal

from lemonway.simulator.store import Store

_FOLLOWS_SYSTEM = "system"


def start_clock(store: Store, start_at: datetime | Literal["system"]) -> None:
    """Set the clock of a new store. Later starts go on with the time that the store remembers."""
    value = start_at if isinstance(start_at, str) else start_at.astimezone(UTC).isoformat()
    store.run("INSERT INTO facts VALUES ('clock', ?) ON CONFLICT DO NOTHING", value)


def follows_system_time(store: Store) -> bool:
    return bool(store.value("SELECT value FROM facts WHERE name = 'clock'") == _FOLLOWS_SYSTEM)


def now(store: Store) -> datetime:
    """The present instant, UTC: the one last set, or the system's until one was set."""
    value = store.value("SELECT value FROM facts WHERE name = 'clock'")
    return datetime.now(UTC) if value == _FOLLOWS_SYSTEM else datetime.fromisoformat(value)


def now_s(store: Store) -> int:
    """The present instant in whole UTC seconds, the unit of every instant in the store."""
    return int(now(store).timestamp() // 1)


def set_clock(store: Store, at: datetime) -> None:
    store.run("UPDATE facts SET value = ? WHERE name = 'clock'", at.astimezone(UTC).isoformat())


def real_now_ms() -> int:
    """Real time, for what concerns the machines and not the market: token lifetimes, delivery attempts."""
    return time.time_ns() // 1_000_000


def schedule(store: Store, *, due_at: int, event: str, subject: int) -> None:
    """Have `event` happen to `subject` once the clock reaches `due_at` (seconds)."""
    store.insert("agenda", due_at=due_at, event=event, subject=subject)


def unschedule(store: Store, *, subject: int) -> None:
    """Forget everything planned for a transaction, because it was cancelled."""
    store.run("DELETE FROM agenda WHERE subject = ?", subject)

"""Moving the clock: everything that falls due on the way happens in order, each at its own instant."""

from collections.abc import Callable
from datetime import UTC, datetime

from lemonway.simulator.clock import follows_system_time, now, now_s, set_clock
from lemonway.simulator.direct_debits import decide_collection, return_as_planned
from lemonway.simulator.payouts import send_payout_file
from lemonway.simulator.store import Store
from lemonway.simulator.transfers import execute_scheduled_transfer

_EVENTS: dict[str, Callable[[Store, int], None]] = {
    "payout_file": send_payout_file,
    "collection_result": decide_collection,
    "collection_return": return_as_planned,
    "scheduled_transfer": execute_scheduled_transfer,
}


class ClockWouldGoBackward(Exception):
    """The instant asked for is before the present one."""


def move_clock(store: Store, at: datetime) -> int:
    """Set the clock to `at` and run what falls due up to then, both within the caller's transaction; how many events.

    Moving to the present instant changes nothing, so a move may be asked for again. From the first move on the
    clock no longer follows the system's.
    """
    if at < now(store):
        raise ClockWouldGoBackward(f"it is {now(store).isoformat()} already")
    happened = _run_due(store, int(at.timestamp() // 1), sets_clock=True)
    set_clock(store, at)
    return happened


def run_due(store: Store) -> int:
    """Run what has fallen due while the clock follows the system's."""
    return _run_due(store, now_s(store), sets_clock=False)


def something_is_due(store: Store) -> bool:
    next_due_at = store.value("SELECT min(due_at) FROM agenda")
    return next_due_at is not None and follows_system_time(store) and next_due_at <= now_s(store)


def _run_due(store: Store, until: int, *, sets_clock: bool) -> int:
    happened = 0
    while row := store.one("SELECT * FROM agenda WHERE due_at <= ? ORDER BY due_at, id LIMIT 1", until):
        if sets_clock and row["due_at"] > now_s(store):
            set_clock(store, datetime.fromtimestamp(row["due_at"], UTC))
        store.run("DELETE FROM agenda WHERE id = ?", row["id"])
        _EVENTS[row["event"]](store, row["subject"])
        happened += 1
    return happened

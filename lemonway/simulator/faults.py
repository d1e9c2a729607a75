"""Failures on demand: planned by the control plane, consumed one call at a time, durable like everything else."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec

from lemonway.simulator.store import Store


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A failure of the next `count` calls of an endpoint; `count: null` until it is removed.

    `endpoint` is matched with wildcards against `METHOD /path` without the service's prefix (`POST /v2/p2p`,
    `POST /accounts/*`, `*`), or against `webhook <category>` for the webhook modes.

    Nothing executed: `outage` (HTTP 503), `lost_request` (connection closed), `http_status` (needs `http_status`),
    `error_code` (a refusal with `code`). Executed all the same: `error_after_execution` (HTTP 500), `lost_reply`
    (connection closed after the commit), `delayed_execution` (connection closed, executed `delay_ms` later).
    `webhook_dropped`, `webhook_repeated` (`copies` in all) and `webhook_late` (by `delay_ms`) spoil notifications.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    mode: Literal[
        "outage",
        "lost_request",
        "http_status",
        "error_code",
        "error_after_execution",
        "lost_reply",
        "delayed_execution",
        "webhook_dropped",
        "webhook_repeated",
        "webhook_late",
    ]
    endpoint: str = "*"
    count: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = 1
    http_status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    code: int = 1
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 200
    copies: Annotated[int, msgspec.Meta(ge=2, le=1_000)] = 2

    @property
    def spoils_webhooks(self) -> bool:
        return self.mode.startswith("webhook_")


class IdUsedForAnotherPlan(Exception):
    """The id was given before, to something else."""


def plan_fault(store: Store, plan: FaultPlan) -> None:
    """Arm a fault. The same plan again is the same fault, also when it was used up meanwhile."""
    known = store.value("SELECT plan FROM faults WHERE id = ?", plan.id)
    if known is None:
        store.insert("faults", id=plan.id, plan=msgspec.json.encode(plan).decode(), remaining=plan.count)
    elif msgspec.json.decode(known, type=FaultPlan) != plan:
        raise IdUsedForAnotherPlan(plan.id)


def lift_fault(store: Store, fault_id: str) -> None:
    """Disarm a fault; harmless when there is none. Its id may be used again."""
    store.run("DELETE FROM faults WHERE id = ?", fault_id)


def armed_faults(store: Store) -> list[FaultPlan]:
    rows = store.all("SELECT plan FROM faults WHERE remaining IS NULL OR remaining > 0 ORDER BY number")
    return [msgspec.json.decode(row["plan"], type=FaultPlan) for row in rows]


def take_fault(store: Store, endpoint: str, *, of_webhooks: bool = False) -> FaultPlan | None:
    """The fault that this call meets, one use of it consumed; None nearly always."""
    for plan in armed_faults(store):
        if plan.spoils_webhooks == of_webhooks and fnmatchcase(endpoint, plan.endpoint):
            store.run("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", plan.id)
            return plan
    return None

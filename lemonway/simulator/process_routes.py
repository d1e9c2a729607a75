"""What every process answers about itself: `/health`, `/status`, `/metrics`."""

from litestar import Response, get

from lemonway.simulator.background import dead_works
from lemonway.simulator.clock import now
from lemonway.simulator.desk import Answer, AnyRequest, DeskDependency, json_answer
from lemonway.simulator.fault_injection import pending_delayed_calls
from lemonway.simulator.faults import armed_faults
from lemonway.simulator.notifications import pending_notifications
from lemonway.simulator.store import Store

_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


@get("/health")
async def health(request: AnyRequest) -> Answer:
    """200 while the background work lives, 503 with the names of what died."""
    dead = dead_works(request.app)
    return json_answer({"dead": dead}, 503 if dead else 200)


@get("/status")
async def status(desk: DeskDependency) -> Answer:
    return json_answer({"now": now(desk.store).isoformat(), **_counts(desk.store)})


@get("/metrics")
async def metrics(desk: DeskDependency) -> Answer:
    """The same counts in Prometheus' text format."""
    lines = (
        f"# TYPE lemonway_simulator_{name} gauge\nlemonway_simulator_{name} {count}\n"
        for name, count in _counts(desk.store).items()
    )
    return Response("".join(lines).encode(), media_type=_EXPOSITION)


def _counts(store: Store) -> dict[str, int]:
    return {
        "wallets": store.value("SELECT count(*) FROM wallets WHERE kind <> 'outside'"),
        "transactions": store.value("SELECT count(*) FROM transactions"),
        "planned_events": store.value("SELECT count(*) FROM agenda"),
        "pending_notifications": pending_notifications(store),
        "delayed_calls": pending_delayed_calls(store),
        "armed_faults": len(armed_faults(store)),
    }


PROCESS_ROUTES = [health, status, metrics]

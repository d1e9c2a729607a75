"""What runs beside the server: sending notifications, following real time, carrying out delayed calls."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from lemonway.simulator.desk import Desk
from lemonway.simulator.due_events import run_due, something_is_due
from lemonway.simulator.fault_injection import carry_out_delayed_calls

_CLOCK_POLL_S = 0.25
_log = logging.getLogger(__name__)


@asynccontextmanager
async def background_work(app: Litestar, desk: Desk) -> AsyncIterator[None]:
    """Run it while the server runs. Work that died is logged and makes `/health` answer 503."""
    works = [
        asyncio.create_task(desk.sender.run(), name="notifications"),
        asyncio.create_task(_follow_real_time(desk), name="clock"),
        asyncio.create_task(carry_out_delayed_calls(app, desk.store), name="delayed calls"),
    ]
    for work in works:
        work.add_done_callback(_log_death)
    app.state.background_works = works
    try:
        yield
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        desk.store.close()


async def _follow_real_time(desk: Desk) -> None:
    while True:
        if something_is_due(desk.store):
            with desk.store.transaction():
                run_due(desk.store)
            desk.sender.wake_if_pending()
        await asyncio.sleep(_CLOCK_POLL_S)


def _log_death(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and (failure := work.exception()) is not None:
        _log.error("the simulator's background work %s died", work.get_name(), exc_info=failure)


def dead_works(app: Litestar) -> list[str]:
    """Names of background work that is not running any more; empty when all is well."""
    return [work.get_name() for work in app.state.background_works if work.done()]

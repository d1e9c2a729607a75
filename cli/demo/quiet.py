"""Waiting until nothing is left to happen by itself: only then does a demonstration take its next step."""

import asyncio
from typing import Any

from cli.command_failed import CommandFailed
from cli.demo.doors import Door

FIRST_LOOK_S, LONGEST_LOOK_S = 0.004, 0.1
STUCK_AFTER_S = 240.0


async def until_quiet(operations: Door, simulator: Door) -> dict[str, Any]:
    """Return once market and simulator both rest, looking at the simulator before and after the market.

    Raises CommandFailed when something needs a person, or when nothing has moved for minutes: with what is waiting.
    """
    pause_s, last_seen, moved_at_s = FIRST_LOOK_S, None, _now_s()
    while True:
        is_delivered = await _is_delivered(simulator)
        reading: dict[str, Any] = await operations.get("/api/v1/ops/quiet")
        if any(reading["needs_person"].values()):
            raise CommandFailed(f"something needs a person: {reading['needs_person']}")
        if is_delivered and reading["quiet"] and await _is_delivered(simulator):
            return reading
        if reading["waiting"] != last_seen:
            pause_s, last_seen, moved_at_s = FIRST_LOOK_S, reading["waiting"], _now_s()
        elif _now_s() - moved_at_s > STUCK_AFTER_S:
            raise CommandFailed(f"the market does not come to rest: {reading['waiting']}")
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_LOOK_S)


async def _is_delivered(simulator: Door) -> bool:
    idle = await simulator.get("/__sim/idle")
    return not idle["pending_notifications"] and not idle["delayed_calls"]


def _now_s() -> float:
    return asyncio.get_running_loop().time()

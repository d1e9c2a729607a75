"""Running a command so that Ctrl-C and SIGTERM end it in order."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from cli.abrupt_end import end_abruptly


def run_until_stopped(main: Coroutine[Any, Any, int]) -> int | None:
    """Run `main` to its end and return its status; None when it was cancelled by Ctrl-C, SIGTERM or SIGHUP.

    A second signal does not wait: this process ends at once, and with it all that it started, temporary files too.
    """
    return asyncio.run(_until_stopped(main))


async def _until_stopped(main: Coroutine[Any, Any, int]) -> int | None:
    loop = asyncio.get_running_loop()
    running = loop.create_task(main)
    stopping = False

    def stop(number: int) -> None:
        nonlocal stopping
        if stopping:
            end_abruptly(128 + number)
        stopping = True
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        return await running
    except asyncio.CancelledError:
        if not stopping:
            raise
        return None

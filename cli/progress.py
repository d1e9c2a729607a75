"""Telling the person at the terminal, on standard error, what is going on."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SHOWN_AFTER_S = 1.0


def say(text: str) -> None:
    """One line on standard error: standard output is for what a command answers."""
    print(text, file=sys.stderr, flush=True)


@asynccontextmanager
async def step(doing: str) -> AsyncIterator[None]:
    """Show `doing` while the block runs, if it takes longer than a second."""
    started_s = time.monotonic()
    shown = asyncio.create_task(_show(doing))
    try:
        yield
    finally:
        shown.cancel()
        await asyncio.wait([shown])
        took_s = time.monotonic() - started_s
        if took_s > SHOWN_AFTER_S:
            say(f"{doing}: {took_s:.1f} s")


async def _show(doing: str) -> None:
    await asyncio.sleep(SHOWN_AFTER_S)
    # Imported only when there is something to show, because a warm start is over before that.
    from rich.console import Console

    with Console(stderr=True).status(f"{doing} …"):
        await asyncio.Event().wait()

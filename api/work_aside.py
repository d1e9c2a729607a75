"""Work that takes a processor for a while, done on a thread so that the gateway goes on answering."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from api.problems import retry_later

WAITING_MAX = 8
"""More pieces of work than this do not wait for their turn: each keeps a processor busy for as long as it takes."""

_Made = TypeVar("_Made")


class WorkAside:
    """One piece of work at a time. What it reads must be its own: books go on while it is done."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The turn of one piece of work: what it is made of is gathered here, then it is `done`. Problem 503 when too
        many wait already."""
        if self._waiting >= WAITING_MAX:
            raise retry_later(
                "overloaded", "Too many forecasts and dry runs are being made. Try again.", retry_after_s=2
            )
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def done(self, make: Callable[[], _Made]) -> _Made:
        """What `make` gives, beside the event loop; called within a turn."""
        assert self._turn.locked()
        return await asyncio.to_thread(make)

"""Being woken by PostgreSQL (LISTEN), also across lost connections."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from persistence.connection import AnyConnection, connect
from persistence.reconnection import Backoff, keep_trying

_ALIVE_CHECK_S = 15.0


class Listener:
    """Counts what PostgreSQL announces on some channels. Any number may wait at once.

    A reader takes `position` before it reads rows and then waits for something beyond it, so that nothing announced
    between its reading and its waiting is missed:

        async with Listener(database_url, "purse_instruction") as listener:
            while True:
                position = listener.position
                ...read and work...
                await listener.wait_beyond(position, timeout_s=2)

    A lost connection is opened again and counts as an announcement, since one may have been missed meanwhile.
    """

    def __init__(self, database_url: str, *channels: str) -> None:
        self._database_url = database_url
        self._channels = channels
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._backoff = Backoff()
        self.position = 0

    async def __aenter__(self) -> Self:
        listening = asyncio.Event()
        self._task = asyncio.create_task(
            keep_trying(lambda: self._listen(listening), name="listener", backoff=self._backoff)
        )
        ready = asyncio.create_task(listening.wait())
        await asyncio.wait((self._task, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            await self._task
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def wait_beyond(self, position: int, *, timeout_s: float) -> bool:
        """True as soon as something was announced after `position`, False after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.position <= position:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _listen(self, listening: asyncio.Event) -> None:
        connection = await connect(self._database_url)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            for channel in self._channels:
                await connection.add_listener(channel, self._on_announcement)
            self._backoff.reset()
            listening.set()
            self._announce()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ALIVE_CHECK_S):
                        await lost.wait()
                    break
                await connection.execute("SELECT 1", timeout=_ALIVE_CHECK_S)
            raise ConnectionResetError("the listening connection was closed")
        finally:
            connection.terminate()

    def _on_announcement(self, connection: AnyConnection, pid: int, channel: str, payload: object) -> None:
        self._announce()

    def _announce(self) -> None:
        self.position += 1
        self._news.set()
        self._news = asyncio.Event()

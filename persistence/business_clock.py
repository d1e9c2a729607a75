"""The market's clock: the system's in production, a time of the market's own in a demonstration.

In virtual mode the row in PostgreSQL is the only time there is; whoever drives the market moves it, never backward.
"""

import asyncio
import contextlib
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, Self

import msgspec

from persistence.business_time_tables import BusinessClockRow
from persistence.connection import AnyConnection, Connection, connect
from persistence.listener import Listener
from persistence.reconnection import Backoff, keep_trying
from persistence.table_queries import fetch_one

CHANNEL = "business_clock"

_READ_AGAIN_S = 5.0  # real time; an announcement comes at once, this is for one that was lost


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """What the row says; `now_at` is None in system mode."""

    mode: Literal["system", "virtual"]
    now_at: datetime | None


class ClockMoved(msgspec.Struct, frozen=True, kw_only=True):
    """The market's time is `now_at`."""

    now_at: datetime


class ClockStands(msgspec.Struct, frozen=True, kw_only=True):
    """The clock was not moved: it is the system's (`now_at` None), or stands at `now_at`, later than asked for."""

    now_at: datetime | None


async def read_clock(connection: AnyConnection) -> ClockReading:
    """The clock as it stands in the database."""
    row = await fetch_one(connection, BusinessClockRow.select(BusinessClockRow.mode, BusinessClockRow.now_at))
    assert row is not None, "the migration made the one row"
    return ClockReading(mode=row["mode"], now_at=row["now_at"])


async def use_virtual_time(connection: AnyConnection, start_at: datetime) -> ClockReading:
    """Give the market a time of its own from `start_at` on; one that runs already is left as it stands."""
    await connection.execute(
        "UPDATE business_clock SET mode = 'virtual', now_at = $1, changed_at = now() WHERE mode = 'system'", start_at
    )
    return await read_clock(connection)


async def move_clock(connection: AnyConnection, now_at: datetime) -> ClockMoved | ClockStands:
    """Move virtual time forward to `now_at`; asked for where it stands, it stays there."""
    moved: datetime | None = await connection.fetchval(
        "UPDATE business_clock SET now_at = $1, changed_at = now()"
        " WHERE mode = 'virtual' AND now_at <= $1 RETURNING now_at",
        now_at,
    )
    if moved is not None:
        return ClockMoved(now_at=moved)
    return ClockStands(now_at=(await read_clock(connection)).now_at)


class BusinessClock:
    """A `marketplace.ports.Clock` that follows the row while it is entered: `async with BusinessClock(url) as clock`.

    A process may see a new time some milliseconds after the others; it never sees time go back.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._listener = Listener(database_url, CHANNEL)
        self._backoff = Backoff()
        self._task: asyncio.Task[None] | None = None
        self._reading = ClockReading(mode="system", now_at=None)
        self._changed = asyncio.Event()

    @property
    def is_virtual(self) -> bool:
        return self._reading.mode == "virtual"

    def now(self) -> datetime:
        """The market's present instant, UTC."""
        return self._reading.now_at or datetime.now(UTC)

    async def wait_until_moved(self, *, timeout_s: float) -> bool:
        """True once virtual time has moved, False after `timeout_s`: the heartbeat of who works by the clock."""
        # Not `asyncio.wait_for`, which in Python 3.11 forgets a cancellation that comes together with the event.
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def __aenter__(self) -> Self:
        await self._listener.__aenter__()
        connection = await connect(self._database_url)
        try:
            await self._read(connection)
        finally:
            await connection.close()
        self._task = asyncio.create_task(keep_trying(self._follow, name="business_clock", backoff=self._backoff))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._listener.__aexit__(kind, error, trace)

    async def _follow(self) -> None:
        connection = await connect(self._database_url)
        try:
            while True:
                position = self._listener.position
                await self._read(connection)
                self._backoff.reset()
                await self._listener.wait_beyond(position, timeout_s=_READ_AGAIN_S)
        finally:
            connection.terminate()

    async def _read(self, connection: Connection) -> None:
        reading = await read_clock(connection)
        if reading != self._reading:
            self._reading = reading
            self._changed.set()
            self._changed = asyncio.Event()

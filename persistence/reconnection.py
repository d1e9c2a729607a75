"""What to do when PostgreSQL, or whatever else a loop needs, is away for a while."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

_log = structlog.get_logger(__name__)

_AWAY = (
    OSError,  # refused, reset, no such socket, timed out
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # the connection ended between two answers, or in the middle of one
    asyncpg.CannotConnectNowError,  # starting up or shutting down
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
_LOST_A_RACE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


def is_database_away(error: BaseException) -> bool:
    """True when the same work may succeed once PostgreSQL is back.

    What was in a transaction may or may not have been committed: the work must be such that it can be repeated.
    """
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)  # asyncpg has no class of its own for a connection found closed
    return isinstance(error, _AWAY)


def is_lost_race(error: BaseException) -> bool:
    """True when PostgreSQL rolled the transaction back in favour of another one: repeat it at once."""
    return isinstance(error, _LOST_A_RACE)


class Backoff:
    """Waiting times that double from `first_s` to `most_s` until something succeeds."""

    def __init__(self, *, first_s: float = 0.05, most_s: float = 2.0) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def reset(self) -> None:
        self._next_s = self._first_s

    async def wait(self) -> None:
        await asyncio.sleep(self._next_s)
        self._next_s = min(self._next_s * 2, self._most_s)


async def keep_trying(
    work: Callable[[], Awaitable[None]], *, name: str, outages: tuple[type[Exception], ...] = (), backoff: Backoff
) -> None:
    """Run `work`, which normally never returns, again whenever the database or one of `outages` interrupts it.

    `outages` are the exceptions with which the other side of a port says that it cannot be reached. Every other
    exception is ours to mend and goes to the caller. `work` resets `backoff` whenever it gets on.
    """
    while True:
        try:
            return await work()
        except Exception as error:
            if not (is_database_away(error) or is_lost_race(error) or isinstance(error, outages)):
                raise
            _log.warning("interrupted", loop=name, cause=f"{type(error).__name__}: {error}")
        await backoff.wait()

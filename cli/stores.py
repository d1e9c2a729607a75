"""Whether the servers that a process is about to work with are there, told in one line that says what to do."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from actors.errors import FunctionsDiffer, RedisRefused, RedisUnreachable
from actors.functions import load_functions
from actors.redis_connection import RedisConnection
from cli.command_failed import CommandFailed
from cli.environment import BOOK_REDIS_URL, DATABASE_URL, JOBS_REDIS_URL, WrongSetting
from persistence.connection import connect
from persistence.reconnection import is_database_away
from persistence.schema_version import schema_state

PATIENCE_S = 10.0


async def reach_stores(environment: Mapping[str, str], stores: Sequence[str]) -> None:
    """Return when every one of these variables leads to a server that can be worked with.

    Raises CommandFailed for the first that does not: unreachable, refusing, or not migrated.
    """
    for variable in stores:
        if variable == DATABASE_URL:
            await reach_database(environment[variable])
        else:
            await _reach_redis(variable, environment[variable])


async def reach_database(url: str, *, is_migrated: bool = True) -> None:
    """The same for PostgreSQL alone; its tables are looked at unless they are still to be made."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            database = await connect(url)
    except TimeoutError:
        raise CommandFailed(_unreachable(DATABASE_URL, url, f"no answer within {PATIENCE_S:.0f} s")) from None
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as failure:
        raise CommandFailed(f"{DATABASE_URL}: PostgreSQL at {place_of(url)} lets nobody in: {failure}") from failure
    except asyncpg.ClientConfigurationError as failure:
        raise WrongSetting(f"{DATABASE_URL} cannot be used: {failure}") from failure
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as failure:
        if not is_database_away(failure):
            raise
        raise CommandFailed(_unreachable(DATABASE_URL, url, _reason(failure))) from failure
    try:
        state = await schema_state(database) if is_migrated else "current"
    finally:
        await database.close()
    if state == "behind":
        raise CommandFailed(f"the database of {DATABASE_URL} is not migrated: run `python3 main.py migrate` first")
    if state == "newer":
        raise CommandFailed(f"the database of {DATABASE_URL} was migrated by a newer program: start that one")


async def load_book_functions(url: str) -> None:
    """Have the books' Redis know the functions of this program. Raises CommandFailed where it cannot."""
    connection = RedisConnection(url)
    try:
        await load_functions(connection)
    except (RedisUnreachable, RedisRefused, FunctionsDiffer) as failure:
        raise CommandFailed(f"{BOOK_REDIS_URL}: the server at {place_of(url)} cannot be used: {failure}") from failure
    finally:
        await connection.close()


async def _reach_redis(variable: str, url: str) -> None:
    assert variable in (BOOK_REDIS_URL, JOBS_REDIS_URL), variable
    try:
        connection = RedisConnection(url)
    except ValueError as failure:
        raise WrongSetting(f"{variable} cannot be used: {failure}") from failure
    try:
        await connection.call("PING")
    except RedisUnreachable as failure:
        raise CommandFailed(_unreachable(variable, url, str(failure).removeprefix("PING: "))) from failure
    except RedisRefused as failure:
        raise CommandFailed(f"{variable}: the server at {place_of(url)} refuses: {failure}") from failure
    finally:
        await connection.close()


def place_of(url: str) -> str:
    """Where a server is, without the user and the password that its address may hold."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2]
    if server:
        return server
    folder = parse_qs(parts.query).get("host", [])
    return str(Path(folder[0] if folder else unquote(parts.path)))


def _unreachable(variable: str, url: str, reason: str) -> str:
    server = "PostgreSQL" if variable == DATABASE_URL else "Redis"
    return (
        f"{variable}: {server} at {place_of(url)} cannot be reached ({reason}): "
        f"start it, or set {variable} to one that runs"
    )


def _reason(failure: Exception) -> str:
    return getattr(failure, "strerror", None) or str(failure).partition("\n")[0] or type(failure).__name__

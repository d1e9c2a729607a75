"""`python3 main.py verify`: the invariants of a live market, checked against PostgreSQL, Redis and Lemonway."""

import argparse
import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import asyncpg

from actors.errors import ActorError
from actors.event_log import RedisJournals
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from cli.command_failed import CommandFailed, leaves
from cli.data_folder import DataFolder
from cli.environment import (
    BOOK_REDIS_URL,
    DATABASE_URL,
    LEMONWAY_URL,
    actor_settings,
    check_settings,
    lemonway_settings,
    persistence_settings,
)
from cli.lemonway_connection import connection_to
from cli.progress import say, step
from cli.store_differences import ComparedStores, Difference, store_differences
from cli.stores import reach_stores
from lemonway.connection import open_lemonway
from lemonway.errors import LemonwayError
from persistence.connection import close_pool, open_pool
from persistence.invariants import check_invariants
from persistence.reconnection import is_database_away

ADDRESSES = (DATABASE_URL, BOOK_REDIS_URL, LEMONWAY_URL)
PATIENCE_S, PAUSE_S = 15.0, 1.0
"""How long what is on its way between two stores may take to arrive, and how often it is looked at."""


def run(arguments: argparse.Namespace) -> int:
    """0 and one line when every invariant holds; 1 and a line for each that broke."""
    environment = environment_of_market(os.environ, arguments.data)
    try:
        broken = asyncio.run(broken_invariants(environment))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as failure:
        if not is_database_away(failure):
            raise
        raise CommandFailed(f"{DATABASE_URL}: PostgreSQL went away while it was read ({failure})") from failure
    for invariant in broken:
        print(f"BROKEN {invariant}")
    if not broken:
        print("all invariants hold")
    return 1 if broken else 0


def environment_of_market(given: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """Where the market is: as `given`, or where nothing is given of it, as the one running on the data folder notes.

    Raises CommandFailed when none runs there. The two are never mixed: stores of two markets always differ.
    """
    if any(given.get(variable) for variable in ADDRESSES):
        return given
    running = DataFolder(folder).running()
    if running is None:
        raise CommandFailed(
            f"no market runs on {folder}: start it with `python3 main.py --data {folder}`, or set "
            f"{', '.join(ADDRESSES)} and what else Lemonway's client needs"
        )
    say(f"checking the market at {running.url}")
    return {**given, **running.environment}


async def broken_invariants(environment: Mapping[str, str]) -> list[str]:
    """Every invariant of docs/invariants.md that does not hold, in words; empty when all do. The market may be running.

    Raises CommandFailed when one of the stores cannot be reached or read.
    """
    check_settings(["verify"], environment)
    await reach_stores(environment, (DATABASE_URL, BOOK_REDIS_URL))
    redis_url = actor_settings(environment).book_redis_url
    async with contextlib.AsyncExitStack() as stack:
        pool = await open_pool(persistence_settings(environment).database_url)
        stack.push_async_callback(close_pool, pool)
        connection, journals = RedisConnection(redis_url), RedisJournals(redis_url, ShardMap())
        stack.push_async_callback(connection.close)
        stack.push_async_callback(journals.close)
        institution = await stack.enter_async_context(open_lemonway(connection_to(lemonway_settings(environment))))
        stores = ComparedStores(pool=pool, redis=connection, journals=journals, directkit=institution.directkit)
        async with step("checking the record"), pool.acquire() as database:
            record = [
                f"{result.number} {result.name}: {result.broken_count}, for instance {'; '.join(result.examples)}"
                for result in await check_invariants(database)
                if not result.holds
            ]
        async with step("comparing PostgreSQL, Redis and Lemonway"):
            lasting = await lasting_differences(lambda: _differences(stores))
    return [*record, *(difference.text for difference in lasting)]


async def lasting_differences(
    look: Callable[[], Awaitable[Sequence[Difference]]], *, patience_s: float = PATIENCE_S, pause_s: float = PAUSE_S
) -> list[Difference]:
    """Those whose subject differs each time that one looks for as long as `patience_s`; at once when nothing does."""
    lasting = list(await look())
    until_s = asyncio.get_running_loop().time() + patience_s
    while lasting and asyncio.get_running_loop().time() < until_s:
        await asyncio.sleep(pause_s)
        now = {difference.subject: difference for difference in await look()}
        lasting = [now[difference.subject] for difference in lasting if difference.subject in now]
    return lasting


async def _differences(stores: ComparedStores) -> list[Difference]:
    try:
        return await store_differences(stores)
    except (LemonwayError, ActorError, ExceptionGroup) as failure:
        for cause in leaves(failure):
            if isinstance(cause, LemonwayError):
                raise CommandFailed(f"{LEMONWAY_URL}: {cause}") from failure
            if isinstance(cause, ActorError):
                raise CommandFailed(f"{BOOK_REDIS_URL}: {cause}") from failure
        raise

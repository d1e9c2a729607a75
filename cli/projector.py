"""`python3 main.py projector`: copies the journals into PostgreSQL and carries what PostgreSQL owes to the books' side.

The three loops stand in one process because each wakes the others: projected facts cause steps for purses, applied
steps cause journal entries, and a command that nobody decided is sent again.
"""

import argparse
import asyncio
import os

import msgspec

from actors.clock import SystemClock
from actors.errors import PurseRefused, RedisRefused, RedisUnreachable
from actors.event_log import RedisJournals
from actors.mailbox import RedisOrderBooks
from actors.purse import RedisPurses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from cli.environment import BOOK_REDIS_URL, DATABASE_URL, actor_settings, persistence_settings
from cli.process_status import ProcessStatus, run_process
from cli.stores import load_book_functions
from persistence.command_sweeper import CommandSweeper
from persistence.projector import Projector
from persistence.purse_applier import PurseApplier

OUTAGES = (RedisUnreachable, RedisRefused)


def run(arguments: argparse.Namespace) -> int:
    """Project until stopped; any number of these may run."""
    return run_process("projector", _project, stores=(DATABASE_URL, BOOK_REDIS_URL))


async def _project(status: ProcessStatus) -> None:
    redis_url = actor_settings(os.environ).book_redis_url
    database_url = persistence_settings(os.environ).database_url
    shards = ShardMap()
    await load_book_functions(redis_url)
    connection = RedisConnection(redis_url)
    projector = Projector(database_url=database_url, journals=RedisJournals(redis_url, shards), outages=OUTAGES)
    applier = PurseApplier(
        database_url=database_url, purses=RedisPurses(connection, shards), outages=OUTAGES, refusals=(PurseRefused,)
    )
    sweeper = CommandSweeper(
        database_url=database_url,
        order_books=RedisOrderBooks(redis_url, shards, SystemClock()),
        outages=OUTAGES,
    )
    status.facts = lambda: {
        **msgspec.to_builtins(projector.status()),
        "purse_steps_asked": applier.steps_asked,
        "commands_sent_again": sweeper.commands_sent,
    }
    status.is_healthy = lambda: not projector.status().halted
    async with asyncio.TaskGroup() as group:
        group.create_task(projector.run())
        group.create_task(applier.run())
        group.create_task(sweeper.run())

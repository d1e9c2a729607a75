"""`python3 main.py servicing`: business days, with their collections, distributions and payouts."""

import argparse
import os

import msgspec

from actors.clock import SystemClock
from actors.errors import RedisRefused, RedisUnreachable
from actors.mailbox import RedisOrderBooks
from actors.shards import ShardMap
from cli.environment import BOOK_REDIS_URL, DATABASE_URL, actor_settings, lemonway_settings, persistence_settings
from cli.process_status import ProcessStatus, run_process
from persistence.business_clock import BusinessClock
from persistence.connection import close_pool, open_pool
from persistence.servicing import Servicing, run_servicing


def run(arguments: argparse.Namespace) -> int:
    """Do what each business day asks for until stopped; days missed meanwhile are caught up with."""
    return run_process("servicing", _service, stores=(DATABASE_URL, BOOK_REDIS_URL))


async def _service(status: ProcessStatus) -> None:
    database_url = persistence_settings(os.environ).database_url
    pool = await open_pool(database_url)
    try:
        async with BusinessClock(database_url) as clock:
            servicing = Servicing(
                pool=pool,
                clock=clock,
                order_books=RedisOrderBooks(actor_settings(os.environ).book_redis_url, ShardMap(), SystemClock()),
                outages=(RedisUnreachable, RedisRefused),
                collection_wallet=lemonway_settings(os.environ).collection_wallet,
            )
            status.facts = lambda: msgspec.to_builtins(servicing.progress)
            await run_servicing(servicing, clock)
    finally:
        await close_pool(pool)

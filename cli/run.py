"""`python3 main.py`: the whole market on this machine, until it is stopped."""

import argparse
import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

from cli.environment import BOOK_REDIS_URL, DATABASE_URL, JOBS_REDIS_URL, LEMONWAY_URL
from cli.processes import MarketOptions, RunningMarket
from cli.progress import say
from cli.until_stopped import run_until_stopped

OUTSIDE_SERVERS = (DATABASE_URL, BOOK_REDIS_URL, JOBS_REDIS_URL, LEMONWAY_URL)


def run(arguments: argparse.Namespace) -> int:
    """Print the address on standard output once the market answers; Ctrl-C or SIGTERM is the ordinary way to end it.

    Traffic is simulated only on servers of our own: invented people never enter a market that may be a real one.
    """
    has_traffic = not arguments.quiet_market and all_servers_are_ours(os.environ)
    return run_until_stopped(_serve(arguments, has_traffic=has_traffic)) or 0


def all_servers_are_ours(environment: Mapping[str, str]) -> bool:
    """Whether no address of a server is given, so that everything this start touches was started by it."""
    return not any(environment.get(name) for name in OUTSIDE_SERVERS)


async def _serve(arguments: argparse.Namespace, *, has_traffic: bool) -> int:
    started_s = time.monotonic()
    folder: Path = arguments.data
    environment = dict(os.environ)
    if has_traffic:
        # Imported only here: a market without traffic starts without it.
        from cli.demo import virtual_time
        from cli.market_traffic import run_traffic, traffic_market

        environment |= virtual_time(traffic_market())
    options = MarketOptions(data_folder=folder, host=arguments.host, port=arguments.port, environment=environment)
    async with RunningMarket(options) as market:
        print(market.url, flush=True)
        say(f"BluLend is up after {time.monotonic() - started_s:.1f} s; its data and logs are in {folder}")
        say("Ctrl-C stops it")
        if has_traffic:
            say("simulated traffic runs under a clock of its own; --quiet-market starts without it")
            await run_traffic(market, folder)
        await asyncio.Event().wait()
    return 0

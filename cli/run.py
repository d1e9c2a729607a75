"""`python3 main.py`: the whole market on this machine, until it is stopped."""

import argparse
import asyncio
import time

from cli.processes import MarketOptions, RunningMarket
from cli.progress import say
from cli.until_stopped import run_until_stopped


def run(arguments: argparse.Namespace) -> int:
    """Print the address on standard output once the market answers; Ctrl-C or SIGTERM is the ordinary way to end it."""
    options = MarketOptions(data_folder=arguments.data, host=arguments.host, port=arguments.port)
    return run_until_stopped(_serve(options)) or 0


async def _serve(options: MarketOptions) -> int:
    started_s = time.monotonic()
    async with RunningMarket(options) as market:
        print(market.url, flush=True)
        say(f"BluLend is up after {time.monotonic() - started_s:.1f} s; its data and logs are in {options.data_folder}")
        say("Ctrl-C stops it")
        await asyncio.Event().wait()
    return 0

"""`python3 main.py`: the whole market on this machine, until it is stopped."""

import argparse
import asyncio
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cli.command_failed import WronglyAskedFor
from cli.environment import (
    API_VARIABLES,
    BOOK_REDIS_URL,
    DATABASE_URL,
    JOBS_REDIS_URL,
    LEMONWAY_URL,
    SIMULATOR_VARIABLES,
    clock_settings,
    embedded_server_settings,
)
from cli.kept_market import KeptMarket, kept_market
from cli.processes import MarketOptions, RunningMarket
from cli.progress import say
from cli.until_stopped import run_until_stopped

OUTSIDE_SERVERS = (DATABASE_URL, BOOK_REDIS_URL, JOBS_REDIS_URL, LEMONWAY_URL)


def run(arguments: argparse.Namespace) -> int:
    """Print the address on standard output once the market answers; Ctrl-C or SIGTERM is the ordinary way to end it.

    Traffic is simulated only on servers of our own: invented people never enter a market that may be a real one.
    """
    return run_until_stopped(_serve(arguments)) or 0


def all_servers_are_ours(environment: Mapping[str, str]) -> bool:
    """Whether no address of a server is given, so that everything this start touches was started by it."""
    return not any(environment.get(name) for name in OUTSIDE_SERVERS)


async def market_to_run(folder: Path, environment: Mapping[str, str], *, is_quiet: bool) -> KeptMarket:
    """Which market this start runs: the one that the folder holds, else a new one.

    Raises WronglyAskedFor when the folder's market is not of the kind that is asked for and cannot become it.
    """
    has_traffic = not is_quiet and all_servers_are_ours(environment)
    kept = await _kept_if_it_fits(folder, environment, has_traffic=has_traffic)
    if kept is None:
        kept = _new_market(environment, has_traffic=has_traffic)
    elif is_quiet and kept.moved_by != "people":
        say(f"the market in {folder} has a time of its own, which stands still while nothing is simulated")
    _check_same_time(folder, kept, environment)
    return kept


async def _kept_if_it_fits(folder: Path, environment: Mapping[str, str], *, has_traffic: bool) -> KeptMarket | None:
    kept = kept_market(folder)
    if kept is None:
        return None
    if not all_servers_are_ours(environment) and kept.moved_by != "people":
        raise WronglyAskedFor(
            f"{folder} holds a market of invented people on servers of its own: "
            "choose another folder with --data for the servers that are given"
        )
    if kept.moved_by == "demo" and has_traffic:
        raise WronglyAskedFor(
            f"{folder} holds a market that `demo` has played: look at it with --quiet-market, "
            "or choose another folder with --data"
        )
    if kept.moved_by != "people" or not has_traffic:
        return kept
    # Imported only here: this is rare.
    from cli.untouched_market import remove_untouched_market

    if not await remove_untouched_market(folder, embedded_server_settings(environment)):
        raise WronglyAskedFor(
            f"the market in {folder} has been used under --quiet-market, and simulated traffic needs a market of its "
            "own: start it with --quiet-market, or choose another folder with --data"
        )
    say(f"nobody has entered the market in {folder} yet: it begins anew, with simulated traffic")
    return None


def _new_market(environment: Mapping[str, str], *, has_traffic: bool) -> KeptMarket:
    if has_traffic:
        # Imported only here: a market without traffic starts without it.
        from cli.demo import first_instant
        from cli.market_traffic import traffic_market

        return KeptMarket(moved_by="traffic", starts_at=first_instant(traffic_market()))
    asked = clock_settings(environment)
    return KeptMarket(
        moved_by="people",
        starts_at=None if asked.clock == "system" else asked.clock_starts_at or datetime.now(UTC),
    )


def _check_same_time(folder: Path, kept: KeptMarket, environment: Mapping[str, str]) -> None:
    """Whatever the environment says of time must be so in the market: gateway and simulator never disagree."""
    has = "system" if kept.starts_at is None else "virtual"
    asked = environment.get(API_VARIABLES["clock"])
    if asked and asked != has:
        raise WronglyAskedFor(
            f"{API_VARIABLES['clock']} is {asked!r}, and the market in {folder} has a {has} clock, which no start "
            f"changes: expected {has}, or another folder with --data"
        )
    start_at = SIMULATOR_VARIABLES["start_at"]
    if environment.get(start_at) and kept.starts_at is None:
        raise WronglyAskedFor(
            f"{start_at} is {environment[start_at]!r}, and the market in {folder} has a system clock: "
            f"expected no value, or {API_VARIABLES['clock']}=virtual with another folder"
        )


async def _serve(arguments: argparse.Namespace) -> int:
    started_s = time.monotonic()
    folder: Path = arguments.data
    kept = await market_to_run(folder, os.environ, is_quiet=arguments.quiet_market)
    options = MarketOptions(data_folder=folder, host=arguments.host, port=arguments.port, kept=kept)
    async with RunningMarket(options) as market:
        print(market.url, flush=True)
        say(f"BluLend is up after {time.monotonic() - started_s:.1f} s; its data and logs are in {folder}")
        say("Ctrl-C stops it")
        if kept.moved_by == "traffic" and not arguments.quiet_market:
            # Imported only here, as above.
            from cli.market_traffic import run_traffic

            say("simulated traffic runs under a clock of its own; --quiet-market starts without it")
            await run_traffic(market, folder)
        await asyncio.Event().wait()
    return 0

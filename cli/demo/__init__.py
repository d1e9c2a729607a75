"""`python3 main.py demo`: a whole market from its first day to its last repaid cent, then the invariants checked."""

import argparse
import json
import os
import secrets
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.demo.built_in_market import built_in_market
from cli.demo.doors import Door, client_for
from cli.demo.market import Market
from cli.demo.market_file import MarketFileRefused, read_market
from cli.demo.quiet import until_quiet
from cli.demo.report import print_report
from cli.demo.story import SETTING_UP, Story
from cli.environment import API_VARIABLES, EMBEDDED_SERVER_VARIABLES, LEMONWAY_VARIABLES
from cli.kept_market import WAITS_PERCENT, KeptMarket, kept_market
from cli.market_environment import SIMULATOR
from cli.processes import MarketOptions, RunningMarket
from cli.progress import say
from cli.temporary_folders import MARKET_FOLDER, temporary_folder
from cli.until_stopped import run_until_stopped
from cli.verify import broken_invariants
from marketplace.business_days import ROME

STDOUT = Path("-")


def run(arguments: argparse.Namespace) -> int:
    """0 when the market was played to its end and every invariant holds, 1 when one broke, 2 for a wrong file."""
    if arguments.market is None:
        market = built_in_market(seed=arguments.seed, scale=arguments.scale)
    else:
        try:
            market = read_market(arguments.market)
        except MarketFileRefused as refused:
            for error in refused.errors:
                print(error, file=sys.stderr)
            return 2
    if arguments.json is not None and (wrong := _cannot_write(arguments.json)):
        print(
            f"--json {arguments.json}: {wrong}; accepted: a file in a folder that can be written to, or -",
            file=sys.stderr,
        )
        return 2
    if arguments.data is not None and (held := what_it_holds(arguments.data)):
        print(
            f"--data {arguments.data}: the folder {held}; accepted: a new or an empty one, in which the market begins",
            file=sys.stderr,
        )
        return 2
    status = run_until_stopped(_demonstrate(market, arguments.months, arguments.json, arguments.data))
    if status is None:
        say("stopped before the end")
        return 130
    return status


async def _demonstrate(market: Market, months: int | None, result_file: Path | None, data_folder: Path | None) -> int:
    say(f"playing {market.name!r}; waits of the payments process are {WAITS_PERCENT} % of production's")
    with temporary_folder("demo") as folder:
        options = options_for(market, data_folder or folder / MARKET_FOLDER, is_temporary=data_folder is None)
        async with RunningMarket(options) as running:
            operator_key = f"blk_operator_{running.environment[API_VARIABLES['operator_secret']]}"
            async with client_for(running.url) as gateway, client_for(running.addresses[SIMULATOR]) as institution:
                operations, simulator = Door(gateway, key=operator_key), Door(institution)
                await _play(market, months, operations, simulator)
                await until_quiet(operations, simulator)
                result: dict[str, Any] = await operations.get("/api/v1/ops/result")
            _write_result(market, result, result_file)
            broken = await broken_invariants(running.environment)
    # With the JSON on standard output, the verdict must not spoil it.
    verdict = sys.stderr if result_file == STDOUT else sys.stdout
    for invariant in broken:
        print(f"BROKEN {invariant}", file=verdict)
    if not broken:
        print("all invariants hold", file=verdict)
    return 1 if broken else 0


def what_it_holds(data_folder: Path) -> str | None:
    """What stands in the way of beginning a market there; None where there is nothing."""
    if not data_folder.is_dir() or not any(data_folder.iterdir()):
        return None
    return "holds a market already" if kept_market(data_folder) is not None else "is not empty"


def _cannot_write(result_file: Path) -> str | None:
    """Why the result could not be written there, found out before anything is played; None when it can."""
    if result_file == STDOUT:
        return None
    if result_file.is_dir():
        return "a folder"
    if not result_file.parent.is_dir():
        return "no such folder"
    return None if os.access(result_file if result_file.exists() else result_file.parent, os.W_OK) else "not writable"


def _write_result(market: Market, result: dict[str, Any], result_file: Path | None) -> None:
    """The table on standard output, or the JSON there; a file gets the JSON beside the table."""
    text = json.dumps(result, indent=1)
    if result_file == STDOUT:
        print(text)
        return
    if result_file is not None:
        result_file.write_text(f"{text}\n", encoding="utf-8")
    print_report(market, result)


def options_for(market: Market, data_folder: Path, *, is_temporary: bool) -> MarketOptions:
    """How to run the market that is played: on servers and under a time of its own."""
    return MarketOptions(
        data_folder=data_folder,
        durable=False,
        temporary=is_temporary,
        environment=_inherited(),
        kept=KeptMarket(moved_by="demo", starts_at=first_instant(market)),
    )


def first_instant(market: Market) -> datetime:
    """When the market's own time begins."""
    return datetime.combine(market.starts_on, SETTING_UP, ROME).astimezone(UTC)


def _inherited() -> dict[str, str]:
    """This process's environment without the addresses of servers: a demonstration never touches a real market."""
    binaries = (EMBEDDED_SERVER_VARIABLES["valkey_server"], EMBEDDED_SERVER_VARIABLES["postgres_bin"])
    addresses = {*EMBEDDED_SERVER_VARIABLES.values(), *LEMONWAY_VARIABLES.values()} - {*binaries}
    return {name: value for name, value in os.environ.items() if name not in addresses}


async def _play(market: Market, months: int | None, operations: Door, simulator: Door) -> None:
    borrowers = {request.employee for request in market.requests}
    parties = len(market.companies) + len(market.lenders) + len(borrowers)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bar:
        entering = bar.add_task("parties", total=parties)
        repaid = bar.add_task("loans repaid", total=len(market.requests))

        def show(day: date, settled: int, loans: int) -> None:
            bar.update(repaid, description=f"loans repaid · {day.isoformat()}", completed=settled, total=max(loans, 1))

        story = Story(
            market,
            operations=operations,
            simulator=simulator,
            progress=show,
            secrets_from=secrets.token_bytes(32),
        )
        await story.play(months=months, enrolled=lambda count: bar.advance(entering, count))

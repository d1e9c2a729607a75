"""`python3 main.py demo`: a whole market from its first day to its last repaid cent, then the invariants checked."""

import argparse
import json
import os
import secrets
import sys
import tempfile
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
from cli.demo.story import ROME, SETTING_UP, Story
from cli.environment import (
    ACTOR_VARIABLES,
    API_VARIABLES,
    EMBEDDED_SERVER_VARIABLES,
    LEMONWAY_VARIABLES,
    SIMULATOR_VARIABLES,
)
from cli.market_environment import SIMULATOR
from cli.processes import MarketOptions, RunningMarket
from cli.progress import say
from cli.until_stopped import run_until_stopped
from cli.verify import broken_invariants

CALL_TIMEOUT_S = 5
"""After this a call to the simulator counts as of unknown outcome: it answers within milliseconds, or it has died."""
WAITS_PERCENT = 5
"""Waits for the network that the payments process makes, against those of production."""


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
    status = run_until_stopped(_demonstrate(market, arguments.months, arguments.json, arguments.data))
    if status is None:
        say("stopped before the end")
        return 130
    return status


async def _demonstrate(market: Market, months: int | None, result_file: Path | None, data_folder: Path | None) -> int:
    say(f"playing {market.name!r}; waits of the payments process are {WAITS_PERCENT} % of production's")
    with tempfile.TemporaryDirectory(prefix="blulend-demo-") as folder:
        options = MarketOptions(
            data_folder=data_folder or Path(folder) / "market",
            durable=False,
            temporary=data_folder is None,
            environment=market_variables(market),
        )
        async with RunningMarket(options) as running:
            operator_key = f"blk_operator_{running.environment[API_VARIABLES['operator_secret']]}"
            async with client_for(running.url) as gateway, client_for(running.addresses[SIMULATOR]) as institution:
                operations, simulator = Door(gateway, key=operator_key), Door(institution)
                await _play(market, months, operations, simulator)
                await until_quiet(operations, simulator)
                result: dict[str, Any] = await operations.get("/api/v1/ops/result")
            _write_result(market, result, result_file)
            broken = await broken_invariants(running.environment)
    for invariant in broken:
        print(f"BROKEN {invariant}")
    if not broken:
        print("all invariants hold")
    return 1 if broken else 0


def _write_result(market: Market, result: dict[str, Any], result_file: Path | None) -> None:
    if result_file is not None:
        result_file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print_report(market, result)


def market_variables(market: Market) -> dict[str, str]:
    """What a demonstration's processes are told: nothing of real servers, and a time of their own."""
    return {**_inherited(), **virtual_time(market)}


def virtual_time(market: Market) -> dict[str, str]:
    """The variables of a market whose time begins on its first day and moves only as it is told."""
    starts_at = datetime.combine(market.starts_on, SETTING_UP, ROME).astimezone(UTC)
    return {
        API_VARIABLES["clock"]: "virtual",
        API_VARIABLES["clock_starts_at"]: starts_at.isoformat(),
        ACTOR_VARIABLES["ticking"]: "false",
        SIMULATOR_VARIABLES["start_at"]: starts_at.isoformat(),
        LEMONWAY_VARIABLES["waits_percent"]: str(WAITS_PERCENT),
        LEMONWAY_VARIABLES["timeout_s"]: str(CALL_TIMEOUT_S),
    }


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

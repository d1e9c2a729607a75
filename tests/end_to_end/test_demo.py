"""The demonstration of a market that is worked out by hand, also when a process is killed in the middle."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cli.data_folder import DataFolder
from cli.demo import options_for
from cli.demo.doors import Door, client_for
from cli.demo.market_file import read_market
from cli.demo.quiet import until_quiet
from cli.demo.story import Story
from cli.environment import API_VARIABLES
from cli.market_environment import SIMULATOR
from cli.processes import RunningMarket

ROOT = Path(__file__).parent.parent.parent
CASES = ROOT / "tests" / "reference_cases"

COMMAND_LINES = {
    **{
        name: rf"main\.py {name}$"
        for name in ("api", "books", "projector", "payments", "servicing", "lemonway-simulator")
    },
    "postgres": r"/postgres -D",
    "valkey of books": r"valkey-server .*books",
    "valkey of jobs": r"valkey-server .*jobs",
}
"""How each child of the demonstration is recognised among its processes."""


async def demonstrate(folder: Path, *, kill: str | None = None) -> dict[str, Any]:
    """The result of `demo` on the hand-checked market; `kill` names the process that dies in the middle."""
    result_file, data_folder = folder / "result.json", folder / "data"
    demo = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        "demo",
        *("--market", str(CASES / "three_lenders_market.toml")),
        *("--json", str(result_file), "--data", str(data_folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    if kill is not None:
        await until_money_was_lent(data_folder)
        os.kill(await child_named(kill, of=demo.pid), signal.SIGKILL)
    output, _ = await demo.communicate()

    assert demo.returncode == 0, output.decode()[-3_000:]
    assert "all invariants hold" in output.decode()
    result: dict[str, Any] = json.loads(result_file.read_text())
    return result


async def until_money_was_lent(data_folder: Path) -> None:
    """The middle of the story, however fast the machine is: the loan is there, and nothing of it is repaid."""
    async with asyncio.timeout(120):
        while (running := DataFolder(data_folder).running()) is None:
            await asyncio.sleep(0.05)
        database = await asyncpg.connect(running.environment["DATABASE_URL"])
        while not await database.fetchval("SELECT count(*) FROM loan"):
            await asyncio.sleep(0.01)
        await database.close()


async def child_named(name: str, *, of: int) -> int:
    listing = await asyncio.create_subprocess_exec(
        "ps", "-ww", "-o", "pid=,args=", "--ppid", str(of), stdout=asyncio.subprocess.PIPE
    )
    lines, _ = await listing.communicate()
    pids = [int(line.split()[0]) for line in lines.decode().splitlines() if re.search(COMMAND_LINES[name], line)]
    assert len(pids) == 1, lines.decode()
    return pids[0]


def as_worked_out_by_hand(result: dict[str, Any]) -> dict[str, Any]:
    (request,), (loan,) = result["requests"], result["loans"]
    figures = ("lent_cents", "interest_received_cents", "paid_out_cents", "free_cents")
    return {
        "covered_cents": request["covered_cents"],
        "loan_rate_cbp": request["loan_rate_cbp"],
        "collected_cents": loan["collected_cents"],
        "instalments": [part["principal_cents"] + part["interest_cents"] for part in loan["plan"]],
        "debits": [collection["state"] for collection in loan["collections"]],
        "lenders": {
            lender["name"]: {figure: lender[figure] for figure in figures}
            for lender in sorted(result["lenders"], key=lambda lender: lender["name"])
        },
    }


@pytest.mark.timeout(240)
async def test_the_demonstration_gives_the_figures_worked_out_by_hand(tmp_path: Path) -> None:
    expected = json.loads((CASES / "three_lenders_result.json").read_text())

    assert as_worked_out_by_hand(await demonstrate(tmp_path)) == expected


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_market_that_was_stopped_goes_on_where_it_stood(tmp_path: Path) -> None:
    expected = json.loads((CASES / "three_lenders_result.json").read_text())

    await played(tmp_path, months=4)

    assert as_worked_out_by_hand(await played(tmp_path, months=None)) == expected


async def played(folder: Path, *, months: int | None) -> dict[str, Any]:
    """What has come of the hand-checked market after so many months, over the data of the start before."""
    market = read_market(CASES / "three_lenders_market.toml")
    options = options_for(market, folder / "data", is_temporary=False)
    async with RunningMarket(options) as running:
        operator_key = f"blk_operator_{running.environment[API_VARIABLES['operator_secret']]}"
        async with client_for(running.url) as gateway, client_for(running.addresses[SIMULATOR]) as institution:
            operations, simulator = Door(gateway, key=operator_key), Door(institution)
            story = Story(
                market,
                operations=operations,
                simulator=simulator,
                progress=lambda day, settled, loans: None,
                secrets_from=b"the same for both starts",
            )
            await story.play(months=months, enrolled=lambda count: None)
            await until_quiet(operations, simulator)
            result: dict[str, Any] = await operations.get("/api/v1/ops/result")
            return result


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("process", COMMAND_LINES)
async def test_the_result_is_the_same_when_a_process_is_killed_on_the_way(process: str, tmp_path: Path) -> None:
    expected = json.loads((CASES / "three_lenders_result.json").read_text())

    assert as_worked_out_by_hand(await demonstrate(tmp_path, kill=process)) == expected

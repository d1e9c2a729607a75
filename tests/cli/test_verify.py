"""Which market `verify` checks: the one of the environment, else the one that runs on the data folder."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from cli.command_failed import CommandFailed
from cli.command_line import ROOT
from cli.data_folder import DataFolder, Running
from cli.verify import ADDRESSES, broken_invariants, environment_of_market
from persistence.connection import connect
from tests.cli.test_stores import EXAMPLES


@pytest.mark.parametrize("variable", ADDRESSES)
def test_one_address_given_means_the_market_of_the_environment_alone(tmp_path: Path, variable: str) -> None:
    assert environment_of_market({variable: "there"}, tmp_path) == {variable: "there"}


def test_with_no_address_given_it_is_the_one_that_runs_on_the_data_folder(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    noted = Running(pid=7, url="http://here", socket_folder="/tmp/blulend-x", environment={"DATABASE_URL": "there"})

    with folder.claimed(), folder.noted(noted):
        assert environment_of_market({"HOME": "/root"}, tmp_path) == {"HOME": "/root", "DATABASE_URL": "there"}


def test_where_none_runs_it_says_how_one_is_found(tmp_path: Path) -> None:
    told = rf"no market runs on {tmp_path}: start it with `python3 main.py --data {tmp_path}`, or set DATABASE_URL"

    with pytest.raises(CommandFailed, match=told):
        environment_of_market({}, tmp_path)


def test_a_data_folder_is_named_after_the_command(tmp_path: Path) -> None:
    program = "import sys; from cli.command_line import main; raise SystemExit(main())"
    environment = {name: value for name, value in os.environ.items() if name not in ADDRESSES}

    answered = subprocess.run(
        [sys.executable, "-c", program, "verify", "--data", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answered.stderr.startswith(f"main.py: no market runs on {tmp_path}: ")


async def test_a_lemonway_that_cannot_be_reached_is_named(database_url: str, books_redis_url: str) -> None:
    database = await connect(database_url)
    await database.execute(
        "INSERT INTO party (id, kind, name, wallet_id, kyc_state)"
        " VALUES ($1, 'lender_person', 'Ada', 'l-1', 'accepted')",
        str(uuid4()),
    )
    await database.close()
    environment = {**EXAMPLES, "DATABASE_URL": database_url, "BOOK_REDIS_URL": books_redis_url}

    with pytest.raises(CommandFailed, match=r"^BLULEND_LEMONWAY_URL: Lemonway gave no usable answer"):
        await broken_invariants(environment)

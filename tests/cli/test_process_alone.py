"""A process that is started alone says where it answers, and ends without a word when it is told to."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.processes import ROOT

PROGRAM = [sys.executable, "-c", "import sys; from cli.command_line import main; raise SystemExit(main())"]


@contextmanager
def process(name: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process of this name and where it says that it listens."""
    with subprocess.Popen(
        [*PROGRAM, name],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        said = re.fullmatch(rf"{name} listens on (http://\S+)\n", running.stderr.readline())
        assert said is not None
        yield running, said[1]
        running.kill()


def ask(address: str) -> int:
    """The status of the answer, as soon as there is one: its socket takes calls from the beginning."""
    with urllib.request.urlopen(address, timeout=30) as answer:
        status: int = answer.status
        return status


def what_it_says_in_the_end(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    running.send_signal(signal.SIGTERM)
    output, errors = running.communicate(timeout=30)
    return running.returncode, output, errors


def test_the_simulator_on_an_ipv6_address(tmp_path: Path) -> None:
    given = {"BLULEND_SIMULATOR_STORE": str(tmp_path / "store"), "BLULEND_LEMONWAY_API_KEY": "key"}

    with process("lemonway-simulator", BLULEND_HOST="::1", **given) as (running, address):
        assert address.startswith("http://[::1]:")
        assert ask(f"{address}/health") == 200
        assert what_it_says_in_the_end(running) == (0, "", "")


def test_a_host_of_books(books_redis_url: str) -> None:
    with process("books", BOOK_REDIS_URL=books_redis_url) as (running, address):
        assert ask(f"{address}/status") == 200
        assert what_it_says_in_the_end(running) == (0, "", "")


def test_a_store_made_by_another_version_is_told_as_such(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with sqlite3.connect(store) as other:
        other.execute("PRAGMA user_version = 99")

    answered = subprocess.run(
        [*PROGRAM, "lemonway-simulator"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "BLULEND_SIMULATOR_STORE": str(store), "BLULEND_LEMONWAY_API_KEY": "key"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answered.returncode == 2
    assert answered.stderr.startswith(f"main.py: BLULEND_SIMULATOR_STORE: {store} has version 99")

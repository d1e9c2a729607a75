"""From nothing to serving: a fresh copy of the project, an empty HOME, no cache, until the page answers 200.

The limit of a cold start is the time its installers took, which is downloading and unpacking the wheels. The limit of
a warm start is one import of the gateway's libraries, which no process of ours can do without.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from cli.command_failed import CommandFailed
from cli.command_line import ROOT
from cli.progress import say

COLD_TARGET_S = 15.0
WARM_TARGET_S = 2.0
STOP_PATIENCE_S = 30.0
LIBRARIES = "import litestar, uvicorn, uvloop, httptools, redis.asyncio, asyncpg, piccolo.table"
PEER = "not run: litestar-fullstack's set-up needs its repository, Docker and Node"
# What would lead a copy to caches, environments or servers of the person who measures, or keep it from having its own.
FOREIGN_VARIABLES = (
    *("XDG_", "UV_", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"),
    *("DATABASE_URL", "BOOK_REDIS_URL", "JOBS_REDIS_URL"),
)


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `ratio` is our median over the median of the limits: 1 would be perfect."""

    name: str
    target_s: float
    samples_s: list[float]
    limits_s: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(self.samples_s) / statistics.median(self.limits_s)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes: the table and the circumstances it was measured in."""

    measures: list[Measure]
    peer: str
    python: str
    cores: int
    load_average: tuple[float, float, float]


def run(arguments: argparse.Namespace) -> int:
    load_average = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="blulend-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        copy = copy_project(folder / "a copy")
        home = folder / "home"
        home.mkdir()
        say("cold start: downloading and installing everything")
        cold_s, notes = time_start(copy, home)
        say("warm starts")
        warm_s = [time_start(copy, home)[0] for _ in range(arguments.runs)]
        imports_s = [time_import(copy) for _ in range(arguments.runs)]
    measures = [
        Measure(name="cold", target_s=COLD_TARGET_S, samples_s=[cold_s], limits_s=[installing_s(notes)]),
        Measure(name="warm", target_s=WARM_TARGET_S, samples_s=warm_s, limits_s=imports_s),
    ]
    Console().print(as_table(measures))
    if arguments.json is not None:
        result = Result(
            measures=measures,
            peer=PEER,
            python=sys.version.split()[0],
            cores=os.cpu_count() or 0,
            load_average=load_average,
        )
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    return 0


def copy_project(target: Path) -> Path:
    """Copy what a clone would hold: the files git tracks, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        raise CommandFailed(f"git cannot list the project's files: {listed.stderr.decode().strip()}")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def time_start(copy: Path, home: Path) -> tuple[float, str]:
    """Seconds from starting the command to the page's 200, and what the command said on standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)}
    python = getattr(sys, "_base_executable", sys.executable)
    started_s = time.perf_counter()
    with subprocess.Popen(
        [python, "main.py"],
        cwd=copy,
        env={**environment, "HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as market:
        assert market.stdout is not None
        url = market.stdout.readline().strip()
        if url:
            with urllib.request.urlopen(url) as answer:
                assert answer.status == 200, answer.status
        took_s = time.perf_counter() - started_s
        market.send_signal(signal.SIGTERM)
        _, notes = market.communicate(timeout=STOP_PATIENCE_S)
    if not url:
        raise CommandFailed(f"the copy did not start: {notes.strip().splitlines()[-1]}")
    return took_s, notes


def installing_s(notes: str) -> float:
    """The seconds that the installers took, as the bootstrap reports them step by step."""
    return sum(float(seconds) for seconds in re.findall(r": (?:done in|failed after) ([\d.]+) s$", notes, re.MULTILINE))


def time_import(copy: Path) -> float:
    started_s = time.perf_counter()
    subprocess.run([copy / ".venv" / "bin" / "python", "-c", LIBRARIES], check=True)
    return time.perf_counter() - started_s


def as_table(measures: Sequence[Measure]) -> Table:
    table = Table("start", "target s", "limit s", "ours s", "worst s", "runs", "ours / limit", caption=f"peer {PEER}")
    for measure in measures:
        table.add_row(
            measure.name,
            f"<= {measure.target_s:g}",
            f"{statistics.median(measure.limits_s):.2f}",
            f"{statistics.median(measure.samples_s):.2f}",
            f"{max(measure.samples_s):.2f}",
            str(len(measure.samples_s)),
            f"{measure.ratio:.2f}",
        )
    return table

"""The allocation rule beside other order books, and as the book grows.

The limit is a bare heap of queues, the peers are order books from the package registries: both know price and time
only. Ours applies the whole rule and writes the receipt of each decision.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.command_line import ROOT
from cli.progress import say
from tests.benchmarks.command_growth import COVERS, CommandCost, command_costs, growth
from tests.benchmarks.crossing_orders import crossing_pairs
from tests.benchmarks.lending_book import LendingRun, run_stream
from tests.benchmarks.lending_stream import POSTED_TERMS, TERMS, LendingOrder, as_crossing_orders, lending_orders
from tests.benchmarks.offer_indexes import IndexCost
from tests.benchmarks.offer_memory import OfferMemory
from tests.benchmarks.peers import (
    LIMIT,
    SORTED_LIST_PACKAGE,
    CannotRun,
    PeerAnswer,
    PeerMissing,
    PeerTask,
    install_apart,
    measure_limit,
    measure_peers,
)

LIMIT_TARGET = 0.25
PEER_TARGET = 1.7
COVER_TARGET_MS = 5
COVER_OFFERS = 10_000
PAIRS = "crossing pairs"
LENDING = "offers and requests"
SEED = 1
Note = Callable[[str], None]


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    orders: int
    sizes: tuple[int, ...]
    calls: int
    memory_offers: int


WHOLE = Extent(orders=40_000, sizes=(100, 1_000, 10_000, 100_000, 1_000_000), calls=500, memory_offers=100_000)
QUICK = Extent(orders=8_000, sizes=(100, 1_000, 10_000), calls=100, memory_offers=10_000)


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One contestant on one stream: fills per second of each run, or why there are none. Only ours makes covers."""

    name: str
    stream: str
    fills: int = 0
    covers: int | None = None
    fills_per_s: list[float] = []
    missing: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.fills_per_s)

    @property
    def worst(self) -> float:
        return min(self.fills_per_s)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes: every table and the circumstances it was measured in."""

    extent: Extent
    limit: list[Speed]
    peers: list[Speed]
    ours: list[Speed]
    commands: list[CommandCost]
    indexes: list[IndexCost]
    memory: OfferMemory
    receipts_sha256: dict[str, str]
    versions: dict[str, str]
    cores: int
    load_average: tuple[float, float, float]

    @property
    def is_deterministic(self) -> bool:
        """Whether every time the same orders came, their receipts were the same bytes."""
        return len(set(self.receipts_sha256.values())) == 1


def run(arguments: argparse.Namespace) -> int:
    """Print the tables. The status is 1 if the same orders did not give the same receipts twice."""
    with _notes() as note:
        result = measure(QUICK if arguments.quick else WHOLE, arguments.runs, note)
    print_tables(result, Console(width=None if sys.stdout.isatty() else 120))
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
    return 0 if result.is_deterministic else 1


def measure(extent: Extent, runs: int, note: Note) -> Result:
    """Everything that the tables show; `note` is told what goes on."""
    load_average = os.getloadavg()
    note("making up orders")
    arrivals = lending_orders(extent.orders, seed=SEED)
    versions = {"python": sys.version.split()[0], "msgspec": version("msgspec")}
    limit, peers, indexes = measure_others(arrivals, extent, runs, note, versions)
    note("ours: the whole rule")
    by_terms = {
        name: [run_stream(arrivals, terms) for _ in range(1 + runs)]
        for name, terms in (("band", TERMS), ("posted", POSTED_TERMS))
    }
    note("ours: the same orders in another process")
    digests = {
        "first run": by_terms["band"][0].digest(),
        "second run": by_terms["band"][1].digest(),
        "another process": digest_elsewhere(extent.orders),
    }
    commands: list[CommandCost] = []
    for offers in extent.sizes:
        note(f"commands in a book of {offers:,} offers")
        commands += command_costs(offers, calls=extent.calls)
    note(f"memory of {extent.memory_offers:,} offers")
    return Result(
        extent=extent,
        limit=limit,
        peers=peers,
        ours=[speed for name, ours in by_terms.items() for speed in speeds_of(name, ours[1:])],
        commands=commands,
        indexes=indexes,
        memory=memory_elsewhere(extent.memory_offers),
        receipts_sha256=digests,
        versions=versions,
        cores=os.cpu_count() or 0,
        load_average=load_average,
    )


def measure_others(
    arrivals: Sequence[LendingOrder], extent: Extent, runs: int, note: Note, versions: dict[str, str]
) -> tuple[list[Speed], list[Speed], list[IndexCost]]:
    """The bare book and every peer, on their own usual job and on our orders, and other indexes beside ours; versions
    of interpreters and packages are added to `versions`."""
    task = PeerTask(
        runs=runs,
        sample=crossing_pairs(200, seed=SEED + 1),
        streams={PAIRS: crossing_pairs(extent.orders, seed=SEED), LENDING: as_crossing_orders(arrivals)},
    )
    peers: list[Speed] = []
    with tempfile.TemporaryDirectory(prefix="blulend-bench-") as temporary:
        note("the limit: a bare book")
        limit = speeds_from(LIMIT.name, measure_limit(task, Path(temporary)))
        for peer, answer in measure_peers(task, Path(temporary), note):
            peers += speeds_from(peer.name, answer)
            versions |= dict(re.split("==|(?<=.)@", package) for package in peer.packages)
            if isinstance(answer, PeerAnswer) and peer.language == "node":
                versions["node"] = answer.version
        note("offers kept in order, in three ways")
        indexes = indexes_elsewhere(extent, Path(temporary))
    return limit, peers, indexes


def speeds_from(name: str, answer: PeerAnswer | PeerMissing) -> list[Speed]:
    if isinstance(answer, PeerMissing):
        return [Speed(name=name, stream=stream, missing=answer.why) for stream in (PAIRS, LENDING)]
    return [
        Speed(name=name, stream=stream, fills=times.fills, fills_per_s=[times.fills / one_s for one_s in times.times_s])
        for stream, times in answer.streams.items()
    ]


def speeds_of(terms: str, runs: Sequence[LendingRun]) -> list[Speed]:
    """Ours, first with all that the others' figures hold, then without the resting of offers and taking of money."""
    parts: dict[str, Callable[[LendingRun], float]] = {
        "whole": lambda one: one.total_s,
        "plan, receipt": lambda one: one.planning_s + one.encoding_s,
        "plan": lambda one: one.planning_s,
    }
    return [
        Speed(
            name=f"ours, {terms}: {part}",
            stream=LENDING,
            fills=runs[0].fills,
            covers=runs[0].covers,
            fills_per_s=[one.fills / took_s(one) for one in runs],
        )
        for part, took_s in parts.items()
    ]


def digest_elsewhere(orders: int) -> str:
    """The digest of the same stream's receipts from a process that hashes text differently."""
    return _run_module("tests.benchmarks.lending_book", str(orders), str(SEED)).decode().strip()


def indexes_elsewhere(extent: Extent, temporary: Path) -> list[IndexCost]:
    """The costs of other indexes beside ours; without `sortedcontainers` where it cannot be installed."""
    sizes = ",".join(map(str, extent.sizes))
    try:
        folder = [str(install_apart(SORTED_LIST_PACKAGE, temporary))]
    except CannotRun:
        folder = []
    printed = _run_module("tests.benchmarks.offer_indexes", sizes, str(extent.calls), *folder)
    return msgspec.json.decode(printed, type=list[IndexCost])


def memory_elsewhere(offers: int) -> OfferMemory:
    return msgspec.json.decode(_run_module("tests.benchmarks.offer_memory", str(offers)), type=OfferMemory)


def _run_module(*arguments: str) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    return done.stdout


@contextmanager
def _notes() -> Iterator[Note]:
    """Tell on standard error what is being measured: a line that turns on a terminal, one line each elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield say
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")
        yield lambda text: progress.update(task, description=text)


def print_tables(result: Result, console: Console) -> None:
    for table in (
        speed_table(result),
        growth_table(result.commands),
        cover_table(result.commands),
        index_table(result.indexes),
        memory_table(result.memory),
        receipts_table(result),
    ):
        console.print(table)
    versions = ", ".join(f"{name} {which}" for name, which in result.versions.items())
    console.print(f"{result.cores} cores, load average {result.load_average[0]:.2f} before the run; {versions}")


def speed_table(result: Result) -> Table:
    """Ratios of medians: to the limit and the best peer on the same orders, and to the best peer on its usual job."""
    limits = {speed.stream: speed.median for speed in result.limit}
    ran = [speed for speed in result.peers if speed.missing is None]
    best = {
        stream: max((speed.median for speed in ran if speed.stream == stream), default=None)
        for stream in (PAIRS, LENDING)
    }
    table = Table(
        *("order book", "fills", "per cover", "fills/s", "worst", "of limit", "of best", "of best at pairs"),
        title=f"1. {result.extent.orders:,} orders",
        caption=f"{len(result.ours[0].fills_per_s)} runs after a warm-up, median and worst; wall or processor time, "
        f"whichever is less. Ours whole: offers come to rest, requests are planned, receipts written, money taken. "
        f"Limit and best peer: on the same orders. Target: {LIMIT_TARGET} of the limit, {PEER_TARGET} of the best peer",
    )
    for stream in (PAIRS, LENDING):
        table.add_section()
        table.add_row(f"[bold]{stream}[/bold]")
        for speed in (*result.limit, *result.peers, *result.ours):
            if speed.stream != stream:
                continue
            if speed.missing is not None:
                table.add_row(speed.name, "-", "-", f"not run: {speed.missing}")
                continue
            table.add_row(
                speed.name,
                f"{speed.fills:,}",
                "-" if speed.covers is None else f"{speed.fills / speed.covers:.0f}",
                f"{speed.median:,.0f}",
                f"{speed.worst:,.0f}",
                f"{speed.median / limits[stream]:.3f}",
                _ratio(speed.median, best[stream]),
                _ratio(speed.median, best[PAIRS]),
            )
    return table


def _ratio(one: float, other: float | None) -> str:
    return "-" if other is None else f"{one / other:.2f}"


def growth_table(commands: Sequence[CommandCost]) -> Table:
    table = Table(
        *("command", "offers", "p50 µs", "p99 µs", "max µs", "growth / log n"),
        title="2. Cost of a command as the book grows",
        caption="Processor time. Growth: how many times the smallest book's p50, over how many times its log n; "
        "up to 1 it grows no faster than log n",
    )
    for name, costs in by_command(commands).items():
        for cost in costs:
            times = cost.times
            microseconds = (f"{ns / 1_000:,.1f}" for ns in (times.p50_ns, times.p99_ns, times.max_ns))
            table.add_row(name, f"{cost.offers:,}", *microseconds, f"{growth(cost, costs[0]):.2f}")
        table.add_section()
    return table


def by_command(commands: Sequence[CommandCost]) -> Mapping[str, list[CommandCost]]:
    ordered = sorted(commands, key=lambda cost: (cost.place, cost.offers))
    return {name: list(costs) for name, costs in groupby(ordered, key=lambda cost: cost.command)}


def cover_table(commands: Sequence[CommandCost]) -> Table:
    table = Table(
        *("cover of 100 lenders", "calls", "p50 ms", "p99 ms", "max ms", "p99 / limit"),
        title=f"3. {COVER_OFFERS:,} resting offers",
        caption=f"Processor time, limit {COVER_TARGET_MS} ms",
    )
    for cost in commands:
        if cost.offers == COVER_OFFERS and cost.command in COVERS:
            times = cost.times
            milliseconds = (f"{ns / 1_000_000:.2f}" for ns in (times.p50_ns, times.p99_ns, times.max_ns))
            ratio = times.p99_ns / (COVER_TARGET_MS * 1_000_000)
            table.add_row(cost.command, str(times.calls), *milliseconds, f"{ratio:.2f}")
    return table


def index_table(costs: Sequence[IndexCost]) -> Table:
    """One line per operation and size, one column per index."""
    kinds = list(dict.fromkeys(cost.index for cost in costs))
    p50_ns = {(cost.operation, cost.offers, cost.index): cost.times.p50_ns for cost in costs}
    table = Table(
        *("offers of one price", "offers", *(f"{kind} p50 µs" for kind in kinds)),
        title="4. Our index beside others",
        caption="Processor time. Ours are the chunks; sortedcontainers is missing where it cannot be installed",
    )
    for operation in dict.fromkeys(cost.operation for cost in costs):
        for offers in dict.fromkeys(cost.offers for cost in costs):
            table.add_row(
                operation, f"{offers:,}", *(f"{p50_ns[operation, offers, kind] / 1_000:,.1f}" for kind in kinds)
            )
        table.add_section()
    return table


def memory_table(memory: OfferMemory) -> Table:
    table = Table("bytes per resting offer", "bytes", title=f"5. Memory of {memory.offers:,} offers")
    table.add_row("offer, standing and their ids (traced)", f"{memory.order_bytes:,.0f}")
    table.add_row("the index (traced)", f"{memory.index_bytes:,.0f}")
    resident = "not told by this system" if memory.resident_bytes is None else f"{memory.resident_bytes:,.0f}"
    table.add_row("growth of the process (resident)", resident)
    return table


def receipts_table(result: Result) -> Table:
    table = Table("same orders", "SHA-256 of all receipts", title="6. Determinism")
    for name, digest in result.receipts_sha256.items():
        table.add_row(name, digest)
    table.caption = "equal" if result.is_deterministic else "NOT EQUAL"
    return table

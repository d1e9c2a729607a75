"""Other people's order books, each timed in a process of its own, from an environment that is thrown away afterwards.

Nothing of them enters the project: packages are pinned here and installed into a temporary folder, by the ordinary
clients with whatever settings this machine gives them. Where that cannot be, the peer's answer says why.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from cli.command_line import ROOT
from tests.benchmarks import bare_book
from tests.benchmarks.crossing_orders import CrossingOrder, PriceAndQuantity

INSTALLING_PATIENCE_S = 180.0
MATCHING_PATIENCE_S = 600.0
NODE_ADAPTER = Path(__file__).with_name("nodejs_order_book_adapter.cjs")


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """An order book somebody else wrote, and the packages it takes, each at one version."""

    name: str
    packages: tuple[str, ...]
    language: str = "python"


SORTED_LIST_PACKAGE = "sortedcontainers==2.4.0"
PEERS = (
    Peer(name="lightmatchingengine", packages=("lightmatchingengine==2019.1.4",)),
    Peer(name="akhil4n-orderbook", packages=("akhil4n-orderbook==0.1.1", SORTED_LIST_PACKAGE)),
    Peer(name="pyorderbook", packages=("pyorderbook==0.4.9",)),
    Peer(
        name="nodejs-order-book",
        packages=("nodejs-order-book@10.1.1", "denque@2.1.0", "functional-red-black-tree@1.0.1"),
        language="node",
    ),
)
LIMIT = Peer(name="limit: heap and queues", packages=())
"""Heaps and queues alone, run in the same way as the peers."""


class PeerTask(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter reads: `streams` to be timed `runs` times after a warm-up, `sample` to be shown the fills of."""

    runs: int
    sample: Sequence[CrossingOrder]
    streams: Mapping[str, Sequence[CrossingOrder]]


class StreamTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How many fills a stream gave, and the seconds of each run over it."""

    fills: int
    times_s: list[float]


class PeerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter prints; `version` is its interpreter's."""

    version: str
    sample_fills: list[PriceAndQuantity]
    streams: dict[str, StreamTimes]


class PeerMissing(msgspec.Struct, frozen=True, kw_only=True):
    """Why there are no figures of a peer."""

    why: str


class CannotRun(Exception):
    """A step towards a peer's figures failed; the message is for the table."""


def measure_limit(task: PeerTask, folder: Path) -> PeerAnswer:
    """Time the bare book on `task`, with this interpreter. `folder` is for passing files."""
    answer = ask(LIMIT, [sys.executable, "-m", "tests.benchmarks.peer_adapters"], task, folder)
    assert isinstance(answer, PeerAnswer), answer
    return answer


def measure_peers(
    task: PeerTask, folder: Path, note: Callable[[str], None]
) -> Iterator[tuple[Peer, PeerAnswer | PeerMissing]]:
    """Install every peer below `folder` and time it on `task`; `note` is told what goes on."""
    environment = folder / "peers"
    venv_problem = _make_venv(environment)
    for peer in PEERS:
        note(f"{peer.name}: installing")
        try:
            command = (
                _install_node(peer, environment)
                if peer.language == "node"
                else _install(peer, environment, venv_problem)
            )
        except CannotRun as failure:
            yield peer, PeerMissing(why=str(failure))
            continue
        note(f"{peer.name}: matching")
        yield peer, ask(peer, command, task, folder)


def install_apart(package: str, folder: Path) -> Path:
    """The folder below `folder` where a package of pure Python now is, for whatever interpreter wants to read it.
    Raises `CannotRun`."""
    target = folder / package.partition("==")[0]
    environment = folder / "peers"
    if not environment.exists() and (problem := _make_venv(environment)) is not None:
        raise CannotRun(problem)
    arguments = ["--no-deps", "--no-cache-dir", f"--target={target}", package]
    call([*_pip(environment), "install", *arguments], INSTALLING_PATIENCE_S)
    return target


def _make_venv(environment: Path) -> str | None:
    """What keeps a Python environment from being made, None when it stands."""
    try:
        call([getattr(sys, "_base_executable", sys.executable), "-m", "venv", environment], INSTALLING_PATIENCE_S)
    except CannotRun as failure:
        return str(failure)
    return None


def _install(peer: Peer, environment: Path, venv_problem: str | None) -> list[str]:
    if venv_problem is not None:
        raise CannotRun(venv_problem)
    call([*_pip(environment), "install", "--no-deps", "--no-cache-dir", *peer.packages], INSTALLING_PATIENCE_S)
    return [_python(environment), "-m", "tests.benchmarks.peer_adapters"]


def _python(environment: Path) -> str:
    return str(environment / "bin" / "python")


def _pip(environment: Path) -> list[str]:
    return [_python(environment), "-m", "pip", "--quiet", "--disable-pip-version-check", "--retries=1"]


def _install_node(peer: Peer, environment: Path) -> list[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise CannotRun("node and npm are not on this machine")
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    # Without a network npm would try for minutes.
    flags += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
    cache = f"--cache={environment / 'npm-cache'}"
    call(
        [npm, "--prefix", environment, "install", *flags, cache, *peer.packages], INSTALLING_PATIENCE_S, telling_line=0
    )
    return [node, str(NODE_ADAPTER), str(environment)]


def ask(peer: Peer, command: Sequence[str], task: PeerTask, folder: Path) -> PeerAnswer | PeerMissing:
    """Run an adapter on `task` and check on its sample that it really matches by price, then time."""
    file = folder / "task.json"
    file.write_bytes(msgspec.json.encode(task))
    arguments = [file] if peer.language == "node" else [peer.name, file]
    try:
        printed = call([*command, *arguments], MATCHING_PATIENCE_S)
    except CannotRun as failure:
        return PeerMissing(why=str(failure))
    answer = msgspec.json.decode(printed, type=PeerAnswer)
    expected = [PriceAndQuantity(price, quantity) for _, _, price, quantity in bare_book.match(task.sample)]
    if answer.sample_fills != expected:
        return PeerMissing(why=f"does not match by price and time: {_difference(answer.sample_fills, expected)}")
    return answer


def _difference(found: Sequence[PriceAndQuantity], expected: Sequence[PriceAndQuantity]) -> str:
    for number, (one, other) in enumerate(zip(found, expected, strict=False), start=1):
        if one != other:
            return f"fill {number} of the sample is {tuple(one)}, expected {tuple(other)}"
    return f"{len(found)} fills in the sample, expected {len(expected)}"


def call(command: Sequence[str | Path], patience_s: float, *, telling_line: int = -1) -> bytes:
    """What a command prints on standard output. Raises `CannotRun` with the line of its complaint that tells most: for
    most programs the last."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=_environment(), capture_output=True, timeout=patience_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotRun(f"{Path(command[0]).name} took longer than {patience_s:.0f} s") from None
    except OSError as error:
        raise CannotRun(f"{Path(command[0]).name} does not start: {error.strerror}") from error
    if done.returncode != 0:
        complaints = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise CannotRun(_without_addresses(complaints[telling_line]) if complaints else f"status {done.returncode}")
    return done.stdout


def _without_addresses(complaint: str) -> str:
    """A client's complaint that may be printed and kept: which registry a machine uses is nobody else's business."""
    return re.sub(r"\w+://\S+", "…", complaint).strip()


def _environment() -> dict[str, str]:
    """This process's environment without what would make a Python of another environment read ours."""
    own = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in own}

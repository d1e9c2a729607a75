"""The supervisor over real servers; in place of the market's processes stand small ones that answer /health."""

import asyncio
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec
import pytest
import redis

from actors.embedded_valkey import EmbeddedValkey
from child_process import command_line
from cli.command_failed import CommandFailed, WronglyAskedFor
from cli.data_folder import DataFolder
from cli.processes import ROOT, MarketOptions, RunningMarket
from cli.supervised_child import is_healthy

STANDALONE_MARKET = Path(__file__).with_name("standalone_market.py")
PROGRAM = (sys.executable, str(Path(__file__).with_name("market_process.py")))
LEMONWAY = {
    "BLULEND_LEMONWAY_URL": "https://lemonway.example",
    "BLULEND_LEMONWAY_TOKEN_URL": "https://lemonway.example/token",
    "BLULEND_LEMONWAY_ONBOARDING_URL": "https://lemonway.example/onboarding",
    "BLULEND_LEMONWAY_WEBKIT_URL": "https://lemonway.example/webkit",
    "BLULEND_LEMONWAY_API_KEY": "key",
    "BLULEND_LEMONWAY_WEBHOOK_SECRET": "sixteen-letters-",
}
ENVIRONMENT = {**os.environ, **LEMONWAY, "PYTHONPATH": str(ROOT)}
SERVERS = {"postgres", "valkey-books", "valkey-jobs"}


@pytest.fixture
def options(server_folder: Path) -> MarketOptions:
    """Two processes on a data folder that does not exist yet, with a space in its path."""
    return MarketOptions(
        data_folder=server_folder / uuid4().hex[:8] / "da ta",
        durable=False,
        environment=ENVIRONMENT,
        processes=("books", "api"),
        program=PROGRAM,
    )


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came true")


def running(pids: dict[str, int]) -> set[str]:
    return {name for name, pid in pids.items() if command_line(pid)}


def what_is_left_of(options: MarketOptions) -> list[str]:
    return [path.name for path in options.data_folder.iterdir() if path.name in ("running.json", "postmaster.pid")]


def with_variables(options: MarketOptions, **variables: str) -> MarketOptions:
    return msgspec.structs.replace(options, environment={**options.environment, **variables})


async def test_a_market_is_up_while_its_block_runs_and_gone_afterwards(options: MarketOptions) -> None:
    async with RunningMarket(options) as market:
        pids = market.pids
        sockets = Path(market.environment["BOOK_REDIS_URL"].removeprefix("unix://")).parent

        assert running(pids) == SERVERS | {"books", "api"}
        assert [await is_healthy(address) for address in market.addresses.values()] == [True, True]
        assert market.url == market.addresses["api"]

    assert running(pids) == set()
    assert what_is_left_of(options) == []
    assert not sockets.exists()


async def test_a_running_market_notes_its_addresses_for_its_owner_alone(options: MarketOptions) -> None:
    data_folder = DataFolder(options.data_folder)
    async with RunningMarket(options) as market:
        noted = data_folder.running()
        mode = stat.S_IMODE((options.data_folder / "running.json").stat().st_mode)

    assert noted is not None
    assert (noted.url, mode) == (market.url, 0o600)
    assert noted.environment.items() <= market.environment.items()
    assert noted.environment.keys() >= {"DATABASE_URL", "BOOK_REDIS_URL"}
    assert data_folder.running() is None


async def test_data_of_a_stopped_market_is_there_when_it_starts_again(options: MarketOptions) -> None:
    async with RunningMarket(options) as market:
        redis.Redis.from_url(market.environment["BOOK_REDIS_URL"]).set("kept", "yes")
    async with RunningMarket(options) as market:
        assert redis.Redis.from_url(market.environment["BOOK_REDIS_URL"]).get("kept") == b"yes"


async def test_a_temporary_market_leaves_no_data(options: MarketOptions) -> None:
    async with RunningMarket(msgspec.structs.replace(options, temporary=True)):
        assert options.data_folder.exists()
    assert not options.data_folder.exists()


@pytest.mark.parametrize("name", ["books", "api"])
async def test_a_process_that_is_killed_is_started_again_at_its_address(options: MarketOptions, name: str) -> None:
    async with RunningMarket(options) as market:
        killed, address = market.pids[name], market.addresses[name]
        os.kill(killed, signal.SIGKILL)

        assert await is_healthy(address), "a connection made while it is away waits for its successor"
        assert market.pids[name] != killed


async def test_a_database_server_that_is_killed_comes_back_with_its_data(options: MarketOptions) -> None:
    async with RunningMarket(options) as market:
        database_url = owners_url(market)
        connection = await asyncpg.connect(database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        killed = market.pids["postgres"]
        os.kill(killed, signal.SIGKILL)
        connection.terminate()

        await eventually(lambda: market.pids["postgres"] != killed and answers(database_url))
        connection = await asyncpg.connect(database_url)
        assert await connection.fetchval("SELECT one FROM kept") == 1
        await connection.close()


def owners_url(market: RunningMarket) -> str:
    """The database as its owner, which exists before `migrate` makes the role of the processes."""
    return market.environment["DATABASE_URL"].replace("//blulend_app@", "//blulend@")


def answers(database_url: str) -> bool:
    """Whether a database at this address takes connections; asked in a process of its own, with a loop of its own."""
    ask = f"import asyncio, asyncpg; asyncio.run(asyncpg.connect({database_url!r}))"
    return subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False).returncode == 0


async def test_a_valkey_server_that_is_killed_comes_back_with_every_answered_write(options: MarketOptions) -> None:
    async with RunningMarket(options) as market:
        client = redis.Redis.from_url(market.environment["BOOK_REDIS_URL"])
        client.set("kept", "yes")
        killed = market.pids["valkey-books"]
        os.kill(killed, signal.SIGKILL)

        await eventually(lambda: market.pids["valkey-books"] not in (0, killed))
        await asyncio.sleep(0.2)
        assert client.get("kept") == b"yes"


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        ("migrate", "the database could not be prepared: migrate cannot do it"),
        ("books", "books ended with status 1: books cannot do it"),
    ],
)
async def test_a_start_that_fails_says_why_and_leaves_nothing_running(
    options: MarketOptions, failing: str, message: str
) -> None:
    market = RunningMarket(with_variables(options, TEST_FAILS=failing))

    with pytest.raises(CommandFailed, match=message):
        await market.__aenter__()

    assert running(market.pids) == set()
    assert what_is_left_of(options) == []


async def test_a_wrong_setting_found_by_a_process_is_told_once_and_as_such(options: MarketOptions) -> None:
    started_s = time.monotonic()

    with pytest.raises(WronglyAskedFor, match=r"^books: a setting is wrong$"):
        await RunningMarket(with_variables(options, TEST_WRONGLY_ASKED="books")).__aenter__()

    attempts = (options.data_folder / "logs" / "books.log").read_text().count("a setting is wrong")
    assert (attempts, time.monotonic() - started_s < 30) == (1, True)


@pytest.mark.parametrize(
    ("variable", "given", "message"),
    [
        ("BLULEND_LEASE_MS", "5", "BLULEND_LEASE_MS is '5': expected milliseconds, 100 to 60000"),
        ("BLULEND_CLOCK", "noon", "BLULEND_CLOCK is 'noon': expected system or virtual"),
        ("BLULEND_POSTGRES_BIN", "/nope", "BLULEND_POSTGRES_BIN is '/nope' .*: expected the folder of PostgreSQL's"),
        ("BLULEND_VALKEY_SERVER", "/nope", "BLULEND_VALKEY_SERVER is '/nope' .*: expected the path of a Valkey"),
        ("BLULEND_LEMONWAY_API_KEY", "", "BLULEND_LEMONWAY_API_KEY is not set: expected the API key"),
    ],
)
async def test_every_setting_is_looked_at_before_any_server_starts(
    options: MarketOptions, variable: str, given: str, message: str
) -> None:
    market = RunningMarket(with_variables(options, **{variable: given}))

    with pytest.raises(WronglyAskedFor, match=message):
        await market.__aenter__()
    assert not list(options.data_folder.glob("postgres*"))


@pytest.mark.parametrize(
    ("host", "shown"), [("::1", r"http://\[::1\]:"), ("::", r"http://\[::1\]:"), ("0.0.0.0", "http://127")]
)
async def test_a_market_answers_wherever_it_was_told_to_listen(options: MarketOptions, host: str, shown: str) -> None:
    async with RunningMarket(msgspec.structs.replace(options, host=host)) as market:
        assert re.match(shown, market.url)
        assert await is_healthy(market.url)


async def test_a_market_answers_on_an_address_of_the_machine_other_than_the_first(options: MarketOptions) -> None:
    async with RunningMarket(msgspec.structs.replace(options, host="127.0.0.9")) as market:
        assert market.url.startswith("http://127.0.0.9:")
        assert await is_healthy(market.url)


async def test_a_second_market_on_the_same_data_is_told_where_the_first_one_is(options: MarketOptions) -> None:
    async with RunningMarket(options) as market:
        with pytest.raises(CommandFailed, match=rf"runs on .* already, at {market.url} \(process {os.getpid()}\)"):
            await RunningMarket(options).__aenter__()
        assert running(market.pids) == SERVERS | {"books", "api"}


@contextmanager
def a_listener_on_port_8000() -> Iterator[None]:
    """Port 8000 is in use inside the block, by a listener made here if nobody else has it."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", 8000))
            listening.listen()
        except OSError:
            assert socket.create_connection(("127.0.0.1", 8000)) is not None
        yield


async def test_a_port_in_use_is_passed_over_unless_it_was_asked_for(options: MarketOptions) -> None:
    with a_listener_on_port_8000():
        with pytest.raises(CommandFailed, match=r"port 8000 of 127\.0\.0\.1 is in use"):
            await RunningMarket(msgspec.structs.replace(options, port=8000)).__aenter__()
        async with RunningMarket(options) as market:
            assert int(market.url.rpartition(":")[2]) > 8000


async def test_a_server_with_an_address_of_its_own_is_not_started(
    options: MarketOptions, valkey_server: EmbeddedValkey
) -> None:
    given = with_variables(options, BOOK_REDIS_URL=valkey_server.url, JOBS_REDIS_URL=valkey_server.url)

    async with RunningMarket(given) as market:
        assert set(market.pids) == {"postgres", "books", "api"}
        assert market.environment["BOOK_REDIS_URL"] == valkey_server.url


@pytest.mark.parametrize(("variables", "simulated"), [({"BLULEND_LEMONWAY_URL": ""}, True), ({}, False)])
async def test_the_simulator_stands_in_where_no_lemonway_is_given(
    options: MarketOptions, variables: dict[str, str], simulated: bool
) -> None:
    given = with_variables(msgspec.structs.replace(options, processes=("lemonway-simulator", "api")), **variables)

    async with RunningMarket(given) as market:
        assert ("lemonway-simulator" in market.pids) == simulated
        address = market.addresses.get("lemonway-simulator", "https://lemonway.example")
        assert market.environment["BLULEND_LEMONWAY_URL"].startswith(address)


async def test_a_server_program_of_the_wrong_kind_stops_the_start(options: MarketOptions) -> None:
    with pytest.raises(CommandFailed, match="is not a Valkey or Redis server"):
        await RunningMarket(with_variables(options, BLULEND_VALKEY_SERVER=sys.executable)).__aenter__()


@contextmanager
def standalone_market(options: MarketOptions) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """A supervisor in a process of its own, and the process ids of what it runs."""
    command = [sys.executable, str(STANDALONE_MARKET), str(options.data_folder)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        yield supervisor, json.loads(supervisor.stdout.readline())


def test_a_second_signal_ends_everything_at_once_and_leaves_nothing(options: MarketOptions) -> None:
    with standalone_market(options) as (supervisor, pids):
        sockets = Path(json.loads((options.data_folder / "running.json").read_text())["socket_folder"])
        supervisor.send_signal(signal.SIGINT)
        time.sleep(0.1)
        supervisor.send_signal(signal.SIGINT)

        supervisor.wait(timeout=20)
        assert running(pids) == set()
        assert what_is_left_of(options) == []
        assert not sockets.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(options: MarketOptions, number: signal.Signals) -> None:
    with standalone_market(options) as (supervisor, pids):
        supervisor.send_signal(number)

        assert supervisor.wait(timeout=20) == 3
        assert running(pids) == set()
        assert what_is_left_of(options) == []


async def test_a_killed_supervisor_takes_everything_with_it_and_the_next_start_works(options: MarketOptions) -> None:
    with standalone_market(options) as (supervisor, pids):
        sockets = Path(json.loads((options.data_folder / "running.json").read_text())["socket_folder"])
        killed_s = time.monotonic()
        supervisor.kill()
        supervisor.wait()
        await eventually(lambda: running(pids) == set())
        assert time.monotonic() - killed_s < 5

    async with RunningMarket(options) as market:
        assert running(market.pids) == SERVERS | {"books", "api"}
    assert not sockets.exists()

"""A server that is not there, or not ready, is told in one line that says what to do."""

import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
import redis

from cli.command_failed import CommandFailed
from cli.environment import REQUIRED, WrongSetting, check_settings
from cli.processes import ROOT
from cli.stores import load_book_functions, place_of, reach_database, reach_stores
from persistence.connection import connect

NOWHERE = "127.0.0.1:1"
EXAMPLES = {
    "DATABASE_URL": f"postgresql://somebody:hush-hush@{NOWHERE}/x",
    "BOOK_REDIS_URL": f"redis://:hush-hush@{NOWHERE}",
    "JOBS_REDIS_URL": f"redis://:hush-hush@{NOWHERE}",
    "BLULEND_OPERATOR_SECRET": "sixteen-letters-",
    "BLULEND_LEMONWAY_URL": f"http://{NOWHERE}",
    "BLULEND_LEMONWAY_TOKEN_URL": f"http://{NOWHERE}",
    "BLULEND_LEMONWAY_ONBOARDING_URL": f"http://{NOWHERE}",
    "BLULEND_LEMONWAY_WEBKIT_URL": f"http://{NOWHERE}",
    "BLULEND_LEMONWAY_API_KEY": "key",
    "BLULEND_LEMONWAY_WEBHOOK_SECRET": "sixteen-letters-",
    "BLULEND_SIMULATOR_STORE": "store",
}


def run(name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command or process, told nothing but these variables."""
    program = "import sys; from cli.command_line import main; raise SystemExit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, name, *(["--port", str(a_free_port())] if name == "api" else [])],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def a_free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def its_one_line(answered: subprocess.CompletedProcess[str]) -> str:
    """What it said beyond where it listens and which market it looks at."""
    (line,) = answered.stderr.splitlines()
    return line


@pytest.mark.parametrize("name", REQUIRED)
def test_the_variables_said_to_be_needed_are_those_that_are(name: str) -> None:
    enough = {variable: EXAMPLES[variable] for variable in REQUIRED[name]}

    check_settings([name], enough)
    for variable in enough:
        with pytest.raises(WrongSetting, match=f"^{variable} is not set: expected "):
            check_settings([name], {**enough, variable: ""})


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "verify"])
def test_a_missing_variable_is_one_line_and_status_2(name: str) -> None:
    answered = run(name)

    assert answered.returncode == 2
    assert its_one_line(answered).startswith(f"main.py: {REQUIRED[name][0]} is not set: expected ")


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "lemonway-simulator"])
def test_a_server_that_cannot_be_reached_is_one_line_and_status_1(name: str) -> None:
    answered = run(name, **{variable: EXAMPLES[variable] for variable in REQUIRED[name]})

    assert answered.returncode == 1
    line = its_one_line(answered)
    assert line.startswith(f"main.py: {REQUIRED[name][0]}: ")
    assert f"at {NOWHERE} cannot be reached" in line
    assert "hush-hush" not in answered.stderr


@pytest.mark.parametrize("store", ["/", "/nope/store", __file__])
def test_a_store_that_is_none_is_one_line_and_status_2(store: str) -> None:
    if store == "/nope/store" and os.geteuid() == 0:
        store = "/proc/nope/store"

    answered = run("lemonway-simulator", BLULEND_SIMULATOR_STORE=store, BLULEND_LEMONWAY_API_KEY="key")

    assert answered.returncode == 2
    assert its_one_line(answered).startswith(f"main.py: BLULEND_SIMULATOR_STORE is '{store}' (")


@pytest.mark.parametrize(
    ("variable", "given", "line"),
    [
        ("DATABASE_URL", "postgresql://h:99999/x", "DATABASE_URL names the port '99999': expected 1 to 65535"),
        ("DATABASE_URL", "postgresql://a:1,b:0/x", "DATABASE_URL names the port '0': expected 1 to 65535"),
        ("BOOK_REDIS_URL", "redis://h:port", "BOOK_REDIS_URL names the port 'port': expected 1 to 65535"),
    ],
)
def test_a_port_that_none_can_be_is_named(variable: str, given: str, line: str) -> None:
    with pytest.raises(WrongSetting, match=f"^{line}$"):
        check_settings(["projector"], {**EXAMPLES, variable: given})


async def test_a_database_without_its_tables_sends_one_to_migrate(database_url: str) -> None:
    database = await connect(database_url)
    await reach_database(database_url)
    await database.execute("DELETE FROM migration WHERE name <> '0001'")

    with pytest.raises(CommandFailed, match=r"is not migrated: run `python3 main\.py migrate` first"):
        await reach_database(database_url)
    await database.close()


async def test_a_server_that_lets_nobody_in_says_so(database_url: str) -> None:
    place = urlsplit(database_url)
    unknown = urlunsplit(place._replace(path=f"/nothing_{uuid4().hex}"))

    with pytest.raises(CommandFailed, match=r'^DATABASE_URL: .* lets nobody in: database "nothing_.*" does not exist$'):
        await reach_database(unknown)


async def test_servers_that_are_there_are_reached(database_url: str, books_redis_url: str, jobs_redis_url: str) -> None:
    addresses = {
        "DATABASE_URL": database_url,
        "BOOK_REDIS_URL": books_redis_url,
        "JOBS_REDIS_URL": jobs_redis_url,
    }

    await reach_stores(addresses, list(addresses))


async def test_a_redis_that_lets_no_functions_be_loaded_says_so(books_redis_url: str) -> None:
    with redis.Redis.from_url(books_redis_url) as client:
        client.execute_command("ACL", "SETUSER", "restricted", "on", "nopass", "~*", "+@all", "-function")
        restricted = books_redis_url.replace("unix://", "unix://restricted:any@")
        try:
            with pytest.raises(CommandFailed, match=r"^BOOK_REDIS_URL: the server at .* cannot be used: FUNCTION"):
                await load_book_functions(restricted)
        finally:
            client.execute_command("ACL", "DELUSER", "restricted")


def test_where_a_server_is_never_tells_the_password() -> None:
    assert place_of("postgresql://me:secret@host:5432/x") == "host:5432"
    assert place_of("postgresql://me@/x?host=%2Frun%2Fpg&port=5432") == "/run/pg"
    assert place_of("unix:///run/books%2Esock") == "/run/books.sock"

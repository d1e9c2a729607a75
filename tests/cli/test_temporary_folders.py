"""A temporary folder lives as long as its process, however that ends."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.processes import ROOT
from cli.temporary_folders import LOCK_FILE, remove_abandoned_folders, temporary_folder

HOLDS = """
import time
from cli.temporary_folders import temporary_folder
with temporary_folder("demo") as folder:
    print(folder, flush=True)
    time.sleep(60)
"""
HOLDS_UNTIL_TWICE_STOPPED = """
import asyncio
from cli.temporary_folders import temporary_folder
from cli.until_stopped import run_until_stopped
async def hold():
    with temporary_folder("demo") as folder:
        print(folder, flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print("stopping", flush=True)
            await asyncio.sleep(60)
    return 0
run_until_stopped(hold())
"""


@pytest.fixture(autouse=True)
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's temporary folders are made, its own and those of the processes that it starts."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


def holder(program: str) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds a temporary folder, and the folder."""
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_is_gone_after_its_block(parent: Path) -> None:
    with temporary_folder("run") as folder:
        assert folder.parent == parent
        (folder / "inside").write_text("something")

    assert list(parent.iterdir()) == []


def test_that_of_a_killed_process_is_removed_by_whoever_starts_next(parent: Path) -> None:
    process, folder = holder(HOLDS)
    (folder / "data").mkdir()
    with process:
        remove_abandoned_folders()
        assert folder.exists(), "its process lives"
        process.kill()
        process.wait()

        remove_abandoned_folders()
        assert not folder.exists()


def test_folders_without_our_lock_file_are_left_alone(parent: Path) -> None:
    (parent / "blulend-notes").mkdir()
    linked = parent / "blulend-linked"
    linked.mkdir()
    (parent / "elsewhere").touch()
    (linked / LOCK_FILE).symlink_to(parent / "elsewhere")

    remove_abandoned_folders()

    assert {path.name for path in parent.iterdir()} == {"blulend-notes", "blulend-linked", "elsewhere"}


def test_a_second_signal_removes_it_too() -> None:
    process, folder = holder(HOLDS_UNTIL_TWICE_STOPPED)
    with process:
        assert process.stdout is not None
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=10) == 128 + signal.SIGINT
        assert not folder.exists()

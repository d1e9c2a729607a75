"""Child processes that do not outlive their parent, and leftovers of a parent that was killed.

A leaf used by the two server launchers and the supervisor; it imports nothing of ours.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may be imported or allocated that another thread holds.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
# Linux sends the parent-death signal when the *thread* that started the child ends, so every child is
# started by this one thread, which lives as long as the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-process-starter")
_running: "list[tuple[subprocess.Popen[bytes], signal.Signals]]" = []


class ProcessUser:
    """The user and group, by number, that a child runs as instead of its parent's."""

    def __init__(self, uid: int, gid: int) -> None:
        self.uid = uid
        self.gid = gid


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    stop_signal: signal.Signals,
    environment: Mapping[str, str] | None = None,
    user: ProcessUser | None = None,
    folder: Path | None = None,
    hand_over: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` with its output appended to `log`; on Linux it gets `stop_signal` when this process dies.

    The child leads a process group of its own: Ctrl-C on the terminal reaches the
    parent alone, which then stops its children in its own order. Of this process's
    open files it inherits those whose descriptors are in `hand_over`, under the same numbers.
    """
    with log.open("ab") as output:
        process = _starter.submit(
            subprocess.Popen,
            [os.fspath(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=None if environment is None else dict(environment),
            cwd=folder,
            process_group=0,
            pass_fds=hand_over,
            user=None if user is None else user.uid,
            group=None if user is None else user.gid,
            extra_groups=None if user is None else [],
            preexec_fn=_dies_with_parent(stop_signal),
        ).result()
    _running[:] = [(child, its_signal) for child, its_signal in _running if child.poll() is None]
    _running.append((process, stop_signal))
    return process


def _dies_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    libc = _libc
    if libc is None:
        return None
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return arrange


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, *, patience_s: float) -> None:
    """Ask the child to end and wait for it; after `patience_s` seconds it is killed."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_everything(*, patience_s: float) -> None:
    """Ask every child that runs to end; those that have not after `patience_s` seconds in all are killed."""
    children = [(child, stop_signal) for child, stop_signal in _running if child.poll() is None]
    for child, stop_signal in children:
        _signal_group(child.pid, stop_signal)
    deadline = time.monotonic() + patience_s
    for child, _ in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        _signal_group(child.pid, signal.SIGKILL)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def stop_leftover(pid: int, stop_signal: signal.Signals, *, patience_s: float) -> None:
    """The same for a process that an earlier, killed parent of ours had started."""
    deadline = time.monotonic() + patience_s
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, stop_signal)
        while command_line(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        if command_line(pid):
            os.kill(pid, signal.SIGKILL)


def command_line(pid: int) -> str:
    """The words a running process was started with, or nothing if there is no such process."""
    if sys.platform != "linux":
        listed = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True)
        return listed.stdout.strip()
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def last_line(log: Path) -> str:
    """What the process said last, for a message of one line; without the frame drawn around a group of exceptions."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((said for line in reversed(lines) if (said := line.strip(" |+-"))), "")

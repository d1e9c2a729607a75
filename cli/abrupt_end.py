"""What is done when this process ends at once, without waiting for what is under way: nothing of it stays behind."""

import contextlib
import os
from collections.abc import Callable, Iterator

import child_process

PATIENCE_S = 1.0

_to_undo: list[Callable[[], None]] = []


@contextlib.contextmanager
def undone_at_an_abrupt_end(undo: Callable[[], None]) -> Iterator[None]:
    """Have `undo` called if the process ends abruptly during the block."""
    _to_undo.append(undo)
    try:
        yield
    finally:
        _to_undo.remove(undo)


def end_abruptly(status: int) -> None:
    """End every child process, undo what is registered, the latest first, and end with this exit status."""
    try:
        child_process.end_everything(patience_s=PATIENCE_S)
        for undo in reversed(_to_undo):
            undo()
    finally:
        os._exit(status)

"""The HTTP server of a process that has other work besides answering."""

import contextlib
from collections.abc import Iterator

import uvicorn


class OwnSignalsServer(uvicorn.Server):
    """A server that leaves signals to the process it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured: the process stops its server."""
        yield

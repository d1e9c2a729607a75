"""A TCP line between a browser and the gateway that a test can cut, freeze and mend."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class CuttableLine:
    """Listens at `url` and passes everything on to the gateway, while it is whole."""

    def __init__(self, gateway_url: str) -> None:
        target = urlsplit(gateway_url)
        assert target.hostname is not None
        assert target.port is not None
        self._target = (target.hostname, target.port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._is_cut = False
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""

    def cut(self) -> None:
        """Every connection ends at once, and new ones end before anything is said."""
        self._is_cut = True
        for task in self._connections:
            task.cancel()

    def freeze(self) -> None:
        """Connections stay, but nothing arrives any more."""
        self._flowing.clear()

    def mend(self) -> None:
        """Everything passes again; what a frozen line held back arrives."""
        self._is_cut = False
        self._flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._is_cut:
            writer.transport.abort()
            return
        self._connections.add(task)
        onward_reader, onward_writer = await asyncio.open_connection(*self._target)
        try:
            await asyncio.gather(self._pass(reader, onward_writer), self._pass(onward_reader, writer))
        except (asyncio.CancelledError, ConnectionError):
            pass  # cut by the test, or closed by either side
        finally:
            self._connections.discard(task)
            for end in (writer, onward_writer):
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def cuttable_line(gateway_url: str) -> AsyncIterator[CuttableLine]:
    """A whole line, at an address of its own, while the block lasts."""
    line = CuttableLine(gateway_url)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        line.cut()
        await asyncio.sleep(0)

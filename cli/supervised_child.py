"""One process of the market: started, watched, started again when it dies, stopped."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import child_process
from cli.backoff import Backoff
from cli.command_failed import CommandFailed, WronglyAskedFor
from cli.listening import DESCRIPTOR as listening_descriptor
from cli.market_environment import address_of
from cli.start_gate import DESCRIPTOR as gate_descriptor
from cli.start_gate import StartGate

START_PATIENCE_S = 60.0
STARTS = 4
RESTART_PAUSE_S = 0.3
STOP_PATIENCE_S = 10.0
LOOK_EVERY_S = 0.1
HEALTH_PATIENCE_S = 5.0


class SupervisedChild:
    """A command that answers `GET /health` with 200 on the listening socket it is handed, once the gate is open."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        listening: socket.socket,
        gate: StartGate,
        log: Path,
    ) -> None:
        self.name = name
        self.address = address_of(listening)
        self._command = command
        self._handed_over = {listening_descriptor: listening.fileno(), gate_descriptor: gate.descriptor}
        self._environment = {**environment, **{name: str(number) for name, number in self._handed_over.items()}}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the child that runs now or ran last; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        # Killed, not asked, when the supervisor dies: what it works with ends at the same moment.
        self._process = child_process.start(
            self._command,
            log=self._log,
            stop_signal=signal.SIGKILL,
            environment=self._environment,
            hand_over=list(self._handed_over.values()),
        )

    async def until_healthy(self) -> None:
        """Return once what was started is ready.

        One that ends before that is started again, since what it needs may have died under it. Raises CommandFailed
        with its last words when it has ended as often as `STARTS`, and WronglyAskedFor at once when a setting is wrong.
        """
        assert self._process is not None
        starts = 1
        # Its socket takes connections from the beginning: the answer comes when the process does.
        healthy = asyncio.create_task(_until_healthy(self.address))
        try:
            async with asyncio.timeout(START_PATIENCE_S):
                while not healthy.done():
                    if self._process.poll() is not None:
                        if self._process.returncode == WronglyAskedFor.exit_status:
                            raise WronglyAskedFor(self._last_words())
                        if starts == STARTS:
                            raise CommandFailed(self._obituary(self._process))
                        await asyncio.sleep(RESTART_PAUSE_S * starts)
                        starts += 1
                        self.start()
                    await asyncio.wait([healthy], timeout=LOOK_EVERY_S)
        except TimeoutError:
            raise CommandFailed(f"{self.name} was not healthy within {START_PATIENCE_S:.0f} s ({self._log})") from None
        finally:
            healthy.cancel()

    async def keep_running(self, report: Callable[[str], None]) -> None:
        """Start it again whenever it has died, however it died, for as long as this runs."""
        backoff = Backoff()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._process is None or self._process.poll() is None:
                continue
            delay_s = backoff.next_delay_s()
            report(f"{self._obituary(self._process)}; starting it again in {delay_s:.1f} s")
            await asyncio.sleep(delay_s)
            self.start()

    async def stop(self) -> None:
        """Ask it to finish what it is doing and to end; then end whatever it may have started and left."""
        process = self._process
        if process is None:
            return
        await asyncio.to_thread(child_process.stop, process, signal.SIGTERM, patience_s=STOP_PATIENCE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def _obituary(self, process: subprocess.Popen[bytes]) -> str:
        status = process.returncode
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"{self.name} {how}: {self._last_words() or 'it said nothing'} ({self._log})"

    def _last_words(self) -> str:
        return child_process.last_line(self._log).removeprefix("main.py: ")


async def is_healthy(address: str) -> bool:
    """Whether the process at this address of this machine answers `GET /health` with 200 within some seconds."""
    place = urlsplit(address)
    try:
        async with asyncio.timeout(HEALTH_PATIENCE_S):
            reader, writer = await asyncio.open_connection(unquote(place.hostname or ""), place.port)
            try:
                writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _until_healthy(address: str) -> None:
    while not await is_healthy(address):
        await asyncio.sleep(LOOK_EVERY_S)

"""A whole market on this machine: servers, schema, processes; started together, kept running, stopped in reverse.

Used by `python3 main.py` and by everything that needs a market of its own:

    async with RunningMarket(MarketOptions(data_folder=folder)) as market:
        ...  # market.url, market.environment, market.pids
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

import child_process
from cli import environment as variables
from cli.command_failed import CommandFailed
from cli.data_folder import DataFolder, Running
from cli.embedded_servers import EmbeddedServers
from cli.environment import check_settings, embedded_server_settings
from cli.kept_market import CLOCK_VARIABLES, KeptMarket, keep_market
from cli.listening import listen, listen_on_first_free_port, port_of
from cli.market_environment import GATEWAY, SIMULATOR, address_of, market_environment, reachable
from cli.progress import say, step
from cli.start_gate import StartGate
from cli.supervised_child import SupervisedChild
from cli.temporary_folders import remove_abandoned_folders, temporary_folder

ROOT = Path(__file__).resolve().parent.parent
# In the order of starting; stopping is the reverse, so that what others rely on goes last.
MARKET_PROCESSES = (SIMULATOR, "books", "projector", "payments", "servicing", GATEWAY)
STOP_PATIENCE_S = 5.0


class MarketOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to run a market on this machine.

    `port` None takes the first free one from 8000 on. `durable=False` lets PostgreSQL forget the last moments when the
    machine (not a process) fails, and `temporary` removes all data at the end. `environment` is what the processes
    inherit: a server that it gives an address for is used instead of an embedded one, and a Lemonway that it gives an
    address for instead of the simulator; with `kept`, which the folder then holds for good, its clock is that market's.
    `processes` are started as `program NAME`, each handed its listening socket.
    """

    data_folder: Path
    host: str = "127.0.0.1"
    port: int | None = None
    durable: bool = True
    temporary: bool = False
    environment: Mapping[str, str] = msgspec.field(default_factory=lambda: dict(os.environ))
    kept: KeptMarket | None = None
    processes: tuple[str, ...] = MARKET_PROCESSES
    program: tuple[str, ...] = (sys.executable, str(ROOT / "main.py"))


class RunningMarket:
    """The market of these options for as long as the `async with` block lasts.

    Entering raises CommandFailed, with nothing left running, when something cannot start.
    """

    url: str
    """Where the gateway answers."""
    environment: dict[str, str]
    """What the processes were given: enough to make any package's settings for this market."""

    def __init__(self, options: MarketOptions) -> None:
        self._options = options
        self._folder = options.data_folder.absolute()
        self._stack = contextlib.AsyncExitStack()
        self._children: dict[str, SupervisedChild] = {}
        self._servers: EmbeddedServers

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name, of the servers of ours and of the market's processes, as they are at this moment."""
        return self._servers.pids | {name: child.pid for name, child in self._children.items()}

    @property
    def addresses(self) -> dict[str, str]:
        """Where each of the market's processes answers /health, /status and /metrics."""
        return {name: child.address for name, child in self._children.items()}

    async def __aenter__(self) -> Self:
        async with self._stack:
            await self._start()
            # Only now is there something to keep; a failure on the way has been undone by the stack.
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with step("stopping the market"):
            await self._stack.aclose()

    async def _start(self) -> None:
        options = self._options
        data_folder = DataFolder(self._folder)
        self._stack.enter_context(data_folder.claimed())
        remove_abandoned_folders()
        settings = embedded_server_settings(options.environment)
        host = options.host
        gateway = listen_on_first_free_port(host) if options.port is None else listen(host, options.port)
        self._stack.callback(gateway.close)
        self.url = f"http://{reachable(host)}:{port_of(gateway)}"
        socket_folder = self._stack.enter_context(temporary_folder("run"))
        running = Running(pid=os.getpid(), url=self.url, socket_folder=str(socket_folder))
        self._stack.enter_context(data_folder.noted(running))
        self._servers = EmbeddedServers(
            settings, data_folder=self._folder, socket_folder=socket_folder, durable=options.durable
        )
        sockets = self._listening_sockets(gateway)
        self.environment = self._market_environment(sockets)
        check_settings(sockets, self.environment)
        if options.kept is not None:
            keep_market(self._folder, options.kept)
        if options.temporary:
            self._stack.callback(shutil.rmtree, self._folder)
            self._stack.callback(self._servers.remove_data)
        self._stack.push_async_callback(self._servers.stop)
        gate = StartGate()
        self._stack.callback(gate.remove)
        self._start_processes(sockets, gate)
        await self._start_servers()
        # From now on: a server that dies while the processes start is as bad as one that dies later.
        keeping_servers = asyncio.create_task(self._servers.keep_running(say))
        self._stack.push_async_callback(_cancel, keeping_servers)
        gate.open()
        async with step("starting the market's processes"):
            await _all_or_first_failure([child.until_healthy() for child in self._children.values()])
        known = {name: self.environment[name] for name in variables.VERIFY_VARIABLES if name in self.environment}
        data_folder.note(msgspec.structs.replace(running, environment=known))
        watchers = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._stack.callback(watchers.create_task(_follow(keeping_servers)).cancel)
        for child in self._children.values():
            self._stack.callback(watchers.create_task(child.keep_running(say)).cancel)

    def _listening_sockets(self, gateway: socket.socket) -> dict[str, socket.socket]:
        """By name of the processes to be started. Only the gateway is for others to reach."""
        has_simulator = not self._options.environment.get(variables.LEMONWAY_URL)
        names = [name for name in self._options.processes if name != SIMULATOR or has_simulator]
        sockets = {name: gateway if name == GATEWAY else listen("127.0.0.1", 0) for name in names}
        for listening in sockets.values():
            self._stack.callback(listening.close)
        return sockets

    def _market_environment(self, sockets: Mapping[str, socket.socket]) -> dict[str, str]:
        given, kept = dict(self._options.environment), self._options.kept
        if kept is not None:
            given = {name: value for name, value in given.items() if name not in CLOCK_VARIABLES} | kept.variables()
        addresses = {name: address_of(listening) for name, listening in sockets.items()}
        return market_environment({**given, **self._servers.environment}, self._folder, addresses)

    def _start_processes(self, sockets: Mapping[str, socket.socket], gate: StartGate) -> None:
        for name in sockets:
            child = SupervisedChild(
                name,
                [*self._options.program, name],
                environment=self.environment,
                listening=sockets[name],
                gate=gate,
                log=self._fresh_log(name),
            )
            self._stack.push_async_callback(child.stop)
            child.start()
            self._children[name] = child

    async def _start_servers(self) -> None:
        postgres = self._servers.postgres
        if postgres is not None and not postgres.data_folder.is_relative_to(self._folder):
            say(f"as root, PostgreSQL keeps its data in {postgres.data_folder}, which its user can reach")
        async with step("starting PostgreSQL and Valkey"):
            await self._servers.start()
        async with step("preparing the database"):
            await self._migrate(self._fresh_log("migrate"))

    def _fresh_log(self, name: str) -> Path:
        """A log of this run alone; the one of the run before is set aside, in place of the one before that."""
        log = self._folder / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        if log.exists():
            log.replace(log.with_suffix(".before.log"))
        return log

    async def _migrate(self, log: Path) -> None:
        environment = self.environment | self._servers.migration_environment
        process = child_process.start(
            [*self._options.program, "migrate"], log=log, stop_signal=signal.SIGKILL, environment=environment
        )
        try:
            await asyncio.to_thread(process.wait)
        finally:
            child_process.stop(process, signal.SIGTERM, patience_s=STOP_PATIENCE_S)
        if process.returncode != 0:
            raise CommandFailed(
                f"the database could not be prepared: {child_process.last_line(log).removeprefix('main.py: ')} ({log})"
            )


async def _follow(task: asyncio.Task[None]) -> None:
    """Fail when `task` fails."""
    await asyncio.shield(task)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _all_or_first_failure(starts: Sequence[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
    for task in done:
        task.result()

"""What every process but the gateway tells over HTTP about itself, and the frame such a process runs in."""

import asyncio
import os
import socket
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import prometheus_client
import uvicorn

from api.own_signals_server import OwnSignalsServer
from cli.command_failed import CommandFailed, leaves
from cli.environment import check_settings, listen_settings
from cli.listening import DESCRIPTOR, listening_socket, port_of
from cli.logs import configure_logs
from cli.market_environment import address_of
from cli.progress import say
from cli.stores import reach_stores
from cli.until_stopped import run_until_stopped

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ProcessStatus:
    """The facts a process gives about itself at this moment, and whether it is well."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        """The port this process answers on: no other living process of the machine has it."""
        self.started_at = datetime.now(UTC)
        self.facts: Callable[[], Mapping[str, object]] = dict
        self.is_healthy: Callable[[], bool] = lambda: True


def run_process(
    name: str, work: Callable[[ProcessStatus], Coroutine[Any, Any, None]], *, stores: Sequence[str] = ()
) -> int:
    """Run `work` until it is stopped, answering /health, /status and /metrics meanwhile.

    The exit status is 0 after Ctrl-C or SIGTERM. When `work` fails, so does the process: it is made to be started
    again at any time. `stores` are the variables of the servers without which there is no use in beginning.
    """
    try:
        return run_until_stopped(_run(name, work, stores)) or 0
    except BaseExceptionGroup as failures:
        told = [failure for failure in leaves(failures) if isinstance(failure, CommandFailed)]
        if told:
            raise told[0] from failures
        traceback.print_exception(failures)
        # Last in the log, because the supervisor quotes the last line.
        reasons = "; ".join(f"{type(failure).__name__}: {failure}" for failure in leaves(failures))
        raise CommandFailed(f"{name} failed: {reasons}") from failures


def say_where_it_listens(name: str, listening: socket.socket, environment: Mapping[str, str]) -> None:
    """For a process that was started alone: whom a supervisor started, the supervisor knows where to find."""
    if DESCRIPTOR not in environment:
        say(f"{name} listens on {address_of(listening)}")


async def _run(name: str, work: Callable[[ProcessStatus], Coroutine[Any, Any, None]], stores: Sequence[str]) -> int:
    configure_logs()
    check_settings([name], os.environ)
    settings = listen_settings(os.environ)
    listening = listening_socket(os.environ, host=settings.host, port=settings.port)
    await reach_stores(os.environ, stores)
    say_where_it_listens(name, listening, os.environ)
    status = ProcessStatus(name, port_of(listening))
    config = uvicorn.Config(
        _StatusPage(status), log_level="warning", access_log=False, lifespan="off", server_header=False, ws="none"
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(OwnSignalsServer(config).serve(sockets=[listening]))
        group.create_task(work(status))
    return 0


class _StatusPage:
    """`/health` answers 200 while the process is well, `/status` its facts as JSON, `/metrics` Prometheus text."""

    def __init__(self, status: ProcessStatus) -> None:
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", scope["type"]
        status = self._status
        match scope["path"]:
            case "/health":
                is_healthy = status.is_healthy()
                await _respond(send, 200 if is_healthy else 503, b"ok\n" if is_healthy else b"unwell\n", "text/plain")
            case "/status":
                facts = {"process": status.name, "started_at": status.started_at, **status.facts()}
                await _respond(send, 200, msgspec.json.encode(facts), "application/json")
            case "/metrics":
                await _respond(send, 200, prometheus_client.generate_latest(), prometheus_client.CONTENT_TYPE_LATEST)
            case _:
                await _respond(send, 404, b"not found\n", "text/plain")


async def _respond(send: Send, code: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})

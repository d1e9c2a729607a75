"""What every process but the gateway tells over HTTP about itself, and the frame such a process runs in."""

import asyncio
import contextlib
import os
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import prometheus_client
import uvicorn

from cli.command_failed import CommandFailed
from cli.environment import listen_settings
from cli.listening import listening_socket, port_of
from cli.logs import configure_logs
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


class OwnSignalsServer(uvicorn.Server):
    """A server that leaves signals to the process it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured: the process stops its server by cancelling it."""
        yield


def run_process(name: str, work: Callable[[ProcessStatus], Coroutine[Any, Any, None]]) -> int:
    """Run `work` until it is stopped, answering /health, /status and /metrics meanwhile.

    The exit status is 0 after Ctrl-C or SIGTERM. When `work` fails, so does the process: it is made to be started
    again at any time.
    """
    try:
        return run_until_stopped(_run(name, work)) or 0
    except BaseExceptionGroup as failures:
        traceback.print_exception(failures)
        # Last in the log, because the supervisor quotes the last line.
        raise CommandFailed(f"{name} failed: {_reasons(failures)}") from failures


def _reasons(failures: BaseExceptionGroup[BaseException]) -> str:
    """Every failure of the group, however deep, in one line."""
    parts = []
    for failure in failures.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            parts.append(_reasons(failure))
        else:
            parts.append(f"{type(failure).__name__}: {failure}")
    return "; ".join(parts)


async def _run(name: str, work: Callable[[ProcessStatus], Coroutine[Any, Any, None]]) -> int:
    configure_logs()
    settings = listen_settings(os.environ)
    listening = listening_socket(os.environ, host=settings.host, port=settings.port)
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

"""What every process but the gateway tells over HTTP about itself: /health, /status and /metrics on a port of its own."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import prometheus_client
import uvicorn

from cli.environment import ListenSettings

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Any]
Receive = Callable[[], Any]
Facts = Callable[[], Mapping[str, object]]


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ProcessStatus:
    """`/health` answers 200 while the process runs, `/status` the facts it gives as JSON, `/metrics` Prometheus text."""

    def __init__(self, name: str, settings: ListenSettings) -> None:
        self._name = name
        self._settings = settings
        self._started_at = datetime.now(UTC)
        self.facts: Facts = dict

    async def serve(self) -> None:
        """Answer until cancelled. Raises OSError when the port is taken."""
        config = uvicorn.Config(
            self._answer,
            host=self._settings.host,
            port=self._settings.port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
        )
        await _Server(config).serve()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        match scope["path"]:
            case "/health":
                await _respond(send, 200, b"ok\n", "text/plain; charset=utf-8")
            case "/status":
                facts = {"process": self._name, "started_at": self._started_at, **self.facts()}
                await _respond(send, 200, msgspec.json.encode(facts), "application/json")
            case "/metrics":
                await _respond(send, 200, prometheus_client.generate_latest(), prometheus_client.CONTENT_TYPE_LATEST)
            case _:
                await _respond(send, 404, b"not found\n", "text/plain; charset=utf-8")


async def _respond(send: Send, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""The one module that sends HTTP requests, so that the HTTP library can be exchanged here (and in authentication.py).

Money calls are sent once, whatever happens. Only reading may be repeated, because reading changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

import httpx
import msgspec

from lemonway.answers import Answer
from lemonway.authentication import BearerAuthentication
from lemonway.errors import LemonwayNotReached, LemonwayUnreachable
from lemonway.messages import RequestBody

_READ_PAUSES_MS = (100, 400)
"""Pauses before the second and the third attempt of a read that got no answer."""


class LemonwayConnection(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach one Lemonway: sandbox, production or the simulator differ in nothing else.

    `directkit_url` ends before `/v2`. `psu_ip_address` stands in for the final user where no user is present (batch
    jobs); Lemonway refuses an ill-formed one. Time-outs are the ones live clients use (docs/lemonway_facts.md §11).
    """

    directkit_url: str
    onboarding_url: str
    token_url: str
    api_key: str
    psu_ip_address: str = "127.0.0.1"
    language: str = "it"
    connect_timeout_ms: int = 5_000
    read_timeout_ms: int = 30_000
    write_timeout_ms: int = 120_000
    unix_socket: str | None = None
    max_connections: int = 20


class Transport:
    """Sends one request and returns what came back, or says why nothing usable did."""

    def __init__(self, http: httpx.AsyncClient, *, base_url: str, write_timeout_ms: int) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._write_timeout = httpx.Timeout(http.timeout.connect, read=write_timeout_ms / 1000)

    async def read(self, path: str, query: Mapping[str, str | int] | None = None) -> Answer:
        """GET, up to three times. Raises LemonwayUnreachable when no attempt was answered."""
        for pause_ms in _READ_PAUSES_MS:
            try:
                return await self._send("GET", path, query=query)
            except LemonwayUnreachable:
                await asyncio.sleep(pause_ms / 1000)
        return await self._send("GET", path, query=query)

    async def write(
        self, method: Literal["POST", "PUT"], path: str, body: RequestBody, *, reference: str | None = None
    ) -> Answer:
        """Send once. Raises LemonwayUnreachable for `reference` when no answer came: the outcome is unknown."""
        return await self._send(method, path, body=msgspec.json.encode(body), reference=reference)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        reference: str | None = None,
    ) -> Answer:
        try:
            response = await self._http.request(
                method,
                self._base_url + path,
                params=query,
                content=body,
                headers={"Content-Type": "application/json"} if body is not None else None,
                timeout=self._write_timeout if body is not None else httpx.USE_CLIENT_DEFAULT,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise LemonwayNotReached(_cause(error), reference=reference) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise LemonwayUnreachable(_cause(error), reference=reference) from error
        retry_after = response.headers.get("Retry-After", "")
        return Answer(
            http_status=response.status_code,
            body=response.content,
            retry_after_s=int(retry_after) if retry_after.isdecimal() else None,
            trace=response.headers.get("cf-ray"),
        )


class LemonwayTransports(msgspec.Struct, frozen=True, kw_only=True):
    """The two hosts that one bearer serves."""

    directkit: Transport
    onboarding: Transport


@asynccontextmanager
async def open_transports(connection: LemonwayConnection) -> AsyncIterator[LemonwayTransports]:
    """Open the connections to both hosts and close them at the end. Belongs to the event loop that opened it."""
    authentication = BearerAuthentication(token_url=connection.token_url, api_key=connection.api_key)
    limits = httpx.Limits(
        max_connections=connection.max_connections, max_keepalive_connections=connection.max_connections
    )
    async with httpx.AsyncClient(
        auth=authentication,
        transport=httpx.AsyncHTTPTransport(uds=connection.unix_socket, limits=limits),
        timeout=httpx.Timeout(
            connection.read_timeout_ms / 1000,
            connect=connection.connect_timeout_ms / 1000,
        ),
        headers={
            "PSU-IP-Address": connection.psu_ip_address,
            "PSU-Accept-Language": connection.language,
            "Accept": "application/json",
            "User-Agent": "BluLend",
        },
    ) as http:
        yield LemonwayTransports(
            directkit=Transport(http, base_url=connection.directkit_url, write_timeout_ms=connection.write_timeout_ms),
            onboarding=Transport(
                http, base_url=connection.onboarding_url, write_timeout_ms=connection.write_timeout_ms
            ),
        )


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

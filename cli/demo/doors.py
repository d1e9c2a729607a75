"""The two doors a demonstration goes through: the market's HTTP API, and the simulator's control plane.

Every call carries an id of ours, so a call whose answer was lost is made again until it is answered.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

import httpx

from cli.command_failed import CommandFailed

LOST_AFTER_S = 90.0
"""How long a door may stay shut, for instance while a process is being started again."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5
SHUT = (429, 500, 502, 503, 504)


class CallRefused(CommandFailed):
    """The market said no to something the demonstration relies on."""

    def __init__(self, method: str, path: str, answer: httpx.Response) -> None:
        super().__init__(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        self.status = answer.status_code
        self.answer = answer


class Door:
    """One HTTP address, with the access key of whoever calls. Close the client it was opened on."""

    def __init__(self, client: httpx.AsyncClient, *, key: str | None = None) -> None:
        self._client = client
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def as_holder_of(self, key: str) -> Self:
        """The same door for another caller."""
        return type(self)(self._client, key=key)

    async def get(self, path: str) -> Any:
        """What the address answers, decoded. Raises CallRefused on any other status than success."""
        return await self._call("GET", path, None, {})

    async def put(self, path: str, body: object) -> Any:
        return await self._call("PUT", path, body, {})

    async def post(self, path: str, body: object = None, *, key: str | None = None) -> Any:
        """`key` is the Idempotency-Key of calls that have no id in their path."""
        return await self._call("POST", path, body, {} if key is None else {"Idempotency-Key": key})

    async def submit_form(self, path: str, fields: Mapping[str, str]) -> None:
        """Send a page's form as a person's browser would, without following where it leads."""
        answer = await self._until_answered("POST", path, {}, data=fields)
        if answer.status_code not in (200, 303):
            raise CallRefused("POST", path, answer)

    async def _call(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Any:
        sent: dict[str, Any] = {} if body is None else {"json": body}
        answer = await self._until_answered(method, path, headers, **sent)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise CallRefused(method, path, answer)

    async def _until_answered(self, method: str, path: str, headers: Mapping[str, str], **sent: Any) -> httpx.Response:
        pause_s, shut_since = FIRST_PAUSE_S, asyncio.get_running_loop().time()
        while True:
            try:
                answer = await self._client.request(method, path, headers={**self._headers, **headers}, **sent)
                if answer.status_code not in SHUT:
                    return answer
                why = f"{answer.status_code} {answer.text[:200]}"
            except httpx.TransportError as error:
                why = f"{type(error).__name__} {error}"
            if asyncio.get_running_loop().time() - shut_since > LOST_AFTER_S:
                raise CommandFailed(f"{method} {path} was not answered for {LOST_AFTER_S:.0f} s: {why}")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def client_for(address: str) -> httpx.AsyncClient:
    """A client whose calls are to that address unless they name another."""
    return httpx.AsyncClient(base_url=address, timeout=httpx.Timeout(30.0), limits=httpx.Limits(max_connections=16))

"""Every connected client of this gateway: who may come in, and who must go."""

import asyncio
import contextlib
import random
from collections import deque
from datetime import UTC, datetime

from api.callers import Caller
from api.feeds.messages import FULL, GOING_AWAY, TOO_MANY_SOCKETS, Close
from api.feeds.session import FeedSession

SOCKETS_A_USER = 5
SOCKETS_MAX = 2_000
FAREWELL_S = 3.0
"""A client that does not even take its farewell in is not waited for any longer."""
RETRY_MS_LEAST = 500
RETRY_MS_MOST = 15_000


class Client:
    """A connected client: its session, and what interrupts its writer, which alone writes to the socket."""

    def __init__(self, session: FeedSession, caller: Caller | None) -> None:
        self.session = session
        self.caller = caller
        self.news = asyncio.Event()
        self.dismissal: Close | None = None

    def dismiss(self, close: Close) -> None:
        """Have the client's writer say goodbye and close."""
        self.dismissal = close
        self.news.set()


class FeedHub:
    """The clients of all channels. It lives in one event loop, so nothing here is ever half done."""

    def __init__(self, *, sockets_max: int = SOCKETS_MAX) -> None:
        self._sockets_max = sockets_max
        self._clients: set[Client] = set()
        self._of_user: dict[str, deque[Client]] = {}
        self._closing = False
        self.started_at = datetime.now(UTC)

    @property
    def client_count(self) -> int:
        return len(self._clients)

    def admit(self, client: Client) -> None:
        """Take a client in. Raises Close(1013) when this gateway is full; a user's sixth socket ends the oldest."""
        if self._closing:
            raise Close(GOING_AWAY, "this gateway is stopping")
        if len(self._clients) >= self._sockets_max:
            raise Close(FULL, "this gateway has as many clients as it takes")
        self._clients.add(client)
        if client.caller is None:
            return
        sockets = self._of_user.setdefault(_user(client.caller), deque())
        sockets.append(client)
        if len(sockets) > SOCKETS_A_USER:
            sockets[0].dismiss(Close(TOO_MANY_SOCKETS, f"more than {SOCKETS_A_USER} connections of one user"))

    def leave(self, client: Client) -> None:
        """The client's connection ended."""
        self._clients.discard(client)
        if client.caller is not None:
            user = _user(client.caller)
            sockets = self._of_user.get(user)
            if sockets is not None and client in sockets:
                sockets.remove(client)
                if not sockets:
                    del self._of_user[user]

    async def send_everybody_away(self) -> None:
        """Before this gateway stops: every client is told when to come back, each at another moment."""
        self._closing = True
        for client in self._clients:
            client.dismiss(Close(GOING_AWAY, "this gateway is stopping"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                while self._clients:
                    await asyncio.sleep(0.01)


def retry_ms() -> int:
    """When a client that is sent away should come back: spread, so that they do not all come at once."""
    return random.randint(RETRY_MS_LEAST, RETRY_MS_MOST)


def _user(caller: Caller) -> str:
    return caller.party_id or caller.role

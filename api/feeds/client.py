"""A reference client of the feed: subscribes books, resumes after a lost connection, and never shows what it cannot
vouch for."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from actors.feed_messages import Reset
from api.feeds.book_mirror import BookMirror
from api.feeds.messages import (
    SUBPROTOCOL,
    Ack,
    AnyClientMessage,
    Auth,
    Bye,
    Err,
    Heartbeat,
    Hello,
    Op,
    Position,
    Snap,
    Sub,
    write_frame,
)
from marketplace.book.book_view import BookView

ACK_EVERY_S = 5.0
ACK_EVERY_MESSAGES = 200
RETRY_LEAST_S = 0.5
RETRY_MOST_S = 15.0
_KNOWN = frozenset({"hello", "snap", "d", "hb", "reset", "err", "bye"})

FetchTicket = Callable[[], Awaitable[str]]


class _Kind(msgspec.Struct):
    t: str


class _Delta(msgspec.Struct, tag_field="t", tag="d"):
    ch: str
    inc: int
    p: int
    s: int
    ops: tuple[Op, ...]
    crc: int | None = None


_ServerMessage = Hello | Snap | _Delta | Heartbeat | Reset | Err | Bye


class SubscriptionRefused(Exception):
    """The server does not let this client follow a channel."""

    def __init__(self, channel: str, problem: dict[str, object]) -> None:
        super().__init__(f"{channel}: {problem.get('type')}")
        self.channel = channel
        self.problem = problem


class BookFeedClient:
    """Follows the books of some companies while `run` is awaited.

    `books` holds what is known, by company, and `is_live` whether it is known to be current. `changed` is set after
    every frame.
    """

    def __init__(self, url: str, fetch_ticket: FetchTicket, company_ids: Iterable[str]) -> None:
        self._url = url
        self._fetch_ticket = fetch_ticket
        self._channels = {f"book:{company_id}": company_id for company_id in company_ids}
        self._next_n = 1
        self._unacknowledged = 0
        self._behind: dict[str, int] = {}
        self._connection: ClientConnection | None = None
        self._retry_s: float | None = None
        self.books: dict[str, BookMirror] = {}
        self.is_live = False
        self.changed = asyncio.Event()
        self.snapshots = 0
        self.deltas = 0
        self.mismatches = 0

    async def run(self) -> None:
        """Until cancelled. Raises SubscriptionRefused when the server refuses a channel."""
        attempt = 0
        while True:
            try:
                await self._follow()
                attempt = 0
            except (OSError, websockets.WebSocketException):
                attempt += 1
            finally:
                self.is_live = False
                self.changed.set()
            await asyncio.sleep(self._pause_s(attempt))

    async def drop_connection(self) -> None:
        """Cut the connection as a network would; `run` comes back and resumes."""
        if self._connection is not None:
            self._connection.transport.abort()

    async def until(self, condition: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
        """Wait until `condition` holds. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def _pause_s(self, attempt: int) -> float:
        told_s, self._retry_s = self._retry_s, None
        if told_s is not None:
            return told_s
        return random.uniform(0, min(RETRY_MOST_S, RETRY_LEAST_S * 2**attempt))

    async def _follow(self) -> None:
        ticket = await self._fetch_ticket()
        async with connect(self._url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None) as connection:
            self._connection = connection
            self._behind.clear()
            first: list[AnyClientMessage] = [Auth(ticket=ticket)]
            first += [self._subscription(channel) for channel in self._channels]
            await connection.send(write_frame(first))
            acknowledging = asyncio.create_task(self._acknowledge_regularly(connection))
            try:
                async for frame in connection:
                    await self._take_frame(connection, frame)
            finally:
                acknowledging.cancel()

    async def _take_frame(self, connection: ClientConnection, frame: str | bytes) -> None:
        for raw in msgspec.json.decode(frame, type=list[msgspec.Raw]):
            if msgspec.json.decode(raw, type=_Kind).t in _KNOWN:
                await self._take(connection, msgspec.json.decode(raw, type=_ServerMessage))
        if self._unacknowledged >= ACK_EVERY_MESSAGES:
            await self._acknowledge(connection)
        self.changed.set()

    async def _take(self, connection: ClientConnection, message: _ServerMessage) -> None:
        match message:
            case Snap():
                self._take_snapshot(message)
                await self._check(connection, message.ch, message.crc)
            case _Delta():
                await self._take_delta(connection, message)
            case Reset(ch=channel):
                self.books.pop(self._channels[channel], None)
            case Heartbeat(heads=heads):
                await self._compare_heads(connection, heads)
            case Bye(retry_ms=retry_ms):
                self._retry_s = retry_ms / 1_000
            case Err(ch=channel, problem=problem):
                raise SubscriptionRefused(channel, problem)
            case Hello():
                self.is_live = True

    def _take_snapshot(self, snap: Snap) -> None:
        self.snapshots += 1
        self._unacknowledged += 1
        company_id = self._channels[snap.ch]
        view = msgspec.json.decode(snap.data, type=BookView)
        self.books[company_id] = BookMirror(company_id, Position(inc=snap.inc, s=snap.s), view)
        self._behind.pop(snap.ch, None)

    async def _take_delta(self, connection: ClientConnection, delta: _Delta) -> None:
        self._unacknowledged += 1
        book = self.books.get(self._channels[delta.ch])
        if book is None or book.position != Position(inc=delta.inc, s=delta.p):
            await self._start_over(connection, delta.ch)
            return
        self.deltas += 1
        book.apply(delta.s, delta.ops)
        self._behind.pop(delta.ch, None)
        if delta.crc is not None:
            await self._check(connection, delta.ch, delta.crc)

    async def _check(self, connection: ClientConnection, channel: str, crc: int) -> None:
        if self.books[self._channels[channel]].checksum() != crc:
            self.mismatches += 1
            await self._start_over(connection, channel)

    async def _compare_heads(self, connection: ClientConnection, heads: dict[str, int]) -> None:
        """A channel that is behind its head for two heartbeats has lost something."""
        for channel, head in heads.items():
            book = self.books.get(self._channels[channel])
            if book is not None and book.position.s >= head:
                self._behind.pop(channel, None)
                continue
            self._behind[channel] = self._behind.get(channel, 0) + 1
            if self._behind[channel] >= 2:
                await self._start_over(connection, channel)

    async def _start_over(self, connection: ClientConnection, channel: str) -> None:
        self.books.pop(self._channels[channel], None)
        self._behind.pop(channel, None)
        await connection.send(write_frame([self._subscription(channel)]))

    def _subscription(self, channel: str) -> Sub:
        book = self.books.get(self._channels[channel])
        n, self._next_n = self._next_n, self._next_n + 1
        return Sub(n=n, ch=channel, from_=None if book is None else book.position)

    async def _acknowledge_regularly(self, connection: ClientConnection) -> None:
        while True:
            await asyncio.sleep(ACK_EVERY_S)
            await self._acknowledge(connection)

    async def _acknowledge(self, connection: ClientConnection) -> None:
        self._unacknowledged = 0
        seen = {
            name: self.books[company].position.s for name, company in self._channels.items() if company in self.books
        }
        if seen:
            await connection.send(write_frame([Ack(s=seen)]))

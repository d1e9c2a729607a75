"""The websocket's shell: handshake, ticket, one reader and one writer for each client."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from redis.asyncio import Redis
from redis.exceptions import RedisError

from actors.feed_messages import FeedMessage
from api.callers import Caller
from api.feeds.channels import Channels
from api.feeds.hub import Client, FeedHub, retry_ms
from api.feeds.messages import (
    BAD_TICKET,
    BUG,
    FULL,
    GOING_AWAY,
    SUBPROTOCOL,
    TOO_SLOW,
    Ack,
    AnyClientMessage,
    AnyServerMessage,
    Auth,
    Bye,
    Close,
    Sub,
    Unsub,
    read_client_frame,
    write_frame,
)
from api.feeds.session import ACK_AGE_MAX_S, FeedSession
from api.feeds.tickets import redeem_ticket
from marketplace.ports import Clock
from persistence.reconnection import is_database_away

AUTH_WITHIN_S = 5.0
SESSION_H = 12
FLUSH_S = 0.025
"""What changes within this time goes into one frame."""
_LOOK_EVERY_S = 1.0
_ANSWERS_WAITING_MAX = 50
_COMES_BACK = (GOING_AWAY, FULL, TOO_SLOW)

Socket = WebSocket[Any, Any, Any]

_log = structlog.get_logger(__name__)


class FeedSocket:
    """Serves one client after another; holds nothing of any of them."""

    def __init__(self, *, hub: FeedHub, channels: Channels, tickets: Redis, clock: Clock) -> None:
        self._hub = hub
        self._channels = channels
        self._tickets = tickets
        self._clock = clock

    async def serve(self, socket: Socket) -> None:
        """From the handshake to the end of the connection, whoever ends it."""
        if not is_own_origin(socket) or SUBPROTOCOL not in _offered_subprotocols(socket):
            await socket.close()  # before it is accepted: a bare HTTP 403
            return
        await socket.accept(subprotocols=SUBPROTOCOL)
        try:
            client, first_messages = await self._welcome(socket)
            try:
                await self._converse(socket, client, first_messages)
            finally:
                client.session.leave()
                self._hub.leave(client)
        except WebSocketDisconnect:
            return
        except Exception as end:
            await _say_goodbye(socket, _as_close(end))

    async def _welcome(self, socket: Socket) -> tuple[Client, list[AnyClientMessage]]:
        try:
            async with asyncio.timeout(AUTH_WITHIN_S):
                messages = read_client_frame(await socket.receive_data(mode="text"))
        except TimeoutError as error:
            raise Close(BAD_TICKET, f"no ticket within {AUTH_WITHIN_S:.0f} s") from error
        match messages:
            case [Auth(ticket=ticket), *others]:
                caller = await self._redeem(ticket)
            case _:
                raise Close(BAD_TICKET, "the first message must be auth")
        now_s = asyncio.get_running_loop().time()
        session = FeedSession(now_s=now_s, until_s=now_s + SESSION_H * 3_600)
        client = Client(session, caller)
        self._hub.admit(client)
        self._greet(session)
        return client, others

    async def _converse(self, socket: Socket, client: Client, first_messages: list[AnyClientMessage]) -> None:
        """Read and write until either ends. Raises what it ended with."""
        reader = asyncio.create_task(self._read(socket, client, first_messages))
        writer = asyncio.create_task(self._write(socket, client))
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reader, writer):
                task.cancel()
            ends = await asyncio.gather(reader, writer, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _read(self, socket: Socket, client: Client, messages: list[AnyClientMessage]) -> None:
        while True:
            client.session.count_messages(len(messages), now_s=_now_s())
            for message in messages:
                await self._take(client, message)
            client.news.set()
            while client.session.answers_waiting > _ANSWERS_WAITING_MAX:
                await asyncio.sleep(FLUSH_S)
            messages = read_client_frame(await socket.receive_data(mode="text"))

    async def _write(self, socket: Socket, client: Client) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await client.news.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(FLUSH_S)
            client.news.clear()
            if client.dismissal is not None:
                raise client.dismissal
            messages = client.session.due(
                now_s=_now_s(), heads=self._channels.heads if self._channels.is_current else None
            )
            if messages:
                await self._send(socket, messages)

    async def _take(self, client: Client, message: AnyClientMessage) -> None:
        match message:
            case Auth(ticket=ticket):
                if await self._redeem(ticket) != client.caller:
                    raise Close(BAD_TICKET, "the ticket is somebody else's")
                client.session.until_s = _now_s() + SESSION_H * 3_600
                self._greet(client.session)
            case Sub():
                await self._subscribe(client, message)
            case Unsub(ch=name):
                client.session.unfollow(name)
            case Ack():
                client.session.acknowledge(message, now_s=_now_s())

    async def _subscribe(self, client: Client, message: Sub) -> None:
        """Nothing is awaited between a channel's snapshot and its place among those who hear the next delta."""
        if not self._channels.is_current:
            raise Close(FULL, "the books cannot be read at the moment")
        if not await self._channels.may_follow(message.ch, client.caller):
            client.session.refuse(message, "not-found", "There is no such channel for you.")
            return
        channel = client.session.follow(message)
        if channel is None:
            return

        def deliver(news: FeedMessage) -> None:
            channel.deliver(news)
            client.news.set()

        channel.subscription = self._channels.subscribe(message.ch, deliver, since=message.from_)
        client.session.confirm_position(channel, message)

    async def _redeem(self, ticket: str) -> Caller | None:
        holder = await redeem_ticket(self._tickets, ticket)
        if holder is None:
            raise Close(BAD_TICKET, "the ticket is unknown, used or too old")
        return holder.caller

    def _greet(self, session: FeedSession) -> None:
        left_s = session.until_s - _now_s()
        session.greet(now_at=self._clock.now(), until_at=datetime.now(UTC) + timedelta(seconds=left_s))

    async def _send(self, socket: Socket, messages: list[AnyServerMessage]) -> None:
        try:
            async with asyncio.timeout(ACK_AGE_MAX_S):
                await socket.send_data(write_frame(messages), mode="text")
        except TimeoutError as error:
            raise Close(TOO_SLOW, "the connection takes nothing in") from error


def is_own_origin(socket: Socket) -> bool:
    """A browser names the page that opens a socket: only ours may. Other programs name none."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == socket.headers.get("host", "").lower()


def _offered_subprotocols(socket: Socket) -> list[str]:
    return re.split(r"\s*,\s*", socket.headers.get("sec-websocket-protocol", ""))


def _as_close(end: Exception) -> Close:
    """How a connection ends that something else than its client has ended."""
    if isinstance(end, Close):
        return end
    if isinstance(end, RedisError) or is_database_away(end):
        return Close(FULL, "a store cannot be reached at the moment")
    _log.error("feed_client_failed", exc_info=end)
    return Close(BUG, "something failed on our side")


async def _say_goodbye(socket: Socket, close: Close) -> None:
    try:
        async with asyncio.timeout(1):
            if close.code in _COMES_BACK:
                await socket.send_data(write_frame([Bye(code=close.code, retry_ms=retry_ms())]), mode="text")
            await socket.close(code=close.code, reason=close.reason[:120])
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        pass  # the other side is gone already, which is all a goodbye is for


def _now_s() -> float:
    return asyncio.get_running_loop().time()

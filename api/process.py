"""The gateway as a process: what it opens, serves and closes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import msgspec
import uvicorn
from litestar import Litestar
from redis.asyncio import Redis

from actors.event_feed import EventFeed
from actors.event_log import RedisJournals
from actors.mailbox import RedisOrderBooks
from actors.purse import RedisPurses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from api.app import create_app
from api.command_desk import CommandDesk
from api.dependencies import GatewayParts
from api.feeds.channels import Channels
from api.feeds.hub import FeedHub
from api.feeds.messages import FRAME_BYTES_MAX
from api.feeds.socket import FeedSocket
from api.forecast_desk import ForecastDesk
from api.live_books import LiveBooks
from api.own_signals_server import OwnSignalsServer
from api.settings import ApiSettings
from api.work_aside import WorkAside
from lemonway.connection import open_lemonway
from lemonway.jobs.enrolment import Enrolment
from lemonway.transport import LemonwayConnection
from persistence.business_clock import BusinessClock
from persistence.connection import close_pool, open_pool

_GRACE_S = 5


class GatewayPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway finds the rest of the market."""

    settings: ApiSettings
    database_url: str
    book_redis_url: str
    shards: ShardMap
    lemonway: LemonwayConnection
    webkit_url: str
    webhook_secrets: tuple[str, ...]


class Gateway(msgspec.Struct, frozen=True):
    """An open gateway: its application, its feed with its clients, and the task that keeps the feed current."""

    app: Litestar
    channels: Channels
    hub: FeedHub
    following: asyncio.Task[None]


async def run_api(place: GatewayPlace, listening: socket.socket) -> None:
    """Serve on `listening` until cancelled; then clients of the feed are told when to come back.

    Raises what made the feed fail for good: whoever runs the process starts it again.
    """
    async with open_gateway(place) as gateway:
        server = OwnSignalsServer(uvicorn_config(gateway.app))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.wait((serving, gateway.following), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await gateway.hub.send_everybody_away()
            server.should_exit = True
            await serving


@contextlib.asynccontextmanager
async def open_gateway(place: GatewayPlace) -> AsyncIterator[Gateway]:
    """Everything the gateway works with, and the application over it; closed in reverse order."""
    settings = place.settings
    async with contextlib.AsyncExitStack() as stack:
        pool = await open_pool(place.database_url, max_size=16)
        stack.push_async_callback(close_pool, pool)
        clock = await stack.enter_async_context(BusinessClock(place.database_url))
        lemonway = await stack.enter_async_context(open_lemonway(place.lemonway))
        jobs_redis = Redis.from_url(settings.jobs_redis_url)
        stack.push_async_callback(jobs_redis.aclose)
        order_books = RedisOrderBooks(place.book_redis_url, place.shards, clock)
        stack.push_async_callback(order_books.close)
        journals = RedisJournals(place.book_redis_url, place.shards)
        stack.push_async_callback(journals.close)
        book_redis = RedisConnection(place.book_redis_url)
        stack.push_async_callback(book_redis.close)
        purses = RedisPurses(book_redis, place.shards)
        feed = EventFeed(place.book_redis_url, place.shards)
        channels = Channels(feed, pool, public_books=settings.public_books)
        live_books, aside = LiveBooks(channels, pool, purses), WorkAside()
        hub = FeedHub()
        parts = GatewayParts(
            settings=settings,
            pool=pool,
            jobs_redis=jobs_redis,
            clock=clock,
            commands=CommandDesk(pool=pool, order_books=order_books),
            enrolment=Enrolment(pool=pool, lemonway=lemonway, clock=clock, webkit_url=place.webkit_url),
            order_books=order_books,
            journals=journals,
            channels=channels,
            hub=hub,
            forecasts=ForecastDesk(pool=pool, channels=channels, purses=purses, live_books=live_books, aside=aside),
            live_books=live_books,
            aside=aside,
            feed_socket=FeedSocket(hub=hub, channels=channels, tickets=jobs_redis, clock=clock),
            webhook_secrets=place.webhook_secrets,
        )
        following = asyncio.create_task(feed.run())
        try:
            yield Gateway(create_app(parts), channels, hub, following)
        finally:
            await feed.stop()
            await following


def uvicorn_config(app: Litestar) -> uvicorn.Config:
    """How the application is served: no compression and small frames on websockets, no name of the server."""
    return uvicorn.Config(
        app,
        ws="auto",
        ws_per_message_deflate=False,
        ws_max_size=FRAME_BYTES_MAX,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_S,
    )

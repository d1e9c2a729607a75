"""What handlers may ask for by name."""

from typing import Any

import msgspec
from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from redis.asyncio import Redis

from actors.mailbox import RedisOrderBooks
from api.callers import Caller
from api.command_desk import CommandDesk
from api.feeds.channels import Channels
from api.feeds.hub import FeedHub
from api.feeds.socket import FeedSocket
from api.forecast_desk import ForecastDesk
from api.live_books import LiveBooks
from api.settings import ApiSettings
from api.web.languages import preferred_language
from api.work_aside import WorkAside
from lemonway.jobs.enrolment import Enrolment
from marketplace.explanations.languages import Language
from marketplace.ports import Clock, JournalSource
from persistence.connection import Pool

# Protocols, and classes that are generic, cannot be validated at run time.
Settings = NamedDependency[SkipValidation[ApiSettings]]
Database = NamedDependency[SkipValidation[Pool]]
MarketClock = NamedDependency[SkipValidation[Clock]]
JobsRedis = NamedDependency[SkipValidation[Redis]]
Commands = NamedDependency[SkipValidation[CommandDesk]]
Enrolments = NamedDependency[SkipValidation[Enrolment]]
AskedLanguage = NamedDependency[SkipValidation[Language]]
CallerOrNobody = NamedDependency[SkipValidation[Caller | None]]
SignedIn = NamedDependency[SkipValidation[Caller]]
FeedChannels = NamedDependency[SkipValidation[Channels]]
FeedClients = NamedDependency[SkipValidation[FeedHub]]
Forecasts = NamedDependency[SkipValidation[ForecastDesk]]
LiveBooksPart = NamedDependency[SkipValidation[LiveBooks]]
Aside = NamedDependency[SkipValidation[WorkAside]]
Feed = NamedDependency[SkipValidation[FeedSocket]]
Books = NamedDependency[SkipValidation[RedisOrderBooks]]
Journals = NamedDependency[SkipValidation[JournalSource]]
WebhookSecrets = NamedDependency[SkipValidation[tuple[str, ...]]]


class GatewayParts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the gateway works with, made by whoever starts it."""

    settings: ApiSettings
    pool: Pool
    jobs_redis: Redis
    clock: Clock
    commands: CommandDesk
    enrolment: Enrolment
    order_books: RedisOrderBooks
    journals: JournalSource
    channels: Channels
    hub: FeedHub
    forecasts: ForecastDesk
    live_books: LiveBooks
    aside: WorkAside
    feed_socket: FeedSocket
    webhook_secrets: tuple[str, ...]
    """Good secrets in the address of notifications: one, or the old and the new one while it is being changed."""


def provided(parts: GatewayParts) -> dict[str, Provide]:
    """The dependencies of every handler, by name."""

    async def caller(request: Request[Any, Any, Any]) -> Caller | None:
        signed_in: Caller | None = request.scope.get("user")
        return signed_in

    async def asked_language(request: Request[Any, Any, Any]) -> Language:
        return preferred_language(request.headers.get("accept-language"))

    fixed: dict[str, object] = {
        "settings": parts.settings,
        "pool": parts.pool,
        "jobs_redis": parts.jobs_redis,
        "clock": parts.clock,
        "commands": parts.commands,
        "enrolment": parts.enrolment,
        "order_books": parts.order_books,
        "journals": parts.journals,
        "channels": parts.channels,
        "hub": parts.hub,
        "forecasts": parts.forecasts,
        "live_books": parts.live_books,
        "aside": parts.aside,
        "feed_socket": parts.feed_socket,
        "webhook_secrets": parts.webhook_secrets,
    }
    constants = {name: Provide(_constant(value), sync_to_thread=False) for name, value in fixed.items()}
    return {**constants, "caller": Provide(caller), "language": Provide(asked_language)}


def _constant(value: object) -> Any:
    def give() -> Any:
        return value

    return give

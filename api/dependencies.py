"""What handlers may ask for by name."""

from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.di import Provide
from litestar.params import Dependency
from redis.asyncio import Redis

from api.callers import Caller
from api.command_desk import CommandDesk
from api.feeds.channels import Channels
from api.feeds.socket import FeedSocket
from api.settings import ApiSettings
from api.web.languages import Language, preferred_language
from lemonway.jobs.enrolment import Enrolment
from marketplace.ports import Clock
from persistence.connection import Pool

# Protocols, and classes that are generic, cannot be validated at run time.
Database = Annotated[Pool, Dependency(skip_validation=True)]
MarketClock = Annotated[Clock, Dependency(skip_validation=True)]
JobsRedis = Annotated[Redis, Dependency(skip_validation=True)]
Commands = Annotated[CommandDesk, Dependency(skip_validation=True)]
Enrolments = Annotated[Enrolment, Dependency(skip_validation=True)]
AskedLanguage = Annotated[Language, Dependency(skip_validation=True)]
CallerOrNobody = Annotated[Caller | None, Dependency(skip_validation=True)]
SignedIn = Annotated[Caller, Dependency(skip_validation=True)]


class GatewayParts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the gateway works with, made by whoever starts it."""

    settings: ApiSettings
    pool: Pool
    jobs_redis: Redis
    clock: Clock
    commands: CommandDesk
    enrolment: Enrolment
    channels: Channels
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
        "channels": parts.channels,
        "feed_socket": parts.feed_socket,
        "webhook_secrets": parts.webhook_secrets,
    }
    constants = {name: Provide(_constant(value), sync_to_thread=False) for name, value in fixed.items()}
    return {**constants, "caller": Provide(caller), "language": Provide(asked_language)}


def _constant(value: object) -> Any:
    def give() -> Any:
        return value

    return give

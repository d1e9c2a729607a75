"""What the gateway is started with."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from lemonway.settings import RedisUrl

WEBHOOK_PATH = "/hooks/lemonway"
"""Below it Lemonway's notifications come in, at an address that ends in the secret."""

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535, description="a port number, 1 to 65535")]


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`public_books` shows the books, which name nobody, to visitors who have not signed in.

    `operator_secret` is what operations sign in with. With `clock="virtual"` business time
    moves only when the market's driver says so, never by itself; in a new market it begins at `clock_starts_at`.
    `process_addresses` names the other processes and where they answer, for the status of the whole market.
    """

    host: Annotated[str, msgspec.Meta(min_length=1, description="a host name or address to listen on")] = "127.0.0.1"
    port: Port = 8000
    jobs_redis_url: RedisUrl
    public_books: Annotated[bool, msgspec.Meta(description="true or false")] = True
    operator_secret: Annotated[str, msgspec.Meta(min_length=16, description="a secret of at least 16 characters")]
    clock_starts_at: (
        Annotated[datetime, msgspec.Meta(tz=True, description="an instant: 2026-11-23T09:00:00Z")] | None
    ) = None
    clock: Annotated[Literal["system", "virtual"], msgspec.Meta(description="system or virtual")] = "system"
    process_addresses: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[\w-]+=https?://[^,]+(,[\w-]+=https?://[^,]+)*$",
                description="names and addresses: books=http://host:port,projector=http://host:port",
            ),
        ]
        | None
    ) = None

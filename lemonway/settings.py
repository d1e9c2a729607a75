"""Which Lemonway we talk to, and as whom."""

from typing import Annotated

import msgspec

HttpUrl = Annotated[str, msgspec.Meta(pattern=r"^https?://[^/]+", description="an address: https://host/path")]
WalletId = Annotated[str, msgspec.Meta(min_length=1, max_length=256, description="the id of a wallet")]

RedisUrl = Annotated[
    str,
    msgspec.Meta(pattern=r"^(rediss?|unix)://.+", description="a Redis address: redis://, rediss:// or unix://"),
]


class LemonwaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The four addresses differ between sandbox, production and simulator; nothing else does.

    `base_url` ends before `/v2`, `webkit_url` is the hosted page on which mandates are signed. Instalments arrive on
    `collection_wallet` before they are shared out.
    `webhook_secret` is the unguessable part of the address that notifications come in at, as they are unsigned
    (docs/lemonway_facts.md §10). Waits for the network are those of production times `waits_percent` / 100, so that
    demonstrations need not wait for minutes.
    """

    base_url: HttpUrl
    token_url: HttpUrl
    onboarding_url: HttpUrl
    webkit_url: HttpUrl
    api_key: Annotated[str, msgspec.Meta(min_length=1, description="the API key of Lemonway's dashboard")]
    webhook_secret: Annotated[
        str, msgspec.Meta(pattern=r"^[\w-]{16,}$", description="at least 16 letters, digits, '_' or '-'")
    ]
    collection_wallet: WalletId = "COLLECTIONS"
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=600, description="whole seconds, 1 to 600")] = 120
    waits_percent: Annotated[int, msgspec.Meta(ge=1, le=1_000, description="per cent, 1 to 1000")] = 100


class JobsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Redis that wakes payment workers. Never a cluster: RQ cannot run on one."""

    redis_url: RedisUrl

"""Both sides of Lemonway, opened together because one bearer serves both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from lemonway.client import DirectKit
from lemonway.onboarding_client import OnlineOnboarding
from lemonway.transport import LemonwayConnection, open_transports


class Lemonway(msgspec.Struct, frozen=True, kw_only=True):
    """Wallets and money (`directkit`), and opening accounts (`onboarding`)."""

    directkit: DirectKit
    onboarding: OnlineOnboarding


@asynccontextmanager
async def open_lemonway(connection: LemonwayConnection) -> AsyncIterator[Lemonway]:
    """Nothing is sent before the first call. Use it in the event loop that opened it."""
    async with open_transports(connection) as transports:
        yield Lemonway(
            directkit=DirectKit(transports.directkit),
            onboarding=OnlineOnboarding(transports.onboarding),
        )

"""The market's time. In a market with a clock of its own, operations move it; it never goes back."""

import asyncio
from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, put
from litestar.params import JSONBody

from api.business_dates import business_date
from api.callers import Role
from api.dependencies import Database, MarketClock
from api.guards import Objects, allow, anybody
from api.problems import Problem
from marketplace.business_days import business_date_of
from marketplace.ports import Clock
from persistence.business_clock import ClockMoved, ClockStands, move_clock

_SEEN_WITHIN_S = 5.0

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class ClockBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The instant to move to."""

    now_at: Instant


class ClockReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What time it is in this market."""

    now_at: datetime
    business_date: date


class ReadClockController(Controller):
    path = "/clock"
    tags = ("Clock",)

    @get(operation_id="GetClock", opt=anybody())
    async def get_clock(self, clock: MarketClock) -> ClockReceipt:
        """The market's present instant and business date."""
        return ClockReceipt(now_at=clock.now(), business_date=business_date(clock))


class MoveClockController(Controller):
    path = "/clock"
    tags = ("Clock",)

    @put(operation_id="MoveClock", status_code=200, opt=allow(Role.OPERATOR, objects=Objects.NONE))
    async def move_clock(self, data: JSONBody[ClockBody], pool: Database, clock: MarketClock) -> ClockReceipt:
        """Move the market's time forward. Asked for where it stands, it stays there."""
        async with pool.acquire() as connection:
            outcome = await move_clock(connection, data.now_at)
        match outcome:
            case ClockStands(now_at=None):
                raise Problem("wrong-state", "This market's time is the system's.", state="system", allowed=["virtual"])
            case ClockStands(now_at=now_at):
                raise Problem("wrong-state", "Time does not go back.", state="later", now_at=now_at)
            case ClockMoved(now_at=now_at):
                await _wait_until_seen(clock, now_at)
                return ClockReceipt(now_at=now_at, business_date=business_date_of(now_at))


async def _wait_until_seen(clock: Clock, now_at: datetime) -> None:
    """What the caller asks for next must not be dated before: this process sees the new time some moments later."""
    async with asyncio.timeout(_SEEN_WITHIN_S):
        while clock.now() < now_at:
            await asyncio.sleep(0.001)

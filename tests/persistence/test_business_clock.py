"""The market has one time; it may be the system's or its own, and never goes back."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from persistence.business_clock import (
    BusinessClock,
    ClockMoved,
    ClockReading,
    ClockStands,
    move_clock,
    read_clock,
    use_virtual_time,
)
from persistence.connection import Pool

NINE = datetime(2026, 1, 7, 9, tzinfo=UTC)
TEN = datetime(2026, 1, 7, 10, tzinfo=UTC)


async def test_a_new_market_lives_in_the_systems_time(database_url: str, pool: Pool) -> None:
    async with BusinessClock(database_url) as clock:
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
        assert not clock.is_virtual
    async with pool.acquire() as connection:
        assert await move_clock(connection, NINE) == ClockStands(now_at=None)


async def test_virtual_time_moves_when_it_is_moved(database_url: str, pool: Pool) -> None:
    async with pool.acquire() as connection:
        await use_virtual_time(connection, NINE)
        async with BusinessClock(database_url) as clock:
            before = clock.now()
            moved = await move_clock(connection, TEN)
            woken = await clock.wait_until_moved(timeout_s=5) if clock.now() != TEN else True

            assert (before, moved, woken, clock.now()) == (NINE, ClockMoved(now_at=TEN), True, TEN)


async def test_moving_to_where_it_stands_is_harmless(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await use_virtual_time(connection, TEN)

        assert await move_clock(connection, TEN) == ClockMoved(now_at=TEN)


async def test_it_does_not_go_back(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await use_virtual_time(connection, TEN)

        assert await move_clock(connection, NINE) == ClockStands(now_at=TEN)
        with pytest.raises(asyncpg.CheckViolationError, match="cannot go back"):
            await connection.execute("UPDATE business_clock SET now_at = $1", NINE)


async def test_a_market_that_has_a_time_of_its_own_keeps_it(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await use_virtual_time(connection, TEN)

        assert await use_virtual_time(connection, NINE) == ClockReading(mode="virtual", now_at=TEN)
        assert await read_clock(connection) == ClockReading(mode="virtual", now_at=TEN)

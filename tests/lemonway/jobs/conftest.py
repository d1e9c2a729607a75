"""A market at a simulator, with PostgreSQL, Valkey and a clock of its own."""

from collections.abc import AsyncIterator

import pytest

from persistence.business_clock import BusinessClock, use_virtual_time
from persistence.connection import close_pool, open_pool
from tests.lemonway.jobs.paying_market import PayingMarket
from tests.lemonway.running_simulator import RunningSimulator
from tests.persistence.signed_market import START


@pytest.fixture
async def market(database_url: str, jobs_redis_url: str, simulator: RunningSimulator) -> AsyncIterator[PayingMarket]:
    """An empty market on Monday 12 January 2026, 09:00 in Rome; no payments process runs yet."""
    pool = await open_pool(database_url, max_size=10)
    async with pool.acquire() as connection:
        await use_virtual_time(connection, START)
    async with BusinessClock(database_url) as clock:
        yield PayingMarket(pool, simulator, clock, database_url, jobs_redis_url)
    await close_pool(pool)

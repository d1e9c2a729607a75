"""A pool on each test's database, and a market in it."""

from collections.abc import AsyncIterator

import pytest

from persistence.connection import Pool, close_pool, open_pool
from tests.persistence.signed_market import SignedMarket


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, max_size=8)
    yield opened
    await close_pool(opened)


@pytest.fixture
def market(pool: Pool) -> SignedMarket:
    """An empty market; every test adds whom it needs."""
    return SignedMarket(pool)

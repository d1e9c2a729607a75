"""A gateway for every test that asks for one: alone, or with books at work behind it."""

from collections.abc import AsyncIterator

import pytest

from tests.api.running_gateway import RunningGateway, running_books, running_gateway


@pytest.fixture
async def gateway(database_url: str, books_redis_url: str, jobs_redis_url: str) -> AsyncIterator[RunningGateway]:
    """A gateway over emptied stores. Nothing decides commands and nobody answers for the payment institution."""
    async with running_gateway(
        database_url=database_url, book_redis_url=books_redis_url, jobs_redis_url=jobs_redis_url
    ) as running:
        yield running


@pytest.fixture
async def market(gateway: RunningGateway, database_url: str, books_redis_url: str) -> AsyncIterator[RunningGateway]:
    """The same with books, purses and projection at work."""
    async with running_books(database_url=database_url, book_redis_url=books_redis_url):
        yield gateway

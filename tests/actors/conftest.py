"""Connections to the test's own Redis, with our functions loaded."""

from collections.abc import AsyncIterator

import pytest

from actors.functions import load_functions
from actors.mailbox import RedisOrderBooks
from actors.purse import RedisPurses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from tests.actors.book_examples import SetClock


@pytest.fixture
def shards() -> ShardMap:
    return ShardMap()


@pytest.fixture
async def connection(books_redis_url: str) -> AsyncIterator[RedisConnection]:
    """A connection to emptied books and purses."""
    connection = RedisConnection(books_redis_url)
    await load_functions(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def order_books(
    books_redis_url: str, connection: RedisConnection, shards: ShardMap
) -> AsyncIterator[RedisOrderBooks]:
    """The mailboxes, whose sender's clock stands at Monday morning."""
    order_books = RedisOrderBooks(books_redis_url, shards, SetClock())
    yield order_books
    await order_books.close()


@pytest.fixture
def purses(connection: RedisConnection, shards: ShardMap) -> RedisPurses:
    return RedisPurses(connection, shards)

"""A token stands for something for a while, and the store never holds the token itself."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from api.expiring_tokens import issue_token, read_token, use_up_token


class Seat(msgspec.Struct, frozen=True):
    number: int


@pytest.fixture
async def redis(jobs_redis_url: str) -> AsyncIterator[Redis]:
    connection = Redis.from_url(jobs_redis_url)
    yield connection
    await connection.aclose()


async def test_a_token_is_read_as_often_as_one_likes_and_used_up_once(redis: Redis) -> None:
    token = await issue_token(redis, "seat", Seat(7), valid_s=60)

    assert [await read_token(redis, "seat", token, Seat) for _ in range(2)] == [Seat(7), Seat(7)]
    assert [await use_up_token(redis, "seat", token, Seat) for _ in range(2)] == [Seat(7), None]
    assert await read_token(redis, "seat", token, Seat) is None


async def test_a_token_of_another_kind_or_of_nobody_stands_for_nothing(redis: Redis) -> None:
    token = await issue_token(redis, "seat", Seat(7), valid_s=60)

    assert await read_token(redis, "table", token, Seat) is None
    assert await read_token(redis, "seat", "guessed", Seat) is None


async def test_the_store_forgets_it_in_time_and_holds_its_digest_alone(redis: Redis) -> None:
    token = await issue_token(redis, "place", Seat(7), valid_s=60)

    [key] = [key async for key in redis.scan_iter("place:*")]
    assert token.encode() not in key
    assert 0 < await redis.ttl(key) <= 60

"""A connection whose calls are never cut off midway."""

import asyncio

import pytest

from actors.errors import RedisRefused, RedisUnreachable
from actors.redis_connection import RedisConnection


@pytest.fixture
def fresh(books_redis_url: str) -> RedisConnection:
    return RedisConnection(books_redis_url)


async def test_a_cancelled_call_is_carried_out_and_its_answer_is_not_taken_for_the_next_ones(
    fresh: RedisConnection,
) -> None:
    await fresh.call("PING")
    cancelled = [asyncio.create_task(fresh.call("RPUSH", "numbers", number)) for number in range(5)]
    await asyncio.sleep(0)
    for task in cancelled:
        task.cancel()

    assert await fresh.call("PING") == b"PONG"
    assert await fresh.call("LRANGE", "numbers", 0, -1) == [b"0", b"1", b"2", b"3", b"4"]


async def test_calls_made_at_once_are_answered_each_with_its_own(fresh: RedisConnection) -> None:
    answers = await asyncio.gather(*(fresh.call("ECHO", str(number)) for number in range(50)))

    assert answers == [str(number).encode() for number in range(50)]


async def test_an_error_in_a_pipeline_stands_in_its_place(fresh: RedisConnection) -> None:
    before, error, after = await fresh.pipeline([("SET", "a", 1), ("HGET", "a", "b"), ("GET", "a")])

    assert (before, after) == (b"OK", b"1")
    assert "WRONGTYPE" in str(error)


async def test_a_refused_call_leaves_the_connection_usable(fresh: RedisConnection) -> None:
    with pytest.raises(RedisRefused, match="NOSUCHCOMMAND"):
        await fresh.call("NOSUCHCOMMAND")
    assert await fresh.call("PING") == b"PONG"


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(RedisUnreachable):
        await RedisConnection("unix:///nowhere/at/all.sock").call("PING")


async def test_an_answer_that_does_not_come_in_time_is_unknown_and_the_next_call_starts_afresh(
    books_redis_url: str,
) -> None:
    impatient = RedisConnection(books_redis_url, answer_timeout_s=0.1)
    with pytest.raises(RedisUnreachable):
        await impatient.call("BLPOP", "nothing-comes", "2")

    assert await impatient.call("PING") == b"PONG"


async def test_a_dropped_connection_opens_again(fresh: RedisConnection, connection: RedisConnection) -> None:
    client_id = await fresh.call("CLIENT", "ID")
    assert isinstance(client_id, int)
    await connection.call("CLIENT", "KILL", "ID", client_id)

    with pytest.raises(RedisUnreachable):
        await fresh.call("PING")
    assert await fresh.call("PING") == b"PONG"


async def test_closing_ends_a_call_that_waits_and_refuses_later_ones(fresh: RedisConnection) -> None:
    waiting = asyncio.create_task(fresh.call("BLPOP", "nothing-comes", "30"))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1):
        await fresh.close()
        with pytest.raises(RedisUnreachable):
            await waiting
        with pytest.raises(RedisUnreachable, match="closed by its owner"):
            await fresh.call("PING")


async def test_closing_a_connection_at_any_moment_of_its_making_ends_its_call(books_redis_url: str) -> None:
    for turns_of_the_loop in range(30):
        connection = RedisConnection(books_redis_url)
        waiting = asyncio.create_task(connection.call("BLPOP", "nothing-comes", "30"))
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        async with asyncio.timeout(1):
            await connection.close()
            with pytest.raises(RedisUnreachable):
                await waiting

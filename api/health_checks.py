"""Asking the gateway's stores whether they are there."""

import asyncio

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from persistence.connection import Pool

_WITHIN_S = 2.0


async def check_stores(pool: Pool, redis: Redis) -> dict[str, str]:
    """Each store by name: `ok`, or what is wrong with it."""
    database, jobs = await asyncio.gather(_check_database(pool), _check_redis(redis))
    return {"database": database, "jobs_redis": jobs}


async def _check_database(pool: Pool) -> str:
    try:
        async with asyncio.timeout(_WITHIN_S):
            await pool.fetchval("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return type(error).__name__
    return "ok"


async def _check_redis(redis: Redis) -> str:
    try:
        async with asyncio.timeout(_WITHIN_S):
            await redis.ping()
    except (OSError, TimeoutError, RedisError) as error:
        return type(error).__name__
    return "ok"

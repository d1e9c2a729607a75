"""How often somebody may fail: buckets on the Redis for jobs, shared by all gateways, one atomic script a turn.

A turn is taken before the work and given back when that went well, so that several tries at once cannot pass for one.
With that Redis away nobody gets a turn: the caller is told to try again later.
"""

import ipaddress
import math
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request
from redis.asyncio import Redis

from api.problems import Problem

# A bucket holds up to `most` turns and gets one back every `every_ms`. The time is the server's own: one clock for all.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local most, every = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = redis.call('HMGET', KEYS[1], 'turns', 'at')
local turns = math.min(most, (tonumber(held[1]) or most) + (now - (tonumber(held[2]) or now)) / every)
if turns < 1 then return math.ceil((1 - turns) * every) end
redis.call('HSET', KEYS[1], 'turns', tostring(turns - 1), 'at', now)
redis.call('PEXPIRE', KEYS[1], most * every)
return 0
"""
_GIVE_BACK = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBYFLOAT', KEYS[1], 'turns', 1) end
return 0
"""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `most` failures at once, and over time as many in `window_s` seconds."""

    name: str
    most: int
    window_s: int

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.most};w={self.window_s}'


FAILED_CODE_CHECKS = Limit(name="failed-code-checks", most=10, window_s=3_600)
"""Company codes are short enough to be guessed by whoever may try for ever."""


async def take_turn(redis: Redis, limit: Limit, who: str) -> None:
    """Take one of `who`'s turns. Raises Problem 429, with when there will be one, if none is left."""
    every_ms = limit.window_s * 1_000 // limit.most
    wait_ms = int(await redis.eval(_TAKE, 1, _key(limit, who), limit.most, every_ms))
    if wait_ms:
        retry_after_s = math.ceil(wait_ms / 1_000)
        headers: Mapping[str, str] = {"Retry-After": str(retry_after_s), "RateLimit-Policy": limit.policy}
        raise Problem(
            "rate-limited",
            f"Too many failed tries: at most {limit.most} in {limit.window_s // 60} minutes.",
            headers=headers,
            policy=limit.policy,
            retry_after_s=retry_after_s,
        )


async def give_turn_back(redis: Redis, limit: Limit, who: str) -> None:
    """What the turn was taken for has gone well."""
    await redis.eval(_GIVE_BACK, 1, _key(limit, who))


def address_of(request: Request[Any, Any, Any]) -> str:
    """Whom a call without a key is counted for: an IPv4 address, or the 64 bits of an IPv6 network, one household's."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _key(limit: Limit, who: str) -> str:
    return f"limit:{limit.name}:{who}"

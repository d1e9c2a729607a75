"""Random tokens that stand for something for a while. The store keeps their digests, never the tokens."""

import hashlib
import secrets
from typing import TypeVar

import msgspec
from redis.asyncio import Redis

Meaning = TypeVar("Meaning")


async def issue_token(redis: Redis, kind: str, meaning: object, *, valid_s: int) -> str:
    """A new token (256 random bits) that stands for `meaning`, a struct, for `valid_s` seconds."""
    token = secrets.token_urlsafe(32)
    await redis.set(_key(kind, token), msgspec.json.encode(meaning), ex=valid_s)
    return token


async def read_token(redis: Redis, kind: str, token: str, meaning: type[Meaning]) -> Meaning | None:
    """What a token of this kind stands for; None when it is unknown or too old."""
    return _read(await redis.get(_key(kind, token)), meaning)


async def use_up_token(redis: Redis, kind: str, token: str, meaning: type[Meaning]) -> Meaning | None:
    """The same, once: whoever asks next gets None."""
    return _read(await redis.getdel(_key(kind, token)), meaning)


def _read(stored: bytes | str | None, meaning: type[Meaning]) -> Meaning | None:
    return None if stored is None else msgspec.json.decode(stored, type=meaning)


def _key(kind: str, token: str) -> str:
    return f"{kind}:{hashlib.sha256(token.encode()).hexdigest()}"

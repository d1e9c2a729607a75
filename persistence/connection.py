"""Connections to PostgreSQL: one pool a process, for plain SQL and for what Piccolo's table classes word.

Ids are `str` in this program: a `uuid` column is read as text and takes text. `jsonb` is read as text too, for the
reader to decode into the struct it expects; `timestamptz` is an aware `datetime` in UTC.
"""

from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    PooledConnection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    PooledConnection = asyncpg.pool.PoolConnectionProxy
    Pool = asyncpg.Pool

AnyConnection = Connection | PooledConnection

APPLICATION_NAME = "blulend"


async def connect(database_url: str) -> Connection:
    """A connection of its own, for who listens or holds locks. Unix-socket and TCP addresses alike."""
    connection: Connection = await asyncpg.connect(database_url, server_settings={"application_name": APPLICATION_NAME})
    await _read_ids_as_text(connection)
    return connection


async def open_pool(database_url: str, *, min_size: int = 1, max_size: int = 8) -> Pool:
    """The process's pool. Close it with `close_pool`."""
    return await asyncpg.create_pool(
        database_url,
        min_size=min_size,
        max_size=max_size,
        init=_read_ids_as_text,
        server_settings={"application_name": APPLICATION_NAME},
    )


async def close_pool(pool: Pool) -> None:
    """Close the pool once the queries that run on it have ended."""
    await pool.close()


async def _read_ids_as_text(connection: AnyConnection) -> None:
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", format="binary", encoder=_uuid_bytes, decoder=_uuid_text
    )


def _uuid_bytes(value: str | UUID) -> bytes:
    if isinstance(value, UUID):
        return value.bytes
    digits = bytes.fromhex(value.replace("-", ""))
    if len(digits) != 16:
        raise ValueError(f"not a UUID: {value!r}")
    return digits


def _uuid_text(value: bytes) -> str:
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

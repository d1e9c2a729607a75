"""Ids are texts here, and a lost connection is told from a mistake."""

import asyncpg
import pytest

from persistence.connection import Pool, connect
from persistence.reconnection import Backoff, is_database_away, keep_trying

ADA = "0190c0de-0000-7000-8000-0000000000aa"


async def test_ids_are_read_and_given_as_text(pool: Pool) -> None:
    await pool.execute("INSERT INTO party (id, kind, name, wallet_id) VALUES ($1, 'borrower', 'Ada', 'b-1')", ADA)

    assert await pool.fetchval("SELECT id FROM party WHERE id = ANY($1)", [ADA]) == ADA


async def test_something_that_is_no_uuid_is_refused(pool: Pool) -> None:
    with pytest.raises(asyncpg.DataError):
        await pool.fetchval("SELECT $1::uuid", "0190c0de")


async def test_a_killed_connection_counts_as_the_database_being_away(database_url: str, pool: Pool) -> None:
    connection = await connect(database_url)
    await pool.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())

    failures = []
    for _ in range(2):
        with pytest.raises(
            (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
        ) as failure:
            await connection.fetchval("SELECT 1")
        failures.append(is_database_away(failure.value))

    assert failures == [True, True]


async def test_a_missing_server_counts_as_the_database_being_away() -> None:
    with pytest.raises(OSError) as failure:  # noqa: PT011  # whichever of its kinds: there is no such socket
        await connect("postgresql://blulend@/blulend?host=/nonexistent")

    assert is_database_away(failure.value)


async def test_a_mistake_in_a_statement_is_not_taken_for_an_outage(pool: Pool) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError) as failure:
        await pool.execute("SELECT FROM WHERE")

    assert not is_database_away(failure.value)


async def test_work_is_tried_again_after_an_outage_and_given_up_on_a_mistake() -> None:
    failures: list[Exception] = [
        ConnectionRefusedError(),
        asyncpg.DeadlockDetectedError("two waited"),
        TimeoutError(),
        KeyError("x"),
    ]
    attempts = len(failures)

    async def work() -> None:
        raise failures.pop(0)

    with pytest.raises(KeyError):
        await keep_trying(work, name="test", backoff=Backoff(first_s=0.001))

    assert attempts - len(failures) == 4

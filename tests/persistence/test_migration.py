"""A database is brought to the present schema once, by whoever comes first, and never half."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from persistence.migration import DatabaseIsNewer, migrate

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def empty_database_url(migrated_database_url: str) -> AsyncIterator[str]:
    """A database with no table in it."""
    server, name = urlsplit(migrated_database_url), f"empty_{uuid4().hex}"
    administration = await asyncpg.connect(urlunsplit(server._replace(path="/postgres")))
    await administration.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(server._replace(path=f"/{name}"))
    await administration.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await administration.close()


async def tables(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    await connection.close()
    return [row["tablename"] for row in rows]


async def test_an_empty_database_gets_every_table(empty_database_url: str, migrated_database_url: str) -> None:
    await migrate(empty_database_url)

    assert await tables(empty_database_url) == await tables(migrated_database_url)
    assert "journal_event" in await tables(empty_database_url)


async def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    command = "import asyncio, sys, persistence.migration as m; asyncio.run(m.migrate(sys.argv[1])); print('done')"
    processes = [await _python("-c", command, empty_database_url) for _ in range(3)]
    answers = [await process.communicate() for process in processes]

    assert answers == [(b"done\n", b"")] * 3
    connection = await asyncpg.connect(empty_database_url)
    names = [row["name"] for row in await connection.fetch("SELECT name FROM migration ORDER BY name")]
    assert names == [f"{number:04}" for number in range(1, len(names) + 1)]
    await connection.close()


async def _python(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def test_migrating_again_is_quick_and_changes_nothing(database_url: str) -> None:
    before = await tables(database_url)
    started_s = time.monotonic()

    await migrate(database_url)

    assert await tables(database_url) == before
    assert time.monotonic() - started_s < 1


async def test_a_failing_migration_leaves_nothing_behind(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("CREATE TABLE business_day_step (something integer)")  # stands in the way of the last file

    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(empty_database_url)

    assert await tables(empty_database_url) == ["business_day_step"]
    await connection.execute("DROP TABLE business_day_step")
    await connection.close()
    await migrate(empty_database_url)
    assert "party" in await tables(empty_database_url)


async def test_a_database_of_a_newer_program_is_refused(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO migration (name, app_name) VALUES ('9999', 'blulend')")
    await connection.close()

    with pytest.raises(DatabaseIsNewer, match="does not know: 9999; it knows up to 0"):
        await migrate(database_url)

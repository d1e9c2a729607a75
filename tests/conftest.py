"""Real servers for the tests: a Valkey for each worker, one PostgreSQL for all of them.

Every test gets emptied Redis databases and a fresh, migrated PostgreSQL database.
The PostgreSQL server is shared because making and migrating a cluster costs about a
second of processor time, while cloning the migrated database costs some 40 ms.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import redis

from actors.embedded_valkey import EmbeddedValkey, find_valkey_binary
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.postgres_binaries import find_postgres_binaries

_FOLDER_VARIABLE = "BLULEND_TEST_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    """Give all workers one short folder for data and sockets, which the controller removes when they have ended."""
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="blulend-"))
        folder.chmod(0o711)  # as root, PostgreSQL runs as `nobody` and has to pass through
        os.environ[_FOLDER_VARIABLE] = str(folder)
        config.add_cleanup(lambda: shutil.rmtree(folder))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest tests, which have a time limit of their own, go first: begun last they would run alone."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    return Path(os.environ[_FOLDER_VARIABLE])


@pytest.fixture(scope="session")
def server_folder(shared_folder: Path, worker_id: str) -> Path:
    """A folder of this worker alone, short enough for sockets."""
    folder = shared_folder / worker_id
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def valkey_server(server_folder: Path) -> Iterator[EmbeddedValkey]:
    """This worker's Valkey server, with whatever the tests before have left in it."""
    server = EmbeddedValkey(
        binary=find_valkey_binary(None),
        data_folder=server_folder / "valkey",
        socket_folder=server_folder,
        name="valkey",
        fsync="everysec",
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def books_redis_url(valkey_server: EmbeddedValkey) -> str:
    """An empty Redis database for books and purses."""
    return _emptied(f"{valkey_server.url}?db=0")


@pytest.fixture
def jobs_redis_url(valkey_server: EmbeddedValkey) -> str:
    """An empty Redis database for jobs."""
    return _emptied(f"{valkey_server.url}?db=1")


def _emptied(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="session")
async def migrated_database_url(shared_folder: Path) -> AsyncIterator[str]:
    """The database that the tests' databases are cloned from; nothing may stay connected to it.

    The worker that comes first starts the server, migrates, and leaves the address for the others. It also stops the
    server, once the others have let go of the lock that each of them holds while it may still need it.
    """
    address = shared_folder / "postgres-address"
    with (shared_folder / "postgres-start").open("a") as start, (shared_folder / "postgres-users").open("a") as users:
        # Two locks: one for the moment of starting, one for as long as the server is used. With a single one, who
        # comes late would wait until everybody else has finished.
        fcntl.flock(start, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        if address.exists():
            fcntl.flock(start, fcntl.LOCK_UN)
            yield address.read_text()
            return
        server = EmbeddedPostgres(
            binaries=find_postgres_binaries(None),
            data_folder=shared_folder / "postgres",
            socket_folder=shared_folder,
            durable=False,
        )
        server.start()
        try:
            await _migrate(server.url)
            address.write_text(server.url)
            fcntl.flock(start, fcntl.LOCK_UN)
            yield server.url
            fcntl.flock(users, fcntl.LOCK_EX)
        finally:
            address.unlink(missing_ok=True)
            server.stop()
            server.remove_data()


async def _migrate(url: str) -> None:
    from persistence.migration import migrate

    await migrate(url)


@pytest.fixture
async def database_url(migrated_database_url: str) -> AsyncIterator[str]:
    """A fresh database with every table and no rows, dropped after the test."""
    server = urlsplit(migrated_database_url)
    template, name = server.path.removeprefix("/"), f"test_{uuid4().hex}"
    administration = await asyncpg.connect(urlunsplit(server._replace(path="/postgres")))
    try:
        await administration.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield urlunsplit(server._replace(path=f"/{name}"))
        await administration.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await administration.close()

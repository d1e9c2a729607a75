"""The servers a market runs on where the environment names none: Valkey twice, PostgreSQL once."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from actors.embedded_valkey import EmbeddedValkey, ValkeyUnavailable, find_valkey_binary
from cli.backoff import Backoff
from cli.command_failed import CommandFailed
from cli.environment import BOOK_REDIS_URL, DATABASE_URL, JOBS_REDIS_URL, EmbeddedServerSettings
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.postgres_binaries import PostgresUnavailable, find_postgres_binaries

LOOK_EVERY_S = 0.1


class _Server(Protocol):
    name: str

    @property
    def url(self) -> str: ...
    @property
    def pid(self) -> int: ...
    def is_running(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class EmbeddedServers:
    """Those servers that `settings` gives no address for, over one data folder."""

    def __init__(
        self, settings: EmbeddedServerSettings, *, data_folder: Path, socket_folder: Path, durable: bool
    ) -> None:
        self.postgres: EmbeddedPostgres | None = None
        self._by_variable: dict[str, _Server] = {}
        with _unavailable_ends_the_command():
            if settings.database_url is None:
                self.postgres = EmbeddedPostgres(
                    binaries=find_postgres_binaries(_path(settings.postgres_bin)),
                    data_folder=data_folder / "postgres",
                    socket_folder=socket_folder,
                    durable=durable,
                )
                self._by_variable[DATABASE_URL] = self.postgres
            if settings.book_redis_url is None:
                self._by_variable[BOOK_REDIS_URL] = EmbeddedValkey(
                    binary=find_valkey_binary(_path(settings.valkey_server)),
                    data_folder=data_folder / "valkey-books",
                    socket_folder=socket_folder,
                    name="valkey-books",
                    fsync="always",
                )
            if settings.jobs_redis_url is None:
                self._by_variable[JOBS_REDIS_URL] = EmbeddedValkey(
                    binary=find_valkey_binary(_path(settings.valkey_server)),
                    data_folder=data_folder / "valkey-jobs",
                    socket_folder=socket_folder,
                    name="valkey-jobs",
                    fsync="everysec",
                )

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process to these servers."""
        return {variable: server.url for variable, server in self._by_variable.items()}

    @property
    def pids(self) -> dict[str, int]:
        return {server.name: server.pid for server in self._by_variable.values()}

    async def start(self) -> None:
        """Start them all at once; raises CommandFailed when one cannot, with none left running."""
        starts = [_in_thread(server.start) for server in self._by_variable.values()]
        failures = [result for result in await asyncio.gather(*starts, return_exceptions=True) if result]
        if failures:
            await self.stop()
            with _unavailable_ends_the_command():
                raise failures[0]

    async def keep_running(self, report: Callable[[str], None]) -> None:
        """Start a server that has died again, over the same data and at the same address, for as long as this runs."""
        async with asyncio.TaskGroup() as group:
            for server in self._by_variable.values():
                group.create_task(_keep_running(server, report))

    async def stop(self) -> None:
        await asyncio.gather(*(_in_thread(server.stop) for server in self._by_variable.values()))

    def remove_data(self) -> None:
        """Delete what the stopped servers kept, also what they had to keep outside the data folder."""
        if self.postgres is not None:
            self.postgres.remove_data()


async def _keep_running(server: _Server, report: Callable[[str], None]) -> None:
    backoff = Backoff()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if server.is_running():
            continue
        delay_s = backoff.next_delay_s()
        report(f"{server.name} has died: starting it again over its data in {delay_s:.1f} s")
        await asyncio.sleep(delay_s)
        try:
            await _in_thread(server.start)
        except (ValkeyUnavailable, PostgresUnavailable) as failure:
            report(str(failure))


async def _in_thread(function: Callable[[], None]) -> None:
    """Run it in a thread; a cancellation waits for it, because a server half started cannot be stopped."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


@contextlib.contextmanager
def _unavailable_ends_the_command() -> Iterator[None]:
    try:
        yield
    except (ValkeyUnavailable, PostgresUnavailable) as failure:
        raise CommandFailed(str(failure)) from failure


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given)

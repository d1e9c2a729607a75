"""The servers a market runs on where the environment names none: Valkey twice, PostgreSQL once."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from actors.embedded_valkey import EmbeddedValkey, ValkeyUnavailable, find_valkey_binary
from cli.backoff import Backoff
from cli.command_failed import CommandFailed
from cli.environment import (
    BOOK_REDIS_URL,
    DATABASE_URL,
    EMBEDDED_SERVER_VARIABLES,
    JOBS_REDIS_URL,
    MIGRATION_VARIABLES,
    EmbeddedServerSettings,
    WrongSetting,
)
from persistence.embedded_postgres import APPLICATION_ROLE, EmbeddedPostgres
from persistence.postgres_binaries import PostgresBinaries, PostgresUnavailable, find_postgres_binaries

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
        postgres_programs = _postgres_programs(settings) if settings.database_url is None else None
        valkey = None
        if settings.book_redis_url is None or settings.jobs_redis_url is None:
            valkey = _valkey_program(settings)
        with _unavailable_ends_the_command():
            if postgres_programs is not None:
                self.postgres = EmbeddedPostgres(
                    binaries=postgres_programs,
                    data_folder=data_folder / "postgres",
                    socket_folder=socket_folder,
                    durable=durable,
                )
                self._by_variable[DATABASE_URL] = self.postgres
            if valkey is not None and settings.book_redis_url is None:
                self._by_variable[BOOK_REDIS_URL] = EmbeddedValkey(
                    binary=valkey,
                    data_folder=data_folder / "valkey-books",
                    socket_folder=socket_folder,
                    name="valkey-books",
                    fsync="always",
                )
            if valkey is not None and settings.jobs_redis_url is None:
                self._by_variable[JOBS_REDIS_URL] = EmbeddedValkey(
                    binary=valkey,
                    data_folder=data_folder / "valkey-jobs",
                    socket_folder=socket_folder,
                    name="valkey-jobs",
                    fsync="everysec",
                )

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process to these servers."""
        servers = {variable: server.url for variable, server in self._by_variable.items()}
        return servers if self.postgres is None else servers | {DATABASE_URL: self.postgres.application_url}

    @property
    def migration_environment(self) -> dict[str, str]:
        """The variables that let `migrate` work as the owner, for the role that the processes connect as."""
        if self.postgres is None:
            return {}
        return {DATABASE_URL: self.postgres.url, MIGRATION_VARIABLES["application_role"]: APPLICATION_ROLE}

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


def _postgres_programs(settings: EmbeddedServerSettings) -> PostgresBinaries:
    given = settings.postgres_bin
    with _unavailable_ends_the_command():
        if given is None:
            return find_postgres_binaries(None)
    try:
        return find_postgres_binaries(Path(given))
    except PostgresUnavailable as failure:
        raise WrongSetting(
            f"{EMBEDDED_SERVER_VARIABLES['postgres_bin']} is {given!r} ({failure}): "
            "expected the folder of PostgreSQL's programs, of version 15 or newer"
        ) from failure


def _valkey_program(settings: EmbeddedServerSettings) -> Path:
    given = settings.valkey_server
    with _unavailable_ends_the_command():
        if given is None:
            return find_valkey_binary(None)
    try:
        return find_valkey_binary(Path(given))
    except ValkeyUnavailable as failure:
        raise WrongSetting(
            f"{EMBEDDED_SERVER_VARIABLES['valkey_server']} is {given!r} ({failure}): "
            "expected the path of a Valkey or Redis server, of version 7.0 or newer"
        ) from failure

"""A market that has been started and that nobody has entered: beginning it anew loses nothing."""

import asyncio
import shutil
from pathlib import Path

from cli.data_folder import DataFolder
from cli.embedded_servers import EmbeddedServers
from cli.environment import EmbeddedServerSettings
from cli.kept_market import FILE
from cli.temporary_folders import temporary_folder
from persistence.connection import connect

_ENTERED = """
    SELECT EXISTS (SELECT FROM party) OR EXISTS (SELECT FROM journal_event) OR EXISTS (SELECT FROM journal_entry)
        OR EXISTS (SELECT FROM lemonway_notification)"""
_STORES = ("valkey-books", "valkey-jobs")
_SIMULATOR_FILES = "lemonway-simulator.store*"


async def remove_untouched_market(folder: Path, settings: EmbeddedServerSettings) -> bool:
    """Remove the market of this folder, its time with it, if nobody has ever entered it. Whether that was so."""
    with DataFolder(folder).claimed(), temporary_folder("run") as socket_folder:
        servers = EmbeddedServers(settings, data_folder=folder, socket_folder=socket_folder, durable=True)
        postgres = servers.postgres
        assert postgres is not None, "only on servers of our own"
        await asyncio.to_thread(postgres.start)
        try:
            database = await connect(postgres.url)
            was_entered: bool = await database.fetchval(_ENTERED)
            await database.close()
        finally:
            await asyncio.to_thread(postgres.stop)
        if was_entered:
            return False
        servers.remove_data()
        _remove_the_rest(folder)
        return True


def _remove_the_rest(folder: Path) -> None:
    for store in _STORES:
        shutil.rmtree(folder / store, ignore_errors=True)
    # The note last: without it the rest would be taken for nothing.
    for file in [*folder.glob(_SIMULATOR_FILES), folder / FILE]:
        file.unlink()

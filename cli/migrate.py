"""`python3 main.py migrate`: bring the database's tables up to date."""

import argparse
import asyncio
import os

from cli.environment import persistence_settings
from cli.progress import step
from persistence.migration import migrate


def run(arguments: argparse.Namespace) -> int:
    """Migrate `DATABASE_URL`; several at once are safe, and one that finds nothing to do costs next to nothing."""
    asyncio.run(_migrate(persistence_settings(os.environ).database_url))
    return 0


async def _migrate(database_url: str) -> None:
    async with step("migrating the database"):
        await migrate(database_url)

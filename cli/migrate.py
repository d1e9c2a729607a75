"""`python3 main.py migrate`: bring the database's tables up to date."""

import argparse
import asyncio
import os

import asyncpg

from cli.command_failed import CommandFailed
from cli.environment import DATABASE_URL, MIGRATION_VARIABLES, MigrationSettings, WrongSetting, migration_settings
from cli.progress import say, step
from cli.stores import reach_database
from persistence.application_role import RoleUnusable
from persistence.migration import DatabaseIsNewer, migrate


def run(arguments: argparse.Namespace) -> int:
    """Migrate `DATABASE_URL`; several at once are safe, and one that finds nothing to do costs next to nothing."""
    asyncio.run(_migrate(migration_settings(os.environ)))
    say("the database is up to date")
    return 0


async def _migrate(settings: MigrationSettings) -> None:
    await reach_database(settings.database_url, is_migrated=False)
    try:
        async with step("migrating the database"):
            await migrate(settings.database_url, application_role=settings.application_role)
    except DatabaseIsNewer as failure:
        raise CommandFailed(f"{DATABASE_URL}: {failure}: run the newer program") from failure
    except RoleUnusable as failure:
        raise WrongSetting(f"{MIGRATION_VARIABLES['application_role']}: {failure}") from failure
    except asyncpg.InsufficientPrivilegeError as failure:
        raise CommandFailed(
            f"{DATABASE_URL}: its role may not do this ({failure}): migrate as the role that owns the database"
        ) from failure

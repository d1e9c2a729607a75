"""Limits of strategies that free themselves as principal comes back, and all that an offer can say."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from persistence.migrations.sql_files import run_sql_files

ID = "0002"
VERSION = "1.38.0"
DESCRIPTION = "strategies"


async def _extend_schema() -> None:
    await run_sql_files("strategies")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="blulend", description=DESCRIPTION)
    manager.add_raw(_extend_schema)
    return manager

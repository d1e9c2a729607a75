"""Covers that hold what they have, and what stops or steers a book: pauses, breakers, barred lenders."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from persistence.migrations.sql_files import run_sql_files

ID = "0003"
VERSION = "1.38.0"
DESCRIPTION = "book states"


async def _extend_schema() -> None:
    await run_sql_files("book_states")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="blulend", description=DESCRIPTION)
    manager.add_raw(_extend_schema)
    return manager

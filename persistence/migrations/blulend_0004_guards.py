"""No entry of the ledger without its postings, and nobody learns whether a secret is somebody else's."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from persistence.migrations.sql_files import run_sql_files

ID = "0004"
VERSION = "1.38.0"
DESCRIPTION = "guards"


async def _extend_schema() -> None:
    await run_sql_files("guards")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="blulend", description=DESCRIPTION)
    manager.add_raw(_extend_schema)
    return manager

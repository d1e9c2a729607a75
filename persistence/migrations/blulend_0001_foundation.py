"""The first schema: parties, companies, journals, books, ledger, instructions, loans, time.

The statements are plain SQL, one file per subject, because composite keys, triggers, partial indexes and CHECK
constraints between columns are what keeps the record right, and Piccolo's own migrations have no words for them.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from persistence.migrations.sql_files import run_sql_files

ID = "0001"
VERSION = "1.38.0"
DESCRIPTION = "foundation"


async def _create_schema() -> None:
    await run_sql_files("foundation")


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="blulend", description=DESCRIPTION)
    manager.add_raw(_create_schema)
    return manager

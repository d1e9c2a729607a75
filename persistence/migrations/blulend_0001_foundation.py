"""The first schema: parties, companies, journals, books, ledger, instructions, loans, time.

The statements are plain SQL, one file per subject, because composite keys, triggers, partial indexes and CHECK
constraints between columns are what keeps the record right, and Piccolo's own migrations have no words for them.
"""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from persistence.piccolo_conf import DB

ID = "0001"
VERSION = "1.38.0"
DESCRIPTION = "foundation"

_SQL_FILES = sorted((Path(__file__).parent / "foundation").glob("*.sql"))


async def _create_schema() -> None:
    transaction = DB.current_transaction.get()
    assert transaction is not None, "a migration runs within one"
    for path in _SQL_FILES:
        await transaction.connection.execute(path.read_text(encoding="utf-8"))


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="blulend", description=DESCRIPTION)
    manager.add_raw(_create_schema)
    return manager

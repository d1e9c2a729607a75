"""Brings a database to this program's schema, in process."""

import contextlib
import io
from importlib import import_module
from pathlib import Path

import asyncpg
from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager
from piccolo.conf.apps import AppConfig, MigrationModule

from persistence.application_role import grant_application_rights
from persistence.connection import connect
from persistence.piccolo_app import APP_CONFIG
from persistence.piccolo_conf import DB
from persistence.schema_version import APP_NAME

_ADVISORY_LOCK = 0x626C756C656E64  # "blulend": one migration at a time in a database


class DatabaseIsNewer(Exception):
    """The database was migrated by a newer program. Nothing was changed: run that program, or a newer one."""


class _Forwards(ForwardsMigrationManager):
    """Piccolo's own runner, but importing migrations as modules of this package instead of widening `sys.path`."""

    def get_migration_modules(self, folder_path: str) -> dict[str, MigrationModule]:
        modules = [import_module(f"persistence.migrations.{name}") for name in _migration_names(Path(folder_path))]
        return {module.ID: module for module in modules}  # type: ignore[misc]  # modules with ID and forwards()


async def migrate(database_url: str, *, application_role: str | None = None) -> None:
    """Apply the migrations that the database has not had yet; all of them or none. The rights that the processes need
    are then given to `application_role`, for tables of earlier migrations as for new ones.

    Any number of processes may call this at once: an advisory lock lets one work while the others wait, and find
    nothing left to do. Raises DatabaseIsNewer for a database that has migrations this program does not know, and
    RoleUnusable for a role that must not be given anything.
    """
    if not await _is_up_to_date(database_url):
        await _run_migrations(database_url)
    if application_role is not None:
        await _give_rights(database_url, application_role)


async def _run_migrations(database_url: str) -> None:
    DB.config = {"dsn": database_url}
    async with DB.transaction() as transaction:
        await transaction.connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
        manager = _Forwards(app_name=APP_NAME)
        with contextlib.redirect_stdout(io.StringIO()):  # Piccolo prints; stdout belongs to a command's answer
            await manager.create_migration_table()
            result = await manager.run_migrations(APP_CONFIG)
        assert result.success, result.message


async def _give_rights(database_url: str, role: str) -> None:
    connection = await connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
            await grant_application_rights(connection, role)
    finally:
        await connection.close()


async def _is_up_to_date(database_url: str) -> bool:
    connection = await connect(database_url)
    try:
        rows = await connection.fetch("SELECT name FROM migration WHERE app_name = $1", APP_NAME)
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()
    applied = {row["name"] for row in rows}
    known = _known_ids(APP_CONFIG)
    if unknown := sorted(applied - known):
        raise DatabaseIsNewer(
            f"the database has migrations that this program does not know: {', '.join(unknown)};"
            f" it knows up to {max(known)}"
        )
    return applied == known


def _known_ids(app: AppConfig) -> set[str]:
    return set(_Forwards(app_name=app.app_name).get_migration_modules(app.resolved_migrations_folder_path))


def _migration_names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("blulend_*.py"))

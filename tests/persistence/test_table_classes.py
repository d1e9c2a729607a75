"""The Piccolo classes say the same as the database that the migrations make."""

import asyncpg
import pytest
from piccolo.columns import Column
from piccolo.table import Table

from persistence.piccolo_app import APP_CONFIG

OURS = sorted(APP_CONFIG.table_classes, key=lambda table: table._meta.tablename)


async def test_every_table_of_the_database_has_a_class(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    await connection.close()

    assert {row["table_name"] for row in rows} - {"migration"} == {table._meta.tablename for table in OURS}


@pytest.mark.parametrize("table", OURS, ids=lambda table: table._meta.tablename)
async def test_a_class_has_the_columns_of_its_table(table: type[Table], database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT column_name, data_type, is_nullable = 'YES' AS nullable FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = $1",
        table._meta.tablename,
    )
    await connection.close()
    in_database = {row["column_name"]: (row["data_type"], row["nullable"]) for row in rows}

    assert {column._meta.db_column_name: _described(column) for column in table._meta.columns} == in_database


def _described(column: Column) -> tuple[str, bool]:
    data_type = column.column_type.lower()
    spelled = {"timestamptz": "timestamp with time zone", "integer[]": "ARRAY", "bigserial": "bigint"}.get(
        data_type, data_type
    )
    return spelled, column._meta.null

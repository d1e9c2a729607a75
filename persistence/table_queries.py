"""Queries that Piccolo's table classes word, carried out on the pool or connection at hand.

Left to itself Piccolo runs a query on an engine of its own, outside the caller's transaction and without the codecs of
`connection.py`. Here it words the statement, and asyncpg carries it out like any other.
"""

from typing import Any

import asyncpg
from piccolo.columns import Column
from piccolo.query.base import Query

from persistence.connection import AnyConnection, Pool

AnyQuery = Query[Any, Any]
Changes = dict[Column | str, Any]
"""New values by column."""


async def fetch_all(on: Pool | AnyConnection, query: AnyQuery) -> list[asyncpg.Record]:
    """The rows of a query."""
    statement, values = _worded(query)
    return await on.fetch(statement, *values)


async def fetch_one(on: Pool | AnyConnection, query: AnyQuery) -> asyncpg.Record | None:
    """The first row of a query, None when there is none."""
    statement, values = _worded(query)
    return await on.fetchrow(statement, *values)


async def fetch_value(on: Pool | AnyConnection, query: AnyQuery) -> Any:
    """The first column of the first row of a query, None when there is none."""
    statement, values = _worded(query)
    return await on.fetchval(statement, *values)


async def carry_out(on: Pool | AnyConnection, query: AnyQuery) -> None:
    """A change, whose rows nobody asks for."""
    statement, values = _worded(query)
    await on.execute(statement, *values)


def _worded(query: AnyQuery) -> tuple[str, list[Any]]:
    (statement,) = query.querystrings
    return statement.compile_string()

"""Whether a database has the tables that this program works with; for who must know it without the migrations."""

import re
from pathlib import Path
from typing import Literal

import asyncpg

from persistence.connection import AnyConnection

APP_NAME = "blulend"

_FOLDER = Path(__file__).with_name("migrations")
_NUMBERED = re.compile(r"blulend_(\d{4})_\w+")


def known_migrations() -> set[str]:
    """The ids of this program's migrations, which begin the names of their files."""
    numbers = (_NUMBERED.fullmatch(path.stem) for path in _FOLDER.glob("*.py"))
    return {number[1] for number in numbers if number is not None}


async def schema_state(connection: AnyConnection) -> Literal["current", "behind", "newer"]:
    """How the database's migrations stand against this program's. `newer`: it has some that are unknown here."""
    try:
        rows = await connection.fetch("SELECT name FROM migration WHERE app_name = $1", APP_NAME)
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        return "behind"
    applied, known = {row["name"] for row in rows}, known_migrations()
    if applied - known:
        return "newer"
    return "current" if applied == known else "behind"

"""The simulator's memory: one SQLite file, one transaction per request, on the disk before anybody is answered.

WAL with synchronous=FULL: a commit that was answered survives the death of the process and of the machine.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA_VERSION = 1
_SCHEMA = Path(__file__).with_name("schema.sql")


class StoreOfAnotherVersion(Exception):
    """The file was written by another version of the simulator; it is left untouched."""


class Store:
    """Statements and transactions on the one connection, for one server process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            # The server may be built in one thread and run in another; it is never used by two at a time.
            path,
            isolation_level=None,
            cached_statements=512,
            check_same_thread=False,
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._create_or_check(path)

    def _create_or_check(self, path: Path) -> None:
        with self.transaction():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version == _SCHEMA_VERSION:
                return
            if version != 0:
                raise StoreOfAnotherVersion(f"{path} has version {version}, this simulator writes {_SCHEMA_VERSION}")
            for statement in _statements(_SCHEMA.read_text()):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Must not be awaited in: the event loop has no other store to turn to."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """The first row, or None."""
        row: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return row

    def all(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(statement, values).fetchall()

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None else row[0]

    def run(self, statement: str, *values: Any) -> int:
        """Carry out a change; how many rows it touched."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, table: str, **columns: Any) -> int:
        """Add a row; its integer id."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        cursor = self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def close(self) -> None:
        self._connection.close()


def _statements(script: str) -> Iterator[str]:
    """`sqlite3.executescript` would commit first and lose the transaction, so the script is cut here."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""

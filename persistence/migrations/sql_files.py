"""Running a migration's plain SQL, one file per subject, in the transaction of the migration."""

from pathlib import Path

from persistence.piccolo_conf import DB


async def run_sql_files(folder: str) -> None:
    """Execute every file of the migration's own folder, in order of name."""
    transaction = DB.current_transaction.get()
    assert transaction is not None, "a migration runs within one"
    for path in sorted((Path(__file__).parent / folder).glob("*.sql")):
        await transaction.connection.execute(path.read_text(encoding="utf-8"))

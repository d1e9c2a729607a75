"""A company's employee list, loaded whole or not at all."""

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg
import msgspec

from persistence.connection import AnyConnection
from persistence.lender_bars import settle_bars


class ListedEmployee(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the list. Net pay in cents a month; `left_on` for those who have left."""

    staff_number: str
    tax_code: str
    first_name: str
    last_name: str
    birth_date: date | None
    contract_type: str
    hired_on: date
    contract_ends_on: date | None
    net_monthly_cents: int
    left_on: date | None


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows there were, how many of them are new, and how many changed what was known."""

    row_count: int
    new_count: int
    changed_count: int


class TakenIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Row `place` (from 0) uses the `field` of another employee of the list."""

    place: int
    field: str


async def import_employees(
    connection: AnyConnection, company_id: str, rows: Sequence[ListedEmployee], *, import_id: str, at: datetime
) -> ImportResult | list[TakenIdentity]:
    """Add or change employees by staff number, in the caller's transaction. Nobody is removed. Lenders found to work
    there are kept out of the company's book from the business instant `at` on.

    Answers the rows whose tax code belongs to somebody else of the same list; then nothing was written.
    """
    await connection.execute("SELECT FROM company WHERE id = $1 FOR NO KEY UPDATE", company_id)
    taken = await _taken_identities(connection, company_id, rows)
    if taken:
        return taken
    written = await _write(connection, company_id, rows, import_id)
    await settle_bars(connection, company_id=company_id, at=at)
    new_count = sum(row["is_new"] for row in written)
    return ImportResult(row_count=len(rows), new_count=new_count, changed_count=len(written) - new_count)


async def _taken_identities(
    connection: AnyConnection, company_id: str, rows: Sequence[ListedEmployee]
) -> list[TakenIdentity]:
    known = await connection.fetch(
        "SELECT staff_number, tax_code FROM employee WHERE company_id = $1 AND tax_code = ANY($2)",
        company_id,
        [row.tax_code for row in rows],
    )
    owners = {row["tax_code"]: row["staff_number"] for row in known}
    return [
        TakenIdentity(place=place, field="tax_code")
        for place, row in enumerate(rows)
        if owners.get(row.tax_code, row.staff_number) != row.staff_number
    ]


async def _write(
    connection: AnyConnection, company_id: str, rows: Sequence[ListedEmployee], import_id: str
) -> list[asyncpg.Record]:
    """The rows that are new or that changed; a row that says what was known changes nothing."""
    return await connection.fetch(
        """
        INSERT INTO employee (id, company_id, staff_number, tax_code, first_name, last_name, birth_date, contract_type,
            hired_on, contract_ends_on, net_monthly_cents, left_on, import_id)
        SELECT gen_random_uuid(), $1, row.*, $12
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::text[], $8::date[], $9::date[],
            $10::bigint[], $11::date[]) AS row
        ON CONFLICT (company_id, staff_number) DO UPDATE SET tax_code = excluded.tax_code,
            first_name = excluded.first_name, last_name = excluded.last_name, birth_date = excluded.birth_date,
            contract_type = excluded.contract_type, hired_on = excluded.hired_on,
            contract_ends_on = excluded.contract_ends_on, net_monthly_cents = excluded.net_monthly_cents,
            left_on = excluded.left_on, import_id = excluded.import_id
        WHERE (employee.tax_code, employee.first_name, employee.last_name, employee.birth_date, employee.contract_type,
                employee.hired_on, employee.contract_ends_on, employee.net_monthly_cents, employee.left_on)
            IS DISTINCT FROM (excluded.tax_code, excluded.first_name, excluded.last_name, excluded.birth_date,
                excluded.contract_type, excluded.hired_on, excluded.contract_ends_on, excluded.net_monthly_cents,
                excluded.left_on)
        RETURNING xmax = 0 AS is_new
        """,
        company_id,
        [row.staff_number for row in rows],
        [row.tax_code for row in rows],
        [row.first_name for row in rows],
        [row.last_name for row in rows],
        [row.birth_date for row in rows],
        [row.contract_type for row in rows],
        [row.hired_on for row in rows],
        [row.contract_ends_on for row in rows],
        [row.net_monthly_cents for row in rows],
        [row.left_on for row in rows],
        import_id,
    )

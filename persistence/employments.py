"""Company codes, and employees' claims to belong to a company."""

from datetime import date, datetime
from typing import Literal

import msgspec

from persistence.connection import AnyConnection, Pool
from persistence.lender_bars import settle_bars

EmploymentState = Literal["matched", "mail_sent", "waiting_hr", "confirmed", "refused", "ended"]


class LiveCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code that lets employees in today."""

    code_id: str
    company_id: str
    company_name: str
    site: str | None


class NewEmployment(msgspec.Struct, frozen=True, kw_only=True):
    """A borrower's claim, made with a company code."""

    employment_id: str
    party_id: str
    company_id: str
    code_id: str
    tax_code: str
    birth_date: date | None


class Employment(msgspec.Struct, frozen=True, kw_only=True):
    """A claim and how it stands: `matched` with a row of the company's list, or `waiting_hr` for a person to decide."""

    employment_id: str
    company_id: str
    state: EmploymentState


class CodeNotUsable(msgspec.Struct, frozen=True, kw_only=True):
    """The code has expired or has been used as often as it may be."""


class EmploymentIdReused(msgspec.Struct, frozen=True, kw_only=True):
    """The id stands for another claim."""


async def find_live_code(pool: Pool, code: str, *, at: datetime) -> LiveCode | None:
    """The code as typed by an employee, in any case and with spaces around, if it lets anybody in at `at`."""
    row = await pool.fetchrow(
        """
        SELECT code.id AS code_id, company.id AS company_id, company.name AS company_name, code.site
        FROM company_code code JOIN company ON company.id = code.company_id
        WHERE code.code = $1 AND $2 >= valid_from_at AND $2 < valid_until_at AND (uses_max IS NULL OR uses < uses_max)
        """,
        code.strip().upper(),
        at,
    )
    return None if row is None else LiveCode(**row)


async def claim_employment(
    connection: AnyConnection, new: NewEmployment, *, at: datetime
) -> tuple[Employment, bool] | CodeNotUsable | EmploymentIdReused:
    """Record a claim, in the caller's transaction; True with a new one. It is matched with the company's list by tax
    code and, where the list has it, birth date; one row of the list serves one person."""
    await connection.execute("SELECT FROM party WHERE id = $1 FOR NO KEY UPDATE", new.party_id)
    known = await connection.fetchrow(
        "SELECT party_id, company_id, state FROM employment WHERE id = $1", new.employment_id
    )
    if known is not None:
        if (known["party_id"], known["company_id"]) != (new.party_id, new.company_id):
            return EmploymentIdReused()
        employment = Employment(employment_id=new.employment_id, company_id=known["company_id"], state=known["state"])
        return employment, False
    is_used = await connection.fetchval(
        "UPDATE company_code SET uses = uses + 1 WHERE id = $1 AND $2 < valid_until_at"
        " AND (uses_max IS NULL OR uses < uses_max) RETURNING true",
        new.code_id,
        at,
    )
    if not is_used:
        return CodeNotUsable()
    employee_id = await _free_list_row(connection, new)
    state: EmploymentState = "waiting_hr" if employee_id is None else "matched"
    await connection.execute(
        "INSERT INTO employment (id, party_id, company_id, employee_id, state) VALUES ($1, $2, $3, $4, $5)",
        new.employment_id,
        new.party_id,
        new.company_id,
        employee_id,
        state,
    )
    if state == "matched":
        await settle_bars(connection, company_id=new.company_id, at=at)
    return Employment(employment_id=new.employment_id, company_id=new.company_id, state=state), True


async def _free_list_row(connection: AnyConnection, new: NewEmployment) -> str | None:
    employee_id: str | None = await connection.fetchval(
        """
        SELECT id FROM employee
        WHERE company_id = $1 AND tax_code = $2 AND left_on IS NULL
            AND (birth_date IS NULL OR $3::date IS NULL OR birth_date = $3)
            AND NOT EXISTS (
                SELECT FROM employment WHERE employee_id = employee.id AND party_id <> $4
                    AND state IN ('matched', 'confirmed'))
        FOR NO KEY UPDATE
        """,
        new.company_id,
        new.tax_code,
        new.birth_date,
        new.party_id,
    )
    return employee_id


async def own_employment(pool: Pool, employment_id: str, *, party_id: str) -> Employment | None:
    """A borrower's own claim."""
    row = await pool.fetchrow(
        "SELECT id AS employment_id, company_id, state FROM employment WHERE id = $1 AND party_id = $2",
        employment_id,
        party_id,
    )
    return None if row is None else Employment(**row)

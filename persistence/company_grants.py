"""Money a company sets aside for its own tranches: from its free money to the budget of its book."""

from datetime import datetime

import msgspec

from marketplace import chart_of_accounts as chart
from marketplace.book.commands import Envelope, GrantCompanyBudget
from marketplace.postings import company_budget_granted
from persistence.command_rows import record_command
from persistence.connection import AnyConnection
from persistence.ledger import record_entry


class GrantTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The grant stands, `is_new` or from before; its command is to be sent after the commit."""

    envelope: Envelope
    is_new: bool


class GrantIdReused(msgspec.Struct, frozen=True, kw_only=True):
    """The id stands for another grant."""


class CompanyLacksMoney(msgspec.Struct, frozen=True, kw_only=True):
    """The company has only `free_cents` free."""

    free_cents: int
    asked_cents: int


async def grant_budget(
    connection: AnyConnection, company_id: str, grant_id: str, cents: int, *, at: datetime, party_id: str | None
) -> GrantTaken | GrantIdReused | CompanyLacksMoney:
    """Move `cents` from a company's free money to its budget and record the command that tells its book, in the
    caller's transaction. The grant's id is also the command's."""
    free_account = chart.company(company_id, "free").id
    free_cents: int = (
        await connection.fetchval(
            "SELECT balance_cents * normal_side FROM account WHERE id = $1 FOR NO KEY UPDATE", free_account
        )
        or 0
    )
    known = await connection.fetchrow("SELECT company_id, cents, at FROM company_grant WHERE id = $1", grant_id)
    if known is not None and (known["company_id"], known["cents"]) != (company_id, cents):
        return GrantIdReused()
    envelope = Envelope(
        command_id=grant_id,
        company_id=company_id,
        at=known["at"] if known else at,
        command=GrantCompanyBudget(cents=cents),
    )
    if known is not None:
        return GrantTaken(envelope=envelope, is_new=False)
    if cents > free_cents:
        return CompanyLacksMoney(free_cents=free_cents, asked_cents=cents)
    if await record_command(connection, envelope, subject_id=company_id, party_id=party_id, sent_by="caller") != "new":
        return GrantIdReused()
    await connection.execute(
        "INSERT INTO company_grant (id, company_id, cents, at) VALUES ($1, $2, $3, $4)", grant_id, company_id, cents, at
    )
    await record_entry(connection, company_budget_granted(grant_id=grant_id, at=at, company_id=company_id, cents=cents))
    return GrantTaken(envelope=envelope, is_new=True)

"""A loan as its borrower and operations see it: the plan, and how each instalment is collected."""

from datetime import date

import asyncpg
import msgspec

from marketplace.loans.schedules import Instalment, Plan
from persistence.connection import Pool


class InstalmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An instalment of the plan. `state` is that of its last collection, None before the first is asked for."""

    number: int
    due_date: date
    principal_cents: int
    interest_cents: int
    balance_cents: int
    state: str | None
    collection_date: date | None
    refused_reason: str | None


class LoanView(msgspec.Struct, frozen=True, kw_only=True):
    """A loan with its plan."""

    loan_id: str
    request_id: str
    company_id: str
    state: str
    principal_cents: int
    outstanding_cents: int
    collected_cents: int
    rate_cbp: int
    months: int
    disbursed_on: date
    settled_on: date | None
    next_collection_date: date | None
    instalments: list[InstalmentView]


async def loan_view(pool: Pool, loan_id: str, *, borrower_id: str | None) -> LoanView | None:
    """A loan; None when absent or not `borrower_id`'s. Without a borrower: anybody's."""
    row = await pool.fetchrow(
        """
        SELECT id AS loan_id, request_id, company_id, state, principal_cents, outstanding_cents, collected_cents,
            rate_cbp, months, disbursed_on, settled_on, next_collection_date, plan
        FROM loan WHERE id = $1 AND ($2::uuid IS NULL OR borrower_id = $2)
        """,
        loan_id,
        borrower_id,
    )
    if row is None:
        return None
    fields = dict(row.items())
    plan = msgspec.json.decode(fields.pop("plan"), type=Plan)
    collections = await pool.fetch(
        "SELECT DISTINCT ON (instalment) instalment, state, collection_date, refused_reason"
        " FROM collection, unnest(instalment_numbers) AS instalment"
        " WHERE loan_id = $1 ORDER BY instalment, collection_date DESC, presentation DESC",
        loan_id,
    )
    last = {collection["instalment"]: collection for collection in collections}
    return LoanView(**fields, instalments=[_instalment_view(one, last.get(one.number)) for one in plan.instalments])


def _instalment_view(instalment: Instalment, collection: asyncpg.Record | None) -> InstalmentView:
    return InstalmentView(
        number=instalment.number,
        due_date=instalment.due_date,
        principal_cents=instalment.principal_cents,
        interest_cents=instalment.interest_cents,
        balance_cents=instalment.balance_cents,
        state=None if collection is None else collection["state"],
        collection_date=None if collection is None else collection["collection_date"],
        refused_reason=None if collection is None else collection["refused_reason"],
    )

"""What came of a market: requests, loans, lenders, companies and the ledger, in figures that a rerun must repeat.

Nothing in it depends on who was fast: no sequence number, no fill id, no number of Lemonway's, no real time.
"""

from datetime import date
from itertools import groupby
from typing import Any, Literal, TypeVar

import asyncpg
import msgspec

from marketplace.loans.schedules import Instalment, Plan
from persistence.connection import AnyConnection
from persistence.trial_balance import TrialBalance, trial_balance

Part = TypeVar("Part", bound=msgspec.Struct)


class FillResult(msgspec.Struct, frozen=True, kw_only=True):
    lender_id: str
    cents: int


class RequestResult(msgspec.Struct, frozen=True, kw_only=True):
    """A request; figures of its cover are None when it has none that stands."""

    request_id: str
    company_id: str
    borrower_id: str
    status: str
    amount_cents: int
    months: int
    covered_cents: int | None
    company_cents: int | None
    rate_bp: int | None
    loan_rate_cbp: int | None
    fills: tuple[FillResult, ...] = ()


class ShareResult(msgspec.Struct, frozen=True, kw_only=True):
    participant_kind: Literal["lender", "company"]
    participant_id: str
    principal_cents: int
    principal_paid_cents: int
    interest_paid_cents: int


class CollectionResult(msgspec.Struct, frozen=True, kw_only=True):
    collection_date: date
    cents: int
    state: str
    refused_reason: str | None


class LoanResult(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    company_id: str
    borrower_id: str
    status: str
    principal_cents: int
    rate_cbp: int
    disbursed_on: date
    settled_on: date | None
    collected_cents: int
    outstanding_cents: int
    plan: tuple[Instalment, ...]
    shares: tuple[ShareResult, ...]
    collections: tuple[CollectionResult, ...]


class LenderResult(msgspec.Struct, frozen=True, kw_only=True):
    """A lender's money: what came in, what it did, where it stands. `*_received_cents` has reached the wallet."""

    lender_id: str
    name: str
    wired_cents: int
    lent_cents: int
    principal_received_cents: int
    interest_received_cents: int
    paid_out_cents: int
    free_cents: int
    taken_cents: int
    sent_cents: int
    outstanding_cents: int
    incoming_cents: int
    held_cents: int


class CompanyResult(msgspec.Struct, frozen=True, kw_only=True):
    """A company: the requests of its people by status, and its own money."""

    company_id: str
    name: str
    requests_by_status: dict[str, int]
    covered_cents: int
    wired_cents: int
    lent_cents: int
    principal_received_cents: int
    interest_received_cents: int
    free_cents: int
    budget_cents: int
    outstanding_cents: int


class MarketResult(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, each list in order of its ids."""

    requests: tuple[RequestResult, ...]
    loans: tuple[LoanResult, ...]
    lenders: tuple[LenderResult, ...]
    companies: tuple[CompanyResult, ...]
    trial_balance: TrialBalance


async def market_result(connection: AnyConnection) -> MarketResult:
    """The market as it stands, read in one state of the database (opens a transaction of its own)."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return MarketResult(
            requests=await _requests(connection),
            loans=await _loans(connection),
            lenders=tuple(msgspec.convert(row, LenderResult) for row in await _fetch(connection, _LENDERS)),
            companies=await _companies(connection),
            trial_balance=await trial_balance(connection),
        )


async def _requests(connection: AnyConnection) -> tuple[RequestResult, ...]:
    fills = _grouped(await _fetch(connection, _FILLS), "request_id", FillResult)
    return tuple(
        msgspec.convert(row | {"fills": fills.get(row["request_id"], ())}, RequestResult)
        for row in await _fetch(connection, _REQUESTS)
    )


async def _loans(connection: AnyConnection) -> tuple[LoanResult, ...]:
    shares = _grouped(await _fetch(connection, _SHARES), "loan_id", ShareResult)
    collections = _grouped(await _fetch(connection, _COLLECTIONS), "loan_id", CollectionResult)
    loans = []
    for row in await _fetch(connection, _LOANS):
        loan_id = row["loan_id"]
        parts = {
            "plan": msgspec.json.decode(row["plan"], type=Plan).instalments,
            "shares": shares[loan_id],
            "collections": collections.get(loan_id, ()),
        }
        loans.append(msgspec.convert(row | parts, LoanResult))
    return tuple(loans)


async def _companies(connection: AnyConnection) -> tuple[CompanyResult, ...]:
    return tuple(
        msgspec.convert(
            row | {"requests_by_status": msgspec.json.decode(row["requests_by_status"] or "{}")}, CompanyResult
        )
        for row in await _fetch(connection, _COMPANIES)
    )


async def _fetch(connection: AnyConnection, query: str) -> list[dict[str, Any]]:
    rows: list[asyncpg.Record] = await connection.fetch(query)
    return [dict(row.items()) for row in rows]


def _grouped(rows: list[dict[str, Any]], key: str, kind: type[Part]) -> dict[Any, tuple[Part, ...]]:
    """The rows, which are in order of `key`, as one tuple for each value of it."""
    return {
        value: tuple(msgspec.convert(row, kind) for row in group)
        for value, group in groupby(rows, key=lambda row: row[key])
    }


_HAS_COVER = "state IN ('covered', 'signed', 'funding', 'disbursed')"

_REQUESTS = f"""
    SELECT id AS request_id, company_id, borrower_id, state AS status, amount_cents, months,
        CASE WHEN {_HAS_COVER} THEN covered_cents END AS covered_cents,
        CASE WHEN {_HAS_COVER} THEN company_cents END AS company_cents,
        CASE WHEN {_HAS_COVER} THEN rate_bp END AS rate_bp,
        CASE WHEN {_HAS_COVER} THEN loan_rate_cbp END AS loan_rate_cbp
    FROM credit_request ORDER BY id
"""

_FILLS = f"""
    SELECT f.request_id, f.lender_id, f.amount_book_cents AS cents
    FROM fill f JOIN credit_request r ON r.id = f.request_id AND r.cover_id = f.cover_id
    WHERE f.book_state IN ('taken', 'signed') AND r.{_HAS_COVER} ORDER BY f.request_id, f.lender_id
"""

_LOANS = """
    SELECT id AS loan_id, request_id, company_id, borrower_id, state AS status, principal_cents, rate_cbp,
        disbursed_on, settled_on, collected_cents, outstanding_cents, plan
    FROM loan ORDER BY request_id
"""

_SHARES = """
    SELECT loan_id, participant_kind, participant_id, principal_cents, principal_paid_cents, interest_paid_cents
    FROM loan_share ORDER BY loan_id, place
"""

_COLLECTIONS = """
    SELECT loan_id, collection_date, cents, state, refused_reason FROM collection
    ORDER BY loan_id, collection_date, presentation
"""

# What a participant had of each kind, from the rows that brought it; a bucket's balance, counted on its own side.
_MONEY = """
    wired AS (SELECT party_id, sum(cents)::bigint AS cents FROM wire WHERE state = 'matched' GROUP BY party_id),
    lent AS (SELECT participant_id, sum(principal_cents)::bigint AS cents FROM loan_share GROUP BY participant_id),
    received AS (
        SELECT participant_id, sum(principal_cents)::bigint AS principal_cents,
            sum(interest_cents)::bigint AS interest_cents
        FROM receipt_share WHERE distributed_at IS NOT NULL GROUP BY participant_id),
    paid_out AS (
        SELECT participant_id, sum(cents)::bigint AS cents FROM payout
        WHERE state = 'executed' GROUP BY participant_id),
    bucket AS (
        SELECT owner_id, jsonb_object_agg(bucket, balance_cents * normal_side) AS cents
        FROM account WHERE owner_kind IN ('lender', 'company') GROUP BY owner_id)
"""

_LENDERS = f"""
    WITH {_MONEY}
    SELECT party.id AS lender_id, party.name,
        coalesce(wired.cents, 0) AS wired_cents,
        coalesce(lent.cents, 0) AS lent_cents,
        coalesce(received.principal_cents, 0) AS principal_received_cents,
        coalesce(received.interest_cents, 0) AS interest_received_cents,
        coalesce(paid_out.cents, 0) AS paid_out_cents,
        coalesce((bucket.cents ->> 'free')::bigint, 0) AS free_cents,
        coalesce((bucket.cents ->> 'taken')::bigint, 0) AS taken_cents,
        coalesce((bucket.cents ->> 'sent')::bigint, 0) AS sent_cents,
        coalesce((bucket.cents ->> 'lent')::bigint, 0) AS outstanding_cents,
        coalesce((bucket.cents ->> 'incoming')::bigint, 0) AS incoming_cents,
        coalesce((bucket.cents ->> 'held')::bigint, 0) AS held_cents
    FROM party
    LEFT JOIN wired ON wired.party_id = party.id
    LEFT JOIN lent ON lent.participant_id = party.id
    LEFT JOIN received ON received.participant_id = party.id
    LEFT JOIN paid_out ON paid_out.participant_id = party.id
    LEFT JOIN bucket ON bucket.owner_id = party.id::text
    WHERE party.kind IN ('lender_person', 'lender_legal') ORDER BY party.id
"""

_COMPANIES = f"""
    WITH {_MONEY},
    by_status AS (
        SELECT company_id, state, count(*) AS requests FROM credit_request GROUP BY company_id, state),
    asked AS (
        SELECT company_id, jsonb_object_agg(state, requests) AS by_status FROM by_status GROUP BY company_id),
    covered AS (
        SELECT company_id, sum(covered_cents)::bigint AS cents FROM credit_request
        WHERE {_HAS_COVER} GROUP BY company_id)
    SELECT company.id AS company_id, company.name,
        asked.by_status AS requests_by_status,
        coalesce(covered.cents, 0) AS covered_cents,
        coalesce(wired.cents, 0) AS wired_cents,
        coalesce(lent.cents, 0) AS lent_cents,
        coalesce(received.principal_cents, 0) AS principal_received_cents,
        coalesce(received.interest_cents, 0) AS interest_received_cents,
        coalesce((bucket.cents ->> 'free')::bigint, 0) AS free_cents,
        coalesce((bucket.cents ->> 'budget')::bigint, 0) AS budget_cents,
        coalesce((bucket.cents ->> 'lent')::bigint, 0) AS outstanding_cents
    FROM company
    LEFT JOIN asked ON asked.company_id = company.id
    LEFT JOIN covered ON covered.company_id = company.id
    LEFT JOIN wired ON wired.party_id = company.id
    LEFT JOIN lent ON lent.participant_id = company.id
    LEFT JOIN received ON received.participant_id = company.id
    LEFT JOIN bucket ON bucket.owner_id = company.id::text
    ORDER BY company.id
"""

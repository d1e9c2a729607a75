"""The rows of books that a projection changes, and the statements that read and write them in bulk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from persistence.connection import AnyConnection


class FillRow(msgspec.Struct, kw_only=True):
    """The book's side of a fill's row."""

    fill_id: str
    cover_id: str
    request_id: str
    company_id: str
    lender_id: str
    offer_id: str
    strategy_id: str
    wanted_cents: int
    book_state: str
    amount_book_cents: int | None
    replaces_fill_id: str | None


class CoverRow(msgspec.Struct, kw_only=True):
    cover_id: str
    request_id: str
    company_id: str
    shard: str
    plan_seq: int
    state: str
    round: int
    amount_cents: int
    company_cents: int
    rate_bp: int
    loan_rate_cbp: int
    dust: str
    released_why: str | None
    proposed_at: datetime
    covered_at: datetime | None
    released_at: datetime | None
    is_holding: bool


class OfferRow(msgspec.Struct, kw_only=True):
    id: str
    company_id: str
    lender_id: str
    strategy_id: str
    ask_bp: int
    tier: str
    months: str
    min_ticket_cents: int
    per_request_cents: int | None
    per_borrower_cents: int | None
    per_company_cents: int | None
    strategy_rank: int
    asks_by_term: str
    floating: str | None
    is_all_or_none: bool
    filters: str
    is_paused: bool
    sequence: int
    at: datetime


class RequestChange(msgspec.Struct, kw_only=True):
    """What becomes of a request's row; None leaves a column as it is."""

    id: str
    state: str
    approval_sequence: int | None = None
    opened_at: datetime | None = None
    expires_at: datetime | None = None
    cover_id: str | None = None
    covered_cents: int | None = None
    company_cents: int | None = None
    rate_bp: int | None = None
    loan_rate_cbp: int | None = None
    terms_version: int | None = None
    covered_at: datetime | None = None
    accept_until_at: datetime | None = None
    signed_at: datetime | None = None
    closed_at: datetime | None = None


class WithdrawnOffer(msgspec.Struct, kw_only=True):
    id: str
    at: datetime


class PublishedTerms(msgspec.Struct, kw_only=True):
    company_id: str
    version: int
    at: datetime


class Decision(msgspec.Struct, kw_only=True):
    """What a book answered to a command."""

    id: str
    outcome: Literal["ok", "refused"]
    refusal: str | None
    shard: str
    seq: int
    at: datetime


async def load_covers(connection: AnyConnection, cover_ids: Sequence[str]) -> list[CoverRow]:
    rows = await connection.fetch(f"SELECT {_names(CoverRow)} FROM cover WHERE cover_id = ANY($1)", cover_ids)
    return [CoverRow(**dict(row.items())) for row in rows]


async def load_fills(connection: AnyConnection, cover_ids: Sequence[str]) -> list[FillRow]:
    """Every fill of these covers."""
    rows = await connection.fetch(f"SELECT {_names(FillRow)} FROM fill WHERE cover_id = ANY($1)", cover_ids)
    return [FillRow(**dict(row.items())) for row in rows]


async def write_covers(connection: AnyConnection, rows: Sequence[CoverRow]) -> None:
    await _execute(connection, _UPSERT_COVERS, rows)


async def write_fills(connection: AnyConnection, rows: Sequence[FillRow]) -> None:
    await _execute(connection, _UPSERT_FILLS, rows)


async def write_offers(
    connection: AnyConnection, placed: Sequence[OfferRow], withdrawn: Sequence[WithdrawnOffer]
) -> None:
    await _execute(connection, _UPSERT_OFFERS, placed)
    await _execute(connection, _WITHDRAW_OFFERS, withdrawn)


async def write_requests(connection: AnyConnection, changes: Sequence[RequestChange]) -> None:
    await _execute(connection, _UPDATE_REQUESTS, changes)


async def write_terms(connection: AnyConnection, published: Sequence[PublishedTerms]) -> None:
    await _execute(connection, _PUT_TERMS_IN_FORCE, published)


async def write_decisions(connection: AnyConnection, decisions: Sequence[Decision]) -> None:
    """Decide the commands. A refused opening leaves the request as it was assessed, a refused closing leaves it to be
    closed anew."""
    await _execute(connection, _DECIDE_COMMANDS, decisions)
    refused = [decision.id for decision in decisions if decision.outcome == "refused"]
    if refused:
        await connection.execute(
            "UPDATE credit_request SET state = 'assessed' WHERE state = 'opening' AND command_id = ANY($1)", refused
        )
        await connection.execute("DELETE FROM request_closing WHERE command_id = ANY($1)", refused)


async def _execute(connection: AnyConnection, statement: str, rows: Sequence[msgspec.Struct]) -> None:
    """Run a statement that takes one array per field of its rows, in the order of the fields."""
    if rows:
        fields = rows[0].__struct_fields__
        await connection.execute(statement, *([getattr(row, field) for row in rows] for field in fields))


def _names(row: type[msgspec.Struct]) -> str:
    return ", ".join(row.__struct_fields__)


_UPSERT_COVERS = f"""
    INSERT INTO cover ({_names(CoverRow)})
    SELECT * FROM unnest(
        $1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::integer[], $8::bigint[],
        $9::bigint[], $10::integer[], $11::integer[], $12::text[], $13::text[], $14::timestamptz[],
        $15::timestamptz[], $16::timestamptz[], $17::boolean[])
    ON CONFLICT (cover_id) DO UPDATE SET
        plan_seq = excluded.plan_seq, state = excluded.state, round = excluded.round,
        amount_cents = excluded.amount_cents, company_cents = excluded.company_cents, rate_bp = excluded.rate_bp,
        loan_rate_cbp = excluded.loan_rate_cbp, dust = excluded.dust, released_why = excluded.released_why,
        covered_at = excluded.covered_at, released_at = excluded.released_at, is_holding = excluded.is_holding
"""

# The purse's side of the row belongs to whoever projects the purse: it is neither read nor written here.
_UPSERT_FILLS = f"""
    INSERT INTO fill ({_names(FillRow)})
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::bigint[], $9::text[],
        $10::bigint[], $11::text[])
    ON CONFLICT (fill_id) DO UPDATE SET
        cover_id = excluded.cover_id, request_id = excluded.request_id, company_id = excluded.company_id,
        offer_id = excluded.offer_id, strategy_id = excluded.strategy_id, wanted_cents = excluded.wanted_cents,
        book_state = excluded.book_state, amount_book_cents = excluded.amount_book_cents,
        replaces_fill_id = excluded.replaces_fill_id
"""

_UPSERT_OFFERS = """
    INSERT INTO offer (id, company_id, lender_id, strategy_id, ask_bp, tier, months, min_ticket_cents,
        per_request_cents, per_borrower_cents, per_company_cents, strategy_rank, asks_by_term, floating,
        is_all_or_none, filters, is_paused, sequence, placed_at, changed_at)
    SELECT id, company_id, lender_id, strategy_id, ask_bp, tier, string_to_array(months, ',')::integer[],
        min_ticket_cents, per_request_cents, per_borrower_cents, per_company_cents, strategy_rank,
        asks_by_term::jsonb, floating::jsonb, is_all_or_none, filters::jsonb, is_paused, sequence, at, at
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::integer[], $6::text[], $7::text[], $8::bigint[],
        $9::bigint[], $10::bigint[], $11::bigint[], $12::integer[], $13::text[], $14::text[], $15::boolean[],
        $16::text[], $17::boolean[], $18::bigint[], $19::timestamptz[])
        AS placed (id, company_id, lender_id, strategy_id, ask_bp, tier, months, min_ticket_cents,
            per_request_cents, per_borrower_cents, per_company_cents, strategy_rank, asks_by_term, floating,
            is_all_or_none, filters, is_paused, sequence, at)
    ON CONFLICT (id) DO UPDATE SET
        ask_bp = excluded.ask_bp, tier = excluded.tier, months = excluded.months,
        min_ticket_cents = excluded.min_ticket_cents, per_request_cents = excluded.per_request_cents,
        per_borrower_cents = excluded.per_borrower_cents, per_company_cents = excluded.per_company_cents,
        strategy_rank = excluded.strategy_rank, asks_by_term = excluded.asks_by_term, floating = excluded.floating,
        is_all_or_none = excluded.is_all_or_none, filters = excluded.filters, is_paused = excluded.is_paused,
        sequence = excluded.sequence, state = 'standing', changed_at = excluded.changed_at
"""

_WITHDRAW_OFFERS = """
    UPDATE offer SET state = 'withdrawn', changed_at = withdrawn.at
    FROM unnest($1::uuid[], $2::timestamptz[]) AS withdrawn (id, at) WHERE offer.id = withdrawn.id
"""

_UPDATE_REQUESTS = """
    UPDATE credit_request r SET
        state = change.state,
        approval_sequence = coalesce(change.approval_sequence, r.approval_sequence),
        opened_at = coalesce(change.opened_at, r.opened_at),
        expires_at = coalesce(change.expires_at, r.expires_at),
        cover_id = coalesce(change.cover_id, r.cover_id),
        covered_cents = coalesce(change.covered_cents, r.covered_cents),
        company_cents = coalesce(change.company_cents, r.company_cents),
        rate_bp = coalesce(change.rate_bp, r.rate_bp),
        loan_rate_cbp = coalesce(change.loan_rate_cbp, r.loan_rate_cbp),
        terms_version = coalesce(change.terms_version, r.terms_version),
        covered_at = coalesce(change.covered_at, r.covered_at),
        accept_until_at = coalesce(change.accept_until_at, r.accept_until_at),
        signed_at = coalesce(change.signed_at, r.signed_at),
        closed_at = coalesce(change.closed_at, r.closed_at)
    FROM unnest(
        $1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::bigint[],
        $8::bigint[], $9::integer[], $10::integer[], $11::integer[], $12::timestamptz[], $13::timestamptz[],
        $14::timestamptz[], $15::timestamptz[])
        AS change (id, state, approval_sequence, opened_at, expires_at, cover_id, covered_cents, company_cents,
            rate_bp, loan_rate_cbp, terms_version, covered_at, accept_until_at, signed_at, closed_at)
    WHERE r.id = change.id
"""

_PUT_TERMS_IN_FORCE = """
    UPDATE company_terms SET in_force_at = published.at
    FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[]) AS published (company_id, version, at)
    WHERE company_terms.company_id = published.company_id AND company_terms.version = published.version
"""

_DECIDE_COMMANDS = """
    UPDATE command SET state = 'decided', outcome = decision.outcome, refusal = decision.refusal::jsonb,
        decided_shard = decision.shard, decided_seq = decision.seq, decided_at = decision.at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])
        AS decision (id, outcome, refusal, shard, seq, at)
    WHERE command.id = decision.id AND command.state = 'received'
"""

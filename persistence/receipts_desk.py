"""Fills and the receipts behind them, as the journal recorded them.

A receipt stands in the event that holds the plan: `CoverProposed`, or `CoverAmended` when the plan was made anew.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from marketplace.book.book_events import CoverAmended, CoverProposed, PlannedCover
from marketplace.book.journal import decode_book_record
from marketplace.explanations.lender_outcomes import PlanStatus
from persistence.connection import AnyConnection, Pool

FillLabel = Literal["matched", "held", "confirmed", "funded", "released"]

_Entry = tuple[str, int]
"""A journal's entry: shard and sequence."""

_FILL_ID = re.compile(r"(bk\d+)\.(\d{1,18})\.\d{1,9}")
_COVER_ID = re.compile(r"(bk\d+):(\d{1,18})")


class FillStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One lender's part of a cover as the record has it. `rate_bp` is what it earns: the cover's clearing rate."""

    fill_id: str
    lender_id: str
    request_id: str
    company_id: str
    company_name: str
    offer_id: str
    strategy_id: str
    cover_id: str
    shard: str
    plan_seq: int
    cover_state: str
    book_state: str
    purse_state: str | None
    cents: int
    rate_bp: int
    months: int
    proposed_at: datetime
    covered_at: datetime | None

    @property
    def label(self) -> FillLabel:
        """Which truth the amount is: planned by the book, promised by the purse to a request that is not covered yet or
        to one that is, lent, or free again."""
        if self.cover_state == "released" or self.book_state in ("denied", "superseded", "releasing", "ended"):
            return "released"
        if self.purse_state == "lent":
            return "funded"
        if self.book_state == "taken" and self.cover_state == "proposed":
            return "held"
        return "confirmed" if self.book_state in ("taken", "signed") else "matched"


class JournaledPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan with its receipt, and the entry of the journal that holds it."""

    shard: str
    seq: int
    hash: str
    company_id: str
    at: datetime
    event: CoverProposed | CoverAmended

    @property
    def plan(self) -> PlannedCover:
        """The plan itself."""
        return self.event.plan

    @property
    def request_id(self) -> str:
        """The request that the plan is for."""
        return self.event.request_id

    @property
    def cover_id(self) -> str:
        """The cover whose plan it is."""
        return self.event.cover_id if isinstance(self.event, CoverAmended) else f"{self.shard}:{self.seq}"

    def has_fill(self, fill_id: str) -> bool:
        """Whether the plan names the fill, or keeps it from the plan before."""
        named = f"{self.shard}.{self.seq}."
        places = {f"{named}{place}" for place, leg in enumerate(self.plan.legs) if leg.kept_fill_id is None}
        return fill_id in places or any(leg.kept_fill_id == fill_id for leg in self.plan.legs)


_FILLS = """
    SELECT fill.fill_id, fill.lender_id, fill.request_id, fill.company_id, company.name AS company_name,
        fill.offer_id, fill.strategy_id, fill.cover_id, cover.shard, cover.plan_seq, cover.state AS cover_state,
        fill.book_state, fill.purse_state, coalesce(fill.amount_book_cents, fill.wanted_cents) AS cents,
        cover.rate_bp, request.months, cover.proposed_at, cover.covered_at
    FROM fill
    JOIN cover ON cover.cover_id = fill.cover_id
    JOIN company ON company.id = fill.company_id
    JOIN credit_request request ON request.id = fill.request_id
"""


async def own_fills(pool: Pool, lender_id: str, *, limit: int, after_fill_id: str | None) -> list[FillStatus]:
    """A lender's fills, newest cover first; those after `after_fill_id` in that order. What a purse denied, or a later
    fill replaced, never was its money's and is left out."""
    rows = await pool.fetch(
        f"""
        {_FILLS}
        WHERE fill.lender_id = $1 AND fill.book_state NOT IN ('denied', 'superseded')
            AND (fill.amount_book_cents IS NOT NULL OR fill.book_state = 'asked')
            AND NOT EXISTS (
                SELECT FROM fill newer WHERE newer.cover_id = fill.cover_id AND newer.replaces_fill_id = fill.fill_id
                    AND newer.book_state <> 'denied')
            AND ($2::text IS NULL OR (cover.proposed_at, fill.fill_id) < (
                SELECT earlier.proposed_at, $2 FROM fill own JOIN cover earlier ON earlier.cover_id = own.cover_id
                WHERE own.fill_id = $2 AND own.lender_id = $1))
        ORDER BY cover.proposed_at DESC, fill.fill_id DESC LIMIT $3
        """,
        lender_id,
        after_fill_id,
        limit,
    )
    return [_fill_status(row) for row in rows]


async def fill_status(pool: Pool, fill_id: str, *, lender_id: str | None) -> FillStatus | None:
    """A fill; None when absent or not `lender_id`'s. Without a lender: anybody's."""
    row = await pool.fetchrow(
        f"{_FILLS} WHERE fill.fill_id = $1 AND ($2::uuid IS NULL OR fill.lender_id = $2)", fill_id, lender_id
    )
    return None if row is None else _fill_status(row)


async def plans_of(pool: Pool, fills: Sequence[FillStatus]) -> dict[str, JournaledPlan]:
    """By fill id, the newest plan that has the fill: its cover's present one, or the one that named a fill which that
    no longer has."""
    present = await _journaled_plans(pool, {(fill.shard, fill.plan_seq) for fill in fills})
    plans = {fill.fill_id: present[fill.shard, fill.plan_seq] for fill in fills}
    given_up = {fill_id: _naming_entry(fill_id) for fill_id, plan in plans.items() if not plan.has_fill(fill_id)}
    first = await _journaled_plans(pool, set(given_up.values()))
    return plans | {fill_id: first[entry] for fill_id, entry in given_up.items()}


async def plan_of_request(pool: Pool | AnyConnection, request_id: str) -> JournaledPlan | None:
    """The present plan of a request's last cover; None while it never had one."""
    cover = await pool.fetchrow(
        "SELECT shard, plan_seq FROM cover WHERE request_id = $1 ORDER BY proposed_at DESC, plan_seq DESC LIMIT 1",
        request_id,
    )
    return None if cover is None else await journaled_plan(pool, cover["shard"], cover["plan_seq"])


async def plan_status(pool: Pool | AnyConnection, plan: JournaledPlan) -> PlanStatus:
    """What became of a plan, as far as the record goes."""
    row = await pool.fetchrow("SELECT state, plan_seq FROM cover WHERE cover_id = $1", plan.cover_id)
    if row is None or row["state"] == "released" or row["plan_seq"] != plan.seq:
        return "released"
    return "holding" if plan.plan.is_holding else "covered"


async def is_hold_lifted(connection: Pool | AnyConnection, *, cover_id: str, lender_id: str) -> bool:
    """Whether the lender itself took back its part of the cover while that was held."""
    named = _COVER_ID.fullmatch(cover_id)
    assert named is not None, cover_id
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM journal_event WHERE shard = $1 AND seq > $2 AND kind = 'hold_lifted'"
        " AND convert_from(payload, 'UTF8')::jsonb -> 'event'"
        " @> jsonb_build_object('cover_id', $3::text, 'lender_id', $4::text))",
        named[1],
        int(named[2]),
        cover_id,
        lender_id,
    )
    return found


async def find_plan(connection: Pool | AnyConnection, reference: str) -> JournaledPlan | None:
    """The plan that a fill id, a cover id or a request id leads to; None when there is none."""
    if _FILL_ID.fullmatch(reference) is not None:
        row = await connection.fetchrow(
            "SELECT cover.shard, cover.plan_seq FROM fill JOIN cover ON cover.cover_id = fill.cover_id"
            " WHERE fill.fill_id = $1",
            reference,
        )
        present = None if row is None else await journaled_plan(connection, row["shard"], row["plan_seq"])
        is_in_it = present is not None and present.has_fill(reference)
        return present if is_in_it else await journaled_plan(connection, *_naming_entry(reference))
    if (named := _COVER_ID.fullmatch(reference)) is not None:
        plan_seq = await connection.fetchval("SELECT plan_seq FROM cover WHERE cover_id = $1", reference)
        return await journaled_plan(connection, named[1], int(named[2]) if plan_seq is None else plan_seq)
    try:
        request_id = str(UUID(reference))
    except ValueError:
        return None
    return await plan_of_request(connection, request_id)


async def journaled_plan(connection: Pool | AnyConnection, shard: str, seq: int) -> JournaledPlan | None:
    """The plan that an entry of a book's journal holds; None when the entry is absent or holds none."""
    return (await _journaled_plans(connection, {(shard, seq)})).get((shard, seq))


async def _journaled_plans(
    connection: Pool | AnyConnection, entries: Collection[_Entry]
) -> dict[_Entry, JournaledPlan]:
    rows = await connection.fetch(
        "SELECT shard, seq, payload, hash FROM journal_event"
        " JOIN unnest($1::text[], $2::bigint[]) AS wanted (shard, seq) USING (shard, seq)"
        " WHERE kind IN ('cover_proposed', 'cover_amended')",
        [shard for shard, _ in entries],
        [seq for _, seq in entries],
    )
    return {(row["shard"], row["seq"]): _journaled(row) for row in rows}


def _journaled(row: asyncpg.Record) -> JournaledPlan:
    record = decode_book_record(row["payload"])
    assert isinstance(record.event, CoverProposed | CoverAmended), record
    return JournaledPlan(
        shard=row["shard"],
        seq=row["seq"],
        hash=row["hash"],
        company_id=record.company_id,
        at=record.at,
        event=record.event,
    )


def _naming_entry(fill_id: str) -> _Entry:
    """The journal's entry that named a fill, which its id tells."""
    named = _FILL_ID.fullmatch(fill_id)
    assert named is not None, fill_id
    return named[1], int(named[2])


def _fill_status(row: asyncpg.Record) -> FillStatus:
    return FillStatus(**dict(row.items()))

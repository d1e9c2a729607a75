"""The life of a payment instruction: asked for, handed to a worker, sent, and what became of it.

ready → queued → sending → done, or review. `sending` is committed before Lemonway is called, so an instruction that a
dead process left behind says that it may have been executed. Every step is taken only from the state it starts in,
and what follows a sending only from that very attempt: of two workers with the same row one finds nothing to do.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import asyncpg
import msgspec

from persistence.connection import AnyConnection, Pool
from persistence.payment_instructions import lemonway_reference, payment_instruction_id

InstructionKind = Literal["fund", "disburse", "collect", "gather", "distribute", "pay_out"]
ParticipantKind = Literal["lender", "company", "borrower"]

LONGEST_ERROR = 4_000


class NewInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """A movement to ask Lemonway for. `natural_key` names what it pays (see `payment_instruction_id`)."""

    kind: InstructionKind
    natural_key: tuple[str, ...]
    cents: int
    at: datetime
    debit_wallet: str | None = None
    credit_wallet: str | None = None
    bank_account_id: str | None = None
    mandate_id: str | None = None
    collection_date: date | None = None
    participant_kind: ParticipantKind | None = None
    participant_id: str | None = None
    request_id: str | None = None
    fill_id: str | None = None
    loan_id: str | None = None
    collection_id: str | None = None
    payout_id: str | None = None
    business_date: date | None = None

    @property
    def id(self) -> str:
        return payment_instruction_id(self.kind, *self.natural_key)


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """A stored instruction, with what Lemonway calls the bank account or mandate it uses."""

    id: str
    kind: InstructionKind
    reference: str
    cents: int
    debit_wallet: str | None
    credit_wallet: str | None
    lemonway_iban_id: str | None
    lemonway_mandate_id: str | None
    collection_date: date | None
    participant_kind: ParticipantKind | None
    participant_id: str | None
    request_id: str | None
    fill_id: str | None
    loan_id: str | None
    collection_id: str | None
    payout_id: str | None
    business_date: date | None
    at: datetime
    attempt: int
    absent_polls: int
    sent_at: datetime | None


class LostTrack(msgspec.Struct, frozen=True, kw_only=True):
    """An instruction that may have been executed, with how long ago it was sent (real time)."""

    instruction: Instruction
    unknown_for_ms: int


_INSERTED = (
    "id, kind, reference, debit_wallet, credit_wallet, cents, bank_account_id, mandate_id, collection_date,"
    " participant_kind, participant_id, request_id, fill_id, loan_id, collection_id, payout_id, business_date, at"
)
_INSERT = f"""
    INSERT INTO payment_instruction ({_INSERTED})
    SELECT * FROM unnest(
        $1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::uuid[], $8::uuid[], $9::date[],
        $10::text[], $11::uuid[], $12::uuid[], $13::text[], $14::uuid[], $15::uuid[], $16::uuid[], $17::date[],
        $18::timestamptz[])
    ON CONFLICT (id) DO NOTHING"""

_COLUMNS = """
    p.id, p.kind, p.reference, p.cents, p.debit_wallet, p.credit_wallet, p.collection_date, p.participant_kind,
    p.participant_id, p.request_id, p.fill_id, p.loan_id, p.collection_id, p.payout_id, p.business_date, p.at,
    p.attempt, p.absent_polls, p.sent_at,
    (SELECT lemonway_iban_id FROM bank_account WHERE id = p.bank_account_id) AS lemonway_iban_id,
    (SELECT lemonway_mandate_id FROM mandate WHERE id = p.mandate_id) AS lemonway_mandate_id"""


async def insert_instructions(connection: AnyConnection, instructions: Sequence[NewInstruction]) -> None:
    """Ask for these movements; one that was asked for before is left as it is."""
    if not instructions:
        return
    rows = [_row(instruction) for instruction in instructions]
    await connection.execute(_INSERT, *map(list, zip(*rows, strict=True)))


def _row(new: NewInstruction) -> tuple[object, ...]:
    instruction_id = new.id
    return (
        instruction_id,
        new.kind,
        lemonway_reference(instruction_id),
        new.debit_wallet,
        new.credit_wallet,
        new.cents,
        new.bank_account_id,
        new.mandate_id,
        new.collection_date,
        new.participant_kind,
        new.participant_id,
        new.request_id,
        new.fill_id,
        new.loan_id,
        new.collection_id,
        new.payout_id,
        new.business_date,
        new.at,
    )


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows handed out together. `key` is the same for the same rows and lease only."""

    instruction_ids: list[str]
    key: str


async def claim_batch(pool: Pool, *, size: int, queued_max: int, lease_ms: int) -> Batch | None:
    """Hand out up to `size` rows that are ready, or whose lease has lapsed; None when there is nothing to hand out.

    At most `queued_max` rows are handed out at a time, so that a lease need not cover the whole backlog.
    """
    claimed = await pool.fetch(
        """
        WITH room AS (
            SELECT greatest(0, least($2, $3 - count(*))) AS rows
            FROM payment_instruction WHERE state = 'queued' AND lease_until >= now()
        ), lapsed AS MATERIALIZED (
            SELECT id FROM payment_instruction WHERE state = 'queued' AND lease_until < now()
            LIMIT (SELECT rows FROM room) FOR NO KEY UPDATE SKIP LOCKED
        ), ready AS MATERIALIZED (
            SELECT id FROM payment_instruction WHERE state = 'ready' AND next_at <= now()
            ORDER BY next_at, id LIMIT (SELECT rows FROM room) - (SELECT count(*) FROM lapsed)
            FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE payment_instruction SET state = 'queued', lease_until = now() + $1 * interval '1 millisecond'
        WHERE id IN (SELECT id FROM lapsed UNION ALL SELECT id FROM ready)
        RETURNING id, next_at, (extract(epoch FROM lease_until) * 1000)::bigint AS lease_until_ms
        """,
        lease_ms,
        size,
        queued_max,
    )
    if not claimed:
        return None
    ids = [row["id"] for row in sorted(claimed, key=lambda row: (row["next_at"], row["id"]))]
    return Batch(instruction_ids=ids, key=f"{ids[0]}-{claimed[0]['lease_until_ms']}")


async def has_more_ready(pool: Pool) -> bool:
    """Whether rows wait to be handed out that could be at once."""
    return bool(
        await pool.fetchval(
            "SELECT EXISTS (SELECT FROM payment_instruction WHERE state = 'ready' AND next_at <= now())"
        )
    )


async def hand_back(pool: Pool, instruction_ids: Sequence[str], *, wait_ms: int) -> None:
    """Rows of a batch that were not sent are ready again, `wait_ms` from now."""
    await pool.execute(
        """
        UPDATE payment_instruction
        SET state = 'ready', lease_until = NULL, next_at = now() + $2 * interval '1 millisecond'
        WHERE id = ANY($1::uuid[]) AND state = 'queued'
        """,
        list(instruction_ids),
        wait_ms,
    )


async def start_sending(pool: Pool, instruction_id: str, *, lease_ms: int) -> Instruction | None:
    """Commit that Lemonway is about to be called; None when the row is not this worker's to send.

    After `lease_ms`, which outlasts any call, the outcome counts as unknown.
    """
    row = await pool.fetchrow(
        f"""
        UPDATE payment_instruction p
        SET state = 'sending', attempt = attempt + 1, absent_polls = 0, sent_at = now(), lease_until = NULL,
            next_at = now() + $2 * interval '1 millisecond'
        WHERE id = $1 AND state = 'queued'
        RETURNING {_COLUMNS}
        """,
        instruction_id,
        lease_ms,
    )
    return _read(row)


async def take_back_unsent(pool: Pool, sent: Instruction, *, cause: str, wait_ms: int) -> None:
    """This attempt was certainly not executed: the instruction may be sent again after `wait_ms`."""
    await pool.execute(
        """
        UPDATE payment_instruction
        SET state = 'ready', next_at = now() + $4 * interval '1 millisecond', last_error = $3
        WHERE id = $1 AND attempt = $2 AND state = 'sending'
        """,
        sent.id,
        sent.attempt,
        cause[:LONGEST_ERROR],
        wait_ms,
    )


async def look_up_after(
    pool: Pool, sent: Instruction, *, cause: str | None = None, wait_ms: int, absent_polls: int = 0
) -> None:
    """The outcome is not known: look the reference up in `wait_ms`. `absent_polls` looks found nothing so far."""
    await pool.execute(
        """
        UPDATE payment_instruction
        SET next_at = now() + $4 * interval '1 millisecond', absent_polls = $5, last_error = coalesce($3, last_error)
        WHERE id = $1 AND attempt = $2 AND state = 'sending'
        """,
        sent.id,
        sent.attempt,
        cause and cause[:LONGEST_ERROR],
        wait_ms,
        absent_polls,
    )


async def set_aside(pool: Pool, sent: Instruction, *, reason: str) -> None:
    """Nothing more happens to it by itself: a person has to look at `reason`."""
    await pool.execute(
        """
        UPDATE payment_instruction SET state = 'review', last_error = $3
        WHERE id = $1 AND attempt = $2 AND state = 'sending'
        """,
        sent.id,
        sent.attempt,
        reason[:LONGEST_ERROR],
    )


async def lost_track_of(pool: Pool, *, limit: int) -> list[LostTrack]:
    """Sent instructions whose outcome is not known and that are due to be looked up, longest lost first."""
    rows = await pool.fetch(
        f"""
        SELECT {_COLUMNS}, (extract(epoch FROM now() - p.sent_at) * 1000)::bigint AS unknown_for_ms
        FROM payment_instruction p WHERE p.state = 'sending' AND p.next_at <= now()
        ORDER BY p.next_at LIMIT $1
        """,
        limit,
    )
    return [
        LostTrack(instruction=instruction, unknown_for_ms=row["unknown_for_ms"])
        for row in rows
        if (instruction := _read(row)) is not None
    ]


async def claim_executed(connection: AnyConnection, instruction_id: str, *, psp_id: str, executed_at: datetime) -> bool:
    """Within the transaction that books it: the instruction is done. False when somebody has booked it already.

    `psp_id` is Lemonway's number of the movement, `executed_at` the business instant.
    """
    done = await connection.fetchval(
        """
        UPDATE payment_instruction
        SET state = 'done', psp_id = $2, executed_at = $3, lease_until = NULL, last_error = NULL
        WHERE id = $1 AND state = 'sending' RETURNING true
        """,
        instruction_id,
        psp_id,
        executed_at,
    )
    return bool(done)


def _read(row: asyncpg.Record | None) -> Instruction | None:
    return None if row is None else msgspec.convert(dict(row.items()), Instruction)

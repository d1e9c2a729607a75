"""Asking lenders' purses for steps, in the transaction that makes them due."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from marketplace.ports import PurseOperation
from persistence.connection import AnyConnection
from persistence.purse_instructions import purse_instruction_id


class PurseStep(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of a purse; the fields are those of `marketplace.ports.PurseInstruction`."""

    lender_id: str
    operation: PurseOperation
    ref: str
    at: datetime
    cents: int = 0
    reserved_cents: int = 0
    freed_cents: dict[str, int] = {}


async def ask_purses(connection: AnyConnection, steps: Sequence[PurseStep]) -> None:
    """Record the steps for the purses to take, in this order. A step asked for before is left as it is."""
    if not steps:
        return
    await connection.execute(
        """
        INSERT INTO purse_instruction (id, lender_id, operation, ref, cents, reserved_cents, freed_cents, at)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::jsonb[],
            $8::timestamptz[])
        ON CONFLICT (id) DO NOTHING
        """,
        [purse_instruction_id(step.operation, step.ref) for step in steps],
        [step.lender_id for step in steps],
        [step.operation for step in steps],
        [step.ref for step in steps],
        [step.cents for step in steps],
        [step.reserved_cents for step in steps],
        [msgspec.json.encode(step.freed_cents, order="sorted").decode() for step in steps],
        [step.at for step in steps],
    )

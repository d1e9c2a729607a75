"""Steps that a lender's purse must take because of something recorded here."""

from uuid import UUID as Uuid
from uuid import uuid5

from piccolo.columns import JSONB, UUID, BigInt, BigSerial, Text, Timestamptz
from piccolo.table import Table

from marketplace.ports import PurseOperation

_INSTRUCTIONS = Uuid("2f8e1b7a-0c4d-5e96-a1b2-7d3c5f9e0a64")


def purse_instruction_id(operation: PurseOperation, ref: str) -> str:
    """The id (UUIDv5) of the step: a purse takes each operation once per `ref`, so asking twice is asking once."""
    return str(uuid5(_INSTRUCTIONS, f"{operation}/{ref}"))


class PurseInstruction(Table):
    """A step asked of a purse: repeated until the purse's own event is projected, which makes it `done`.

    `review`: the purse says that it can never take the step; `last_error` says why.
    """

    id = UUID(primary_key=True, default=None)
    number = BigSerial()
    lender_id = UUID(default=None)
    operation = Text()
    step_ref = Text(db_column_name="ref")  # Piccolo's tables have a method `ref`
    cents = BigInt()
    reserved_cents = BigInt()
    reserve_cents = BigInt()
    strategy_limits = JSONB()
    freed_cents = JSONB()
    at = Timestamptz()
    state = Text(default="ready")
    last_error = Text(null=True, default=None)
    created_at = Timestamptz()
    done_at = Timestamptz(null=True, default=None)

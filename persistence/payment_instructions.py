"""The outbox: every movement of money that Lemonway is to be asked for, and what became of it."""

from uuid import UUID as Uuid
from uuid import uuid5

from piccolo.columns import UUID, BigInt, Date, Integer, Text, Timestamptz
from piccolo.table import Table

_INSTRUCTIONS = Uuid("5d0a4f6c-6f0e-5c58-9d4e-3a2b7c1e8f90")
_REFERENCES = Uuid("b7c1d2e3-94a5-5b06-8c17-d8e9fa0b1c2d")


def payment_instruction_id(kind: str, *natural_key: str) -> str:
    """The id (UUIDv5) of the instruction that pays what `natural_key` names, so that asking twice is asking once.

    Keys: `fund` fill id, or request id and `company` for the company's tranche; `disburse` request id; `collect` and
    `gather` collection id; `distribute` participant kind, participant id and business date; `pay_out` payout id.
    """
    return str(uuid5(_INSTRUCTIONS, "/".join((kind, *natural_key))))


def lemonway_reference(instruction_id: str) -> str:
    """The reference Lemonway is given at every attempt of an instruction (UUIDv5, 36 characters)."""
    return str(uuid5(_REFERENCES, instruction_id))


class PaymentInstruction(Table):
    """A movement of money. `next_at`, `lease_until`, `sent_at` are real time, `at` and `executed_at` business time."""

    id = UUID(primary_key=True, default=None)
    kind = Text()
    reference = UUID(default=None)
    debit_wallet = Text(null=True, default=None)
    credit_wallet = Text(null=True, default=None)
    cents = BigInt()
    bank_account_id = UUID(null=True, default=None)
    mandate_id = UUID(null=True, default=None)
    collection_date = Date(null=True, default=None)
    participant_kind = Text(null=True, default=None)
    participant_id = UUID(null=True, default=None)
    request_id = UUID(null=True, default=None)
    fill_id = Text(null=True, default=None)
    loan_id = UUID(null=True, default=None)
    collection_id = UUID(null=True, default=None)
    payout_id = UUID(null=True, default=None)
    business_date = Date(null=True, default=None)
    at = Timestamptz()
    state = Text(default="ready")
    attempt = Integer()
    absent_polls = Integer()
    next_at = Timestamptz()
    lease_until = Timestamptz(null=True, default=None)
    sent_at = Timestamptz(null=True, default=None)
    psp_id = Text(null=True, default=None)
    executed_at = Timestamptz(null=True, default=None)
    last_error = Text(null=True, default=None)
    created_at = Timestamptz()

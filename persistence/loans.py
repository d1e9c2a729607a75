"""Loans, their events and shares; collections, what each participant received, payouts."""

from piccolo.columns import JSONB, UUID, Array, BigInt, Date, Integer, Text, Timestamptz
from piccolo.table import Table


class Loan(Table):
    """A loan as the fold of its events; `next_submission_date` is when servicing has something to collect."""

    id = UUID(primary_key=True, default=None)
    request_id = UUID(default=None)
    company_id = UUID(default=None)
    borrower_id = UUID(default=None)
    mandate_id = UUID(null=True, default=None)
    principal_cents = BigInt()
    rate_cbp = Integer()
    months = Integer()
    plan = JSONB()
    state = Text(default="active")
    event_count = Integer()
    outstanding_cents = BigInt()
    collected_cents = BigInt()
    unapplied_cents = BigInt()
    needs_person = Text(null=True, default=None)
    next_collection_date = Date(null=True, default=None)
    next_submission_date = Date(null=True, default=None)
    disbursed_on = Date()
    settled_on = Date(null=True, default=None)


class LoanEvent(Table):
    """A fact in the life of a loan (a tagged marketplace.loans.loan_events value in `payload`).

    The key is (loan_id, number). Piccolo knows no composite key: rows are only inserted and read.
    """

    loan_id = UUID(primary_key=True, default=None)
    number = Integer()
    kind = Text()
    payload = JSONB()
    effective_on = Date()
    at = Timestamptz()
    recorded_at = Timestamptz()


class LoanShare(Table):
    """What one participant lent to a loan and has had back. The key is (loan_id, participant_kind, participant_id)."""

    loan_id = UUID(primary_key=True, default=None)
    participant_kind = Text()
    participant_id = UUID(default=None)
    place = Integer()
    fill_id = Text(null=True, default=None)
    principal_cents = BigInt()
    rate_cbp = Integer()
    principal_paid_cents = BigInt()
    interest_paid_cents = BigInt()


class Collection(Table):
    """One direct debit from the borrower's bank account: an instalment, and whatever else was unpaid by its day."""

    id = UUID(primary_key=True, default=None)
    loan_id = UUID(default=None)
    cents = BigInt()
    instalment_numbers = Array(base_column=Integer())
    presentation = Integer(default=1)
    submission_date = Date()
    collection_date = Date()
    state = Text(default="planned")
    instruction_id = UUID(default=None)
    money_in_id = Text(null=True, default=None)
    refused_reason = Text(null=True, default=None)
    submitted_at = Timestamptz(null=True, default=None)
    read_at = Timestamptz(null=True, default=None)
    result_at = Timestamptz(null=True, default=None)


class ReceiptShare(Table):
    """A participant's part of a collected instalment, on its way to its wallet.

    The key is (collection_id, participant_kind, participant_id).
    """

    collection_id = UUID(primary_key=True, default=None)
    participant_kind = Text()
    participant_id = UUID(default=None)
    loan_id = UUID(default=None)
    principal_cents = BigInt()
    interest_cents = BigInt()
    gather_instruction_id = UUID(default=None)
    gathered_at = Timestamptz(null=True, default=None)
    distribute_instruction_id = UUID(null=True, default=None)
    distributed_at = Timestamptz(null=True, default=None)


class Payout(Table):
    """Money leaving a wallet for its owner's bank account: asked for, held by the purse, executed by Lemonway."""

    id = UUID(primary_key=True, default=None)
    participant_kind = Text()
    participant_id = UUID(default=None)
    loan_id = UUID(null=True, default=None)
    bank_account_id = UUID(default=None)
    cents = BigInt()
    state = Text(default="asked")
    refused_reason = Text(null=True, default=None)
    at = Timestamptz()
    decided_at = Timestamptz(null=True, default=None)
    executed_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz()

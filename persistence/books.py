"""Commands on their way to books; offers, requests, covers and fills as the journals tell them."""

from piccolo.columns import JSONB, UUID, Array, BigInt, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table


class Command(Table):
    """A command for a book: inserted here first, sent, and decided once an event it caused is projected."""

    id = UUID(primary_key=True, default=None)
    company_id = UUID(default=None)
    kind = Text()
    subject_id = UUID(null=True, default=None)
    party_id = UUID(null=True, default=None)
    body = JSONB()
    at = Timestamptz()
    deadline_at = Timestamptz(null=True, default=None)
    state = Text(default="received")
    outcome = Text(null=True, default=None)
    refusal = JSONB(null=True, default=None)
    decided_shard = Text(null=True, default=None)
    decided_seq = BigInt(null=True, default=None)
    received_at = Timestamptz()
    send_at = Timestamptz()
    decided_at = Timestamptz(null=True, default=None)


class Offer(Table):
    """A lender's standing order in one book, as the book has it."""

    id = UUID(primary_key=True, default=None)
    company_id = UUID(default=None)
    lender_id = UUID(default=None)
    strategy_id = UUID(default=None)
    ask_bp = Integer()
    tier = Text()
    months = Array(base_column=Integer())
    min_ticket_cents = BigInt()
    per_request_cents = BigInt(null=True, default=None)
    per_borrower_cents = BigInt(null=True, default=None)
    per_company_cents = BigInt(null=True, default=None)
    strategy_rank = Integer(default=1)
    sequence = BigInt()
    state = Text(default="standing")
    placed_at = Timestamptz()
    changed_at = Timestamptz()
    asks_by_term = JSONB()
    floating = JSONB(null=True, default=None)
    is_all_or_none = Boolean(default=False)
    filters = JSONB()
    is_paused = Boolean(default=False)


class CreditRequest(Table):
    """A borrower's request, from draft to loan. From `open` on its state follows the book's journal."""

    id = UUID(primary_key=True, default=None)
    company_id = UUID(default=None)
    borrower_id = UUID(default=None)
    employment_id = UUID(null=True, default=None)
    amount_cents = BigInt()
    min_amount_cents = BigInt()
    months = Integer()
    max_rate_bp = Integer()
    accepts_shrink = Boolean()
    purpose = Text()
    purpose_class = Integer(default=1)
    debit_day = Integer(null=True, default=None)
    details = JSONB()
    state = Text(default="draft")
    assessment = JSONB(null=True, default=None)
    command_id = UUID(null=True, default=None)
    approval_sequence = BigInt(null=True, default=None)
    cover_id = Text(null=True, default=None)
    covered_cents = BigInt(null=True, default=None)
    company_cents = BigInt(null=True, default=None)
    rate_bp = Integer(null=True, default=None)
    loan_rate_cbp = Integer(null=True, default=None)
    terms_version = Integer(null=True, default=None)
    mandate_id = UUID(null=True, default=None)
    bank_account_id = UUID(null=True, default=None)
    created_at = Timestamptz()
    opened_at = Timestamptz(null=True, default=None)
    expires_at = Timestamptz(null=True, default=None)
    covered_at = Timestamptz(null=True, default=None)
    accept_until_at = Timestamptz(null=True, default=None)
    signed_at = Timestamptz(null=True, default=None)
    disbursed_at = Timestamptz(null=True, default=None)
    closed_at = Timestamptz(null=True, default=None)


class RequestClosing(Table):
    """The one way in which a request's one opening ends: signed, cancelled or lapsed. The first insert wins."""

    request_id = UUID(primary_key=True, default=None)
    kind = Text()
    cover_id = Text(null=True, default=None)
    command_id = UUID(default=None)
    at = Timestamptz()
    created_at = Timestamptz()


class Cover(Table):
    """A cover of a request; its plan and receipt are in the journal event (`shard`, `plan_seq`)."""

    cover_id = Text(primary_key=True)
    request_id = UUID(default=None)
    company_id = UUID(default=None)
    shard = Text()
    plan_seq = BigInt()
    state = Text()
    round = Integer()
    amount_cents = BigInt()
    company_cents = BigInt()
    rate_bp = Integer()
    loan_rate_cbp = Integer()
    dust = Text()
    released_why = Text(null=True, default=None)
    proposed_at = Timestamptz()
    covered_at = Timestamptz(null=True, default=None)
    released_at = Timestamptz(null=True, default=None)
    is_holding = Boolean(default=False)


class Fill(Table):
    """One lender's part of a cover: what its book says of it and what its purse says."""

    fill_id = Text(primary_key=True)
    cover_id = Text(null=True, default=None)
    request_id = UUID(null=True, default=None)
    company_id = UUID(null=True, default=None)
    lender_id = UUID(default=None)
    offer_id = UUID(null=True, default=None)
    strategy_id = UUID(null=True, default=None)
    wanted_cents = BigInt(null=True, default=None)
    book_state = Text(null=True, default=None)
    purse_state = Text(null=True, default=None)
    amount_book_cents = BigInt(null=True, default=None)
    amount_purse_cents = BigInt(null=True, default=None)
    replaces_fill_id = Text(null=True, default=None)

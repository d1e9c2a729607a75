"""The double entry of every money event; each entry sums to zero.

An entry's id is the natural key of the fact behind it, so that recording the fact twice records it once:
`<shard>:<seq>:0` for a fact of a purse's journal, `pay:<instruction>` for a payment Lemonway executed,
`wire:<money-in>` for money that arrived, `grant:<grant>`, `collection:<collection>`, `loan:<loan>:<event number>`.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from marketplace.chart_of_accounts import (
    Account,
    ParticipantKind,
    borrower_received,
    company,
    lender,
    loan_principal,
    participant,
    wallet,
)


class Posting(msgspec.Struct, frozen=True, gc=False):
    """One line: debit positive, credit negative, never zero."""

    account: Account
    cents: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A whole entry. `at` is the business instant of the fact it records."""

    entry_id: str
    kind: str
    at: datetime
    postings: tuple[Posting, ...]


class LentPart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a participant lent to a loan, in cents."""

    kind: ParticipantKind
    participant_id: str
    cents: int


class ReceivedPart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a participant gets of money collected from a borrower, in cents."""

    kind: ParticipantKind
    participant_id: str
    principal_cents: int
    interest_cents: int


def lender_wire_received(*, money_in_id: str, at: datetime, wallet_id: str, lender_id: str, cents: int) -> Entry:
    """A lender's wire is in its wallet: it is free to lend."""
    return _moved(f"wire:{money_in_id}", "wire", at, cents, debit=wallet(wallet_id), credit=lender(lender_id, "free"))


def company_wire_received(*, money_in_id: str, at: datetime, wallet_id: str, company_id: str, cents: int) -> Entry:
    """A company's wire is in its wallet: free, until the company sets it aside for its book."""
    return _moved(f"wire:{money_in_id}", "wire", at, cents, debit=wallet(wallet_id), credit=company(company_id, "free"))


def borrower_wire_received(*, money_in_id: str, at: datetime, wallet_id: str, borrower_id: str, cents: int) -> Entry:
    """A borrower's wire is in its wallet, not allocated to any debt yet."""
    return _moved(
        f"wire:{money_in_id}", "wire", at, cents, debit=wallet(wallet_id), credit=borrower_received(borrower_id)
    )


def company_budget_granted(*, grant_id: str, at: datetime, company_id: str, cents: int) -> Entry:
    """The company set free money aside for its own tranches."""
    free, budget = company(company_id, "free"), company(company_id, "budget")
    return _moved(f"grant:{grant_id}", "budget_granted", at, cents, debit=free, credit=budget)


def fill_taken(*, shard: str, seq: int, at: datetime, lender_id: str, cents: int, replaced_cents: int) -> Entry | None:
    """A purse promised `cents`, `replaced_cents` of which a fill it replaces had already; None when nothing moves."""
    free, taken = lender(lender_id, "free"), lender(lender_id, "taken")
    growth = cents - replaced_cents
    if growth == 0:
        return None
    return _entry(f"{shard}:{seq}:0", "fill_taken", at, (free, growth), (taken, -growth))


def fill_returned(*, shard: str, seq: int, at: datetime, lender_id: str, cents: int) -> Entry:
    """A purse freed what it had promised: the fill was given up, or its payment could not be made."""
    free, taken = lender(lender_id, "free"), lender(lender_id, "taken")
    return _moved(f"{shard}:{seq}:0", "fill_returned", at, cents, debit=taken, credit=free)


def withdrawal_held(*, shard: str, seq: int, at: datetime, lender_id: str, cents: int) -> Entry:
    """A purse set money aside for a payout."""
    free, held = lender(lender_id, "free"), lender(lender_id, "held")
    return _moved(f"{shard}:{seq}:0", "withdrawal_held", at, cents, debit=free, credit=held)


def withdrawal_voided(*, shard: str, seq: int, at: datetime, lender_id: str, cents: int) -> Entry:
    """A payout was not made: what was set aside is free again."""
    free, held = lender(lender_id, "free"), lender(lender_id, "held")
    return _moved(f"{shard}:{seq}:0", "withdrawal_voided", at, cents, debit=held, credit=free)


def company_withdrawal_held(*, payout_id: str, at: datetime, company_id: str, cents: int) -> Entry:
    """A company's free money was set aside for a payout; a company has no purse, so this is decided here."""
    free, held = company(company_id, "free"), company(company_id, "held")
    return _moved(f"payout:{payout_id}:held", "withdrawal_held", at, cents, debit=free, credit=held)


def fill_funded(
    *, instruction_id: str, at: datetime, lender_wallet: str, borrower_wallet: str, lender_id: str, cents: int
) -> Entry:
    """Lemonway moved a fill from the lender's wallet to the borrower's."""
    return _entry(
        f"pay:{instruction_id}",
        "fill_funded",
        at,
        (wallet(borrower_wallet), cents),
        (wallet(lender_wallet), -cents),
        (lender(lender_id, "taken"), cents),
        (lender(lender_id, "sent"), -cents),
    )


def tranche_funded(
    *, instruction_id: str, at: datetime, company_wallet: str, borrower_wallet: str, company_id: str, cents: int
) -> Entry:
    """Lemonway moved the company's tranche to the borrower's wallet."""
    return _entry(
        f"pay:{instruction_id}",
        "tranche_funded",
        at,
        (wallet(borrower_wallet), cents),
        (wallet(company_wallet), -cents),
        (company(company_id, "budget"), cents),
        (company(company_id, "sent"), -cents),
    )


def loan_disbursed(
    *, instruction_id: str, at: datetime, borrower_wallet: str, loan_id: str, parts: Sequence[LentPart]
) -> Entry:
    """The money-out reached the borrower's bank: each participant's part is now principal of the loan."""
    principal_cents = sum(part.cents for part in parts)
    return _entry(
        f"pay:{instruction_id}",
        "loan_disbursed",
        at,
        (loan_principal(loan_id), principal_cents),
        (wallet(borrower_wallet), -principal_cents),
        *((participant(part.kind, part.participant_id, "sent"), part.cents) for part in parts),
        *((participant(part.kind, part.participant_id, "lent"), -part.cents) for part in parts),
    )


def instalment_collected(
    *, collection_id: str, at: datetime, borrower_wallet: str, borrower_id: str, cents: int
) -> Entry:
    """A direct debit was credited to the borrower's wallet, not allocated yet."""
    received = borrower_received(borrower_id)
    return _moved(f"collection:{collection_id}", "collected", at, cents, debit=wallet(borrower_wallet), credit=received)


def receipt_allocated(
    *, loan_id: str, event_number: int, at: datetime, borrower_id: str, parts: Sequence[ReceivedPart]
) -> Entry:
    """Money received pays principal and interest: each participant's part is on its way to it.

    `event_number` is that of the loan event which allocated it. What was received beyond the parts stays received.
    """
    principal_cents = sum(part.principal_cents for part in parts)
    interest_cents = sum(part.interest_cents for part in parts)
    return _entry(
        f"loan:{loan_id}:{event_number}",
        "receipt_allocated",
        at,
        (borrower_received(borrower_id), principal_cents + interest_cents),
        (loan_principal(loan_id), -principal_cents),
        *((participant(part.kind, part.participant_id, "lent"), part.principal_cents) for part in parts),
        *(
            (participant(part.kind, part.participant_id, "incoming"), -(part.principal_cents + part.interest_cents))
            for part in parts
        ),
    )


def receipt_gathered(
    *, instruction_id: str, at: datetime, borrower_wallet: str, collection_wallet: str, cents: int
) -> Entry:
    """Lemonway moved a receipt from the borrower's wallet to the collection wallet."""
    return _moved(
        f"pay:{instruction_id}", "gathered", at, cents, debit=wallet(collection_wallet), credit=wallet(borrower_wallet)
    )


def receipts_distributed(
    *,
    instruction_id: str,
    at: datetime,
    collection_wallet: str,
    participant_wallet: str,
    kind: ParticipantKind,
    participant_id: str,
    cents: int,
) -> Entry:
    """Lemonway moved a participant's parts of a day's receipts to its wallet: they are free."""
    return _entry(
        f"pay:{instruction_id}",
        "distributed",
        at,
        (wallet(participant_wallet), cents),
        (wallet(collection_wallet), -cents),
        (participant(kind, participant_id, "incoming"), cents),
        (participant(kind, participant_id, "free"), -cents),
    )


def paid_out(
    *,
    instruction_id: str,
    at: datetime,
    participant_wallet: str,
    kind: ParticipantKind,
    participant_id: str,
    cents: int,
) -> Entry:
    """Lemonway paid a payout to the participant's bank account."""
    held = participant(kind, participant_id, "held")
    return _moved(f"pay:{instruction_id}", "paid_out", at, cents, debit=held, credit=wallet(participant_wallet))


def _moved(entry_id: str, kind: str, at: datetime, cents: int, *, debit: Account, credit: Account) -> Entry:
    assert cents > 0, (entry_id, cents)
    return _entry(entry_id, kind, at, (debit, cents), (credit, -cents))


def _entry(entry_id: str, kind: str, at: datetime, *lines: tuple[Account, int]) -> Entry:
    postings = tuple(Posting(account, cents) for account, cents in lines if cents != 0)
    assert sum(posting.cents for posting in postings) == 0, (entry_id, postings)
    return Entry(entry_id=entry_id, kind=kind, at=at, postings=postings)

"""Every money event as a double entry, with its lines written out: debit positive, credit negative, cents."""

from datetime import UTC, datetime

import pytest

from marketplace.postings import (
    Entry,
    LentPart,
    ReceivedPart,
    borrower_wire_received,
    company_budget_granted,
    company_wire_received,
    company_withdrawal_held,
    fill_funded,
    fill_returned,
    fill_taken,
    instalment_collected,
    lender_wire_received,
    loan_disbursed,
    paid_out,
    receipt_allocated,
    receipt_gathered,
    receipts_distributed,
    tranche_funded,
    withdrawal_held,
    withdrawal_voided,
)

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

ENTRIES = [
    pytest.param(
        lender_wire_received(money_in_id="9001", at=AT, wallet_id="L-ada", lender_id="ada", cents=50_000),
        "wire:9001",
        {"wallet:L-ada:balance": 50_000, "lender:ada:free": -50_000},
        id="a lender's wire is free to lend",
    ),
    pytest.param(
        company_wire_received(money_in_id="9002", at=AT, wallet_id="C-acme", company_id="acme", cents=90_000),
        "wire:9002",
        {"wallet:C-acme:balance": 90_000, "company:acme:free": -90_000},
        id="a company's wire is free",
    ),
    pytest.param(
        borrower_wire_received(money_in_id="9003", at=AT, wallet_id="B-eve", borrower_id="eve", cents=700),
        "wire:9003",
        {"wallet:B-eve:balance": 700, "borrower:eve:received": -700},
        id="a borrower's wire waits to be allocated",
    ),
    pytest.param(
        company_budget_granted(grant_id="g1", at=AT, company_id="acme", cents=40_000),
        "grant:g1",
        {"company:acme:free": 40_000, "company:acme:budget": -40_000},
        id="a company sets money aside for its tranches",
    ),
    pytest.param(
        fill_taken(shard="pu03", seq=7, at=AT, lender_id="ada", cents=30_000, replaced_cents=0),
        "pu03:7:0",
        {"lender:ada:free": 30_000, "lender:ada:taken": -30_000},
        id="a promise moves money from free to taken",
    ),
    pytest.param(
        fill_taken(shard="pu03", seq=8, at=AT, lender_id="ada", cents=10_000, replaced_cents=30_000),
        "pu03:8:0",
        {"lender:ada:free": -20_000, "lender:ada:taken": 20_000},
        id="a smaller promise in place of a larger one frees the difference",
    ),
    pytest.param(
        fill_returned(shard="pu03", seq=9, at=AT, lender_id="ada", cents=10_000),
        "pu03:9:0",
        {"lender:ada:taken": 10_000, "lender:ada:free": -10_000},
        id="a promise given up is free again",
    ),
    pytest.param(
        fill_funded(
            instruction_id="i1", at=AT, lender_wallet="L-ada", borrower_wallet="B-eve", lender_id="ada", cents=30_000
        ),
        "pay:i1",
        {
            "wallet:B-eve:balance": 30_000,
            "wallet:L-ada:balance": -30_000,
            "lender:ada:taken": 30_000,
            "lender:ada:sent": -30_000,
        },
        id="a fill that Lemonway moved is sent",
    ),
    pytest.param(
        tranche_funded(
            instruction_id="i2", at=AT, company_wallet="C-acme", borrower_wallet="B-eve", company_id="acme", cents=500
        ),
        "pay:i2",
        {
            "wallet:B-eve:balance": 500,
            "wallet:C-acme:balance": -500,
            "company:acme:budget": 500,
            "company:acme:sent": -500,
        },
        id="a tranche that Lemonway moved is sent",
    ),
    pytest.param(
        loan_disbursed(
            instruction_id="i3",
            at=AT,
            borrower_wallet="B-eve",
            loan_id="l1",
            parts=[
                LentPart(kind="lender", participant_id="ada", cents=30_000),
                LentPart(kind="company", participant_id="acme", cents=500),
            ],
        ),
        "pay:i3",
        {
            "loan:l1:principal": 30_500,
            "wallet:B-eve:balance": -30_500,
            "lender:ada:sent": 30_000,
            "company:acme:sent": 500,
            "lender:ada:lent": -30_000,
            "company:acme:lent": -500,
        },
        id="a disbursed loan is principal owed to those who lent",
    ),
    pytest.param(
        instalment_collected(collection_id="c1", at=AT, borrower_wallet="B-eve", borrower_id="eve", cents=2_650),
        "collection:c1",
        {"wallet:B-eve:balance": 2_650, "borrower:eve:received": -2_650},
        id="a direct debit is received before it is allocated",
    ),
    pytest.param(
        receipt_allocated(
            loan_id="l1",
            event_number=3,
            at=AT,
            borrower_id="eve",
            parts=[
                ReceivedPart(kind="lender", participant_id="ada", principal_cents=2_459, interest_cents=148),
                ReceivedPart(kind="company", participant_id="acme", principal_cents=41, interest_cents=2),
            ],
        ),
        "loan:l1:3",
        {
            "borrower:eve:received": 2_650,
            "loan:l1:principal": -2_500,
            "lender:ada:lent": 2_459,
            "company:acme:lent": 41,
            "lender:ada:incoming": -2_607,
            "company:acme:incoming": -43,
        },
        id="an allocated receipt pays principal back and interest on top",
    ),
    pytest.param(
        receipt_gathered(instruction_id="i4", at=AT, borrower_wallet="B-eve", collection_wallet="COLLECT", cents=2_650),
        "pay:i4",
        {"wallet:COLLECT:balance": 2_650, "wallet:B-eve:balance": -2_650},
        id="a gathered receipt changes wallets and nobody's claim",
    ),
    pytest.param(
        receipts_distributed(
            instruction_id="i5",
            at=AT,
            collection_wallet="COLLECT",
            participant_wallet="L-ada",
            kind="lender",
            participant_id="ada",
            cents=2_607,
        ),
        "pay:i5",
        {
            "wallet:L-ada:balance": 2_607,
            "wallet:COLLECT:balance": -2_607,
            "lender:ada:incoming": 2_607,
            "lender:ada:free": -2_607,
        },
        id="a distributed receipt is free",
    ),
    pytest.param(
        withdrawal_held(shard="pu03", seq=10, at=AT, lender_id="ada", cents=2_000),
        "pu03:10:0",
        {"lender:ada:free": 2_000, "lender:ada:held": -2_000},
        id="a payout is held before it is paid",
    ),
    pytest.param(
        withdrawal_voided(shard="pu03", seq=11, at=AT, lender_id="ada", cents=2_000),
        "pu03:11:0",
        {"lender:ada:held": 2_000, "lender:ada:free": -2_000},
        id="a payout not made is free again",
    ),
    pytest.param(
        company_withdrawal_held(payout_id="p1", at=AT, company_id="acme", cents=60),
        "payout:p1:held",
        {"company:acme:free": 60, "company:acme:held": -60},
        id="a company's payout is held by the ledger",
    ),
    pytest.param(
        paid_out(
            instruction_id="i6",
            at=AT,
            participant_wallet="L-ada",
            kind="lender",
            participant_id="ada",
            cents=2_000,
        ),
        "pay:i6",
        {"lender:ada:held": 2_000, "wallet:L-ada:balance": -2_000},
        id="a payout that was executed has left the wallet",
    ),
]


@pytest.mark.parametrize(("entry", "entry_id", "lines"), ENTRIES)
def test_an_entry_moves_these_accounts_and_sums_to_zero(entry: Entry, entry_id: str, lines: dict[str, int]) -> None:
    assert entry.entry_id == entry_id
    assert {posting.account.id: posting.cents for posting in entry.postings} == lines
    assert sum(lines.values()) == 0


def test_a_promise_that_replaces_an_equal_one_moves_nothing() -> None:
    assert fill_taken(shard="pu03", seq=8, at=AT, lender_id="ada", cents=30_000, replaced_cents=30_000) is None


def test_a_part_without_principal_leaves_the_principal_accounts_alone() -> None:
    entry = receipt_allocated(
        loan_id="l1",
        event_number=4,
        at=AT,
        borrower_id="eve",
        parts=[ReceivedPart(kind="lender", participant_id="ada", principal_cents=0, interest_cents=12)],
    )

    assert {posting.account.id for posting in entry.postings} == {"borrower:eve:received", "lender:ada:incoming"}


def test_nothing_can_be_moved_backward() -> None:
    with pytest.raises(AssertionError):
        company_budget_granted(grant_id="g1", at=AT, company_id="acme", cents=-1)

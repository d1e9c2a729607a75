"""Every leg of a signed cover is paid, then the borrower's bank, and then there is a loan."""

from datetime import date

import msgspec
import pytest

from marketplace.company_terms import CompanyMoney
from marketplace.loans.loan_events import LoanDisbursed
from persistence.funding import loan_id_of, plan_terms
from persistence.loan_record import read_loan_events
from tests.persistence.signed_market import SignedMarket, id_of


@pytest.fixture
async def signed(market: SignedMarket) -> SignedMarket:
    """Ada and Bruno lend 600.00 and 400.00 to Elena, at 6 % over 12 months."""
    await market.add_company()
    await market.add_lender("ada", cents=100_000)
    await market.add_lender("bruno", cents=40_000)
    await market.add_borrower("elena")
    await market.sign("first", "elena", {"ada": 60_000, "bruno": 40_000})
    return market


async def test_a_paid_leg_moves_from_promised_to_sent_and_into_the_borrowers_wallet(signed: SignedMarket) -> None:
    await signed.execute("fund")

    assert await signed.balances("lender", "ada") == {"free": 40_000, "sent": 60_000}
    assert await signed.balances("lender", "bruno") == {"sent": 40_000}
    assert [await signed.balances("wallet", name) for name in ("ada", "bruno", "elena")] == [
        {"balance": 40_000},
        {},
        {"balance": 100_000},
    ]


async def test_each_paid_leg_is_told_to_its_purse(signed: SignedMarket) -> None:
    await signed.execute("fund")

    steps = await signed.pool.fetch(
        "SELECT lender_id, operation, ref, cents FROM purse_instruction WHERE operation = 'post' ORDER BY ref"
    )
    assert [tuple(step) for step in steps] == [
        (id_of("ada"), "post", "bk00.first.0", 60_000),
        (id_of("bruno"), "post", "bk00.first.1", 40_000),
    ]


async def test_the_borrowers_bank_is_paid_once_the_last_leg_has_arrived(signed: SignedMarket) -> None:
    assert await signed.instructions("disburse") == []

    await signed.execute("fund")

    assert await signed.instructions("disburse") == [("ready", 100_000)]


async def test_nothing_is_disbursed_while_a_leg_waits_for_a_person(signed: SignedMarket) -> None:
    await signed.pool.execute("UPDATE payment_instruction SET state = 'review' WHERE cents = 40000")

    await signed.execute("fund")

    assert await signed.instructions("disburse") == []


async def test_a_disbursed_request_is_a_loan_with_plan_and_shares(signed: SignedMarket) -> None:
    await signed.disburse()

    loan = await signed.row("SELECT * FROM loan")
    assert (loan["id"], loan["request_id"]) == (loan_id_of(id_of("first")), id_of("first"))
    assert (loan["principal_cents"], loan["outstanding_cents"], loan["rate_cbp"]) == (100_000, 100_000, 60_000)
    assert (loan["disbursed_on"], loan["next_collection_date"], loan["next_submission_date"]) == (
        date(2026, 1, 12),
        date(2026, 2, 12),
        date(2026, 2, 10),
    )
    instalments = msgspec.json.decode(loan["plan"])["instalments"]
    assert [row["principal_cents"] + row["interest_cents"] for row in instalments] == [8_607] * 11 + [8_603]
    shares = await signed.pool.fetch(
        "SELECT participant_id, principal_cents, rate_cbp FROM loan_share ORDER BY principal_cents DESC"
    )
    assert [tuple(share) for share in shares] == [(id_of("ada"), 60_000, 60_000), (id_of("bruno"), 40_000, 60_000)]


async def test_what_was_sent_is_lent_and_the_purses_are_told(signed: SignedMarket) -> None:
    await signed.disburse()

    assert await signed.balances("lender", "ada") == {"free": 40_000, "lent": 60_000}
    assert await signed.balances("lender", "bruno") == {"lent": 40_000}
    assert await signed.balances("wallet", "elena") == {}
    assert await signed.balance(f"loan:{loan_id_of(id_of('first'))}:principal") == 100_000
    assert await signed.trial_balance_cents() == 0
    lent = await signed.pool.fetch("SELECT ref, cents FROM purse_instruction WHERE operation = 'lend' ORDER BY ref")
    assert [tuple(step) for step in lent] == [("bk00.first.0", 60_000), ("bk00.first.1", 40_000)]
    assert await signed.pool.fetchval("SELECT state FROM credit_request") == "disbursed"


async def test_the_companys_tranche_comes_out_of_its_budget_and_earns_its_own_rate(market: SignedMarket) -> None:
    """A third at 3 % and two thirds at 6 % make a loan at 5 %."""
    await market.add_company(budget_cents=50_000, money=CompanyMoney(mode="share", share_bp=3_333, rate_bp=300))
    await market.add_lender("ada", cents=60_000)
    await market.add_borrower("elena")
    await market.sign("first", "elena", {"ada": 60_000}, company_cents=30_000, loan_rate_cbp=50_000)

    await market.disburse()

    assert await market.balances("company", "alfa") == {"budget": 20_000, "lent": 30_000}
    async with market.pool.acquire() as connection:
        (disbursed,) = await read_loan_events(connection, loan_id_of(id_of("first")))
    assert isinstance(disbursed, LoanDisbursed)
    assert [(part.participant_id, part.rate_cbp) for part in disbursed.participations] == [
        (id_of("ada"), 60_000),
        (id_of("alfa"), 30_000),
    ]


@pytest.mark.parametrize(
    ("disbursed_on", "debit_day", "first_due_date"),
    [
        pytest.param(date(2026, 1, 12), None, date(2026, 2, 12), id="the day of disbursement a month later"),
        pytest.param(date(2026, 1, 12), 26, date(2026, 1, 26), id="the chosen day, fourteen days ahead"),
        pytest.param(date(2026, 1, 12), 25, date(2026, 2, 25), id="the next chosen day when notice would be too short"),
        pytest.param(date(2026, 1, 31), None, date(2026, 2, 28), id="the last day of a month that lacks the 31st"),
    ],
)
def test_the_first_debit_falls_on(disbursed_on: date, debit_day: int | None, first_due_date: date) -> None:
    terms = plan_terms(principal_cents=100_000, months=12, debit_day=debit_day, disbursed_on=disbursed_on)

    assert terms.first_due_date == first_due_date

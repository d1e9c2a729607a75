"""The worked examples of the allocation rule, to the cent."""

import msgspec
import pytest

from marketplace.allocation.matching import CoverPlan
from marketplace.company_terms import CompanyMoney, GuaranteeTerms
from tests.marketplace.book_notation import (
    ONE_RICH_LENDER,
    a_request,
    as_text,
    cents,
    covered,
    plan,
    read_book,
    some_terms,
)

POOL_OF_TEN_PERCENT = GuaranteeTerms(rate_bp=1_000, limit_cents=cents("10,000"))


E1_BOOK = read_book("""
    lender  ask  tier  cash
    L1      400  A       600.00
    L2      450  A       400.00
    L3      300  B     1,000.00
    L4      500  B       900.00
    L5      525  A       800.00
    L6      475  C       700.00
""")


def test_e1_a_posted_rate_with_company_money_first_and_a_guarantee() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"), guarantee=POOL_OF_TEN_PERCENT)

    cover = covered(plan(a_request("3,000", max_rate_bp=500), E1_BOOK, terms, budget="500"))

    assert as_text(cover) == "company 500.00; L1 600.00, L2 400.00, L3 789.36, L4 710.64 at 500"
    assert cover.rotated_lender_ids == ("L3", "L4")
    assert cover.loan_rate_cbp == 50_000
    assert cover.amount_cents == cents("3,000")


def test_e1_the_receipt_shows_the_arithmetic_of_the_rationed_tier() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"), guarantee=POOL_OF_TEN_PERCENT)

    receipt = plan(a_request("3,000", max_rate_bp=500), E1_BOOK, terms, budget="500").receipt

    full, rationed = receipt.buckets
    assert (full.price_bp, full.tier, full.need_cents, full.treatment) == (500, "A", 250_000, "full")
    assert (rationed.price_bp, rationed.tier, rationed.need_cents, rationed.treatment) == (
        500,
        "B",
        150_000,
        "rationed",
    )
    assert rationed.rationing is not None
    assert (rationed.rationing.tickets_cents, rationed.rationing.rest_cents) == (2_000, 148_000)
    assert rationed.rationing.rooms_cents == 188_000
    assert rationed.rationing.remainders == (148_000 * 99_000 % 188_000, 148_000 * 89_000 % 188_000)
    assert [candidate.filled_cents for candidate in rationed.candidates] == [78_936, 71_064]
    assert receipt.gate is not None
    assert (receipt.gate.answer, receipt.gate.whole_lender_cents) == ("passed", 250_000)
    assert receipt.company.tranche_cents == 50_000


def test_e2_a_band_gives_one_clearing_rate_to_everybody() -> None:
    book = read_book("""
        lender  ask  tier  cash
        a       350  B       500
        b       400  B       300
        c       425  B       450
        d       450  A       400
        e       450  B       700
        f       475  B     1,000
    """)

    cover = covered(plan(a_request("2,000"), book, some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "a 500.00, b 300.00, c 450.00, d 400.00, e 350.00 at 450"
    assert cover.rotated_lender_ids == ("e",)


E3_BOOK = read_book(
    "lender ask cash\n" + "".join(f"t{number:02d} 450 10\n" for number in range(1, 13)) + "B1 450 500\nB2 450 300\n"
)


def test_e3_every_waiting_lender_gets_a_ticket_before_size_counts() -> None:
    cover = covered(plan(a_request("400"), E3_BOOK, some_terms(floor_bp=400, cap_bp=500)))

    tickets = ", ".join(f"t{number:02d} 10.00" for number in range(1, 13))
    assert as_text(cover) == f"{tickets}, B1 173.33, B2 106.67 at 450"


def test_e3_when_tickets_run_out_the_longest_waiting_have_them_and_the_rest_keep_their_place() -> None:
    cover = covered(plan(a_request("90"), E3_BOOK, some_terms(floor_bp=400, cap_bp=500)))

    nine = [f"t{number:02d}" for number in range(1, 10)]
    assert as_text(cover) == ", ".join(f"{lender} 10.00" for lender in nine) + " at 450"
    assert cover.rotated_lender_ids == tuple(nine)
    assert [candidate.lender_id for candidate in cover.receipt.buckets[0].candidates] == [*nine, "t10"]


E4_BOOK = read_book("""
    lender  ask  cash
    p       400  150
    q       425   96
    z       450  200
""")


@pytest.mark.parametrize(
    ("company", "budget", "accepts_shrink", "result", "amount"),
    [
        pytest.param(
            "backstop", "4", True, "company 4.00; p 150.00, q 96.00; backstop at 425", "250", id="a: backstop"
        ),
        pytest.param("backstop", "3.99", True, "p 150.00, q 96.00; shrunk at 425", "246", id="b: shrink"),
        pytest.param("none", "4", True, "p 150.00, q 96.00; shrunk at 425", "246", id="b: a budget of another mode"),
        pytest.param("none", "0", False, "p 146.28, q 93.72, z 10.00; shaved at 450", "250", id="c: shave"),
    ],
)
def test_e4_a_last_gap_is_closed_by_backstop_then_shrinking_then_shaving(
    company: str, budget: str, accepts_shrink: bool, result: str, amount: str
) -> None:
    terms = some_terms(floor_bp=400, cap_bp=600, company=msgspec.convert({"mode": company}, type=CompanyMoney))

    cover = covered(plan(a_request("250", accepts_shrink=accepts_shrink), E4_BOOK, terms, budget=budget))

    assert as_text(cover) == result
    assert cover.amount_cents == cents(amount)
    assert cover.rotated_lender_ids == ()


@pytest.mark.parametrize(
    ("amount", "guaranteed", "result"),
    [
        pytest.param("9,000", "92,000", "guarantee: 9,000.00 coverable", id="9,000 waits"),
        pytest.param("2,500", "92,000", "L1 2,500.00 at 500", id="2,500 passes"),
        pytest.param("8,000", "92,000", "L1 8,000.00 at 500", id="the head-room itself passes"),
        pytest.param("8,000.01", "92,000", "guarantee: 8,000.01 coverable", id="a cent more waits"),
        pytest.param("18,000", "82,000", "L1 18,000.00 at 500", id="18,000 after 10,000 was repaid"),
        pytest.param("18,000.01", "82,000", "guarantee: 18,000.01 coverable", id="a cent more than that waits"),
    ],
)
def test_e6_the_guarantee_lets_through_what_its_limit_covers(amount: str, guaranteed: str, result: str) -> None:
    outcome = plan(a_request(amount), ONE_RICH_LENDER, some_terms(guarantee=POOL_OF_TEN_PERCENT), guaranteed=guaranteed)

    assert as_text(outcome) == result
    assert outcome.receipt.gate is not None
    assert outcome.receipt.gate.answer == ("passed" if isinstance(outcome, CoverPlan) else "waits")

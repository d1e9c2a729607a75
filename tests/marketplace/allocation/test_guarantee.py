"""Lenders' money goes no further than the company's guarantee covers."""

import msgspec
import pytest

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


def test_a_loan_executes_up_to_the_head_room_when_the_borrower_takes_less() -> None:
    terms = some_terms(guarantee=POOL_OF_TEN_PERCENT)
    request = a_request("9,000", at_least="8,000")

    cover = covered(plan(request, ONE_RICH_LENDER, terms, guaranteed="92,000"))

    assert as_text(cover) == "L1 8,000.00 at 500"
    assert cover.amount_cents == cents("8,000")
    assert cover.receipt.gate is not None
    assert cover.receipt.gate.answer == "cut"
    assert as_text(plan(a_request("9,000", at_least="8,000.01"), ONE_RICH_LENDER, terms, guaranteed="92,000")) == (
        "guarantee: 9,000.00 coverable"
    )


def test_company_money_needs_no_head_room() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"), guarantee=POOL_OF_TEN_PERCENT)

    assert as_text(plan(a_request("500"), ONE_RICH_LENDER, terms, budget="500", guaranteed="100,000")) == (
        "company 500.00 at 500"
    )
    assert as_text(
        plan(a_request("510", at_least="400"), ONE_RICH_LENDER, terms, budget="500", guaranteed="100,000")
    ) == ("company 500.00 at 500")
    assert as_text(plan(a_request("510"), ONE_RICH_LENDER, terms, budget="500", guaranteed="100,000")) == (
        "guarantee: 510.00 coverable"
    )


def test_a_loan_cut_to_the_head_room_gives_the_company_its_share_of_what_is_left() -> None:
    company = CompanyMoney(mode="share", share_bp=5_000)
    terms = some_terms(company=company, guarantee=POOL_OF_TEN_PERCENT)

    cover = covered(
        plan(a_request("2,000", at_least="1,000"), ONE_RICH_LENDER, terms, budget="5,000", guaranteed="99,200")
    )

    assert as_text(cover) == "company 800.00; L1 800.00 at 500"


@pytest.mark.parametrize(
    ("at_least", "result"),
    [
        pytest.param("252", "p 252.00; shrunk at 400", id="the gap is dropped"),
        pytest.param(
            "252.01", "p 250.00, z 10.00; shaved at 450", id="unless that leaves less than the least accepted"
        ),
    ],
)
def test_a_loan_cut_to_the_head_room_shrinks_no_further_than_the_borrower_accepts(at_least: str, result: str) -> None:
    book = read_book("""
        lender  ask  cash
        p       400  252
        z       450  200
    """)
    terms = some_terms(floor_bp=400, cap_bp=600, guarantee=GuaranteeTerms(rate_bp=10_000, limit_cents=cents("260")))

    assert as_text(plan(a_request("300", at_least=at_least, accepts_shrink=True), book, terms)) == result


def test_when_the_loan_within_the_head_room_cannot_be_gathered_the_whole_waits_for_the_guarantee() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       500  500   300
    """)
    terms = some_terms(guarantee=GuaranteeTerms(rate_bp=10_000, limit_cents=cents("250")))

    assert as_text(plan(a_request("400", at_least="200"), book, terms)) == "guarantee: 400.00 coverable"


def test_a_guarantee_that_must_cover_twice_has_half_the_head_room() -> None:
    twice = msgspec.structs.replace(POOL_OF_TEN_PERCENT, coverage_bp=20_000)

    assert as_text(
        plan(a_request("50,000"), read_book("lender ask cash\nL1 500 90,000"), some_terms(guarantee=twice))
    ) == ("L1 50,000.00 at 500")
    assert as_text(
        plan(a_request("50,000.01"), read_book("lender ask cash\nL1 500 90,000"), some_terms(guarantee=twice))
    ) == ("guarantee: 50,000.01 coverable")


def test_the_guaranteed_part_is_rounded_up_to_the_cent() -> None:
    guarantee = GuaranteeTerms(rate_bp=333, limit_cents=100)

    assert as_text(plan(a_request("30.03"), ONE_RICH_LENDER, some_terms(guarantee=guarantee))) == "L1 30.03 at 500"
    assert (
        as_text(plan(a_request("30.04"), ONE_RICH_LENDER, some_terms(guarantee=guarantee)))
        == "guarantee: 30.04 coverable"
    )


def test_want_of_lenders_is_told_before_want_of_guarantee() -> None:
    outcome = plan(
        a_request("30,000"), ONE_RICH_LENDER, some_terms(guarantee=POOL_OF_TEN_PERCENT), guaranteed="100,000"
    )

    assert as_text(outcome) == "uncovered: 20,000.00 coverable"

"""A last gap below everybody's ticket is closed by backstop, by shrinking, by shaving, or by walking on."""

import pytest

from marketplace.company_terms import CompanyMoney
from tests.marketplace.book_notation import a_request, as_text, covered, plan, read_book, some_terms


def test_shaving_takes_the_first_of_the_next_bucket_in_order_of_the_ticket_round() -> None:
    book = read_book("""
        lender  ask  cash  last
        p       400  246   0
        y       450  200   7
        z       450  200   3
    """)

    cover = covered(plan(a_request("250"), book, some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "p 240.00, z 10.00; shaved at 450"
    assert cover.rotated_lender_ids == ()


def test_shaving_goes_to_a_less_preferred_tier_without_raising_the_rate() -> None:
    book = read_book("""
        lender  ask  tier  cash
        p       400  A     246
        z       400  B     200
    """)

    cover = covered(plan(a_request("250", accepts_shrink=True), book, some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "p 240.00, z 10.00; shaved at 400"


def test_nobody_is_shaved_below_its_own_ticket() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       400  130   100
        q       400  116   100
        z       450  200   50
    """)

    cover = covered(plan(a_request("250"), book, some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "p 100.00, q 100.00, z 50.00; shaved at 450"


def test_when_shaving_does_not_suffice_the_walk_goes_on_to_the_bucket_after() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       400  130   100
        q       400  116   100
        y       450  200    51
        z       475  200    30
    """)

    cover = covered(plan(a_request("250"), book, some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "p 113.04, q 106.96, z 30.00; shaved at 475"
    assert [bucket.treatment for bucket in cover.receipt.buckets] == ["full", "no-ticket-fits", "ticket-made"]


def test_a_first_offer_whose_ticket_is_too_large_to_shave_for_is_not_replaced_by_the_one_behind_it() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       400  246   245
        y       450  200    50
        z       450  200    10
    """)

    outcome = plan(a_request("256"), book, some_terms(floor_bp=400, cap_bp=600))
    alone = plan(a_request("255"), book, some_terms(floor_bp=400, cap_bp=600))

    assert as_text(outcome) == "p 246.00, z 10.00 at 450"
    assert as_text(alone) == "uncovered: 246.00 coverable"


@pytest.mark.parametrize(
    ("amount", "result"),
    [
        pytest.param("255.99", "p 246.00; shrunk at 400", id="a cent less than a ticket is dropped"),
        pytest.param("256", "p 246.00, z 10.00 at 450", id="a whole ticket is lent"),
    ],
)
def test_a_loan_shrinks_by_less_than_one_ticket(amount: str, result: str) -> None:
    book = read_book("""
        lender  ask  cash
        p       400  246
        z       450  200
    """)

    assert as_text(plan(a_request(amount, accepts_shrink=True), book, some_terms(floor_bp=400, cap_bp=600))) == result


@pytest.mark.parametrize(
    ("company", "result"),
    [
        pytest.param(CompanyMoney(mode="backstop"), "company 4.00; p 246.00; backstop at 400", id="backstop"),
        pytest.param(CompanyMoney(), "p 246.00; shrunk at 400", id="shrunk"),
    ],
)
def test_the_bucket_behind_a_gap_closed_without_it_shows_the_gap_before_it(company: CompanyMoney, result: str) -> None:
    book = read_book("""
        lender  ask  cash
        p       400  246
        z       450  200
    """)
    terms = some_terms(floor_bp=400, cap_bp=600, company=company)

    cover = covered(plan(a_request("250", accepts_shrink=True), book, terms, budget="100"))

    assert as_text(cover) == result
    assert [(bucket.treatment, bucket.need_cents) for bucket in cover.receipt.buckets] == [
        ("full", 25_000),
        ("last-gap", 400),
    ]


def test_with_no_bucket_left_the_backstop_closes_a_gap_below_one_ticket() -> None:
    book = read_book("""
        lender  ask  cash
        p       400  240.01
    """)
    terms = some_terms(floor_bp=400, cap_bp=600, company=CompanyMoney(mode="backstop"))

    assert as_text(plan(a_request("250"), book, terms, budget="100")) == ("company 9.99; p 240.01; backstop at 400")
    assert as_text(plan(a_request("250.01"), book, terms, budget="100")) == "uncovered: 240.01 coverable"
    assert as_text(plan(a_request("250", accepts_shrink=True), book, terms)) == "uncovered: 240.01 coverable"


def test_the_backstop_carries_no_loan_of_its_own() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       400  500   20
    """)
    terms = some_terms(floor_bp=400, cap_bp=600, company=CompanyMoney(mode="backstop"))

    assert as_text(plan(a_request("9"), book, terms, budget="100")) == "uncovered: 0.00 coverable"


def test_a_gap_of_a_ticket_or_more_is_neither_shrunk_nor_left_to_the_backstop() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       400  240   10
        z       450  200   20
    """)
    terms = some_terms(floor_bp=400, cap_bp=600, company=CompanyMoney(mode="backstop"))

    cover = covered(plan(a_request("250", accepts_shrink=True), book, terms, budget="100"))

    assert as_text(cover) == "p 230.00, z 20.00; shaved at 450"


def test_before_anybody_is_filled_a_bucket_without_a_fitting_ticket_is_passed_over() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       400  500   300
        q       425  500   10
    """)

    cover = covered(plan(a_request("250"), book, some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "q 250.00 at 425"
    assert [bucket.treatment for bucket in cover.receipt.buckets] == ["no-ticket-fits", "rationed"]


def test_what_lenders_cannot_cover_stays_in_the_book_with_what_was_reached() -> None:
    book = read_book("""
        lender  ask  cash
        p       400  150
        q       425   96
    """)
    terms = some_terms(floor_bp=400, cap_bp=600, company=CompanyMoney(mode="first"))

    assert as_text(plan(a_request("500"), book, terms, budget="50")) == "uncovered: 296.00 coverable"

"""What each lender can give to a request, and what keeps an offer out."""

import pytest

from marketplace.company_terms import CompanyMoney
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


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("cash", "40"),
        ("per-request", "40"),
        ("per-borrower", "50"),
        ("company-room", "40"),
        ("strategy-room", "40"),
    ],
)
def test_each_cap_bounds_what_a_lender_gives(column: str, value: str) -> None:
    caps = {"cash": "500", column: value}
    book = read_book(f"""
        lender  ask  {"  ".join(caps)}
        p       500  {"  ".join(caps.values())}
    """)
    exposures = {"p": cents("10")}

    assert as_text(plan(a_request("40"), book, some_terms(), exposures=exposures)) == "p 40.00 at 500"
    assert as_text(plan(a_request("40.01"), book, some_terms(), exposures=exposures)) == ("uncovered: 40.00 coverable")


def test_the_share_cap_bounds_each_lender_to_its_part_of_the_amount_rounded_down() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  500
        q       500  500
        s       525  500
    """)

    cover = covered(plan(a_request("100.01"), book, some_terms(cap_bp=600, max_share_bp=4_000)))

    assert as_text(cover) == "p 40.00, q 40.00, s 20.01 at 525"


def test_a_lender_alone_can_take_no_more_than_the_share_cap() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  500
    """)

    outcome = plan(a_request("100"), book, some_terms(max_share_bp=5_000))

    assert as_text(outcome) == "uncovered: 50.00 coverable"


@pytest.mark.parametrize(
    ("table", "obstacle"),
    [
        pytest.param("lender ask cash\np 500 9.99", "cash", id="less cash than a ticket"),
        pytest.param("lender ask cash ticket\np 500 50 60", "cash", id="less cash than its own minimum"),
        pytest.param("lender ask cash months\np 500 50 12/36", "term", id="another term"),
        pytest.param("lender ask cash active\np 500 50 no", "inactive", id="switched off"),
        pytest.param("lender ask cash\nborrower 500 50", "is-borrower", id="the borrower itself"),
        pytest.param("lender ask cash company-room\np 500 50 9", "per-company", id="no room in the company"),
    ],
)
def test_an_offer_that_cannot_lend_is_left_out_and_its_obstacle_counted(table: str, obstacle: str) -> None:
    outcome = plan(a_request("20"), read_book(table), some_terms())

    assert as_text(outcome) == "uncovered: 0.00 coverable"
    assert [bucket.obstacles for bucket in outcome.receipt.buckets] == [{obstacle: 1}]


def test_asks_above_what_the_borrower_accepts_are_not_even_looked_at() -> None:
    book = read_book("""
        lender  ask  cash
        p       451  500
    """)

    outcome = plan(a_request("20", max_rate_bp=450), book, some_terms(floor_bp=400, cap_bp=600))

    assert as_text(outcome) == "uncovered: 0.00 coverable"
    assert outcome.receipt.buckets == ()


def test_asks_above_a_cap_lowered_since_the_request_are_not_eligible() -> None:
    book = read_book("""
        lender  ask  cash
        p       550  500
    """)

    outcome = plan(a_request("20", max_rate_bp=600), book, some_terms(floor_bp=400, cap_bp=500))

    assert as_text(outcome) == "uncovered: 0.00 coverable"


def test_a_floor_above_what_the_borrower_accepts_leaves_even_company_money_out() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"))

    outcome = plan(a_request("20", max_rate_bp=499), ONE_RICH_LENDER, terms, budget="100")

    assert as_text(outcome) == "uncovered: 0.00 coverable"


def test_a_term_without_a_band_is_uncovered() -> None:
    assert as_text(plan(a_request("20", months=36), ONE_RICH_LENDER, some_terms())) == "uncovered: 0.00 coverable"


STRATEGIES = """
    lender  ask  cash  rank  strategy-room
    p       450  100   2     100
    p       425  100   1     {room}
    q       450  100   1     100
"""


def test_of_several_strategies_of_one_lender_the_one_ranked_highest_speaks() -> None:
    cover = covered(plan(a_request("60"), read_book(STRATEGIES.format(room=40)), some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "p 40.00, q 20.00 at 450"
    assert [leg.strategy_id for leg in cover.legs] == ["S2", "S3"]
    assert cover.receipt.buckets[1].obstacles == {"other-strategy": 1}


def test_a_strategy_that_is_not_eligible_leaves_the_word_to_the_next() -> None:
    cover = covered(plan(a_request("60"), read_book(STRATEGIES.format(room=9)), some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "p 30.00, q 30.00 at 450"
    assert [leg.strategy_id for leg in cover.legs] == ["S1", "S3"]


def test_a_lender_takes_one_ticket_per_loan_however_many_strategies_it_has() -> None:
    cover = covered(plan(a_request("20"), read_book(STRATEGIES.format(room=9)), some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "p 10.00, q 10.00 at 450"


def test_what_is_already_promised_to_the_request_counts_as_free() -> None:
    book = read_book("""
        lender  ask  cash  company-room
        p       500  5     2
        q       500  30    30
    """)

    cover = covered(plan(a_request("52"), book, some_terms(), promised={"p": cents("20")}))

    assert as_text(cover) == "p 22.00, q 30.00 at 500"

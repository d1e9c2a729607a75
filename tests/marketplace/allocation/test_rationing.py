"""A scarce bucket gives tickets to the longest-waiting, then shares the rest by room."""

import msgspec

from marketplace.company_terms import CompanyMoney
from tests.marketplace.book_notation import Book, a_request, as_text, cents, covered, plan, read_book, some_terms


def test_a_ticket_that_does_not_fit_is_skipped_and_a_smaller_one_behind_it_still_fits() -> None:
    book = read_book("""
        lender  ask  cash  ticket
        p       500  100   10
        q       500  100   60
        s       500  100   15
    """)

    cover = covered(plan(a_request("65"), book, some_terms()))

    assert as_text(cover) == "p 30.57, s 34.43 at 500"
    assert cover.rotated_lender_ids == ("p", "s")


def test_those_last_rationed_longest_ago_come_first_and_never_counts_as_longest() -> None:
    book = read_book("""
        lender  ask  cash  last
        p       500  10    12
        q       500  10    0
        s       500  10    5
    """)

    assert as_text(plan(a_request("20"), book, some_terms())) == "q 10.00, s 10.00 at 500"


def test_of_equally_placed_lenders_the_older_cash_then_the_older_offer_comes_first() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  10
        q       500  10
        s       500  10
    """)
    cash_since_at = book.standings["p"].cash_since_at.replace(day=2)
    late = {**book.standings, "p": msgspec.structs.replace(book.standings["p"], cash_since_at=cash_since_at)}

    assert as_text(plan(a_request("20"), Book(book.offers, late), some_terms())) == "q 10.00, s 10.00 at 500"


def test_a_bucket_that_fills_whole_costs_nobody_its_place() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  30
        q       500  20
    """)

    cover = covered(plan(a_request("50"), book, some_terms()))

    assert as_text(cover) == "p 30.00, q 20.00 at 500"
    assert cover.rotated_lender_ids == ()


def test_the_excess_of_a_rationed_bucket_is_carried_to_the_next() -> None:
    book = read_book("""
        lender  ask  tier  cash  ticket
        p       500  A     20    10
        q       500  A     90    90
        s       500  B     50    10
    """)

    cover = covered(plan(a_request("70"), book, some_terms()))

    assert as_text(cover) == "p 20.00, s 50.00 at 500"
    assert cover.receipt.buckets[0].rationing is not None
    assert cover.receipt.buckets[0].rationing.carried_cents == cents("50")
    assert cover.rotated_lender_ids == ("p",)


def test_no_more_lenders_are_filled_than_the_terms_allow() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  30
        q       500  30
        s       500  30
    """)

    cover = covered(plan(a_request("60"), book, some_terms(max_lenders=2)))

    assert as_text(cover) == "p 30.00, q 30.00 at 500"
    assert cover.rotated_lender_ids == ("p", "q")
    assert as_text(plan(a_request("61"), book, some_terms(max_lenders=2))) == "uncovered: 60.00 coverable"


def test_a_bucket_that_just_fits_the_number_of_lenders_is_not_rationed() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  30
        q       500  30
    """)

    cover = covered(plan(a_request("60"), book, some_terms(max_lenders=2)))

    assert cover.rotated_lender_ids == ()
    assert [bucket.treatment for bucket in cover.receipt.buckets] == ["full"]


def test_when_the_number_of_lenders_is_used_up_the_backstop_may_still_close_the_gap() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  30
        q       500  30
    """)
    terms = some_terms(max_lenders=1, company=CompanyMoney(mode="backstop"))

    assert as_text(plan(a_request("35"), book, terms, budget="5")) == "company 5.00; p 30.00; backstop at 500"

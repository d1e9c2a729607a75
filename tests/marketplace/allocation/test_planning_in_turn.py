"""Requests are planned in book order, and each cover uses up what the next one would need."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.allocation.matching import BookFigures, CoverPlan, Uncovered
from marketplace.allocation.orders import CreditRequest
from marketplace.allocation.planning_in_turn import plan_in_turn
from marketplace.allocation.receipts import encode_receipt
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms
from tests.marketplace.allocation.test_matching_properties import as_the_twin_says_it
from tests.marketplace.book_notation import NOW_AT, Book, a_request, as_text, cents, read_book, some_terms
from tests.marketplace.naive_books import naive_in_turn
from tests.marketplace.naive_matching import NaiveCover, NaiveRest
from tests.marketplace.random_books import PlanInput, random_plan_input, random_request


def some_figures(*, budget: str = "0", guaranteed: str = "0") -> BookFigures:
    return BookFigures(
        guaranteed_cents=cents(guaranteed), budget_left_cents=cents(budget), exposures={}, sequence=900, now_at=NOW_AT
    )


def requests(*amounts: str, **changes: Any) -> list[CreditRequest]:
    """Requests R1, R2… of one borrower each, in order of approval."""
    return [
        msgspec.structs.replace(
            a_request(amount), request_id=f"R{number}", borrower_id=f"B{number}", approval_sequence=number, **changes
        )
        for number, amount in enumerate(amounts, start=1)
    ]


def outcomes(
    book: Book,
    asked: list[CreditRequest],
    terms: CompanyTerms | None = None,
    figures: BookFigures | None = None,
    **given_exposures: Any,
) -> list[str]:
    resting = RestingOffers(book.offers, book.standings)
    planned = plan_in_turn(asked, resting, terms or some_terms(), figures or some_figures(), **given_exposures)
    return [f"{request.request_id}: {as_text(outcome)}" for request, outcome in planned]


def test_requests_are_planned_by_purpose_class_then_by_approval() -> None:
    book = read_book("lender ask cash\np 500 30")
    first, second, third = requests("30", "20", "10")
    urgent = msgspec.structs.replace(third, purpose_class=1)
    others = [msgspec.structs.replace(request, purpose_class=2) for request in (second, first)]

    assert outcomes(book, [*others, urgent]) == [
        "R3: p 10.00 at 500",
        "R1: uncovered: 20.00 coverable",
        "R2: p 20.00 at 500",
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("cash", "30"),
        ("per-company", "30"),
        ("budget", "30"),
        ("term-limit", "30"),
        ("pace", "30"),
    ],
)
def test_a_cover_uses_up_what_its_lenders_may_lend(column: str, value: str) -> None:
    caps = {"cash": "500", column: value}
    book = read_book(f"""
        lender  ask  {"  ".join(caps)}
        p       500  {"  ".join(caps.values())}
    """)

    assert outcomes(book, requests("20", "10", "10")) == [
        "R1: p 20.00 at 500",
        "R2: p 10.00 at 500",
        "R3: uncovered: 0.00 coverable",
    ]


def test_one_borrower_counts_once_over_all_its_requests() -> None:
    book = read_book("""
        lender  ask  cash  per-borrower
        p       500  500   50
    """)
    asked = requests("20", "20", "10")
    of_one = [msgspec.structs.replace(request, borrower_id="B1") for request in asked]

    assert outcomes(book, asked, exposures={"B3": {"p": cents("41")}}) == [
        "R1: p 20.00 at 500",
        "R2: p 20.00 at 500",
        "R3: uncovered: 0.00 coverable",
    ]
    assert outcomes(book, of_one, exposures={"B1": {"p": cents("15")}}) == [
        "R1: p 20.00 at 500",
        "R2: uncovered: 15.00 coverable",
        "R3: p 10.00 at 500",
    ]


def test_a_cover_uses_up_company_money_and_head_room() -> None:
    book = read_book("lender ask cash\np 500 500")
    terms = some_terms(
        company=CompanyMoney(mode="first"), guarantee=GuaranteeTerms(rate_bp=10_000, limit_cents=cents("60"))
    )

    assert outcomes(book, requests("50", "50", "50"), terms, some_figures(budget="40")) == [
        "R1: company 40.00; p 10.00 at 500",
        "R2: p 50.00 at 500",
        "R3: guarantee: 50.00 coverable",
    ]


def test_who_was_rationed_goes_to_the_back_of_the_next_ticket_round() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  500
        q       500  500
    """)

    assert outcomes(book, requests("15", "15", "15")) == [
        "R1: p 15.00 at 500",
        "R2: q 15.00 at 500",
        "R3: p 15.00 at 500",
    ]


def test_idle_offers_at_the_head_of_a_bucket_cost_a_walk_nothing() -> None:
    idle = "".join(f"i{number} 500 9\n" for number in range(500))
    waiting = "".join(f"w{number} 500 10\n" for number in range(500))
    book = read_book(f"lender ask cash\n{idle}{waiting}")

    ((_, outcome),) = plan_in_turn(
        requests("50"), RestingOffers(book.offers, book.standings), some_terms(), some_figures()
    )

    (bucket,) = outcome.receipt.buckets
    assert [candidate.lender_id for candidate in bucket.candidates] == ["w0", "w1", "w2", "w3", "w4", "w5"]
    assert bucket.obstacles == {}


def random_requests(rng: Random, book: PlanInput) -> list[CreditRequest]:
    return [
        random_request(rng, f"R{number}", book.terms, book.offers, book.standings)
        for number in range(rng.randint(1, 5))
    ]


def in_turn(book: PlanInput, asked: list[CreditRequest]) -> list[tuple[CreditRequest, CoverPlan | Uncovered]]:
    resting = RestingOffers(book.offers, book.standings)
    exposures = {"nobody": book.figures.exposures}
    return list(plan_in_turn(asked, resting, book.terms, book.figures, exposures=exposures))


def check_against_the_twin(rng: Random) -> None:
    book = random_plan_input(rng)
    asked = random_requests(rng, book)

    told: list[tuple[str, NaiveCover | NaiveRest]] = [
        (request.request_id, as_the_twin_says_it(outcome)) for request, outcome in in_turn(book, asked)
    ]
    exposures = {"nobody": book.figures.exposures}
    assert told == naive_in_turn(asked, book.offers, book.standings, book.terms, book.figures, exposures)


def test_thousands_of_books_are_planned_as_the_slow_obvious_twin_plans_them() -> None:
    for seed in range(1_500):
        check_against_the_twin(Random(seed))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_thousands_of_books_are_planned_as_the_slow_obvious_twin_plans_them() -> None:
    for seed in range(100_000, 115_000):
        check_against_the_twin(Random(seed))


@settings(max_examples=100, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_books_are_planned_as_the_slow_obvious_twin_plans_them(rng: Random) -> None:
    check_against_the_twin(rng)


def test_planning_again_gives_the_same_receipts_byte_for_byte() -> None:
    for seed in range(200):
        book = random_plan_input(Random(seed))
        asked = random_requests(Random(seed), book)

        first, again = ([encode_receipt(outcome.receipt) for _, outcome in in_turn(book, asked)] for _ in range(2))

        assert first == again

"""What operations are shown of a plan: every step with its figures."""

from random import Random
from typing import get_args

import pytest

from marketplace.allocation.eligibility import Bound, Obstacle
from marketplace.allocation.matching import plan_cover_from
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import CompanyMode, CompanyMoney, GuaranteeTerms
from marketplace.explanations.operations_account import operations_account
from marketplace.explanations.operations_texts import BOUND_WORDS, MODE_WORDS, OBSTACLE_WORDS
from tests.marketplace.book_notation import a_request, plan, read_book, some_terms
from tests.marketplace.random_books import random_plan_input


def test_every_step_of_a_plan_stands_with_its_figures() -> None:
    book = read_book("""
        lender  ask  tier  cash   per-request
        L1      400  A     600    -
        L3      300  B     1,000  -
        L4      500  B     2,000  900
    """)
    money, guarantee = CompanyMoney(mode="first", budget_cents=50_000), GuaranteeTerms(rate_bp=1_000, limit_cents=10**6)
    planned = plan(
        a_request("2,600", max_rate_bp=500), book, some_terms(company=money, guarantee=guarantee), budget="500"
    )

    shown = [sentence.text.replace("\u00a0", " ") for sentence in operations_account(planned.receipt, "en")]

    since = "waiting since 2026-11-01 08:00:00 UTC"
    assert shown == [
        "Decision 900: request R1, amount €2,600.00, at least €2,600.00, months 24, rate up to 5.00%, terms version 1.",
        "Rate from 5.00% to 5.00%. Ticket €10.00. Lenders at most 100.",
        "Company money (first): €500.00 left, €500.00 go in before the lenders and €0.00 at the end.",
        "Bucket 5.00%, tier A: €2,100.00 missing, all filled in full.",
        "1. Lender L1, offer O1: asks 4.00%, can give €600.00 (free money), ticket €10.00. Gives €600.00.",
        f"   Place: last rationed 0, {since}, arrival 1.",
        "Bucket 5.00%, tier B: €1,500.00 missing, less than it offers. It is rationed.",
        "To share €1,500.00: in tickets €20.00, rest €1,480.00 over rooms of €1,880.00, carried on €0.00.",
        "1. Lender L3, offer O2: asks 3.00%, can give €1,000.00 (free money), ticket €10.00. Gives €789.36.",
        f"   Place: last rationed 0, {since}, arrival 2.",
        "   Second round: €1,480.00 × (€990.00 ÷ €1,880.00) = €779.3617…, rounded to €779.36.",
        "2. Lender L4, offer O3: asks 5.00%, can give €900.00 (most per request), ticket €10.00. Gives €710.64.",
        f"   Place: last rationed 0, {since}, arrival 3.",
        "   Second round: €1,480.00 × (€890.00 ÷ €1,880.00) = €700.6382…, rounded to €700.64.",
        "Offers beyond the last bucket and those above 5.00% were not looked at.",
        "Guarantee 10.00%, coverage 100.00%: €0.00 guaranteed already, €2,100.00 more with this loan. Used €210.00,"
        " limit €10,000.00.",
        "Room for lenders' money: €100,000.00.",
        "The guarantee suffices.",
        "Covered with €2,600.00: clearing rate 5.00%, rate of the loan 5.00%.",
    ]


def test_a_bucket_that_a_gap_was_closed_without_stands_with_the_gap_before_it() -> None:
    book = read_book("""
        lender  ask  cash
        p       400  246
        z       450  200
    """)
    terms = some_terms(floor_bp=400, cap_bp=600, company=CompanyMoney(mode="backstop"))
    planned = plan(a_request("250", max_rate_bp=600), book, terms, budget="100")

    shown = [sentence.text.replace("\u00a0", " ") for sentence in operations_account(planned.receipt, "it")]

    assert "Gruppo 4,50 %, livello B: mancano 4,00 €, chiusi senza di esso." in shown
    assert "Ultimo divario di 4,00 €: chiuso con denaro dell'azienda." in shown


def test_every_cap_obstacle_and_mode_has_its_words() -> None:
    assert BOUND_WORDS.keys() == set(get_args(Bound))
    assert OBSTACLE_WORDS.keys() == set(get_args(Obstacle))
    assert MODE_WORDS.keys() == set(get_args(CompanyMode))


@pytest.mark.parametrize("seed", range(200))
def test_any_plan_can_be_shown_with_all_it_gives(seed: int) -> None:
    given = random_plan_input(Random(seed))
    resting = RestingOffers(given.offers, given.standings)
    planned = plan_cover_from(resting, given.request, given.terms, figures=given.figures, own=given.own)

    for language in ("it", "en"):
        shown = " ".join(sentence.text for sentence in operations_account(planned.receipt, language))
        assert all(leg.lender_id in shown for leg in planned.legs)

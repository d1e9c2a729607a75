"""What the borrower is told: what was found at which rates, why this rate, what is missing and what would help."""

from random import Random

import pytest

from marketplace.allocation.matching import CoverPlan, Uncovered, plan_cover_from
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.book.book_events import CoverLeg, PlannedCover
from marketplace.company_terms import CompanyMoney, GuaranteeTerms
from marketplace.explanations.borrower_account import (
    borrower_account,
    borrower_account_of_plan,
    borrower_account_without_plan,
)
from marketplace.explanations.languages import Language
from tests.marketplace.book_notation import Book, a_request, plan, read_book, some_terms
from tests.marketplace.random_books import random_plan_input

BAND = some_terms(floor_bp=400, cap_bp=600)
BOOK = read_book("""
    lender  ask  cash
    a       350  500
    b       400  300
    c       425  450
    d       450  400
""")


def told(planned: CoverPlan | Uncovered, language: Language = "en") -> list[str]:
    """What the borrower reads; no-break spaces are shown as spaces."""
    return [sentence.text.replace("\u00a0", " ") for sentence in borrower_account(planned.receipt, language)]


def test_a_cover_is_told_rate_by_rate_with_the_reason_of_the_rate() -> None:
    planned = plan(a_request("1,500", max_rate_bp=600), BOOK, BAND)

    assert told(planned, "it") == [
        "La tua richiesta è coperta per intero: 1.500,00 €.",
        "2 finanziatori con tasso 4,00 %: 800,00 € insieme.",
        "Un finanziatore con tasso 4,25 %: 450,00 €.",
        "Un finanziatore con tasso 4,50 %: 250,00 €.",
        "Tasso del prestito: 4,50 %.",
        "Il tasso è uno solo per tutto il prestito: il più alto tra le offerte che servivano per arrivare all'importo.",
        "Il massimo che accettavi: 6,00 %.",
    ]


def test_a_subsidised_part_of_the_company_is_told_with_both_rates() -> None:
    money = CompanyMoney(mode="first", budget_cents=50_000, rate_bp=150)
    planned = plan(
        a_request("1,000", max_rate_bp=600), BOOK, some_terms(floor_bp=400, cap_bp=600, company=money), budget="500"
    )

    assert told(planned)[1:] == [
        "Your company puts in €500.00.",
        "2 lenders at a rate of 4.00%: €500.00 together.",
        "Rate of the loan: 2.75%.",
        "It is your company's lowest rate for this term: the offers served did not ask for more.",
        "The company's part has a reduced rate, 1.50%; the lenders' 4.00%. The rate of the loan is the average, by"
        " amounts.",
        "The most you accepted: 6.00%.",
    ]


def test_what_is_missing_is_told_with_what_would_help() -> None:
    planned = plan(a_request("1,500", max_rate_bp=400), BOOK, BAND)

    assert told(planned) == [
        "Your request is gathering: €800.00 of €1,500.00 found, €700.00 missing.",
        "2 lenders at a rate of 4.00%: €800.00 together.",
        "You accept up to 4.00%: offers that ask for more were not called. Where the company's terms allow it,"
        " accepting a higher rate may add some.",
        "Accepting as little as €800.00, the loan can start with what was found when the time is over.",
        "You need not do anything: every new offer and all new money start the computation again.",
    ]


def test_a_loan_shrunk_for_the_lower_rate_is_told_as_the_borrower_chose_it() -> None:
    planned = plan(a_request("804", max_rate_bp=600, accepts_shrink=True), BOOK, BAND)

    assert told(planned)[0] == "Your request is covered in part: €800.00 of €804.00."
    assert told(planned)[2] == (
        "At the end €4.00 were missing and the other offers were dearer. As you chose, you take €4.00 less and keep the"
        " lower rate."
    )


@pytest.mark.parametrize(
    ("at_least", "expected"),
    [
        (
            None,
            [
                "La tua richiesta attende la garanzia della tua azienda. Riparte da sola appena c'è spazio.",
                "I finanziatori ci sono, per 1.500,00 €. La garanzia copre ancora 800,00 € di denaro dei finanziatori:"
                " mancano 700,00 €.",
                "Lo spazio torna con i rimborsi dei prestiti in corso, o se l'azienda alza la garanzia.",
                "Un importo più piccolo può passare prima.",
            ],
        ),
        (
            "500",
            [
                "La tua richiesta è coperta in parte: 800,00 € su 1.500,00 €.",
                "2 finanziatori con tasso 4,00 %: 800,00 € insieme.",
                "La garanzia della tua azienda copre ancora 800,00 € di denaro dei finanziatori. Per questo il prestito"
                " è più piccolo di quanto hai chiesto, come hai permesso.",
            ],
        ),
    ],
)
def test_the_guarantee_is_told_with_the_room_it_has(at_least: str | None, expected: list[str]) -> None:
    terms = some_terms(floor_bp=400, cap_bp=600, guarantee=GuaranteeTerms(rate_bp=1_000, limit_cents=8_000))
    planned = plan(a_request("1,500", max_rate_bp=600, at_least=at_least), BOOK, terms)

    assert told(planned, "it")[: len(expected)] == expected


def test_a_highest_rate_below_the_floor_is_told_with_the_rate_that_would_do() -> None:
    assert told(plan(a_request("100", max_rate_bp=300), BOOK, BAND)) == [
        "No rate suits both sides: you accept up to 3.00%, your company starts at 4.00%.",
        "Accepting a rate of 4.00% or more starts the gathering.",
    ]


def test_a_term_without_a_band_is_told() -> None:
    assert told(plan(a_request("100", months=36), BOOK, BAND))[0] == (
        "Your company does not offer this term. Months asked for: 36."
    )


def test_an_empty_book_has_nobody() -> None:
    assert told(plan(a_request("100", max_rate_bp=600), Book(offers=(), standings={}), BAND))[1] == (
        "No lender has a suitable offer at the moment."
    )


def test_a_hold_is_told_with_what_it_has_and_lacks() -> None:
    planned = plan(a_request("1,500", max_rate_bp=400), BOOK, BAND)
    assert isinstance(planned, Uncovered)
    legs = tuple(
        CoverLeg(
            lender_id=leg.lender_id,
            offer_id=leg.offer_id,
            strategy_id=leg.strategy_id,
            cents=leg.cents,
            min_cents=leg.min_cents,
        )
        for leg in planned.legs
    )
    hold = PlannedCover(
        amount_cents=80_000,
        rate_bp=400,
        loan_rate_cbp=40_000,
        company_cents=0,
        dust="none",
        legs=legs,
        rotated_lender_ids=(),
        receipt=planned.receipt,
        is_holding=True,
    )

    sentences = borrower_account_of_plan(hold, "en")

    assert [sentence.text for sentence in sentences][:3] == [
        "Your request is gathering: €800.00 of €1,500.00 already held for it, €700.00 missing.",
        "2 lenders put in €800.00 together.",
        "If money is still missing when the time is over, you are offered a loan of what is there, if that is at least"
        " your minimum.",
    ]


@pytest.mark.parametrize("state", ["draft", "assessed", "declined", "open", "paused", "cancelled", "expired", "lapsed"])
def test_a_request_without_a_plan_has_a_sentence_for_its_state(state: str) -> None:
    assert [sentence.code for sentence in borrower_account_without_plan(state, "it")] == [f"state-{state}"]


@pytest.mark.parametrize("seed", range(200))
def test_any_plan_can_be_told_and_names_no_lender(seed: int) -> None:
    given = random_plan_input(Random(seed))
    resting = RestingOffers(given.offers, given.standings)
    planned = plan_cover_from(resting, given.request, given.terms, figures=given.figures, own=given.own)

    for language in ("it", "en"):
        words = " ".join(sentence.text for sentence in borrower_account(planned.receipt, language))
        assert words
        assert not [lender_id for lender_id in given.standings if lender_id in words]

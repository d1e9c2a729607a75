"""Reasons that are true in every case in which they are given, word for word in both languages."""

from random import Random

import pytest

from marketplace.allocation.matching import plan_cover_from
from marketplace.allocation.receipts import Receipt
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import CompanyMoney
from marketplace.explanations.figures import Count, LoanRate, Money, Name, Rate
from marketplace.explanations.lender_account import PRIVATE_TO_CENTS, lender_account, lender_steps
from marketplace.explanations.lender_outcomes import lender_outcome
from marketplace.explanations.operations_account import operations_account
from tests.marketplace.book_notation import Book, a_request, read_book, some_terms
from tests.marketplace.explanations.explained_plans import ExplainedPlan
from tests.marketplace.random_books import random_plan_input

FLOATING = some_terms(floor_bp=400, cap_bp=600)
KEEPS_PLACE = (
    "Conservi il tuo posto per il prossimo prestito.",
    "You keep your place for the next loan.",
)
THREE_FOR_TWO_PLACES = ExplainedPlan(
    a_request("30"),
    read_book("""
        lender  ask  cash  last
        first   500  10    1
        second  500  10    2
        third   500  10    3
    """),
    some_terms(max_lenders=2),
)


def told(plan: ExplainedPlan, lender_id: str) -> list[tuple[str, str]]:
    """What the lender reads, sentence by sentence, in Italian and in English."""
    return list(zip(plan.told(lender_id, "it"), plan.told(lender_id, "en"), strict=True))


def shown_to_operations(plan: ExplainedPlan) -> list[tuple[str, str]]:
    texts = [
        [sentence.text.replace("\u00a0", " ") for sentence in operations_account(plan.plan.receipt, language)]
        for language in ("it", "en")
    ]
    return list(zip(*texts, strict=True))


def test_a_group_with_more_lenders_than_places_did_not_offer_too_much() -> None:
    assert told(THREE_FOR_TWO_PLACES, "first")[5] == (
        "Nel tuo gruppo c'erano più finanziatori che posti ancora liberi per questa richiesta, perciò si divide in due"
        " giri.",
        "Your group had more lenders than places left for this request, so it is shared in two rounds.",
    )


def test_operations_see_that_a_group_has_more_lenders_than_places() -> None:
    assert (
        "Gruppo 5,00 %, livello B: mancano 30,00 €, ma i finanziatori sono più dei posti. Si divide.",
        "Bucket 5.00%, tier B: €30.00 missing, but there are more lenders than places. It is rationed.",
    ) in shown_to_operations(THREE_FOR_TWO_PLACES)


def test_an_uncovered_request_had_its_lenders_and_was_not_complete() -> None:
    assert THREE_FOR_TWO_PLACES.plan.receipt.outcome == "uncovered"
    assert told(THREE_FOR_TWO_PLACES, "third")[2:] == [
        (
            "Prima del tuo turno la richiesta aveva già tutti i finanziatori che può avere. Al massimo sono 2.",
            "Before your turn the request had all the lenders it may have. They are at most 2.",
        ),
        KEEPS_PLACE,
    ]


def test_who_lent_nothing_is_not_told_that_it_gave_all_it_could() -> None:
    assert told(THREE_FOR_TWO_PLACES, "first")[0] == (
        "La tua offerta era pronta con 10,00 €, ma non ha prestato nulla.",
        "Your offer was ready with €10.00, but lent nothing.",
    )
    assert told(THREE_FOR_TWO_PLACES, "first")[-1] == (
        "Secondo giro: il resto bastava per tutti quelli del primo giro. A te tutto quello che potevi dare.",
        "Second round: the rest sufficed for everybody in the first round. For you all you could give.",
    )


def test_a_gap_that_the_company_closed_is_shown_with_what_was_missing() -> None:
    plan = ExplainedPlan(
        a_request("250"),
        read_book("""
            lender  ask  cash
            p       400  150
            q       425  96
            z       450  200
        """),
        some_terms(floor_bp=400, cap_bp=600, company=CompanyMoney(mode="backstop", budget_cents=500)),
        budget="5",
    )

    assert (
        "Gruppo 4,50 %, livello B: mancano 4,00 €, chiusi senza di esso.",
        "Bucket 4.50%, tier B: €4.00 missing, closed without it.",
    ) in shown_to_operations(plan)


def test_a_gap_that_nobody_closed_did_not_fall_to_a_later_group() -> None:
    plan = ExplainedPlan(
        a_request("35"),
        read_book("""
            lender  ask  cash  ticket
            near    400  10    10
            far     410  500   50
        """),
        FLOATING,
    )

    assert plan.plan.receipt.outcome == "uncovered"
    assert told(plan, "far")[2:] == [
        (
            "Prima del tuo gruppo mancava meno di 50,00 €, il minimo che la tua offerta dà.",
            "Before your group less than €50.00 was missing, the least that your offer gives.",
        ),
        (
            "Nessun gruppo successivo lo ha dato: alla richiesta manca ancora.",
            "No later group gave it: the request still lacks it.",
        ),
        KEEPS_PLACE,
    ]


def test_a_gap_that_a_later_group_closed_is_told_as_such() -> None:
    plan = ExplainedPlan(
        a_request("35"),
        read_book("""
            lender  ask  cash  ticket
            near    400  10    10
            large   410  500   50
            small   420  500   10
        """),
        FLOATING,
    )

    assert told(plan, "large")[3] == (
        "È toccato a un gruppo successivo, con quote più piccole.",
        "It fell to a later group, with smaller parts.",
    )


@pytest.mark.parametrize(
    ("column", "italian", "english"),
    [
        (
            "per-borrower",
            "Il tuo limite per persona ti lasciava prestare a questa meno della tua quota minima di 10,00 €.",
            "Your limit for one person let you lend this one less than your smallest part of €10.00.",
        ),
        (
            "per-company",
            "Il tuo limite per azienda ti lasciava prestare in questa meno della tua quota minima di 10,00 €.",
            "Your limit for one company let you lend at this one less than your smallest part of €10.00.",
        ),
    ],
)
def test_who_never_lent_to_a_person_or_company_is_told_of_its_limit_alone(
    column: str, italian: str, english: str
) -> None:
    book = read_book(f"""
        lender  ask  cash  {column}
        new     500  400   8
        other   500  400   -
    """)

    assert told(ExplainedPlan(a_request("300"), book, some_terms()), "new")[2:] == [(italian, english)]


def test_an_offer_of_all_or_nothing_is_not_told_of_a_smallest_part_it_never_set() -> None:
    book = read_book("""
        lender  ask  cash  all-or-none
        whole   500  500   yes
        other   500  400   -
    """)

    assert told(ExplainedPlan(a_request("300"), book, some_terms()), "whole")[3:] == [
        (
            "Al tuo turno restava meno di 500,00 €, il minimo che la tua offerta dà.",
            "At your turn less than €500.00 was left, the least that your offer gives.",
        ),
        ("La tua offerta dava tutto o niente: 500,00 €.", "Your offer gave all or nothing: €500.00."),
        KEEPS_PLACE,
    ]


def with_bar(bar: str) -> Book:
    return read_book(f"""
        lender  ask  cash  bar
        barred  500  400   {bar}
        other   500  400   -
    """)


@pytest.mark.parametrize(
    ("bar", "italian", "english"),
    [
        (
            "paused",
            "Le tue offerte in questo libro erano sospese. Conservano il loro posto per quando tornano attive.",
            "Your offers in this book were paused. They keep their place for when they are active again.",
        ),
        (
            "conflict",
            "Lavori per questa azienda o ne approvi i prestiti, perciò qui non puoi prestare.",
            "You work for this company or approve its loans, so you cannot lend here.",
        ),
    ],
)
def test_a_bar_is_told_in_words_that_fit_whoever_set_it(bar: str, italian: str, english: str) -> None:
    assert told(ExplainedPlan(a_request("300"), with_bar(bar), some_terms()), "barred")[2:] == [(italian, english)]


def test_who_lifted_its_own_hold_is_told_that_it_did() -> None:
    plan = ExplainedPlan(a_request("300"), with_bar("-"), some_terms())
    texts = []
    for language in ("it", "en"):
        outcome = lender_outcome(plan.plan.receipt, "other", status="lifted")
        sentences = lender_account(plan.plan.receipt, outcome, language)
        texts.append([sentence.text.replace("\u00a0", " ") for sentence in sentences])

    assert [text[:2] for text in texts] == [
        [
            "La tua offerta era pronta con 150,00 €, ma non ha prestato nulla.",
            "Hai liberato tu questo denaro prima che la richiesta fosse coperta. Non ti viene chiesto di nuovo per la"
            " stessa richiesta.",
        ],
        [
            "Your offer was ready with €150.00, but lent nothing.",
            "You freed this money yourself before the request was covered. You are not asked for the same request"
            " again.",
        ],
    ]


def money_told(receipt: Receipt, lender_id: str) -> set[int]:
    """Every amount in the steps of a lender's account, in cents."""
    amounts = set()
    for one in lender_steps(receipt, lender_outcome(receipt, lender_id)):
        for figure in one.figures.values():
            # An exact share would tell the need that it was worked out from.
            assert isinstance(figure, Money | Rate | LoanRate | Count | Name), one
            if isinstance(figure, Money):
                amounts.add(figure.cents)
    return amounts


def test_no_exact_amount_of_a_request_follows_from_a_lenders_steps() -> None:
    """432.17 asked for, of which 402.17 are left after the tickets of three lenders."""
    book = read_book("""
        lender  ask  cash
        a       500  300
        b       500  300
        c       500  300
    """)
    plan = ExplainedPlan(a_request("432.17"), book, some_terms())

    assert plan.told("a")[5:8] == [
        "First round, a smallest part each, starting with who has waited longest: €10.00 for you.",
        "Second round: the rest is shared by what each could still give. Rounded to €100: €400.00 were left, all"
        " together could still give €900.00. You €290.00: €134.06 for you.",
        "Cents left over go to the largest fractions. Yours is among them.",
    ]
    assert money_told(plan.plan.receipt, "a") == {14_406, 40_000, 30_000, 1_000, 90_000, 29_000, 13_406}


@pytest.mark.parametrize("seed", range(300))
def test_a_lenders_steps_hold_its_own_cents_and_round_all_others(seed: int) -> None:
    given = random_plan_input(Random(seed))
    resting = RestingOffers(given.offers, given.standings)
    receipt = plan_cover_from(resting, given.request, given.terms, figures=given.figures, own=given.own).receipt
    for bucket in receipt.buckets:
        for candidate in bucket.candidates:
            own = {candidate.filled_cents, candidate.minimum_cents}
            if candidate.bound_by != "share":
                own |= {candidate.capacity_cents, candidate.capacity_cents - candidate.minimum_cents}
            told_cents = money_told(receipt, candidate.lender_id)
            shaved = {0} if receipt.dust is None else set(receipt.dust.cuts_cents)
            own |= {candidate.filled_cents + cut for cut in shaved} | shaved
            own |= {one - candidate.minimum_cents for one in own}

            assert all(cents in own or cents % PRIVATE_TO_CENTS == 0 for cents in told_cents), (told_cents, own)

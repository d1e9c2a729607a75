"""What a lender is told: why it got what it got, to the cent, and why it got nothing."""

from random import Random
from typing import get_args

import msgspec
import pytest

from marketplace.allocation.eligibility import Bound, Obstacle
from marketplace.allocation.matching import CoverPlan, Uncovered, eligibility_for, plan_cover_from
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.book.book_events import CoverLeg, PlannedCover
from marketplace.company_terms import CompanyMoney, GuaranteeTerms
from marketplace.explanations.judged_offers import judged_offers
from marketplace.explanations.lender_account import lender_account, rounded_for_lenders
from marketplace.explanations.lender_outcomes import (
    Filled,
    InFull,
    JudgedOffer,
    NotListed,
    Shared,
    TicketMade,
    fill_outcome,
    lender_outcome,
)
from marketplace.explanations.lender_texts import LENDER_TEXTS
from marketplace.explanations.plan_accounts import account_of_plan
from tests.marketplace.book_notation import a_request, read_book, some_terms
from tests.marketplace.explanations.explained_plans import ExplainedPlan
from tests.marketplace.random_books import random_plan_input

POSTED = ExplainedPlan(
    a_request("3,000", max_rate_bp=500),
    read_book("""
        lender  ask  tier  cash
        L1      400  A     600
        L2      450  A     400
        L3      300  B     1,000
        L4      500  B     900
        L5      525  A     800
        L6      475  C     700
    """),
    some_terms(company=CompanyMoney(mode="first", budget_cents=50_000)),
    budget="500",
)
SHAVED = ExplainedPlan(
    a_request("250"),
    read_book("""
        lender  ask  cash
        p       400  150
        q       425  96
        z       450  200
    """),
    some_terms(floor_bp=400, cap_bp=600),
)


def test_a_share_of_a_rationed_bucket_is_told_to_the_cent_in_english() -> None:
    assert POSTED.told("L3") == [
        "You got €789.36 of this loan. Here is why.",
        "Amount requested, rounded to €100: €3,000.00. Term in months: 24.",
        "Your group: rate 5.00%, tier B. Groups are served from the lowest rate; at the same rate tier A comes first,"
        " then B, then C.",
        "You asked for at least 3.00%. The company's lowest rate is 5.00%: who asks less counts as asking the lowest"
        " rate, and does not go ahead.",
        "You could give up to €1,000.00: the money you had free.",
        "Your group offered more than was needed, so it is shared in two rounds.",
        "First round, a smallest part each, starting with who has waited longest: €10.00 for you.",
        "Second round: the rest is shared by what each could still give. Rounded to €100: €1,500.00 were left, all"
        " together could still give €1,900.00. You €990.00: €779.36 for you.",
        "Cents left over go to the largest fractions. Yours is not among them.",
        "Together: €10.00 + €779.36 = €789.36.",
        "Rate of the loan: 5.00%, the same for all lenders. It is the company's lowest rate.",
        "Nothing went to offers above this rate, nor to those that come after the last group served at this rate.",
        "In the next first round of this book you stand behind those who have not had their part yet.",
    ]


def test_the_odd_cent_of_the_largest_fraction_is_told_in_italian() -> None:
    told = POSTED.told("L4", "it")

    assert told[0] == "Hai ottenuto 710,64 € di questo prestito. Ecco perché."
    assert told[5:9] == [
        "Primo giro, una quota minima ciascuno a partire da chi aspetta da più tempo: a te 10,00 €.",
        "Secondo giro: il resto si divide secondo quanto ciascuno poteva ancora dare. Arrotondati a 100 €: restavano"
        " 1.500,00 €, tutti insieme potevano dare ancora 1.900,00 €. Tu 890,00 €: a te 700,64 €.",
        "I centesimi che avanzano vanno alle frazioni più grandi. La tua è tra queste.",
        "In tutto: 10,00 € + 700,64 € = 710,64 €.",
    ]


def test_a_bucket_served_in_full_names_the_cap_that_bound() -> None:
    told = POSTED.told("L1")

    assert told[0] == "You got €600.00 of this loan. Here is why."
    assert told[4:6] == [
        "You could give up to €600.00: the money you had free.",
        "Your group was served in full: everybody gave all they could.",
    ]


def test_a_tier_behind_the_last_one_served_was_not_reached() -> None:
    assert POSTED.told("L6", "it") == [
        "Non hai ottenuto nulla di questo prestito. Ecco perché.",
        "Importo richiesto, arrotondato a 100 €: 3.000,00 €. Durata in mesi: 24.",
        "Livello C non raggiunto: con tasso 5,00 % il prestito si è chiuso al livello B.",
        "A pari tasso vengono prima le offerte di chi preferisce di più questa azienda.",
    ]


def test_an_ask_above_the_ceiling_cannot_lend() -> None:
    assert POSTED.told("L5")[2:] == ["You ask for at least 5.25%. This loan can have a rate of up to 5.00%."]


def test_what_shaving_took_is_told_as_a_difference() -> None:
    assert SHAVED.told("p")[5:] == [
        "Closing the loan took another offer's smallest part. Everybody gave back in proportion to what they had above"
        " their own: you €3.72. €150.00 − €3.72 = €146.28.",
        "Rate of the loan: 4.50%, the same for all lenders. It is the highest among the offers served.",
        "You asked for at least 4.00%: you receive more.",
        "Nothing went to offers above this rate, nor to those that come after the last group served at this rate.",
    ]


def test_whom_the_ticket_was_made_for_is_told_how() -> None:
    assert SHAVED.told("z")[4] == (
        "Less than your smallest part was missing. Those already served gave something back, so that you, who have"
        " waited longest, had your part: €10.00."
    )


def test_a_dearer_price_was_not_reached() -> None:
    plan = ExplainedPlan(
        a_request("100"),
        read_book("""
            lender  ask  cash
            near    400  100
            dear    450  100
        """),
        some_terms(floor_bp=400, cap_bp=600),
    )

    assert plan.told("dear")[2:] == [
        "Your rate was not reached: 4.50%. The loan was complete with offers up to 4.00%.",
        "Asking less you would come earlier: everybody receives the same rate in any case.",
    ]


TICKETS = read_book("""
    lender  ask  cash  ticket  last
    first   500  100   10      1
    large   500  100   95      2
    second  500  100   10      3
    late    500  100   10      4
""")


def test_a_ticket_that_does_not_fit_is_told_with_its_size() -> None:
    plan = ExplainedPlan(a_request("100"), TICKETS, some_terms())

    assert plan.told("large")[3:] == [
        "At your turn less than €95.00 was left, the least that your offer gives.",
        "You keep your place for the next loan.",
    ]


def test_who_stands_behind_the_last_ticket_is_told_that_the_tickets_were_used_up() -> None:
    plan = ExplainedPlan(a_request("20"), TICKETS, some_terms())

    assert plan.told("late")[3:] == [
        "The smallest parts went to those in your group who have waited longer: at your turn no whole one was left.",
        "You keep your place for the next loan.",
    ]


def test_who_stands_behind_the_last_place_is_told_that_the_lenders_are_complete() -> None:
    plan = ExplainedPlan(a_request("100"), TICKETS, some_terms(max_lenders=2))

    assert plan.told("late")[2:] == [
        "Before your turn the request had all the lenders it may have. They are at most 2.",
        "You keep your place for the next loan.",
    ]


def test_a_gap_below_the_ticket_that_the_company_closed_is_told() -> None:
    plan = ExplainedPlan(
        a_request("104"),
        read_book("""
            lender  ask  cash
            near    400  100
            dear    450  100
        """),
        some_terms(floor_bp=400, cap_bp=600, company=CompanyMoney(mode="backstop", budget_cents=10_000)),
        budget="100",
    )

    assert plan.told("dear")[2:] == [
        "Before your group less than €10.00 was missing, the least that your offer gives.",
        "The company put it in.",
        "You keep your place for the next loan.",
    ]


def test_money_that_stays_free_because_the_request_is_uncovered_is_told() -> None:
    plan = ExplainedPlan(a_request("5,000"), TICKETS, some_terms())

    assert plan.told("large", "it")[:2] == [
        "La tua offerta era pronta con 100,00 €, ma non ha prestato nulla.",
        "Le offerte non bastavano per tutta la richiesta, e prima di allora nessuno presta. Il tuo denaro è libero.",
    ]


def test_money_that_waits_for_the_guarantee_is_told() -> None:
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=1_000)
    plan = ExplainedPlan(a_request("200"), TICKETS, some_terms(guarantee=guarantee))

    assert plan.told("first")[1] == (
        "The company's guarantee has no room for this loan: the request waits. Your money is free."
    )


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("per-request", "The most you lend to one request is less than your smallest part of €10.00."),
        ("per-company", "Your limit for one company let you lend at this one less than your smallest part of"
         " €10.00."),
    ],
)  # fmt: skip
def test_a_cap_that_leaves_less_than_a_ticket_is_named(column: str, told: str) -> None:
    book = read_book(f"""
        lender  ask  cash  {column}
        L1      500  100   -
        L2      500  100   5
    """)

    assert ExplainedPlan(a_request("100"), book, some_terms()).told("L2")[2:] == [told]


def recorded(explained: ExplainedPlan, **changed_cents: int) -> PlannedCover:
    """The plan as a book records it, with other cents for some lenders, who had promised them before."""
    planned = explained.plan
    legs = [
        CoverLeg(
            lender_id=leg.lender_id,
            offer_id=leg.offer_id,
            strategy_id=leg.strategy_id,
            cents=changed_cents.get(leg.lender_id, leg.cents),
            min_cents=leg.min_cents,
        )
        for leg in planned.legs
    ]
    assert planned.rate_bp is not None
    return PlannedCover(
        amount_cents=sum(leg.cents for leg in legs),
        rate_bp=planned.rate_bp,
        loan_rate_cbp=100 * planned.rate_bp,
        company_cents=0,
        dust="none",
        legs=tuple(legs),
        rotated_lender_ids=(),
        receipt=planned.receipt,
        is_holding=isinstance(planned, Uncovered),
    )


def test_money_held_for_a_request_is_told_with_the_way_out() -> None:
    plan = ExplainedPlan(a_request("5,000"), TICKETS, some_terms())

    outcome = fill_outcome(recorded(plan), "large", status="holding")

    told = [sentence.text for sentence in lender_account(plan.plan.receipt, outcome, "en")]
    assert told[:2] == [
        "You hold €100.00 for this request, which is not covered yet.",
        "If money is still missing when the time is over, the borrower may take a smaller loan; otherwise yours is free"
        " again. You can also free it earlier.",
    ]


def test_a_promise_kept_from_an_earlier_plan_is_told_as_such() -> None:
    plan = ExplainedPlan(a_request("100"), TICKETS, some_terms())

    outcome = fill_outcome(recorded(plan, first=4_567), "first", status="covered")

    told = [sentence.text for sentence in lender_account(plan.plan.receipt, outcome, "en")]
    assert told[0] == "You got €45.67 of this loan. Here is why."
    assert (
        told[2] == "You had promised this amount to the request before, by an earlier computation: it stays as it was."
    )


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (
            "400",
            "You receive 4.00%, as all lenders do: it is the company's lowest rate. The rate of the loan is 2.50%,"
            " because the company's part has a reduced rate.",
        ),
        (
            "450",
            "You receive 4.50%, as all lenders do: it is the highest among the offers served. The rate of the loan"
            " is 2.75%, because the company's part has a reduced rate.",
        ),
    ],
)
def test_beside_a_subsidised_part_the_lender_is_told_its_own_rate_and_the_loans(ask: str, told: str) -> None:
    book = read_book(f"""
        lender  ask  cash
        L1      {ask}  100
    """)
    half = CompanyMoney(mode="share", share_bp=5_000, budget_cents=5_000, rate_bp=100)

    explained = ExplainedPlan(a_request("100"), book, some_terms(floor_bp=400, company=half), budget="50")

    assert told in explained.told("L1")


@pytest.mark.parametrize(("floor_bp", "code"), [(500, "rate-floor"), (400, "rate-highest")])
def test_a_kept_promise_names_the_floor_where_the_floor_made_the_rate(floor_bp: int, code: str) -> None:
    plan = ExplainedPlan(a_request("100"), TICKETS, some_terms(floor_bp=floor_bp))

    outcome = fill_outcome(recorded(plan, first=4_567), "first", status="covered")

    assert [sentence.code for sentence in lender_account(plan.plan.receipt, outcome, "en")][-1] == code


def test_a_lender_that_the_walk_found_and_the_hold_has_no_part_for_is_told_that_nothing_is_held() -> None:
    plan = ExplainedPlan(a_request("5,000"), TICKETS, some_terms())
    hold = recorded(plan)
    without = msgspec.structs.replace(hold, legs=tuple(leg for leg in hold.legs if leg.lender_id != "large"))

    told = [sentence.code for sentence in account_of_plan(without, "lender:large", "en", status="holding")]

    assert told[:2] == ["would-have-lent", "not-lent-uncovered"]


def test_a_receipt_alone_says_that_it_does_not_list_the_lender() -> None:
    assert lender_outcome(POSTED.plan.receipt, "L6") == NotListed()


@pytest.mark.parametrize(
    ("amount", "shown"), [("3,000.00", 300_000), ("3,049.99", 300_000), ("3,050", 310_000), ("12", 10_000)]
)
def test_a_lender_sees_a_request_rounded_to_a_hundred_euro(amount: str, shown: int) -> None:
    assert rounded_for_lenders(a_request(amount).amount_cents) == shown


def test_every_cap_and_every_obstacle_has_its_words() -> None:
    needed = {f"bound-{bound}" for bound in get_args(Bound)}
    needed |= {f"obstacle-{obstacle}" for obstacle in get_args(Obstacle) if obstacle != "rate"}

    assert needed <= LENDER_TEXTS.keys()


@pytest.mark.parametrize("seed", range(400))
def test_every_lender_of_any_book_is_told_its_exact_part_or_its_reason(seed: int) -> None:
    given = random_plan_input(Random(seed))
    resting = RestingOffers(given.offers, given.standings)
    planned = plan_cover_from(resting, given.request, given.terms, figures=given.figures, own=given.own)
    receipt, band = planned.receipt, given.terms.band(given.request.months)
    cents = {leg.lender_id: leg.cents for leg in planned.legs}
    for lender_id in given.standings:
        judged: tuple[JudgedOffer, ...] = ()
        if band is not None:
            eligibility = eligibility_for(
                given.request,
                given.terms,
                band,
                figures=given.figures,
                own=given.own,
                share_cap_cents=receipt.share_cap_cents,
            )
            judged = judged_offers(eligibility, resting.offers_of(lender_id), resting.standing(lender_id))

        outcome = lender_outcome(receipt, lender_id, judged)

        assert all(lender_account(receipt, outcome, language) for language in ("it", "en"))
        if lender_id not in cents:
            assert not isinstance(outcome, Filled | NotListed), (outcome, receipt)
            continue
        assert isinstance(outcome, Filled)
        assert outcome.cents == cents[lender_id]
        assert outcome.cents + outcome.cut_cents == part_before_shaving(outcome)
        if isinstance(planned, CoverPlan):
            assert outcome.rate_bp == planned.rate_bp


def part_before_shaving(outcome: Filled) -> int:
    match outcome.how:
        case InFull() | Shared(pro_rata=None):
            return outcome.capacity_cents
        case Shared(pro_rata=pro_rata):
            assert pro_rata is not None
            return outcome.ticket_cents + pro_rata.share_cents
        case TicketMade():
            return outcome.ticket_cents

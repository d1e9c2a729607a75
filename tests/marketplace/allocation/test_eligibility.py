"""What each lender can give to a request, and what keeps an offer out."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from marketplace.allocation.eligibility import Candidate, Obstacle
from marketplace.allocation.matching import BookFigures, eligibility_for, share_cap_cents
from marketplace.allocation.orders import CreditRequest
from marketplace.company_terms import CompanyMoney, GuaranteeTerms
from marketplace.strategies.offer_terms import FloatingAsk, OfferFilters, TermAsk
from tests.marketplace.book_notation import (
    NOW_AT,
    ONE_RICH_LENDER,
    Book,
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
        ("per-company", "45"),
        ("budget", "40"),
        ("term-limit", "40"),
        ("pace", "40"),
    ],
)
def test_each_cap_bounds_what_a_lender_gives(column: str, value: str) -> None:
    caps = {"cash": "500", "lent": "5", column: value}
    book = read_book(f"""
        lender  ask  {"  ".join(caps)}
        p       500  {"  ".join(caps.values())}
    """)
    exposures = {"p": "10"}

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


def test_of_equal_caps_the_first_in_the_order_of_the_rule_is_named() -> None:
    book = read_book("""
        lender  ask  cash  pace  budget  per-request
        p       500  40    40    40      40
    """)

    outcome = plan(a_request("40"), book, some_terms())

    assert outcome.receipt.buckets[0].candidates[0].bound_by == "cash"


def obstacle(
    request: CreditRequest,
    book: Book,
    *,
    arrears_bp: int = 0,
    guarantee: GuaranteeTerms | None = None,
    guaranteed: str = "0",
    exposures: dict[str, int] | None = None,
    max_share_bp: int | None = None,
) -> Obstacle:
    """What keeps the only offer of a book out."""
    terms = some_terms(floor_bp=500, cap_bp=600, guarantee=guarantee, max_share_bp=max_share_bp)
    eligibility = eligibility_for(
        request,
        terms,
        terms.bands[0],
        figures=BookFigures(
            guaranteed_cents=cents(guaranteed),
            budget_left_cents=0,
            exposures=exposures or {},
            sequence=1,
            now_at=NOW_AT,
            company_arrears_bp=arrears_bp,
        ),
        share_cap_cents=share_cap_cents(terms, request.amount_cents),
    )
    (offer,) = book.offers
    verdict = eligibility.judge(offer, book.standings[offer.lender_id])
    assert not isinstance(verdict, Candidate)
    return verdict


@pytest.mark.parametrize(
    ("table", "named"),
    [
        pytest.param("lender ask cash\np 500 9.99", "cash", id="less cash than a ticket"),
        pytest.param("lender ask cash ticket\np 500 50 60", "cash", id="less cash than its own minimum"),
        pytest.param("lender ask cash months\np 500 50 12/36", "term", id="another term"),
        pytest.param("lender ask cash\np 601 50", "rate", id="dearer than the cap"),
        pytest.param("lender ask cash paused\np 500 50 yes", "offer-paused", id="offer paused"),
        pytest.param("lender ask cash bar\np 500 50 paused", "lender-paused", id="lender paused"),
        pytest.param("lender ask cash bar\np 500 50 identity", "identity", id="identity check not valid"),
        pytest.param("lender ask cash bar\np 500 50 conflict", "conflict", id="approver of the company's loans"),
        pytest.param("lender ask cash\nborrower 500 50", "is-borrower", id="the borrower itself"),
        pytest.param("lender ask cash per-company lent\np 500 50 20 11", "per-company", id="no room in the company"),
        pytest.param("lender ask cash per-borrower\np 500 50 14.99", "per-borrower", id="no room with the borrower"),
        pytest.param("lender ask cash per-request\np 500 50 9", "per-request", id="no room for a ticket"),
        pytest.param("lender ask cash budget\np 500 50 9", "budget", id="budget used up"),
        pytest.param("lender ask cash term-limit\np 500 50 9", "term-limit", id="no room for the term"),
        pytest.param("lender ask cash pace\np 500 50 9", "pace", id="the month's lending done"),
        pytest.param("lender ask cash ticket\np 500 50 20.01", "share", id="a ticket above the share of the loan"),
    ],
)
def test_an_offer_that_cannot_lend_is_told_the_first_thing_in_its_way(table: str, named: str) -> None:
    max_share_bp = 10_000 if named == "share" else None

    found = obstacle(a_request("20"), read_book(table), exposures={"p": cents("5")}, max_share_bp=max_share_bp)

    assert found == named


TEN_PERCENT_OF_A_POOL = GuaranteeTerms(rate_bp=1_000, limit_cents=cents("10,000"))


@pytest.mark.parametrize(
    ("filters", "fitting", "unfitting", "named"),
    [
        pytest.param(
            OfferFilters(min_guarantee_bp=1_000),
            {"guarantee": TEN_PERCENT_OF_A_POOL},
            {"guarantee": msgspec.structs.replace(TEN_PERCENT_OF_A_POOL, rate_bp=999)},
            "guarantee-rate",
            id="guaranteed part",
        ),
        pytest.param(
            OfferFilters(min_guarantee_bp=1),
            {"guarantee": TEN_PERCENT_OF_A_POOL},
            {"guarantee": None},
            "guarantee-rate",
            id="no guarantee at all",
        ),
        pytest.param(
            OfferFilters(guarantee_modes=("pool-first-loss",)),
            {"guarantee": TEN_PERCENT_OF_A_POOL},
            {"guarantee": msgspec.structs.replace(TEN_PERCENT_OF_A_POOL, mode="per-loan-share")},
            "guarantee-mode",
            id="guarantee mode",
        ),
        pytest.param(
            OfferFilters(min_gauge_bp=2_000),
            {"guarantee": TEN_PERCENT_OF_A_POOL, "guaranteed": "80,000"},
            {"guarantee": TEN_PERCENT_OF_A_POOL, "guaranteed": "80,000.01"},
            "guarantee-gauge",
            id="gauge: a fifth of the limit unused",
        ),
        pytest.param(
            OfferFilters(min_gauge_bp=1),
            {"guarantee": TEN_PERCENT_OF_A_POOL},
            {"guarantee": msgspec.structs.replace(TEN_PERCENT_OF_A_POOL, limit_cents=0)},
            "guarantee-gauge",
            id="gauge: a limit of nothing",
        ),
        pytest.param(
            OfferFilters(max_arrears_bp=300), {"arrears_bp": 300}, {"arrears_bp": 301}, "arrears", id="arrears"
        ),
    ],
)
def test_a_lender_lends_only_where_its_conditions_on_the_company_are_met(
    filters: OfferFilters, fitting: dict[str, Any], unfitting: dict[str, Any], named: str
) -> None:
    book = read_book("lender ask cash\np 500 9")
    picky = Book((msgspec.structs.replace(book.offers[0], filters=filters),), book.standings)

    assert obstacle(a_request("20"), picky, **unfitting) == named
    assert obstacle(a_request("20"), picky, **fitting) == "cash"


def test_a_lender_lends_only_for_the_purposes_it_has_chosen() -> None:
    book = read_book("lender ask cash\np 500 50\nq 500 50")
    picky = msgspec.structs.replace(book.offers[0], filters=OfferFilters(purpose_classes=(1, 3)))
    request = msgspec.structs.replace(a_request("20"), purpose_class=2)

    outcome = plan(request, Book((picky, book.offers[1]), book.standings), some_terms())

    assert as_text(outcome) == "q 20.00 at 500"
    assert outcome.receipt.buckets[0].obstacles == {"purpose": 1}


def test_an_ask_for_the_term_goes_before_a_floating_one_and_that_before_the_general_one() -> None:
    (offer,) = read_book("lender ask cash\np 500 50").offers
    floating = msgspec.structs.replace(offer, floating_asks=(TermAsk(months=24, ask_bp=450),))
    fixed = msgspec.structs.replace(floating, asks_by_term=(TermAsk(months=24, ask_bp=475),))

    assert [one.ask_for(24) for one in (offer, floating, fixed)] == [500, 450, 475]
    assert fixed.ask_for(36) is None


@pytest.mark.parametrize(
    ("ask", "recent_rates_bp", "resolved_bp"),
    [
        pytest.param(FloatingAsk(mode="book_minus", offset_bp=-10, floor_bp=400), (500, 480), 470, id="last cover"),
        pytest.param(FloatingAsk(mode="median", offset_bp=5, floor_bp=400), (500, 480, 430), 485, id="median"),
        pytest.param(FloatingAsk(mode="median", offset_bp=0, floor_bp=400), (500, 480), 480, id="lower of two middles"),
        pytest.param(FloatingAsk(mode="median", offset_bp=0, floor_bp=0), (900,) * 9 + (500,) * 10, 500, id="last ten"),
        pytest.param(
            FloatingAsk(mode="book_minus", offset_bp=-90, floor_bp=400), (480,), 400, id="never below its floor"
        ),
        pytest.param(FloatingAsk(mode="median", offset_bp=0, floor_bp=400), (), None, id="nothing to refer to yet"),
    ],
)
def test_a_floating_ask_follows_the_rates_of_the_term(
    ask: FloatingAsk, recent_rates_bp: tuple[int, ...], resolved_bp: int | None
) -> None:
    assert ask.resolved_bp(recent_rates_bp) == resolved_bp


def test_an_all_or_none_offer_lends_all_it_could_to_a_loan_or_nothing() -> None:
    book = read_book("""
        lender  ask  cash  all-or-none
        p       500  60    yes
        q       500  60    no
    """)

    assert as_text(plan(a_request("100"), book, some_terms())) == "p 60.00, q 40.00 at 500"
    assert as_text(plan(a_request("60"), book, some_terms())) == "p 60.00 at 500"
    assert as_text(plan(a_request("59.99"), book, some_terms())) == "q 59.99 at 500"


def test_an_all_or_none_offer_is_bound_by_its_caps_like_any_other() -> None:
    book = read_book("""
        lender  ask  cash  all-or-none  per-borrower
        p       500  60    yes          40
        q       500  60    no           -
    """)

    assert as_text(plan(a_request("50"), book, some_terms(), exposures={"p": "10"})) == "p 30.00, q 20.00 at 500"


@pytest.mark.parametrize(
    ("tier", "ticks", "result"),
    [
        pytest.param("A", 0, "p 40.00 at 500", id="A: at once"),
        pytest.param("B", 0, "uncovered: 15.00 coverable", id="B: not yet"),
        pytest.param("B", 1, "p 40.00 at 500", id="B: after one tick"),
        pytest.param("C", 1, "uncovered: 15.00 coverable", id="C: not yet"),
        pytest.param("C", 2, "p 40.00 at 500", id="C: after two ticks"),
    ],
)
def test_fresh_cash_is_seen_by_more_preferred_books_first(tier: str, ticks: int, result: str) -> None:
    book = read_book(f"""
        lender  ask  tier    cash  fresh
        p       500  {tier}  40    25
    """)
    tick = timedelta(milliseconds=200)

    outcome = plan(a_request("40"), book, some_terms(), now_at=NOW_AT + ticks * tick, staging_tick=tick)

    assert as_text(outcome) == result
    if result.startswith("uncovered"):
        assert outcome.receipt.buckets[0].candidates[0].bound_by == "staged-cash"
        assert as_text(plan(a_request("40"), book, some_terms())) == "p 40.00 at 500"


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
    lender  ask  cash  rank  budget
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
        lender  ask  cash  per-company  lent
        p       500  5     52           50
        q       500  30    30           0
    """)

    cover = covered(plan(a_request("52"), book, some_terms(), promised={"p": "20"}))

    assert as_text(cover) == "p 22.00, q 30.00 at 500"


def test_what_is_promised_brings_back_an_offer_that_has_nothing_else_left() -> None:
    book = read_book("""
        lender  ask  cash  per-borrower  lent
        p       500  0     20            20
        q       500  30    -             0
    """)

    cover = covered(plan(a_request("45"), book, some_terms(), promised={"p": "20"}, exposures={"p": "20"}))

    assert as_text(cover) == "p 18.33, q 26.67 at 500"
    assert as_text(plan(a_request("45"), book, some_terms())) == "uncovered: 30.00 coverable"


def test_a_limit_has_room_for_what_its_own_strategy_has_promised_and_not_for_anothers() -> None:
    book = read_book("""
        lender  ask  cash  budget
        p       500  50    5
    """)

    by_this = plan(a_request("25"), book, some_terms(), promised={"p": "20"}, strategies={"p": "S1"})
    by_another = plan(a_request("25"), book, some_terms(), promised={"p": "20"}, strategies={"p": "S9"})

    assert as_text(by_this) == "p 25.00 at 500"
    assert as_text(by_another) == "uncovered: 0.00 coverable"


@pytest.mark.parametrize("column", ["paused yes", "bar conflict"])
def test_what_is_promised_does_not_bring_back_who_may_not_lend(column: str) -> None:
    name, value = column.split()
    book = read_book(f"""
        lender  ask  cash  {name}
        p       500  50    {value}
    """)

    assert as_text(plan(a_request("20"), book, some_terms(), promised={"p": "20"})) == "uncovered: 0.00 coverable"

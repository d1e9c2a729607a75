"""The allocation rule of a company's book, to the cent."""

import msgspec
import pytest

from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms
from marketplace.matching import CoverPlan, Uncovered, plan_cover
from marketplace.orders import CreditRequest
from tests.marketplace.book_notation import Book, a_request, as_text, cents, read_book, some_terms

POOL_OF_TEN_PERCENT = GuaranteeTerms(rate_bp=1_000, limit_cents=cents("10,000"))


def plan(
    request: CreditRequest,
    book: Book,
    terms: CompanyTerms,
    *,
    budget: str = "0",
    guaranteed: str = "0",
    promised: dict[str, int] | None = None,
    exposures: dict[str, int] | None = None,
) -> CoverPlan | Uncovered:
    return plan_cover(
        request,
        book.offers,
        book.standings,
        terms,
        cents(guaranteed),
        cents(budget),
        promised or {},
        exposures=exposures or {},
        sequence=900,
    )


def covered(outcome: CoverPlan | Uncovered) -> CoverPlan:
    assert isinstance(outcome, CoverPlan), as_text(outcome)
    return outcome


E1_BOOK = read_book("""
    lender  ask  tier  cash
    L1      400  A       600.00
    L2      450  A       400.00
    L3      300  B     1,000.00
    L4      500  B       900.00
    L5      525  A       800.00
    L6      475  C       700.00
""")


def test_e1_a_posted_rate_with_company_money_first_and_a_guarantee() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"), guarantee=POOL_OF_TEN_PERCENT)

    cover = covered(plan(a_request("3,000", max_rate_bp=500), E1_BOOK, terms, budget="500"))

    assert as_text(cover) == "company 500.00; L1 600.00, L2 400.00, L3 789.36, L4 710.64 at 500"
    assert cover.rotated_lender_ids == ("L3", "L4")
    assert cover.loan_rate_cbp == 50_000
    assert cover.amount_cents == cents("3,000")


def test_e1_the_receipt_shows_the_arithmetic_of_the_rationed_tier() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"), guarantee=POOL_OF_TEN_PERCENT)

    receipt = plan(a_request("3,000", max_rate_bp=500), E1_BOOK, terms, budget="500").receipt

    full, rationed = receipt.buckets
    assert (full.price_bp, full.tier, full.need_cents, full.treatment) == (500, "A", 250_000, "full")
    assert (rationed.price_bp, rationed.tier, rationed.need_cents, rationed.treatment) == (
        500,
        "B",
        150_000,
        "rationed",
    )
    assert rationed.rationing is not None
    assert (rationed.rationing.tickets_cents, rationed.rationing.rest_cents) == (2_000, 148_000)
    assert rationed.rationing.rooms_cents == 188_000
    assert rationed.rationing.remainders == (148_000 * 99_000 % 188_000, 148_000 * 89_000 % 188_000)
    assert [candidate.filled_cents for candidate in rationed.candidates] == [78_936, 71_064]
    assert receipt.gate is not None
    assert (receipt.gate.answer, receipt.gate.whole_lender_cents) == ("passed", 250_000)
    assert receipt.company.tranche_cents == 50_000


def test_e2_a_band_gives_one_clearing_rate_to_everybody() -> None:
    book = read_book("""
        lender  ask  tier  cash
        a       350  B       500
        b       400  B       300
        c       425  B       450
        d       450  A       400
        e       450  B       700
        f       475  B     1,000
    """)

    cover = covered(plan(a_request("2,000"), book, some_terms(floor_bp=400, cap_bp=600)))

    assert as_text(cover) == "a 500.00, b 300.00, c 450.00, d 400.00, e 350.00 at 450"
    assert cover.rotated_lender_ids == ("e",)


E3_BOOK = read_book(
    "lender ask cash\n" + "".join(f"t{number:02d} 450 10\n" for number in range(1, 13)) + "B1 450 500\nB2 450 300\n"
)


def test_e3_every_waiting_lender_gets_a_ticket_before_size_counts() -> None:
    cover = covered(plan(a_request("400"), E3_BOOK, some_terms(floor_bp=400, cap_bp=500)))

    tickets = ", ".join(f"t{number:02d} 10.00" for number in range(1, 13))
    assert as_text(cover) == f"{tickets}, B1 173.33, B2 106.67 at 450"


def test_e3_when_tickets_run_out_the_longest_waiting_have_them_and_the_rest_keep_their_place() -> None:
    cover = covered(plan(a_request("90"), E3_BOOK, some_terms(floor_bp=400, cap_bp=500)))

    nine = [f"t{number:02d}" for number in range(1, 10)]
    assert as_text(cover) == ", ".join(f"{lender} 10.00" for lender in nine) + " at 450"
    assert cover.rotated_lender_ids == tuple(nine)
    assert [candidate.lender_id for candidate in cover.receipt.buckets[0].candidates] == [*nine, "t10"]


E4_BOOK = read_book("""
    lender  ask  cash
    p       400  150
    q       425   96
    z       450  200
""")


@pytest.mark.parametrize(
    ("company", "budget", "accepts_shrink", "result", "amount"),
    [
        pytest.param(
            "backstop", "4", True, "company 4.00; p 150.00, q 96.00; backstop at 425", "250", id="a: backstop"
        ),
        pytest.param("backstop", "3.99", True, "p 150.00, q 96.00; shrunk at 425", "246", id="b: shrink"),
        pytest.param("none", "4", True, "p 150.00, q 96.00; shrunk at 425", "246", id="b: a budget of another mode"),
        pytest.param("none", "0", False, "p 146.28, q 93.72, z 10.00; shaved at 450", "250", id="c: shave"),
    ],
)
def test_e4_a_last_gap_is_closed_by_backstop_then_shrinking_then_shaving(
    company: str, budget: str, accepts_shrink: bool, result: str, amount: str
) -> None:
    terms = some_terms(floor_bp=400, cap_bp=600, company=msgspec.convert({"mode": company}, type=CompanyMoney))

    cover = covered(plan(a_request("250", accepts_shrink=accepts_shrink), E4_BOOK, terms, budget=budget))

    assert as_text(cover) == result
    assert cover.amount_cents == cents(amount)
    assert cover.rotated_lender_ids == ()


E6_BOOK = read_book("""
    lender  ask  cash
    L1      500  20,000
""")


@pytest.mark.parametrize(
    ("amount", "guaranteed", "result"),
    [
        pytest.param("9,000", "92,000", "guarantee: 9,000.00 coverable", id="9,000 waits"),
        pytest.param("2,500", "92,000", "L1 2,500.00 at 500", id="2,500 passes"),
        pytest.param("8,000", "92,000", "L1 8,000.00 at 500", id="the head-room itself passes"),
        pytest.param("8,000.01", "92,000", "guarantee: 8,000.01 coverable", id="a cent more waits"),
        pytest.param("18,000", "82,000", "L1 18,000.00 at 500", id="18,000 after 10,000 was repaid"),
        pytest.param("18,000.01", "82,000", "guarantee: 18,000.01 coverable", id="a cent more than that waits"),
    ],
)
def test_e6_the_guarantee_lets_through_what_its_limit_covers(amount: str, guaranteed: str, result: str) -> None:
    outcome = plan(a_request(amount), E6_BOOK, some_terms(guarantee=POOL_OF_TEN_PERCENT), guaranteed=guaranteed)

    assert as_text(outcome) == result


# --- dust, path by path -----------------------------------------------------------------------------------------------


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


# --- tickets, pro-rata and rotation -----------------------------------------------------------------------------------


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

    assert as_text(plan(a_request("60"), book, some_terms(max_lenders=2))) == "p 30.00, q 30.00 at 500"
    assert as_text(plan(a_request("61"), book, some_terms(max_lenders=2))) == "uncovered: 60.00 coverable"


def test_when_the_number_of_lenders_is_used_up_the_backstop_may_still_close_the_gap() -> None:
    book = read_book("""
        lender  ask  cash
        p       500  30
        q       500  30
    """)
    terms = some_terms(max_lenders=1, company=CompanyMoney(mode="backstop"))

    assert as_text(plan(a_request("35"), book, terms, budget="5")) == "company 5.00; p 30.00; backstop at 500"


# --- capacity and eligibility -----------------------------------------------------------------------------------------


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
    caps = {"cash": "500", **{column: value}}
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

    outcome = plan(a_request("20", max_rate_bp=499), E6_BOOK, terms, budget="100")

    assert as_text(outcome) == "uncovered: 0.00 coverable"


def test_a_term_without_a_band_is_uncovered() -> None:
    assert as_text(plan(a_request("20", months=36), E6_BOOK, some_terms())) == "uncovered: 0.00 coverable"


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


# --- company tranche --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("money", "budget", "result"),
    [
        pytest.param({"mode": "first"}, "100", "company 100.00 at 500", id="first: all of it, at the floor"),
        pytest.param({"mode": "first"}, "95", "company 90.00; L1 10.00 at 500", id="first: cut to leave a ticket"),
        pytest.param({"mode": "first"}, "90", "company 90.00; L1 10.00 at 500", id="first: leaves just a ticket"),
        pytest.param({"mode": "first"}, "30", "company 30.00; L1 70.00 at 500", id="first: as far as the budget goes"),
        pytest.param({"mode": "share", "share_bp": 3_333}, "90", "company 33.33; L1 66.67 at 500", id="share"),
        pytest.param({"mode": "share", "share_bp": 3_333}, "20", "company 20.00; L1 80.00 at 500", id="share: budget"),
        pytest.param({"mode": "share", "share_bp": 9_500}, "99", "company 90.00; L1 10.00 at 500", id="share: cut"),
        pytest.param({"mode": "share", "share_bp": 10_000}, "100", "company 100.00 at 500", id="share: the whole"),
        pytest.param({"mode": "backstop"}, "100", "L1 100.00 at 500", id="backstop: nothing before the walk"),
    ],
)
def test_the_company_tranche_leaves_lenders_nothing_or_at_least_a_ticket(
    money: dict[str, object], budget: str, result: str
) -> None:
    terms = some_terms(floor_bp=500, cap_bp=600, company=msgspec.convert(money, type=CompanyMoney))

    assert as_text(plan(a_request("100"), E6_BOOK, terms, budget=budget)) == result


def test_a_loan_smaller_than_a_ticket_is_the_companys_whole_or_nobodys() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"))

    assert as_text(plan(a_request("9"), E6_BOOK, terms, budget="9")) == "company 9.00 at 500"
    assert as_text(plan(a_request("9"), E6_BOOK, terms, budget="8")) == "uncovered: 0.00 coverable"


@pytest.mark.parametrize(
    ("rate_bp", "budget", "loan_rate_cbp"),
    [
        pytest.param(None, "100", 50_000, id="no subsidy: the clearing rate"),
        pytest.param(0, "100", 25_000, id="half the loan free of interest"),
        pytest.param(100, "66.66", 36_668, id="1 % on 66.66 of 200 is 3.6668 %"),
        pytest.param(0, "0.01", 49_998, id="4.99975 % is rounded half up to a hundredth of a basis point"),
        pytest.param(200, "200", 20_000, id="the whole loan subsidised"),
    ],
)
def test_a_subsidised_tranche_lowers_the_loans_own_rate(rate_bp: int | None, budget: str, loan_rate_cbp: int) -> None:
    terms = some_terms(company=CompanyMoney(mode="first", rate_bp=rate_bp))

    cover = covered(plan(a_request("200"), E6_BOOK, terms, budget=budget))

    assert cover.rate_bp == 500
    assert cover.loan_rate_cbp == loan_rate_cbp


# --- guarantee gate ---------------------------------------------------------------------------------------------------


def test_a_loan_executes_up_to_the_head_room_when_the_borrower_takes_less() -> None:
    terms = some_terms(guarantee=POOL_OF_TEN_PERCENT)
    request = a_request("9,000", at_least="8,000")

    cover = covered(plan(request, E6_BOOK, terms, guaranteed="92,000"))

    assert as_text(cover) == "L1 8,000.00 at 500"
    assert cover.amount_cents == cents("8,000")
    assert cover.receipt.gate is not None
    assert cover.receipt.gate.answer == "cut"
    assert as_text(plan(a_request("9,000", at_least="8,000.01"), E6_BOOK, terms, guaranteed="92,000")) == (
        "guarantee: 9,000.00 coverable"
    )


def test_company_money_needs_no_head_room() -> None:
    terms = some_terms(company=CompanyMoney(mode="first"), guarantee=POOL_OF_TEN_PERCENT)

    assert as_text(plan(a_request("500"), E6_BOOK, terms, budget="500", guaranteed="100,000")) == (
        "company 500.00 at 500"
    )
    assert as_text(plan(a_request("510", at_least="400"), E6_BOOK, terms, budget="500", guaranteed="100,000")) == (
        "company 500.00 at 500"
    )
    assert as_text(plan(a_request("510"), E6_BOOK, terms, budget="500", guaranteed="100,000")) == (
        "guarantee: 510.00 coverable"
    )


def test_a_loan_cut_to_the_head_room_gives_the_company_its_share_of_what_is_left() -> None:
    company = CompanyMoney(mode="share", share_bp=5_000)
    terms = some_terms(company=company, guarantee=POOL_OF_TEN_PERCENT)

    cover = covered(plan(a_request("2,000", at_least="1,000"), E6_BOOK, terms, budget="5,000", guaranteed="99,200"))

    assert as_text(cover) == "company 800.00; L1 800.00 at 500"


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

    assert as_text(plan(a_request("30.03"), E6_BOOK, some_terms(guarantee=guarantee))) == "L1 30.03 at 500"
    assert as_text(plan(a_request("30.04"), E6_BOOK, some_terms(guarantee=guarantee))) == "guarantee: 30.04 coverable"


def test_want_of_lenders_is_told_before_want_of_guarantee() -> None:
    outcome = plan(a_request("30,000"), E6_BOOK, some_terms(guarantee=POOL_OF_TEN_PERCENT), guaranteed="100,000")

    assert as_text(outcome) == "uncovered: 20,000.00 coverable"

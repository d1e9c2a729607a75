"""What a version of the terms would do now, beside the present one, on a book that is only read."""

from datetime import timedelta

import msgspec
import pytest

from marketplace.book.book_events import Standing
from marketplace.book.commands import (
    GrantCompanyBudget,
    LiftHold,
    OpenRequest,
    PauseBook,
    PlaceOffer,
    PublishTerms,
    Tick,
)
from marketplace.book.cover_decisions import decide_step
from marketplace.book.dry_run import BlockedRequests, DryRun, RateLevel, TermsOutcome, dry_run
from marketplace.book.dry_run_disclosure import shown_to_company, shown_to_operations
from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from tests.marketplace.driven_book import Market, a_market, a_request, an_offer, some_terms


def tried(market: Market, terms: CompanyTerms) -> DryRun:
    """The dry run; whatever it finds, the book is what it was, the receipts of its next plans included."""
    before, next_step = market.book.fingerprint(), market_step(market)
    outcome = dry_run(market.book, terms, standings(market), at=market.at)
    assert market.book.fingerprint() == before
    assert market_step(market) == next_step
    return outcome


def market_step(market: Market) -> bytes:
    """What the book would do next, which its index decides and no fingerprint shows."""
    return msgspec.json.encode(decide_step(market.book, standings(market)))


def standings(market: Market) -> list[Standing]:
    return market.purses.standings(market.book.lenders.with_offers())


def proposed(outcome: DryRun) -> TermsOutcome:
    assert outcome.proposed is not None
    return outcome.proposed


def present(outcome: DryRun) -> TermsOutcome:
    assert outcome.present is not None
    return outcome.present


def bands(*given: tuple[int, int, int]) -> tuple[RateBand, ...]:
    return tuple(RateBand(months=months, floor_bp=floor_bp, cap_bp=cap_bp) for months, floor_bp, cap_bp in given)


def waiting_market(*requests: str, cents: int = 100_000) -> Market:
    """Two lenders ask 6.50 %, above the cap of 6 %, so that requests of borrowers who accept 7 % wait."""
    offers = {name: an_offer(name, ask_bp=650, months=(12, 24)) for name in ("ada", "bob")}
    market = a_market({"ada": 150_000, "bob": 100_000}, None, **offers)
    for name in requests:
        market.send(OpenRequest(request=a_request(name, amount_cents=cents, max_rate_bp=700)))
    return market


def test_a_higher_cap_shows_what_it_would_cover_and_at_which_rate() -> None:
    market = waiting_market("r1", "r2", "r3")

    outcome = tried(market, some_terms(version=2, bands=bands((12, 400, 700))))

    assert present(outcome).total.covered == 0
    assert present(outcome).total.blocked == (BlockedRequests(reason="uncovered", requests=3, cents=300_000),)
    total = proposed(outcome).total
    assert (total.waiting, total.waiting_cents, total.covered, total.cover_cents) == (3, 300_000, 2, 200_000)
    assert total.rates == (RateLevel(rate_bp=650, covered=2, cover_cents=200_000),)
    assert total.rate_cbp == 65_000
    assert total.blocked == (BlockedRequests(reason="uncovered", requests=1, cents=100_000),)
    assert (outcome.book_sequence, outcome.problems) == (market.book.sequence, ())


def test_what_is_shown_is_what_happens_once_the_terms_are_published() -> None:
    market = waiting_market("r1", "r2", "r3", cents=70_000)
    terms = some_terms(version=2, bands=bands((12, 400, 700)))
    shown = proposed(tried(market, terms)).total

    market.send(PublishTerms(terms=terms))

    covered = [booked for booked in market.book.requests.values() if booked.state == "covered"]
    assert (len(covered), sum(booked.request.amount_cents for booked in covered)) == (shown.covered, shown.cover_cents)
    assert {cover.plan.rate_bp for cover in market.book.covers.values()} == {level.rate_bp for level in shown.rates}


def test_each_term_has_its_own_figures_and_the_total_is_their_sum() -> None:
    market = waiting_market("r1")
    market.send(PublishTerms(terms=some_terms(version=2, bands=bands((12, 400, 600), (24, 400, 600)))))
    market.send(OpenRequest(request=a_request("r2", amount_cents=50_000, months=24, max_rate_bp=700)))

    outcome = proposed(tried(market, some_terms(version=3, bands=bands((12, 400, 700), (24, 660, 700)))))

    assert [(term.months, term.covered, term.cover_cents, term.rates[0].rate_bp) for term in outcome.by_term] == [
        (12, 1, 100_000, 650),
        (24, 1, 50_000, 660),
    ]
    assert (outcome.total.months, outcome.total.covered, outcome.total.cover_cents) == (None, 2, 150_000)
    assert outcome.total.rate_cbp == 65_333  # (2 × 65,000 + 66,000) ÷ 3


def test_a_term_no_longer_offered_and_a_floor_above_what_a_borrower_accepts_block() -> None:
    market = waiting_market("r1")
    market.send(PublishTerms(terms=some_terms(version=2, bands=bands((12, 400, 600), (24, 400, 600)))))
    market.send(OpenRequest(request=a_request("r2", months=24, max_rate_bp=600)))

    higher = proposed(tried(market, some_terms(version=3, bands=bands((24, 610, 700)))))

    assert [(one.reason, one.requests) for one in higher.total.blocked] == [("rate", 1), ("term", 1)]


def test_a_lower_guarantee_limit_blocks_what_lenders_would_fund() -> None:
    market = waiting_market("r1", "r2")
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=10_000)

    outcome = proposed(tried(market, some_terms(version=2, bands=bands((12, 400, 700)), guarantee=guarantee)))

    assert (outcome.total.covered, outcome.total.blocked) == (
        1,
        (BlockedRequests(reason="guarantee", requests=1, cents=100_000),),
    )
    assert outcome.guarantee is not None
    assert msgspec.to_builtins(outcome.guarantee) == {
        "limit_cents": 10_000,
        "used_before_cents": 0,
        "used_after_cents": 10_000,
        "gauge_before_bp": 0,
        "gauge_after_bp": 10_000,
        "head_room_cents": 0,
    }


def test_company_money_used_and_left_is_told() -> None:
    market = waiting_market("r1", "r2")
    market.send(GrantCompanyBudget(cents=90_000))
    money = CompanyMoney(mode="share", share_bp=5_000, budget_cents=90_000, rate_bp=100)

    outcome = proposed(tried(market, some_terms(version=2, bands=bands((12, 400, 700)), company_money=money)))

    assert (outcome.company_used_cents, outcome.company_left_cents) == (90_000, 0)
    assert (outcome.total.company_cents, outcome.total.covered) == (90_000, 2)
    # 50,000 of the first loan and 40,000 of the second at 1 %, the rest at 6.50 %: 90,000 × 100 + 110,000 × 650.
    assert outcome.total.rate_cbp == (90_000 * 100 + 110_000 * 650) * 100 // 200_000


def held_market() -> Market:
    """r1 holds all of ada's 600.00 of its 1,500.00; r2 came later and wants 500.00."""
    market = a_market({"ada": 60_000}, some_terms(patience_hours=0), bob=an_offer("bob", ask_bp=650))
    market.send(OpenRequest(request=a_request("r1", amount_cents=150_000, max_rate_bp=700)))
    market.send(OpenRequest(request=a_request("r2", amount_cents=50_000, max_rate_bp=700)))
    return market


def test_a_request_keeps_what_it_holds_and_others_plan_without_it() -> None:
    market = held_market()

    outcome = tried(market, some_terms(version=2, patience_hours=0))

    for version in (present(outcome), proposed(outcome)):
        assert (version.total.waiting, version.total.covered, version.total.held_cents) == (2, 0, 60_000)


def test_what_a_request_holds_counts_towards_its_own_cover() -> None:
    market = held_market()
    market.purses.free_cents["bob"], market.purses.vers["bob"] = 120_000, 1
    market.send(PlaceOffer(offer=an_offer("bob", ask_bp=650)))
    market.send(Tick(), after=timedelta(seconds=1))

    outcome = proposed(tried(market, some_terms(version=2, patience_hours=0, bands=bands((12, 400, 700)))))

    # ada's 600.00 are held; bob's 1,200.00 cover the other 900.00, and 300.00 are too little for r2.
    assert (outcome.total.covered, outcome.total.cover_cents) == (1, 150_000)
    assert [(level.rate_bp, level.covered) for level in outcome.total.rates] == [(650, 1)]


def test_terms_that_contradict_themselves_plan_nothing_and_say_every_problem() -> None:
    market = waiting_market("r1")

    outcome = tried(market, some_terms(version=2, bands=bands((12, 700, 600)), max_share_bp=12_000))

    assert outcome.proposed is None
    assert outcome.present is not None
    assert [problem.field for problem in outcome.problems] == ["bands[0].cap_bp", "max_share_bp"]


def test_a_guarantee_too_small_for_what_stands_under_it_is_a_problem_and_is_planned_all_the_same() -> None:
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=50_000)
    market = a_market({"ada": 200_000}, some_terms(guarantee=guarantee))
    market.send(OpenRequest(request=a_request("r1", amount_cents=100_000)))

    smaller = msgspec.structs.replace(guarantee, limit_cents=9_999)
    outcome = tried(market, some_terms(version=2, guarantee=smaller))

    assert [(problem.field, problem.accepted) for problem in outcome.problems] == [
        ("guarantee.limit_cents", "10000 or more")
    ]
    after = proposed(outcome).guarantee
    assert after is not None
    assert (after.used_before_cents, after.gauge_before_bp, after.head_room_cents) == (10_000, 10_002, 0)


def test_before_its_first_terms_a_book_has_only_the_proposed_outcome() -> None:
    market = Market(waiting_market().purses)

    outcome = tried(market, some_terms())

    assert (outcome.present, proposed(outcome).total.waiting) == (None, 0)


def test_a_paused_book_is_planned_as_if_it_went_on() -> None:
    market = waiting_market()
    market.send(PauseBook(by="operations"))
    market.send(OpenRequest(request=a_request("r1", max_rate_bp=700)))

    outcome = tried(market, some_terms(version=2, bands=bands((12, 400, 700))))

    assert (outcome.is_paused, proposed(outcome).total.covered) == (True, 1)


def test_the_depth_shows_offers_at_the_prices_of_each_version() -> None:
    market = waiting_market()

    outcome = tried(market, some_terms(version=2, bands=bands((12, 680, 700))))

    assert present(outcome).depth == ()
    assert proposed(outcome).depth == ((12, 680, "B", 250_000, 4),)


def test_a_lender_who_lifted_its_hold_is_not_planned_for_that_request() -> None:
    market = held_market()
    market.send(LiftHold(request_id="r1", lender_id="ada"))
    market.purses.free_cents["ada"], market.purses.vers["ada"] = 500_000, 9

    outcome = proposed(tried(market, some_terms(version=2, patience_hours=0)))

    assert (outcome.total.waiting, outcome.total.covered) == (1, 0)


def people(**behind: int) -> dict[int, set[str]]:
    """So many people behind the requests of each term: `m12=5`."""
    return {int(term[1:]): {f"{term} {number}" for number in range(count)} for term, count in behind.items()}


def two_terms() -> DryRun:
    market = waiting_market("r1")
    terms = some_terms(version=2, bands=bands((12, 400, 600), (24, 400, 600)))
    market.send(PublishTerms(terms=terms))
    market.send(OpenRequest(request=a_request("r2", amount_cents=54_321, months=24, max_rate_bp=700)))
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=100_000)
    return tried(market, some_terms(version=3, bands=bands((12, 400, 700), (24, 400, 700)), guarantee=guarantee))


def test_operations_see_every_figure() -> None:
    shown = shown_to_operations(two_terms()).proposed

    assert shown is not None
    assert [(term.is_withheld, term.cover_cents) for term in (*shown.by_term, shown.total)] == [
        (False, 100_000),
        (False, 54_321),
        (False, 154_321),
    ]
    assert shown.guarantee is not None
    assert (shown.guarantee.used_after_cents, shown.guarantee.gauge_after_bp) == (15_433, 1_544)


def test_a_company_sees_figures_of_five_people_rounded_to_100_euro() -> None:
    shown = shown_to_company(two_terms(), people(m12=5, m24=5)).proposed

    assert shown is not None
    assert [(term.is_withheld, term.cover_cents) for term in (*shown.by_term, shown.total)] == [
        (False, 100_000),
        (False, 50_000),
        (False, 150_000),
    ]
    assert shown.guarantee is not None
    assert (shown.guarantee.used_after_cents, shown.guarantee.gauge_after_bp) == (20_000, 1_500)


@pytest.mark.parametrize(
    ("behind", "withheld"),
    [
        pytest.param({"m12": 5, "m24": 0}, [False, True, False], id="nobody is withheld like few, and tells nothing"),
        pytest.param({"m12": 5, "m24": 4}, [False, True, True], id="the total would tell of the four"),
        pytest.param({"m12": 4, "m24": 4}, [True, True, False], id="eight together"),
        pytest.param({"m12": 2, "m24": 2}, [True, True, True], id="four together"),
    ],
)
def test_fewer_than_five_people_are_never_told_of(behind: dict[str, int], withheld: list[bool]) -> None:
    shown = shown_to_company(two_terms(), people(**behind)).proposed

    assert shown is not None
    assert [term.is_withheld for term in (*shown.by_term, shown.total)] == withheld
    assert [term.cover_cents is None for term in (*shown.by_term, shown.total)] == withheld
    assert shown.guarantee is not None
    assert (shown.company_used_cents is None, shown.guarantee.used_after_cents is None) == (withheld[2], withheld[2])
    assert shown.depth == two_terms().proposed.depth  # type: ignore[union-attr]  # it is there


def test_a_person_with_several_requests_counts_once() -> None:
    everywhere = {"eva", "ida", "ugo", "leo"}

    shown = shown_to_company(two_terms(), {12: everywhere, 24: everywhere}).proposed

    assert shown is not None
    assert [term.is_withheld for term in (*shown.by_term, shown.total)] == [True, True, True]

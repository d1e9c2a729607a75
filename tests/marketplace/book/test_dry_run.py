"""What a version of the terms would do now, beside the present one, on a book that is only read."""

from collections.abc import Iterable
from datetime import timedelta
from random import Random

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
from marketplace.book.dry_run_disclosure import ShownOutcome, shown_to_company, shown_to_operations
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


ALL_ACCEPT = bands((12, 400, 700), (24, 400, 700))


def tried_with(*requests: tuple[int, int, str], **terms: object) -> DryRun:
    """Lenders ask 6.50 %, and more than the 6 % that is allowed; the terms tried allow 7 %. The requests are given as
    term, highest rate accepted and borrower, each of 543.21."""
    offers = {name: an_offer(name, ask_bp=650, months=(12, 24)) for name in ("ada", "bob")}
    present_terms = some_terms(bands=bands((12, 400, 600), (24, 400, 600)))
    market = a_market({"ada": 2_000_000, "bob": 2_000_000}, present_terms, **offers)
    for number, (months, max_rate_bp, borrower_id) in enumerate(requests):
        asked = a_request(
            f"r{number}", amount_cents=54_321, months=months, max_rate_bp=max_rate_bp, borrower_id=borrower_id
        )
        market.send(OpenRequest(request=asked))
    return tried(market, some_terms(version=2, **({"bands": ALL_ACCEPT} | terms)))


def of_people(count: int, *, months: int = 12, max_rate_bp: int = 700) -> list[tuple[int, int, str]]:
    """One request each of so many people."""
    return [(months, max_rate_bp, f"{months} {max_rate_bp} {number}") for number in range(count)]


def seen_by_company(outcome: DryRun) -> ShownOutcome:
    shown = shown_to_company(outcome).proposed
    assert shown is not None
    return shown


def test_operations_see_every_figure_to_the_cent() -> None:
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=100_000)

    shown = shown_to_operations(
        tried_with(*of_people(1), *of_people(1, months=24, max_rate_bp=650), guarantee=guarantee)
    ).proposed

    assert shown is not None
    figures = [(group.is_withheld, group.waiting, group.cover_cents) for group in (*shown.by_term, shown.total)]
    assert figures == [(False, 1, 54_321), (False, 1, 54_321), (False, 2, 108_642)]
    assert [group.rates for group in (*shown.by_term, shown.total)] == [
        (RateLevel(rate_bp=650, covered=1, cover_cents=54_321),),
        (RateLevel(rate_bp=650, covered=1, cover_cents=54_321),),
        (RateLevel(rate_bp=650, covered=2, cover_cents=108_642),),
    ]
    assert shown.guarantee is not None
    assert (shown.guarantee.used_after_cents, shown.guarantee.gauge_after_bp) == (10_865, 1_087)


def test_a_company_sees_figures_of_five_people_rounded_to_100_euro() -> None:
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=100_000)

    shown = seen_by_company(tried_with(*of_people(5), guarantee=guarantee))

    figures = shown.by_term[0]
    assert (figures.waiting, figures.waiting_cents, figures.covered, figures.cover_cents) == (5, 270_000, 5, 270_000)
    assert (figures.rate_cbp, figures.held_cents, figures.company_cents) == (65_000, 0, 0)
    assert figures.rates == (RateLevel(rate_bp=650, covered=5, cover_cents=270_000),)
    assert figures.blocked == ()
    assert shown.guarantee is not None
    assert (shown.guarantee.used_after_cents, shown.guarantee.gauge_after_bp) == (30_000, 2_700)
    assert (shown.company_used_cents, shown.company_left_cents) == (0, 0)


def test_rates_and_reasons_are_told_of_the_total_only_where_no_term_tells_them() -> None:
    one_term = seen_by_company(tried_with(*of_people(5)))
    small_terms = seen_by_company(tried_with(*of_people(3), *of_people(3, months=24)))

    assert one_term.by_term[0].rates is not None
    assert (one_term.total.covered, one_term.total.rates, one_term.total.blocked) == (5, None, None)
    assert [term.is_withheld for term in small_terms.by_term] == [True, True]
    assert small_terms.total.rates == (RateLevel(rate_bp=650, covered=6, cover_cents=330_000),)


@pytest.mark.parametrize(
    ("twelve", "twenty_four", "withheld"),
    [
        pytest.param(5, 0, [False, True, False], id="nobody is withheld like few, and tells nothing"),
        pytest.param(5, 4, [False, True, True], id="the total would tell of the four"),
        pytest.param(4, 4, [True, True, False], id="eight together"),
        pytest.param(2, 2, [True, True, True], id="four together"),
    ],
)
def test_fewer_than_five_people_are_never_told_of(twelve: int, twenty_four: int, withheld: list[bool]) -> None:
    outcome = tried_with(*of_people(twelve), *of_people(twenty_four, months=24))

    shown = seen_by_company(outcome)

    groups = (*shown.by_term, shown.total)
    assert [group.is_withheld for group in groups] == withheld
    assert [group.cover_cents is None for group in groups] == withheld
    assert (shown.company_used_cents is None, shown.company_left_cents is None) == (withheld[2], withheld[2])
    assert shown.depth == proposed(outcome).depth


def test_a_person_with_several_requests_counts_once() -> None:
    shown = seen_by_company(tried_with(*of_people(4), *of_people(4)))

    assert [group.is_withheld for group in (*shown.by_term, shown.total)] == [True, True, True]


def test_who_is_covered_is_not_told_where_they_or_the_others_are_few() -> None:
    one_covered = seen_by_company(tried_with(*of_people(5, max_rate_bp=600), *of_people(1))).by_term[0]
    one_left = seen_by_company(tried_with(*of_people(1, max_rate_bp=600), *of_people(5))).by_term[0]
    five_of_each = seen_by_company(tried_with(*of_people(5, max_rate_bp=600), *of_people(5))).by_term[0]

    for figures in (one_covered, one_left):
        assert (figures.waiting, figures.waiting_cents) == (6, 330_000)
        assert (figures.covered, figures.cover_cents, figures.company_cents, figures.rate_cbp) == (None,) * 4
        assert (figures.rates, figures.blocked) == (None, None)
    assert (five_of_each.waiting, five_of_each.covered) == (10, 5)
    assert five_of_each.blocked == (BlockedRequests(reason="uncovered", requests=5, cents=270_000),)


def test_that_nobody_is_covered_tells_of_all_who_wait() -> None:
    shown = seen_by_company(tried_with(*of_people(5, max_rate_bp=600)))

    assert (shown.by_term[0].covered, shown.by_term[0].cover_cents, shown.by_term[0].rate_cbp) == (0, 0, None)


def test_a_reason_of_few_people_goes_with_another_that_would_tell_them_by_subtraction() -> None:
    """Six accept less than the floor of 6.10 %, one accepts it and waits for money at 6.50 %."""
    blocked_alike = [*of_people(6, max_rate_bp=600), *of_people(1, max_rate_bp=620)]
    blocked_apart = [*of_people(6, max_rate_bp=600), *of_people(5, max_rate_bp=620)]
    higher = bands((12, 610, 700))

    alike = seen_by_company(tried_with(*blocked_alike, bands=higher)).by_term[0]
    apart = seen_by_company(tried_with(*blocked_apart, bands=higher)).by_term[0]

    assert (alike.waiting, alike.covered, alike.blocked) == (7, 0, ())
    assert apart.blocked == (
        BlockedRequests(reason="rate", requests=6, cents=330_000),
        BlockedRequests(reason="uncovered", requests=5, cents=270_000),
    )


def test_the_total_does_not_tell_how_many_of_a_withheld_term_are_covered() -> None:
    """Of twelve months five are covered; of twenty-four one is, and five are not."""
    requests = [*of_people(5), *of_people(1, months=24), *of_people(5, months=24, max_rate_bp=600)]

    shown = seen_by_company(tried_with(*requests))

    assert [(group.waiting, group.covered) for group in (*shown.by_term, shown.total)] == [
        (5, 5),
        (6, None),
        (11, None),
    ]
    assert shown.company_used_cents is None


def test_money_of_the_company_in_few_loans_is_not_told() -> None:
    """The budget of 600.00 funds the first loan and a little of the second; five are covered."""
    money = CompanyMoney(mode="first", budget_cents=60_000)
    offers = {name: an_offer(name, ask_bp=650) for name in ("ada", "bob")}
    market = a_market({"ada": 2_000_000, "bob": 2_000_000}, some_terms(), **offers)
    market.send(GrantCompanyBudget(cents=60_000))
    for number in range(5):
        market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=54_321, max_rate_bp=700)))
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=100_000)

    outcome = tried(
        market, some_terms(version=2, bands=bands((12, 400, 700)), company_money=money, guarantee=guarantee)
    )
    shown = seen_by_company(outcome)

    assert proposed(outcome).total.company_cents == 60_000
    assert (shown.total.covered, shown.total.cover_cents, shown.total.company_cents) == (5, 270_000, None)
    assert (shown.company_used_cents, shown.company_left_cents) == (None, None)
    assert shown.guarantee is not None
    assert (shown.guarantee.used_after_cents, shown.guarantee.head_room_cents) == (None, None)


def test_what_few_people_hold_is_not_told() -> None:
    """One of five holds 600.00."""
    market = a_market({"ada": 60_000}, some_terms(patience_hours=0), bob=an_offer("bob", ask_bp=650))
    for number in range(5):
        market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=150_000, max_rate_bp=700)))

    outcome = tried(market, some_terms(version=2, patience_hours=0))

    assert proposed(outcome).total.held_cents == 60_000
    assert [
        (group.waiting, group.held_cents)
        for group in (*seen_by_company(outcome).by_term, seen_by_company(outcome).total)
    ] == [
        (5, None),
        (5, None),
    ]


@pytest.mark.parametrize("seed", range(60))
def test_no_figure_and_no_difference_of_figures_tells_of_fewer_than_five_people(seed: int) -> None:
    """Ten to forty requests of few or many people, over two terms, some covered at either price and some not."""
    choose = Random(seed)
    names = [f"person {number}" for number in range(choose.randint(4, 30))]
    requests = [
        (choose.choice((12, 24)), choose.choice((600, 620, 700)), choose.choice(names))
        for _ in range(choose.randint(10, 40))
    ]
    floors = (choose.choice((400, 610, 660)), choose.choice((400, 610, 660)))
    outcome = tried_with(*requests, bands=bands((12, floors[0], 700), (24, floors[1], 700)))

    shown, whole = seen_by_company(outcome), proposed(outcome)

    told: list[frozenset[str]] = []
    for figures, given in zip((*shown.by_term, shown.total), (*whole.by_term, whole.total), strict=True):
        people = given.people
        told += [people.waiting] if figures.waiting is not None else []
        told += [people.covered, people.blocked] if figures.covered is not None else []
        if figures.rates is not None and figures.blocked is not None:
            rates = {level.rate_bp for level in figures.rates}
            reasons = {one.reason for one in figures.blocked}
            told += [people.by_rate[rate_bp] for rate_bp in rates] + [people.by_reason[reason] for reason in reasons]
            told.append(everybody(group for rate_bp, group in people.by_rate.items() if rate_bp not in rates))
            told.append(everybody(group for reason, group in people.by_reason.items() if reason not in reasons))
    terms = list(zip(shown.by_term, (given.people for given in whole.by_term), strict=True))
    if shown.total.waiting is not None:
        told.append(everybody(people.waiting for figures, people in terms if figures.waiting is None))
    if shown.total.covered is not None:
        told.append(everybody(people.covered for figures, people in terms if figures.covered is None))
        told.append(everybody(people.blocked for figures, people in terms if figures.covered is None))

    assert [group for group in told if 0 < len(group) < 5] == []


def everybody(groups: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*groups)

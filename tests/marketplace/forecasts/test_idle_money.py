"""Free money is split by what holds it back: one reason at a time, and always to the cent."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from marketplace.book.book_events import Standing
from marketplace.book.commands import (
    AnyBookCommand,
    BarLender,
    OpenRequest,
    PauseBook,
    PlaceOffer,
    PublishTerms,
    RecordArrears,
)
from marketplace.company_terms import GuaranteeTerms, RateBand
from marketplace.forecasts.idle_money import REASONS, IdleMoney, IdlePart, idle_basis, idle_money
from marketplace.strategies.offer_terms import OfferFilters
from marketplace.strategies.strategy_limits import budget_key, pace_key, term_key
from tests.marketplace.driven_book import Market, a_market, a_request, an_offer, some_terms
from tests.marketplace.live_books import live_book, standing_of
from tests.marketplace.simulated_market import DAY, MONDAY, SimulatedMarket

FREE_CENTS = 40_000
ADA = "strategy-ada"


def idle_of(market: Market, *, reserve_cents: int = 0, **standing: object) -> IdleMoney:
    seen = msgspec.structs.replace(standing_of(market, "ada"), **standing)
    basis = idle_basis([live_book(market)], ADA, standing=seen, now_at=market.at)
    idle = idle_money(basis, wallet_free_cents=seen.free_cents + reserve_cents)
    assert sum(part.cents for part in idle.parts) == idle.free_cents == seen.free_cents + reserve_cents
    assert sum(part.excluded_count for part in idle.parts) <= idle.request_count
    return idle


def cents_by_reason(idle: IdleMoney) -> dict[str, int]:
    return {part.reason: part.cents for part in idle.parts if part.cents}


def counts_by_reason(idle: IdleMoney) -> dict[str, int]:
    return {part.reason: part.excluded_count for part in idle.parts if part.excluded_count}


def adas_book(*commands: AnyBookCommand, requests: int = 0, ask_bp: int = 400, **offer: object) -> Market:
    """Ada alone with 400.00, and so many requests of 1,000.00 that nobody can cover."""
    market = a_market({"ada": FREE_CENTS}, some_terms(patience_hours=72), ada=an_offer("ada", ask_bp=ask_bp, **offer))
    for number in range(requests):
        market.send(OpenRequest(request=a_request(f"r{number}")))
    for command in commands:
        market.send(command)
    return market


class TestOwnLimits:
    def test_without_any_request_all_of_it_waits_for_one(self) -> None:
        assert idle_of(adas_book()) == IdleMoney(
            strategy_id=ADA,
            free_cents=FREE_CENTS,
            request_count=0,
            parts=(IdlePart(reason="no-request", cents=FREE_CENTS, excluded_count=0),),
        )

    def test_the_reserve_is_never_lent(self) -> None:
        idle = idle_of(adas_book(), reserve_cents=7_000)

        assert cents_by_reason(idle) == {"reserve": 7_000, "no-request": 40_000}

    def test_budget_and_pace_hold_back_what_goes_beyond_them(self) -> None:
        market = adas_book(requests=1)
        rooms = {budget_key(ADA): 30_000, pace_key(ADA, market.at): 12_000}

        idle = idle_of(market, rooms=rooms)

        assert cents_by_reason(idle) == {"budget": 10_000, "pace": 18_000, "request-incomplete": 12_000}

    def test_a_cap_of_the_term_holds_back_what_goes_beyond_it(self) -> None:
        idle = idle_of(adas_book(requests=1), rooms={term_key(ADA, 12): 15_000})

        assert cents_by_reason(idle) == {"term-limit": 25_000, "request-incomplete": 15_000}

    def test_a_cap_per_company_holds_back_what_goes_beyond_it(self) -> None:
        idle = idle_of(adas_book(requests=1, per_company_cents=9_000))

        assert cents_by_reason(idle) == {"per-company": 31_000, "request-incomplete": 9_000}

    def test_money_that_just_came_is_not_shown_to_less_preferred_books_yet(self) -> None:
        market = adas_book(requests=1, tier="C")

        idle = idle_of(market, fresh_cents=11_000, fresh_at=market.at)

        assert cents_by_reason(idle) == {"staged-cash": 11_000, "request-incomplete": 29_000}

    def test_less_than_a_ticket_cannot_be_lent(self) -> None:
        assert cents_by_reason(idle_of(adas_book(requests=1), free_cents=999)) == {"below-ticket": 999}

    def test_a_strategy_without_an_offer_lends_nothing(self) -> None:
        market = a_market({"bob": 1_000})
        standing = Standing(lender_id="ada", ver=1, free_cents=500, cash_since_at=MONDAY, rooms={})

        basis = idle_basis([live_book(market)], ADA, standing=standing, now_at=market.at)

        idle = idle_money(basis, wallet_free_cents=500)

        assert cents_by_reason(idle) == {"no-offer": 500}


class TestOutOfBook:
    @pytest.mark.parametrize(
        ("commands", "offer", "reason"),
        [
            pytest.param((), {"is_paused": True}, "offer-paused", id="the offer is paused"),
            pytest.param((BarLender(lender_id="ada", bar="paused"),), {}, "lender-paused", id="the lender is paused"),
            pytest.param((BarLender(lender_id="ada", bar="identity"),), {}, "identity", id="identity not valid"),
            pytest.param((BarLender(lender_id="ada", bar="conflict"),), {}, "conflict", id="the lender approves loans"),
            pytest.param((PauseBook(by="company"),), {}, "company-paused", id="the company is paused"),
            pytest.param(
                (), {"filters": OfferFilters(min_guarantee_bp=500)}, "guarantee-filter", id="no guarantee as wished"
            ),
            pytest.param(
                (RecordArrears(arrears_bp=300),),
                {"filters": OfferFilters(max_arrears_bp=200)},
                "arrears-filter",
                id="too much in arrears",
            ),
        ],
    )
    def test_nothing_is_lent_while(
        self, commands: tuple[AnyBookCommand, ...], offer: dict[str, Any], reason: str
    ) -> None:
        idle = idle_of(adas_book(*commands, requests=2, **offer))

        assert cents_by_reason(idle) == {reason: FREE_CENTS}
        assert counts_by_reason(idle) == {reason: 2}


class TestRequests:
    def test_requests_that_wait_for_others_hold_what_they_would_take(self) -> None:
        idle = idle_of(adas_book(requests=1))

        assert cents_by_reason(idle) == {"request-incomplete": FREE_CENTS}
        assert counts_by_reason(idle) == {"request-incomplete": 1}

    def test_an_ask_above_every_ceiling_holds_all_of_it(self) -> None:
        idle = idle_of(adas_book(requests=3, ask_bp=601))

        assert cents_by_reason(idle) == {"rate": FREE_CENTS}
        assert counts_by_reason(idle) == {"rate": 3}

    def test_a_term_that_is_not_asked_for_holds_all_of_it(self) -> None:
        bands = tuple(RateBand(months=months, floor_bp=400, cap_bp=600) for months in (12, 24))
        market = a_market(
            {"ada": FREE_CENTS}, some_terms(bands=bands, patience_hours=72), ada=an_offer("ada", months=(24,))
        )
        market.send(OpenRequest(request=a_request()))

        idle = idle_of(market)

        assert cents_by_reason(idle) == {"term": FREE_CENTS}

    def test_a_purpose_that_is_not_wanted_holds_all_of_it(self) -> None:
        idle = idle_of(adas_book(requests=1, filters=OfferFilters(purpose_classes=(2,))))

        assert cents_by_reason(idle) == {"purpose-filter": FREE_CENTS}

    def test_a_cap_per_request_leaves_the_rest_to_others(self) -> None:
        idle = idle_of(adas_book(requests=2, per_request_cents=3_000))

        assert cents_by_reason(idle) == {"per-request": 34_000, "request-incomplete": 6_000}
        assert counts_by_reason(idle) == {"request-incomplete": 2}

    def test_a_cap_per_borrower_leaves_the_rest_to_others(self) -> None:
        idle = idle_of(adas_book(requests=1, per_borrower_cents=5_000))

        assert cents_by_reason(idle) == {"per-borrower": 35_000, "request-incomplete": 5_000}

    def test_a_guarantee_without_room_holds_the_loans_back(self) -> None:
        guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=5_000)
        terms = some_terms(version=2, patience_hours=72, guarantee=guarantee)

        idle = idle_of(adas_book(PublishTerms(terms=terms), requests=1))

        assert cents_by_reason(idle) == {"company-guarantee": FREE_CENTS}

    def test_one_request_less_than_the_money_leaves_the_rest_waiting(self) -> None:
        market = adas_book()
        market.send(PlaceOffer(offer=an_offer("ada", ask_bp=601)))
        market.send(OpenRequest(request=a_request(amount_cents=15_000)))

        idle = idle_of(market)

        assert cents_by_reason(idle) == {"no-request": 25_000, "rate": 15_000}


class TestLately:
    def test_cheaper_money_covered_it(self) -> None:
        market = a_market({"ada": FREE_CENTS, "bob": 200_000}, ada=an_offer("ada", ask_bp=450))
        market.send(OpenRequest(request=a_request()))

        idle = idle_of(market)

        assert cents_by_reason(idle) == {"not-reached": FREE_CENTS}
        assert counts_by_reason(idle) == {"not-reached": 1}

    def test_more_preferred_money_covered_it(self) -> None:
        market = a_market({"ada": FREE_CENTS, "bob": 200_000}, ada=an_offer("ada", tier="C"))
        market.send(OpenRequest(request=a_request()))

        assert cents_by_reason(idle_of(market)) == {"not-reached": FREE_CENTS}

    def test_the_bucket_was_shared_out(self) -> None:
        market = a_market({"ada": 300_000, "bob": 300_000})
        market.send(OpenRequest(request=a_request()))

        idle = idle_of(market)

        assert standing_of(market, "ada").free_cents == 250_000
        assert cents_by_reason(idle) == {"no-request": 200_000, "shared": 50_000}

    def test_a_cap_that_was_used_up_is_the_reason(self) -> None:
        market = a_market({"ada": 300_000, "bob": 300_000}, ada=an_offer("ada", per_request_cents=20_000))
        market.send(OpenRequest(request=a_request()))

        idle = idle_of(market)

        taken_cents = 300_000 - standing_of(market, "ada").free_cents
        assert cents_by_reason(idle)["no-request"] == 300_000 - taken_cents - (100_000 - taken_cents)
        assert set(cents_by_reason(idle)) == {"no-request", "per-request", "shared"}

    def test_the_share_that_one_lender_may_have_is_the_companys_reason_and_not_a_cap_of_the_lender(self) -> None:
        market = a_market({"ada": 70_000, "bob": 100_000}, some_terms(max_share_bp=5_000), bob=an_offer("bob"))
        market.send(OpenRequest(request=a_request()))

        idle = idle_of(market)

        assert standing_of(market, "ada").free_cents == 20_000
        assert cents_by_reason(idle) == {"share": 20_000}
        assert counts_by_reason(idle) == {"share": 1}

    def test_a_waiting_request_can_take_no_more_than_the_share_of_one_lender(self) -> None:
        terms = some_terms(max_share_bp=2_500, patience_hours=72)
        market = a_market({"ada": FREE_CENTS}, terms, ada=an_offer("ada", per_request_cents=30_000))
        market.send(OpenRequest(request=a_request()))

        idle = idle_of(market)

        assert cents_by_reason(idle) == {"per-request": 10_000, "share": 5_000, "request-incomplete": 25_000}

    def test_what_was_covered_before_the_money_came_says_nothing(self) -> None:
        market = a_market({"ada": FREE_CENTS, "bob": 200_000}, ada=an_offer("ada", ask_bp=450))
        market.send(OpenRequest(request=a_request()))

        idle = idle_of(market, cash_since_at=market.at + timedelta(minutes=1))

        assert cents_by_reason(idle) == {"no-request": FREE_CENTS}

    def test_what_was_covered_more_than_a_day_ago_says_nothing(self) -> None:
        market = a_market({"ada": FREE_CENTS, "bob": 200_000}, ada=an_offer("ada", ask_bp=450))
        market.send(OpenRequest(request=a_request()))
        market.at += timedelta(hours=25)

        assert idle_of(market).request_count == 0


def test_the_parts_stand_in_the_order_of_the_gates() -> None:
    market = adas_book(requests=2, per_request_cents=3_000)

    reasons = [part.reason for part in idle_of(market, reserve_cents=1, rooms={budget_key(ADA): 20_000}).parts]

    assert reasons == sorted(reasons, key=REASONS.index) == ["reserve", "budget", "per-request", "request-incomplete"]


def test_in_a_living_market_every_lenders_parts_sum_to_its_free_money() -> None:
    market = SimulatedMarket(11)
    reasons: set[str] = set()
    for days in range(10, 60, 7):
        market.live_until(MONDAY + days * DAY)
        for lender_id in market.purses:
            standing = market.standing(lender_id)
            basis = idle_basis([market.live], f"strategy of {lender_id}", standing=standing, now_at=market.at)
            idle = idle_money(basis, wallet_free_cents=standing.free_cents + 100)
            assert sum(part.cents for part in idle.parts) == idle.free_cents == standing.free_cents + 100
            assert all(part.cents >= 0 for part in idle.parts)
            reasons.update(part.reason for part in idle.parts if part.cents)

    assert reasons >= {"reserve", "no-request", "not-reached", "below-ticket"}

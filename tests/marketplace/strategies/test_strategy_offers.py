"""From a strategy and what is wished for one book to the offer that stands there."""

from typing import Any

import msgspec
import pytest

from marketplace.company_terms import TermsProblem
from marketplace.strategies.cap_presets import StrategyCaps
from marketplace.strategies.offer_terms import FloatingAsk, OfferFilters, OfferTerms, TermAsk
from marketplace.strategies.strategy_offers import OfferPlace, OfferWish, is_told_again, offer_from, wish_problems
from marketplace.strategies.strategy_settings import StrategyAsk, StrategyFilters, StrategySettings

PLACE = OfferPlace(offer_id="o1", lender_id="ada", company_id="alfa")
FUNDS_CENTS = 1_000_000


def a_strategy(**changes: Any) -> StrategySettings:
    return msgspec.structs.replace(
        StrategySettings(name="main", rate_floor_bp=400, terms=(12, 24), caps=StrategyCaps(borrower_bp=None)), **changes
    )


def a_wish(**changes: Any) -> OfferWish:
    return msgspec.structs.replace(OfferWish(strategy_id="main", tier="B"), **changes)


def offer(strategy: StrategySettings, wish: OfferWish | None = None, *, funds_cents: int = FUNDS_CENTS) -> OfferTerms:
    made = offer_from(PLACE, wish or a_wish(), strategy, funds_cents=funds_cents)
    assert isinstance(made, OfferTerms), made
    return made


def asks(strategy: StrategySettings, wish: OfferWish | None = None) -> dict[int, int]:
    """The lowest rate accepted for each term."""
    made = offer(strategy, wish)
    by_term = {ask.months: ask.ask_bp for ask in made.asks_by_term}
    return {months: by_term.get(months, made.ask_bp) for months in made.months}


def test_an_offer_says_what_its_strategy_says() -> None:
    filters = StrategyFilters(
        guarantee_min_bp=1_000, modes=("pool-first-loss",), gauge_min_bp=10, arrears_max_bp=20, purposes=(2,)
    )
    strategy = a_strategy(priority=3, ticket_min_cents=2_500, is_all_or_none=True, filters=filters)

    assert offer(strategy) == OfferTerms(
        offer_id="o1",
        lender_id="ada",
        strategy_id="main",
        ask_bp=400,
        tier="B",
        months=(12, 24),
        min_ticket_cents=2_500,
        strategy_rank=3,
        is_all_or_none=True,
        filters=OfferFilters(
            min_guarantee_bp=1_000,
            guarantee_modes=("pool-first-loss",),
            min_gauge_bp=10,
            max_arrears_bp=20,
            purpose_classes=(2,),
        ),
    )


class TestAsk:
    def test_the_nearest_that_is_named_speaks(self) -> None:
        strategy = a_strategy(
            terms=(6, 12, 24),
            asks=(
                StrategyAsk(value_bp=410),
                StrategyAsk(term_months=24, value_bp=420),
                StrategyAsk(company_id="alfa", term_months=12, value_bp=440),
                StrategyAsk(company_id="beta", term_months=6, value_bp=499),
            ),
        )
        in_this_company = msgspec.structs.replace(
            strategy, asks=(*strategy.asks, StrategyAsk(company_id="alfa", value_bp=430))
        )

        assert asks(a_strategy()) == {12: 400, 24: 400}
        assert asks(strategy) == {6: 410, 12: 440, 24: 420}
        assert asks(in_this_company) == {6: 430, 12: 440, 24: 430}
        assert asks(in_this_company, a_wish(rate_floor_bp=450)) == {6: 450, 12: 440, 24: 450}

    def test_a_rate_can_follow_the_book_from_above_a_floor(self) -> None:
        strategy = a_strategy(asks=(StrategyAsk(mode="book_minus", value_bp=25, floor_bp=350),))

        made = offer(strategy)

        assert (made.ask_bp, made.floating) == (400, FloatingAsk(mode="book_minus", offset_bp=-25, floor_bp=350))

    def test_a_rate_that_follows_leaves_alone_the_terms_with_a_rate_of_their_own(self) -> None:
        strategy = a_strategy(
            asks=(StrategyAsk(mode="median", value_bp=10), StrategyAsk(term_months=24, value_bp=400)),
        )

        made = offer(strategy)

        assert made.floating == FloatingAsk(mode="median", offset_bp=10, floor_bp=0)
        assert made.asks_by_term == (TermAsk(months=24, ask_bp=400),)

    def test_a_wished_rate_ends_a_general_following_and_is_a_floor_for_that_of_the_book(self) -> None:
        follows_all = a_strategy(asks=(StrategyAsk(mode="median", value_bp=0),))
        follows_alfa = a_strategy(asks=(StrategyAsk(company_id="alfa", mode="median", value_bp=0),))
        wish = a_wish(rate_floor_bp=450)

        assert offer(follows_all, wish).floating is None
        assert offer(follows_alfa, wish).floating == FloatingAsk(mode="median", offset_bp=0, floor_bp=450)
        assert offer(follows_alfa, wish).ask_bp == 450

    def test_rates_of_every_term_need_no_other(self) -> None:
        strategy = a_strategy(
            rate_floor_bp=None,
            asks=(StrategyAsk(term_months=12, value_bp=0), StrategyAsk(term_months=24, value_bp=420)),
        )

        assert asks(strategy) == {12: 0, 24: 420}

    def test_without_any_rate_there_is_no_offer(self) -> None:
        strategy = a_strategy(rate_floor_bp=None, asks=(StrategyAsk(term_months=12, value_bp=300),))

        assert offer_from(PLACE, a_wish(), strategy, funds_cents=FUNDS_CENTS) == TermsProblem(
            field="rate_floor_bp", given="none", accepted="a lowest rate, here or in the strategy"
        )


class TestTerms:
    def test_the_wish_chooses_among_the_strategys(self) -> None:
        assert offer(a_strategy(), a_wish(terms=(24,))).months == (24,)
        assert offer(a_strategy(terms=()), a_wish(terms=(36, 6))).months == (6, 36)

    def test_plans_that_are_away_for_longer_are_left_out(self) -> None:
        """At 4 % a plan of 24 months is away for 12.66 months on average, one of 23 for 12.15."""
        strategy = a_strategy(terms=(12, 23, 24), average_life_max_months=12)

        assert offer(strategy).months == (12,)
        assert offer(msgspec.structs.replace(strategy, average_life_max_months=13)).months == (12, 23, 24)

    def test_when_all_are_there_is_no_offer(self) -> None:
        strategy = a_strategy(average_life_max_months=6)

        assert offer_from(PLACE, a_wish(), strategy, funds_cents=FUNDS_CENTS) == TermsProblem(
            field="terms", given="12, 24", accepted="an average life of 6 months at most"
        )


class TestCaps:
    CAPS = StrategyCaps(borrower_bp=200, request_bp=100, company_bp=3_500, company_cents=300_000)

    def test_parts_are_of_all_that_the_lender_has_and_has_lent(self) -> None:
        made = offer(a_strategy(caps=self.CAPS), funds_cents=1_654_050)

        assert (made.per_borrower_cents, made.per_request_cents, made.per_company_cents) == (33_081, 16_540, 300_000)

    def test_the_lowest_of_part_amount_and_wish_holds(self) -> None:
        wish = a_wish(per_borrower_cents=9_000, per_request_cents=50_000)
        made = offer(a_strategy(caps=self.CAPS), wish, funds_cents=500_000)

        assert (made.per_borrower_cents, made.per_request_cents, made.per_company_cents) == (9_000, 5_000, 175_000)

    def test_a_small_part_is_one_ticket(self) -> None:
        made = offer(a_strategy(caps=self.CAPS, ticket_min_cents=2_000), funds_cents=0)

        assert (made.per_borrower_cents, made.per_request_cents, made.per_company_cents) == (2_000, 2_000, 2_000)


@pytest.mark.parametrize(
    ("state", "wished", "is_paused"),
    [("active", False, False), ("paused", False, True), ("active", True, True), ("paused", True, True)],
)
def test_an_offer_pauses_with_its_strategy_or_by_itself(state: str, wished: bool, is_paused: bool) -> None:
    assert offer(a_strategy(state=state), a_wish(is_paused=wished)).is_paused is is_paused


@pytest.mark.parametrize(
    ("changes", "field", "accepted"),
    [
        pytest.param({"rate_floor_bp": 10_001}, "rate_floor_bp", "0 to 10000", id="a rate above 100 %"),
        pytest.param(
            {"ticket_min_cents": 999}, "ticket_min_cents", "1000 to 10000000000000", id="a ticket below 10.00"
        ),
        pytest.param(
            {"terms": (36,)}, "terms[0]", "the strategy's: 12, 24", id="a term that the strategy does not lend for"
        ),
        pytest.param(
            {"per_borrower_cents": 999}, "per_borrower_cents", "1000 to 10000000000000", id="a cap below a ticket"
        ),
    ],
)
def test_a_wish_that_cannot_be_is_told_what_can(changes: dict[str, Any], field: str, accepted: str) -> None:
    problems = wish_problems(a_wish(**changes), a_strategy())

    assert [(problem.field, problem.accepted) for problem in problems] == [(field, accepted)]


def test_all_that_is_wrong_with_a_wish_is_told_at_once() -> None:
    wish = a_wish(rate_floor_bp=-1, ticket_min_cents=0, per_request_cents=0, terms=(0, 36))

    assert [problem.field for problem in wish_problems(wish, a_strategy())] == [
        *("rate_floor_bp", "ticket_min_cents", "per_request_cents", "terms[0]", "terms[0]", "terms[1]"),
    ]


def test_without_terms_anywhere_there_is_nothing_to_offer() -> None:
    assert [problem.field for problem in wish_problems(a_wish(), a_strategy(terms=()))] == ["terms"]


class TestToldAgain:
    BEFORE = offer(a_strategy(caps=StrategyCaps(borrower_bp=200, company_bp=3_500)))

    def test_a_book_is_not_told_of_caps_that_hardly_moved(self) -> None:
        after = offer(a_strategy(caps=StrategyCaps(borrower_bp=200, company_bp=3_500)), funds_cents=1_049_000)

        assert after != self.BEFORE
        assert not is_told_again(self.BEFORE, after)

    def test_it_is_told_of_the_caps_once_one_moved_far(self) -> None:
        after = offer(a_strategy(caps=StrategyCaps(borrower_bp=200, company_bp=3_500)), funds_cents=1_050_000)

        assert is_told_again(self.BEFORE, after)

    def test_it_is_told_of_anything_else_at_once(self) -> None:
        after = msgspec.structs.replace(self.BEFORE, ask_bp=399, per_borrower_cents=20_001)

        assert is_told_again(self.BEFORE, after)

"""What a strategy may say: everything that contradicts itself is told at once, with what passes."""

from typing import Any

import msgspec
import pytest

from marketplace.strategies.cap_presets import CAP_PRESETS, StrategyCaps
from marketplace.strategies.strategy_settings import StrategyAsk, StrategyFilters, StrategySettings, settings_problems


def wrong(settings: StrategySettings) -> dict[str, str]:
    """The fields that cannot be accepted, each with what can."""
    return {problem.field: problem.accepted for problem in settings_problems(settings)}


@pytest.mark.parametrize("caps", [StrategyCaps(), *CAP_PRESETS.values()])
def test_the_defaults_and_every_preset_stand(caps: StrategyCaps) -> None:
    assert wrong(StrategySettings(name="main", caps=caps)) == {}


def test_a_strategy_that_says_all_there_is_to_say_stands() -> None:
    settings = StrategySettings(
        name="main",
        priority=100,
        budget_cents=500_000,
        reserve_cents=10_000,
        pace_cents=100_000,
        rate_floor_bp=400,
        asks=(
            StrategyAsk(company_id="alfa", term_months=12, value_bp=350),
            StrategyAsk(company_id="alfa", mode="book_minus", value_bp=25, floor_bp=300),
            StrategyAsk(mode="median", value_bp=-10, floor_bp=300),
        ),
        terms=(6, 12, 120),
        average_life_max_months=18,
        caps=StrategyCaps(borrower_bp=None, company_cents=200_000),
        ticket_min_cents=2_500,
        is_all_or_none=True,
        filters=StrategyFilters(
            guarantee_min_bp=1_000,
            modes=("pool-first-loss", "per-loan-share"),
            gauge_min_bp=0,
            arrears_max_bp=10_000,
            purposes=(1, 3),
        ),
        reinvest="principal",
        state="paused",
    )

    assert wrong(settings) == {}


@pytest.mark.parametrize(
    ("changes", "field", "accepted"),
    [
        pytest.param({"priority": 0}, "priority", "1 to 100", id="no priority"),
        pytest.param(
            {"ticket_min_cents": 999}, "ticket_min_cents", "1000 to 10000000000000", id="a ticket below 10.00"
        ),
        pytest.param({"budget_cents": 999}, "budget_cents", "1000 to 10000000000000", id="a budget below a ticket"),
        pytest.param(
            {"pace_cents": 2_999, "ticket_min_cents": 3_000},
            "pace_cents",
            "3000 to 10000000000000",
            id="a pace below it",
        ),
        pytest.param({"reserve_cents": -1}, "reserve_cents", "0 to 10000000000000", id="a reserve below zero"),
        pytest.param({"reserve_cents": 10**13 + 1}, "reserve_cents", "0 to 10000000000000", id="an absurd amount"),
        pytest.param({"rate_floor_bp": 10_001}, "rate_floor_bp", "0 to 10000", id="a rate above 100 %"),
        pytest.param(
            {"asks": (StrategyAsk(value_bp=-1),)}, "asks[0].value_bp", "0 to 10000", id="a fixed rate below zero"
        ),
        pytest.param(
            {"asks": (StrategyAsk(value_bp=-1, mode="book_minus"),)},
            "asks[0].value_bp",
            "0 to 10000",
            id="above the book",
        ),
        pytest.param(
            {"asks": (StrategyAsk(value_bp=-10_001, mode="median"),)},
            "asks[0].value_bp",
            "-10000 to 10000",
            id="too far below the median",
        ),
        pytest.param(
            {"asks": (StrategyAsk(value_bp=5, mode="median", term_months=12),)},
            "asks[0].term_months",
            "null: a rate that follows its book does so in every term",
            id="a following rate for one term",
        ),
        pytest.param(
            {"asks": (StrategyAsk(value_bp=5, floor_bp=4),)},
            "asks[0].floor_bp",
            "0: a fixed rate has no other floor",
            id="a floor under a fixed rate",
        ),
        pytest.param(
            {"asks": (StrategyAsk(value_bp=5), StrategyAsk(value_bp=6))},
            "asks[1]",
            "each company and term once",
            id="two rates for the same",
        ),
        pytest.param({"terms": (12, 0)}, "terms[1]", "1 to 120", id="a term of no month"),
        pytest.param({"terms": (12, 12)}, "terms[1]", "each term once", id="a term twice"),
        pytest.param({"terms": tuple(range(1, 22))}, "terms", "at most 20", id="too many terms"),
        pytest.param({"average_life_max_months": 0}, "average_life_max_months", "1 to 120", id="no life"),
        pytest.param({"caps": StrategyCaps(borrower_bp=0)}, "caps.borrower_bp", "1 to 10000", id="no part"),
        pytest.param({"caps": StrategyCaps(term_bp=10_001)}, "caps.term_bp", "1 to 10000", id="more than all"),
        pytest.param(
            {"caps": StrategyCaps(company_cents=999)}, "caps.company_cents", "1000 to 10000000000000", id="no room"
        ),
        pytest.param(
            {"filters": StrategyFilters(arrears_max_bp=10_001)},
            "filters.arrears_max_bp",
            "0 to 10000",
            id="arrears above 100 %",
        ),
        pytest.param(
            {"filters": StrategyFilters(modes=("pool",))},
            "filters.modes[0]",
            "pool-first-loss or per-loan-share",
            id="a guarantee nobody gives",
        ),
        pytest.param(
            {"filters": StrategyFilters(purposes=(1, 4))},
            "filters.purposes[1]",
            "1 to 3",
            id="no such purpose",
        ),
    ],
)
def test_what_cannot_be_is_named_with_what_can(changes: dict[str, Any], field: str, accepted: str) -> None:
    assert wrong(msgspec.structs.replace(StrategySettings(name="main"), **changes)) == {field: accepted}


def test_everything_wrong_is_told_at_once() -> None:
    settings = StrategySettings(
        name="main",
        priority=101,
        budget_cents=1,
        rate_floor_bp=-1,
        terms=(0,),
        caps=StrategyCaps(borrower_bp=0),
        ticket_min_cents=1,
        filters=StrategyFilters(gauge_min_bp=-1),
    )

    assert list(wrong(settings)) == [
        *("priority", "ticket_min_cents", "rate_floor_bp", "terms[0]", "caps.borrower_bp", "filters.gauge_min_bp"),
    ]

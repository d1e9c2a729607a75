"""The annual percentage rate agrees with every published example."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.loans.apr import (
    AprImpossible,
    CashFlow,
    apr_percent,
    plan_cash_flows,
    rounded_percent,
    unrounded_apr_percent,
)
from marketplace.loans.apr_periods import AprUnit, interval_between, years_from
from marketplace.loans.schedules import PeriodUnit, PlanTerms, annual_rate, instalment_plan

REFERENCE = json.loads((Path(__file__).parents[2] / "reference_cases/taeg_examples.json").read_bytes())


def years_of(span: dict[str, int]) -> Fraction:
    days = Fraction(span["days"], span["days_in_year"]) if "days" in span else 0
    return span.get("years", 0) + Fraction(span.get("months", 0), 12) + Fraction(span.get("weeks", 0), 52) + days


def flows_of(example: dict[str, Any]) -> list[CashFlow]:
    flows = []
    for series in example["cash_flows"]:
        sign = 1 if series["kind"] == "drawdown" else -1
        for index, amount in enumerate(series.get("amounts") or [series["amount"]] * series["count"]):
            years = years_of(series["first"]) + index * years_of(series.get("every", {}))
            flows.append(CashFlow(amount=sign * int(Decimal(amount) * 100), years=years))
    return flows


def flow(amount_cents: int, years: Fraction | int) -> CashFlow:
    return CashFlow(amount=amount_cents, years=Fraction(years))


@pytest.mark.parametrize("example", REFERENCE["examples"], ids=lambda example: example["id"])
def test_a_published_example_is_reproduced(example: dict[str, Any]) -> None:
    percent = unrounded_apr_percent(flows_of(example))
    expected, check = example["expected"], example["check"]

    assert isinstance(percent, Decimal)
    assert rounded_percent(percent, 6) == Decimal(check["solved_apr_pct"])
    assert rounded_percent(percent, 1) == Decimal(expected["apr_pct_1dp"])
    if check["compare"] == "abs_diff_pp":
        assert abs(percent - Decimal(expected["apr_pct"])) <= Decimal(check["tolerance_pp"])
    else:
        decimals = -int(Decimal(expected["apr_pct"]).as_tuple().exponent)
        assert rounded_percent(percent, decimals) == Decimal(expected["apr_pct"])


@pytest.mark.parametrize("example", REFERENCE["interval_examples"], ids=lambda example: example["id"])
def test_dates_become_years_as_in_the_published_examples(example: dict[str, Any]) -> None:
    start = date.fromisoformat(example["from_first_drawdown"])
    end = date.fromisoformat(example["to_payment"])

    interval = interval_between(start, end, AprUnit(example["unit"]))

    assert interval.whole_units == example["whole_units"]
    assert (interval.days, interval.days_in_year) == (example["days"], example["days_in_year"])
    assert abs(interval.years - Fraction(example["year_fraction"])) <= Fraction(1, 2 * 10**10)


@pytest.mark.parametrize(
    ("start", "end", "years"),
    [
        pytest.param("2012-03-12", "2012-05-01", Fraction(1, 12) + Fraction(20, 366), id="over a leap day"),
        pytest.param("2024-01-31", "2024-02-29", Fraction(1, 12), id="a month end stands for the 31st"),
        pytest.param("2025-01-28", "2025-02-28", Fraction(1, 12), id="and for its own day"),
        pytest.param("2025-01-05", "2025-01-05", Fraction(0), id="the day of the drawdown"),
        pytest.param("2025-01-15", "2025-01-05", Fraction(-10, 366), id="a cost paid before the drawdown"),
    ],
)
def test_years_run_from_the_first_drawdown(start: str, end: str, years: Fraction) -> None:
    assert years_from(date.fromisoformat(start), date.fromisoformat(end), AprUnit.MONTH) == years


WORKED_TERMS = PlanTerms(
    principal_cents=5_000_00, count=36, disbursed_on=date(2026, 1, 15), first_due_date=date(2026, 2, 15)
)


@pytest.mark.parametrize(
    ("upfront_cost_cents", "cost_per_instalment_cents", "percent"),
    [
        pytest.param(76_00, 1_00, "6.1378", id="fee, stamp duty and collection fees"),
        pytest.param(60_00, 1_00, "5.9082", id="without the stamp duty"),
        pytest.param(0, 0, "4.5939", id="without any cost: the nominal rate compounded"),
    ],
)
def test_the_taeg_of_a_welfare_credit_counts_every_cost(
    upfront_cost_cents: int, cost_per_instalment_cents: int, percent: str
) -> None:
    flows = plan_cash_flows(
        WORKED_TERMS,
        instalment_plan(WORKED_TERMS, annual_rate(45_000)),
        upfront_cost_cents=upfront_cost_cents,
        cost_per_instalment_cents=cost_per_instalment_cents,
    )

    found = apr_percent(flows)

    assert isinstance(found, Decimal)
    assert rounded_percent(found, 4) == Decimal(percent)


def test_the_flows_of_a_plan_use_whole_units_whatever_the_calendar() -> None:
    terms = PlanTerms(
        principal_cents=1_000_00, count=3, disbursed_on=date(2012, 1, 12), first_due_date=date(2012, 2, 15)
    )

    flows = plan_cash_flows(terms, instalment_plan(terms, Fraction(0)))

    first = Fraction(1, 12) + Fraction(3, 365)
    assert [flow.years for flow in flows] == [0, first, first + Fraction(1, 12), first + Fraction(2, 12)]


@pytest.mark.parametrize(
    ("unit", "first_due", "years"),
    [
        (PeriodUnit.WEEKS, date(2026, 1, 22), [Fraction(1, 52), Fraction(2, 52)]),
        (PeriodUnit.DAYS, date(2026, 1, 25), [Fraction(10, 365), Fraction(11, 365)]),
    ],
)
def test_weekly_and_daily_plans_count_in_their_own_units(
    unit: PeriodUnit, first_due: date, years: list[Fraction]
) -> None:
    terms = PlanTerms(
        principal_cents=100_00, count=2, unit=unit, disbursed_on=date(2026, 1, 15), first_due_date=first_due
    )

    assert [flow.years for flow in plan_cash_flows(terms, instalment_plan(terms, Fraction(0)))][1:] == years


@pytest.mark.parametrize(
    ("flows", "percent"),
    [
        pytest.param([flow(100_00, 0), flow(-100_00, 1)], "0.000000", id="nothing to pay for"),
        pytest.param([flow(100_00, 0), flow(-110_00, 1)], "10.000000", id="ten per cent in a year"),
        pytest.param([flow(100_00, 0), flow(-90_00, 1)], "-10.000000", id="less paid back than drawn"),
        pytest.param([flow(100_00, 0), flow(-121_00, 2)], "10.000000", id="compounded over two years"),
        pytest.param([flow(100_00, 0), flow(-1_100_00, 1)], "1000.000000", id="a thousand per cent"),
        pytest.param(
            [flow(-5_00, Fraction(-1, 2)), flow(100_00, 0), flow(-110_00, 1)], "16.268492", id="a cost before"
        ),
        pytest.param(
            [flow(100_00, 0), flow(-50_00, 1), flow(50_00, 1), flow(-121_00, 2)], "10.000000", id="drawn again"
        ),
        pytest.param([flow(100_00, 0), flow(10_00, 1), flow(-132_00, 2)], "10.000000", id="a debt that grows first"),
    ],
)
def test_a_rate_is_found_wherever_it_lies(flows: list[CashFlow], percent: str) -> None:
    assert str(apr_percent(flows)) == percent


@pytest.mark.parametrize(
    ("flows", "reason"),
    [
        pytest.param([], AprImpossible.NO_DRAWDOWN, id="no flows"),
        pytest.param([flow(-10_00, 1)], AprImpossible.NO_DRAWDOWN, id="only payments"),
        pytest.param([flow(10_00, 0)], AprImpossible.NO_PAYMENT, id="only a drawdown"),
        pytest.param([flow(10_00, 0), flow(-11_00, 0)], AprImpossible.NO_RATE, id="no time between"),
        pytest.param([flow(1, 0), flow(-(10**9), Fraction(1, 365))], AprImpossible.NO_RATE, id="beyond any rate"),
    ],
)
def test_flows_without_a_rate_say_why(flows: list[CashFlow], reason: AprImpossible) -> None:
    assert apr_percent(flows) is reason


@settings(deadline=None)
@given(
    percent=st.decimals(Decimal("-50"), Decimal(2000), places=3),
    payments=st.lists(st.tuples(st.integers(1, 10**7), st.integers(1, 600)), min_size=1, max_size=40),
)
def test_the_rate_makes_both_sides_of_the_equation_equal(percent: Decimal, payments: list[tuple[int, int]]) -> None:
    """Payments discounted at a known rate give the drawdown; the rate found from it is that rate again."""
    growth = 1 + percent / 100
    worth = sum(Decimal(cents) / growth ** (Decimal(months) / 12) for cents, months in payments)
    scale = 10**12
    flows = [CashFlow(amount=int(worth * scale), years=Fraction(0))]
    flows += [CashFlow(amount=-cents * scale, years=Fraction(months, 12)) for cents, months in payments]

    if flows[0].amount > 10**9:
        found = apr_percent(flows)
        assert isinstance(found, Decimal)
        assert abs(found - percent) <= Decimal("0.001")

"""Instalment plans are right to the cent, and close to the cent."""

import json
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.loans.day_counts import DayCount
from marketplace.loans.schedules import (
    Instalment,
    Level,
    Method,
    PeriodUnit,
    Plan,
    PlanTerms,
    annual_rate,
    due_dates,
    due_day_of,
    first_due_date_after,
    instalment_plan,
    monthly_instalment_cents,
)
from marketplace.rounding import Rounding

PUBLISHED_PLANS = json.loads((Path(__file__).parents[2] / "reference_cases/instalment_plans.json").read_bytes())

DISBURSED = date(2026, 1, 15)
FIRST_DUE = date(2026, 2, 15)


def some_terms(**changes: Any) -> PlanTerms:
    terms = PlanTerms(principal_cents=500_000, count=36, disbursed_on=DISBURSED, first_due_date=FIRST_DUE)
    return msgspec.structs.replace(terms, **changes)


def row(instalment: Instalment) -> tuple[int, int, int, int]:
    return (
        instalment.instalment_cents,
        instalment.interest_cents,
        instalment.principal_cents,
        instalment.balance_cents,
    )


def plan_of_case(terms: dict[str, Any]) -> Plan:
    disbursed, first_due = date.fromisoformat(terms["disbursed"]), date.fromisoformat(terms["first_due"])
    return instalment_plan(
        PlanTerms(
            principal_cents=terms["principal_cents"],
            count=terms["count"],
            every=terms["every"],
            unit=PeriodUnit(terms["unit"]),
            disbursed_on=disbursed,
            first_due_date=first_due,
            due_day=due_day_of(disbursed, first_due),
            day_count=DayCount(terms["day_count"]),
            level=Level(terms["level"]),
            method=Method(terms["method"]),
            rounding=Rounding(terms["rounding"]),
        ),
        Fraction(terms["rate_percent"]) / 100,
    )


@pytest.mark.parametrize("case", PUBLISHED_PLANS, ids=lambda case: case["id"])
def test_a_published_plan_is_reproduced_to_the_cent(case: dict[str, Any]) -> None:
    rows = [
        [i.due_date.isoformat(), i.days, i.principal_cents, i.interest_cents, i.balance_cents]
        for i in plan_of_case(case["terms"]).instalments
    ]

    assert rows == case["rows"]


def test_a_welfare_credit_of_5000_euro_over_36_months_at_4_50_percent() -> None:
    plan = instalment_plan(some_terms(), annual_rate(45_000))

    assert row(plan.instalments[0]) == (148_73, 18_75, 129_98, 4_870_02)
    assert row(plan.instalments[11]) == (148_73, 13_29, 135_44, 3_407_66)
    assert row(plan.instalments[35]) == (148_90, 56, 148_34, 0)
    assert plan.total_interest_cents == 354_45
    assert plan.total_cents == 5_354_45


@pytest.mark.parametrize(
    ("principal_cents", "rate_cbp", "months", "instalment_cents"),
    [
        pytest.param(3_000_00, 50_000, 24, 131_61, id="posted rate of 5.00 %"),
        pytest.param(2_000_00, 45_000, 24, 87_30, id="clearing rate of 4.50 %"),
        pytest.param(2_000_00, 41_188, 24, 86_96, id="blended rate of 4.1188 %"),
        pytest.param(2_000_00, 60_000, 24, 88_64, id="cap of 6.00 %"),
        pytest.param(1_000_00, 60_000, 12, 86_07, id="a thousand euro over a year at 6.00 %"),
        pytest.param(1_000_00, 0, 12, 83_33, id="no interest at all"),
    ],
)
def test_the_constant_instalment_is_that_of_the_contract(
    principal_cents: int, rate_cbp: int, months: int, instalment_cents: int
) -> None:
    rate = annual_rate(rate_cbp)
    plan = instalment_plan(some_terms(principal_cents=principal_cents, count=months), rate)

    assert plan.instalments[0].instalment_cents == instalment_cents
    assert monthly_instalment_cents(principal_cents, rate, months, Rounding.HALF_UP) == instalment_cents


def test_the_last_instalment_absorbs_the_cents_of_all_roundings() -> None:
    plan = instalment_plan(some_terms(principal_cents=3_000_00, count=24), annual_rate(50_000))

    assert {instalment.instalment_cents for instalment in plan.instalments[:-1]} == {131_61}
    assert plan.instalments[-1].instalment_cents == 131_71
    assert plan.total_interest_cents == 158_74


def test_at_a_rate_of_zero_the_instalments_repay_the_principal_and_nothing_else() -> None:
    plan = instalment_plan(some_terms(principal_cents=100_00, count=3), Fraction(0))

    assert [row(instalment) for instalment in plan.instalments] == [
        (33_33, 0, 33_33, 66_67),
        (33_33, 0, 33_33, 33_34),
        (33_34, 0, 33_34, 0),
    ]


def test_a_single_instalment_repays_everything() -> None:
    plan = instalment_plan(some_terms(principal_cents=100_00, count=1), annual_rate(120_000))

    assert [row(instalment) for instalment in plan.instalments] == [(101_00, 1_00, 100_00, 0)]


def test_a_loan_of_fewer_cents_than_instalments_is_never_repaid_beyond_its_balance() -> None:
    plan = instalment_plan(some_terms(principal_cents=3, count=6), Fraction(0))

    assert [instalment.principal_cents for instalment in plan.instalments] == [1, 1, 1, 0, 0, 0]


def test_constant_principal_repays_equal_parts_and_interest_on_the_rest() -> None:
    terms = some_terms(principal_cents=1_000_00, count=3, method=Method.CONSTANT_PRINCIPAL)

    plan = instalment_plan(terms, annual_rate(120_000))

    assert [row(instalment) for instalment in plan.instalments] == [
        (343_33, 10_00, 333_33, 666_67),
        (340_00, 6_67, 333_33, 333_34),
        (336_67, 3_33, 333_34, 0),
    ]


def test_a_bullet_pays_interest_on_the_way_and_the_principal_at_the_end() -> None:
    plan = instalment_plan(some_terms(principal_cents=1_000_00, count=3, method=Method.BULLET), annual_rate(60_000))

    assert [row(instalment) for instalment in plan.instalments] == [
        (5_00, 5_00, 0, 1_000_00),
        (5_00, 5_00, 0, 1_000_00),
        (1_005_00, 5_00, 1_000_00, 0),
    ]


@pytest.mark.parametrize(
    ("first_due", "days", "interest_cents"),
    [
        pytest.param("2026-02-15", 31, 500, id="one whole month is a twelfth, whatever its days"),
        pytest.param("2026-03-15", 59, 1_000, id="two whole months are two twelfths"),
        pytest.param("2026-02-01", 17, 267, id="a short period by its 16 days of 360"),
        pytest.param("2026-03-01", 45, 767, id="a long period by its 46 days of 360"),
    ],
)
def test_under_30_360_only_a_broken_first_period_is_counted_by_its_days(
    first_due: str, days: int, interest_cents: int
) -> None:
    terms = some_terms(principal_cents=1_000_00, count=12, first_due_date=date.fromisoformat(first_due))

    first = instalment_plan(terms, annual_rate(60_000)).instalments[0]

    assert (first.days, first.interest_cents) == (days, interest_cents)
    assert first.instalment_cents == 86_07


def test_by_days_the_constant_instalment_carries_the_long_first_period() -> None:
    terms = some_terms(principal_cents=1_000_00, count=12, first_due_date=date(2026, 3, 1), level=Level.BY_DAYS)

    plan = instalment_plan(terms, annual_rate(60_000))

    assert {instalment.instalment_cents for instalment in plan.instalments[:-1]} == {86_29}
    assert plan.instalments[-1].instalment_cents == 86_36


def test_a_very_long_first_period_can_cost_more_than_the_instalment_pays() -> None:
    terms = some_terms(principal_cents=200_000_00, count=240, first_due_date=date(2026, 4, 15))

    first = instalment_plan(terms, annual_rate(60_000)).instalments[0]

    assert (first.instalment_cents, first.interest_cents) == (1_432_86, 3_000_00)
    assert first.principal_cents == -1_567_14
    assert first.balance_cents == 201_567_14


@pytest.mark.parametrize(
    ("disbursed", "first_due", "dates"),
    [
        pytest.param("2026-01-31", "2026-02-28", ["2026-02-28", "2026-03-31", "2026-04-30"], id="the 31st is kept"),
        pytest.param("2024-01-30", "2024-02-29", ["2024-02-29", "2024-03-30", "2024-04-30"], id="the 30th is kept"),
        pytest.param("2026-01-15", "2026-02-28", ["2026-02-28", "2026-03-28", "2026-04-28"], id="a chosen 28th stays"),
        pytest.param("2026-01-31", "2026-02-15", ["2026-02-15", "2026-03-15", "2026-04-15"], id="a chosen 15th stays"),
        pytest.param("2026-01-15", "2026-03-31", ["2026-03-31", "2026-04-30", "2026-05-31"], id="a chosen 31st stays"),
    ],
)
def test_later_due_dates_keep_the_day_that_a_month_end_stood_for(
    disbursed: str, first_due: str, dates: list[str]
) -> None:
    disbursed_on, first_due_date = date.fromisoformat(disbursed), date.fromisoformat(first_due)
    terms = some_terms(
        count=3,
        disbursed_on=disbursed_on,
        first_due_date=first_due_date,
        due_day=due_day_of(disbursed_on, first_due_date),
    )

    assert [due.isoformat() for due in due_dates(terms)] == dates


def test_due_dates_can_come_every_few_weeks_or_days() -> None:
    every_two_weeks = some_terms(count=3, every=2, unit=PeriodUnit.WEEKS, first_due_date=date(2026, 1, 29))
    every_ten_days = some_terms(count=3, every=10, unit=PeriodUnit.DAYS, first_due_date=date(2026, 1, 25))

    assert due_dates(every_two_weeks) == [date(2026, 1, 29), date(2026, 2, 12), date(2026, 2, 26)]
    assert due_dates(every_ten_days) == [date(2026, 1, 25), date(2026, 2, 4), date(2026, 2, 14)]


@pytest.mark.parametrize(
    ("disbursed", "due_day", "days_min", "first_due"),
    [
        pytest.param("2026-01-10", 27, 14, "2026-01-27", id="short: this month still leaves 14 days"),
        pytest.param("2026-01-15", 27, 14, "2026-02-27", id="long: this month is too near"),
        pytest.param("2026-01-31", 31, 14, "2026-02-28", id="a day the month lacks is its end"),
        pytest.param("2026-02-14", 31, 14, "2026-02-28", id="and its end is early enough"),
        pytest.param("2026-02-15", 31, 14, "2026-03-31", id="or it is not"),
        pytest.param("2026-12-20", 5, 30, "2027-02-05", id="never shorter than a month"),
    ],
)
def test_the_first_due_date_follows_the_chosen_debit_day(
    disbursed: str, due_day: int, days_min: int, first_due: str
) -> None:
    found = first_due_date_after(date.fromisoformat(disbursed), due_day, days_min=days_min)

    assert found == date.fromisoformat(first_due)


@settings(deadline=None)
@given(
    principal_cents=st.integers(1, 10**9),
    rate_cbp=st.integers(0, 300_000),
    count=st.integers(1, 120),
    every=st.integers(1, 3),
    unit=st.sampled_from(PeriodUnit),
    disbursed=st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    first_period_days=st.integers(1, 60),
    day_count=st.sampled_from(DayCount),
    level=st.sampled_from(Level),
    method=st.sampled_from(Method),
    rounding=st.sampled_from(Rounding),
)
def test_every_plan_closes_to_the_cent(
    principal_cents: int,
    rate_cbp: int,
    count: int,
    every: int,
    unit: PeriodUnit,
    disbursed: date,
    first_period_days: int,
    day_count: DayCount,
    level: Level,
    method: Method,
    rounding: Rounding,
) -> None:
    terms = PlanTerms(
        principal_cents=principal_cents,
        count=count,
        every=every,
        unit=unit,
        disbursed_on=disbursed,
        first_due_date=disbursed + timedelta(days=first_period_days),
        day_count=day_count,
        level=level,
        method=method,
        rounding=rounding,
    )

    instalments = instalment_plan(terms, annual_rate(rate_cbp)).instalments

    assert len(instalments) == count
    assert sum(instalment.principal_cents for instalment in instalments) == principal_cents
    assert instalments[-1].balance_cents == 0
    assert all(instalment.interest_cents >= 0 for instalment in instalments)
    assert all(instalment.balance_cents >= 0 for instalment in instalments)
    assert [instalment.due_date for instalment in instalments] == sorted(due_dates(terms))
    assert sum(instalment.days for instalment in instalments) == (instalments[-1].due_date - disbursed).days


@settings(deadline=None)
@given(principal_cents=st.integers(10_000, 10**8), rate_cbp=st.integers(0, 200_000), months=st.integers(2, 120))
def test_the_last_instalment_of_a_regular_plan_differs_by_cents_only(
    principal_cents: int, rate_cbp: int, months: int
) -> None:
    plan = instalment_plan(some_terms(principal_cents=principal_cents, count=months), annual_rate(rate_cbp))

    level = plan.instalments[0].instalment_cents
    assert abs(plan.instalments[-1].instalment_cents - level) <= 2 * months


def test_a_plan_cannot_fall_due_before_the_money_is_there() -> None:
    with pytest.raises(AssertionError):
        instalment_plan(some_terms(first_due_date=DISBURSED), annual_rate(50_000))

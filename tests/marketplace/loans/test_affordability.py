"""An employee learns whether a credit is admitted, every reason why not, and what would pass."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.loans.affordability import (
    Assessment,
    CreditApplication,
    CreditPolicy,
    EmployeeRecord,
    assess,
    instalment_room_cents,
)
from marketplace.loans.assessment_reasons import ContractType, Reason, ReasonCode, euro_en, euro_it

TODAY = date(2026, 3, 2)
OFFERED = [12, 24, 36]

APPLICATION = CreditApplication(amount_cents=3_000_00, term_months=24, max_rate_bp=500)
EMPLOYEE = EmployeeRecord(
    hired_on=date(2020, 5, 4),
    contract_type=ContractType.PERMANENT,
    net_monthly_cents=1_600_00,
    other_instalments_cents=150_00,
)
POLICY = CreditPolicy(
    seniority_min_months=12,
    contract_types=(ContractType.PERMANENT, ContractType.APPRENTICESHIP),
    instalment_max_bp=2_000,
    amount_min_cents=500_00,
    amount_max_cents=5_000_00,
    open_loans_max=1,
)


def assessed(
    *,
    application: dict[str, Any] | None = None,
    employee: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    open_loans: int = 0,
) -> Assessment:
    """A valid case with the named fields changed."""
    return assess(
        msgspec.structs.replace(APPLICATION, **(application or {})),
        msgspec.structs.replace(EMPLOYEE, **(employee or {})),
        msgspec.structs.replace(POLICY, **(policy or {})),
        offered_months=OFFERED,
        open_loans=open_loans,
        on_date=TODAY,
    )


def only_reason(assessment: Assessment) -> Reason:
    (reason,) = assessment.reasons
    assert not assessment.is_passed
    return reason


def figures(reason: Reason) -> tuple[ReasonCode, int | str | None, int | str | None, int | str | None]:
    return reason.code, reason.actual, reason.threshold, reason.would_pass


def test_a_credit_within_every_rule_is_passed_with_its_instalment() -> None:
    assessment = assessed()

    assert assessment.is_passed
    assert assessment.instalment_cents == 131_61


def test_the_room_for_an_instalment_is_a_share_of_pay_minus_what_is_borne() -> None:
    assert instalment_room_cents(EMPLOYEE, POLICY) == 170_00
    assert instalment_room_cents(msgspec.structs.replace(EMPLOYEE, net_monthly_cents=1_600_04), POLICY) == 170_00
    assert instalment_room_cents(msgspec.structs.replace(EMPLOYEE, other_instalments_cents=400_00), POLICY) == 0


def test_a_person_not_on_the_list_is_told_whom_to_ask() -> None:
    assessment = assess(APPLICATION, None, POLICY, offered_months=OFFERED, open_loans=0, on_date=TODAY)

    reason = only_reason(assessment)
    assert figures(reason) == (ReasonCode.NOT_ON_EMPLOYEE_LIST, None, None, None)
    assert "ufficio del personale" in reason.text_it
    assert "personnel office" in reason.text_en


@pytest.mark.parametrize(
    ("hired_on", "months", "reached_on"),
    [
        pytest.param(date(2025, 3, 3), 11, "2026-03-03", id="a day too early"),
        pytest.param(date(2025, 8, 31), 6, "2026-08-31", id="month ends"),
        pytest.param(date(2026, 4, 1), 0, "2027-04-01", id="not started yet"),
    ],
)
def test_seniority_below_the_minimum_says_when_it_is_reached(hired_on: date, months: int, reached_on: str) -> None:
    reason = only_reason(assessed(employee={"hired_on": hired_on}))

    assert figures(reason) == (ReasonCode.SENIORITY_BELOW_MINIMUM, months, 12, reached_on)


def test_seniority_is_reached_on_its_very_day() -> None:
    assert assessed(employee={"hired_on": date(2025, 3, 2)}).is_passed


def test_a_contract_type_that_the_company_does_not_admit_is_refused() -> None:
    reason = only_reason(assessed(employee={"contract_type": ContractType.FIXED_TERM}))

    assert figures(reason) == (
        ReasonCode.CONTRACT_TYPE_NOT_ADMITTED,
        "fixed-term",
        "permanent, apprenticeship",
        "permanent, apprenticeship",
    )
    assert reason.text_it == (
        "Il tuo contratto è a tempo determinato. "
        "L'azienda ammette chi ha un contratto a tempo indeterminato o di apprendistato."
    )
    assert reason.text_en == (
        "Your contract is fixed-term. The company admits these contracts: permanent, apprenticeship."
    )


@pytest.mark.parametrize(
    ("ends_on", "longest_months"),
    [
        pytest.param(date(2028, 3, 1), 12, id="a shorter term ends in time"),
        pytest.param(date(2026, 12, 31), None, id="no offered term does"),
    ],
)
def test_a_contract_that_ends_before_the_last_instalment_is_refused(ends_on: date, longest_months: int | None) -> None:
    reason = only_reason(assessed(employee={"contract_ends_on": ends_on}))

    assert figures(reason) == (
        ReasonCode.CONTRACT_ENDS_BEFORE_LOAN,
        ends_on.isoformat(),
        "2028-03-02",
        longest_months,
    )


def test_a_contract_that_ends_with_the_last_instalment_is_long_enough() -> None:
    assert assessed(employee={"contract_ends_on": date(2028, 3, 2)}).is_passed


@pytest.mark.parametrize(
    ("amount_cents", "code", "limit_cents"),
    [
        pytest.param(499_99, ReasonCode.AMOUNT_BELOW_MINIMUM, 500_00, id="too little"),
        pytest.param(0, ReasonCode.AMOUNT_BELOW_MINIMUM, 500_00, id="nothing"),
        pytest.param(-1, ReasonCode.AMOUNT_BELOW_MINIMUM, 500_00, id="less than nothing"),
        pytest.param(5_000_01, ReasonCode.AMOUNT_ABOVE_MAXIMUM, 5_000_00, id="too much"),
        pytest.param(10**30, ReasonCode.AMOUNT_ABOVE_MAXIMUM, 5_000_00, id="absurdly much"),
    ],
)
def test_an_amount_outside_the_limits_names_the_limit(amount_cents: int, code: ReasonCode, limit_cents: int) -> None:
    assessment = assessed(application={"amount_cents": amount_cents})

    assert figures(only_reason(assessment)) == (code, amount_cents, limit_cents, limit_cents)
    assert assessment.instalment_cents is None


@pytest.mark.parametrize(("months", "nearest"), [(0, 12), (18, 12), (20, 24), (10**9, 36)])
def test_a_term_that_is_not_offered_names_the_nearest_one(months: int, nearest: int) -> None:
    reason = only_reason(assessed(application={"term_months": months}))

    assert figures(reason) == (ReasonCode.TERM_NOT_OFFERED, months, "12, 24, 36", nearest)


def test_an_instalment_above_the_share_of_pay_says_what_amount_or_term_would_pass() -> None:
    reason = only_reason(assessed(application={"amount_cents": 4_000_00}))

    assert figures(reason) == (ReasonCode.INSTALMENT_ABOVE_SHARE, 175_49, 170_00, 3_875_00)
    assert reason.text_it == (
        "La rata sarebbe di 175,49 € al mese; tolte le altre rate, il tuo stipendio ne consente 170,00 €. "
        "Va bene un importo fino a 3.875,00 € con la stessa durata oppure lo stesso importo in 36 mesi."
    )
    assert reason.text_en == (
        "The instalment would be €175.49 a month; after your other instalments your pay allows €170.00. "
        "What would pass: up to €3,875.00 over the same term, or the same amount over 36 months."
    )


def test_an_instalment_that_no_admitted_amount_brings_down_says_so() -> None:
    reason = only_reason(assessed(employee={"other_instalments_cents": 310_00}))

    assert figures(reason) == (ReasonCode.INSTALMENT_ABOVE_SHARE, 131_61, 10_00, None)
    assert reason.text_en.endswith("No admitted amount stays within it.")


def test_one_open_loan_at_a_time() -> None:
    reason = only_reason(assessed(open_loans=1))

    assert figures(reason) == (ReasonCode.OPEN_LOANS_AT_MAXIMUM, 1, 1, 0)
    assert assessed(open_loans=1, policy={"open_loans_max": 2}).is_passed


def test_every_reason_is_told_at_once() -> None:
    assessment = assessed(
        application={"amount_cents": 9_000_00, "term_months": 48},
        employee={"hired_on": date(2026, 1, 1), "contract_type": ContractType.FIXED_TERM},
        open_loans=1,
    )

    assert [reason.code for reason in assessment.reasons] == [
        ReasonCode.AMOUNT_ABOVE_MAXIMUM,
        ReasonCode.TERM_NOT_OFFERED,
        ReasonCode.OPEN_LOANS_AT_MAXIMUM,
        ReasonCode.SENIORITY_BELOW_MINIMUM,
        ReasonCode.CONTRACT_TYPE_NOT_ADMITTED,
    ]


@settings(deadline=None)
@given(
    amount_euro=st.integers(500, 5_000),
    months=st.sampled_from(OFFERED),
    rate_bp=st.integers(0, 1_500),
    room_cents=st.integers(0, 300_00),
)
def test_the_amount_that_would_pass_passes_and_one_euro_more_does_not(
    amount_euro: int, months: int, rate_bp: int, room_cents: int
) -> None:
    credit = {"amount_cents": amount_euro * 100, "term_months": months, "max_rate_bp": rate_bp}
    pay = {"net_monthly_cents": room_cents * 5, "other_instalments_cents": 0}
    assessment = assessed(application=credit, employee=pay)
    if assessment.is_passed:
        return

    would_pass = only_reason(assessment).would_pass

    if would_pass is None:
        assert not assessed(application={**credit, "amount_cents": POLICY.amount_min_cents}, employee=pay).is_passed
    else:
        assert isinstance(would_pass, int)
        assert assessed(application={**credit, "amount_cents": would_pass}, employee=pay).is_passed
        assert not assessed(application={**credit, "amount_cents": would_pass + 1_00}, employee=pay).is_passed


def test_amounts_read_as_each_language_writes_them() -> None:
    assert (euro_it(1_234_567_05), euro_en(1_234_567_05)) == ("1.234.567,05 €", "€1,234,567.05")
    assert (euro_it(7), euro_en(7)) == ("0,07 €", "€0.07")

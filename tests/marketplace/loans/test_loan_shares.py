"""Each receipt is shared to the cent, and every share closes to the cent."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.loans.loan_shares import share_out
from marketplace.loans.schedules import PlanTerms, annual_rate, instalment_plan

TICKETS = [333_34, 333_33, 333_33]


def shared_month_by_month(amounts: list[int], weights: list[int]) -> list[list[int]]:
    paid = [0] * len(weights)
    months = []
    for amount in amounts:
        parts = share_out(amount, weights=weights, paid_cents=paid)
        paid = [before + part for before, part in zip(paid, parts, strict=True)]
        months.append(parts)
    return months


def test_a_thousand_euro_in_three_tickets_is_repaid_to_the_cent() -> None:
    """1,000.00 at 6 % over twelve months, in tickets of 333.34, 333.33 and 333.33."""
    terms = PlanTerms(
        principal_cents=1_000_00, count=12, disbursed_on=date(2026, 1, 15), first_due_date=date(2026, 2, 15)
    )
    instalments = instalment_plan(terms, annual_rate(60_000)).instalments

    principal = shared_month_by_month([instalment.principal_cents for instalment in instalments], TICKETS)
    interest = shared_month_by_month([instalment.interest_cents for instalment in instalments], TICKETS)

    assert interest[0] == [1_67, 1_67, 1_66]
    assert principal[0] == [27_03, 27_02, 27_02]
    assert principal[1] == [27_16, 27_16, 27_16]
    assert principal[2] == [27_29, 27_30, 27_29]
    assert principal[11] == [28_54, 28_53, 28_53]
    assert [sum(parts) for parts in zip(*principal, strict=True)] == TICKETS


@pytest.mark.parametrize(
    ("amount_cents", "weights", "paid_cents", "parts"),
    [
        pytest.param(500, TICKETS, [0, 0, 0], [167, 167, 166], id="on equal fractions the earliest gains"),
        pytest.param(1, [1, 1], [1, 0], [0, 1], id="who had the last odd cent waits for the next"),
        pytest.param(0, [1, 1], [5, 4], [0, 0], id="nothing received is nothing shared"),
        pytest.param(10, [3, 0], [0, 0], [10, 0], id="who has no part gets nothing"),
        pytest.param(3, [1, 1, 1], [4, 0, 0], [0, 2, 1], id="who had too much waits until the others caught up"),
        pytest.param(2, [5, 5, 2], [4, 0, 1], [0, 2, 0], id="a cent comes back where the dues exceed the amount"),
    ],
)
def test_an_amount_is_shared_by_what_is_due_and_not_had(
    amount_cents: int, weights: list[int], paid_cents: list[int], parts: list[int]
) -> None:
    assert share_out(amount_cents, weights=weights, paid_cents=paid_cents) == parts


@st.composite
def loans_and_receipts(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Up to 40 tickets and any receipts, down to a cent, that together repay them."""
    weights = draw(st.lists(st.integers(1, 50_000), min_size=1, max_size=40))
    left, receipts = sum(weights), []
    for receipt in draw(st.lists(st.one_of(st.integers(1, 5), st.integers(1, 100_000)), max_size=60)):
        if receipt >= left:
            break
        receipts.append(receipt)
        left -= receipt
    return weights, [*receipts, left]


@settings(deadline=None)
@given(loans_and_receipts())
def test_shares_are_never_negative_sum_exactly_and_close_to_the_cent(case: tuple[list[int], list[int]]) -> None:
    weights, receipts = case
    paid = [0] * len(weights)
    for receipt in receipts:
        parts = share_out(receipt, weights=weights, paid_cents=paid)
        assert min(parts) >= 0
        assert sum(parts) == receipt
        paid = [before + part for before, part in zip(paid, parts, strict=True)]
        for had, weight in zip(paid, weights, strict=True):
            assert had <= weight
            assert abs(had - Fraction(weight * sum(paid), sum(weights))) < 2

    assert paid == weights


def test_a_cent_cannot_be_shared_among_nobody() -> None:
    with pytest.raises(AssertionError):
        share_out(1, weights=[0, 0], paid_cents=[0, 0])

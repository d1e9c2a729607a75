"""The average life of a French plan."""

from fractions import Fraction

import pytest

from marketplace.strategies.average_life import average_life_months


@pytest.mark.parametrize(("months", "halves"), [(1, 2), (12, 13), (24, 25), (60, 61)])
def test_without_interest_it_is_half_of_one_more_than_the_term(months: int, halves: int) -> None:
    assert abs(average_life_months(months, 0) - Fraction(halves, 2)) < Fraction(1, 10_000)


@pytest.mark.parametrize(
    ("months", "rate_bp", "hundredths"),
    [
        pytest.param(24, 500, 1_270, id="two years at 5 %"),
        pytest.param(60, 1_000, 3_298, id="five years at 10 %"),
    ],
)
def test_interest_pays_principal_back_later(months: int, rate_bp: int, hundredths: int) -> None:
    assert round(average_life_months(months, rate_bp) * 100) == hundredths


def test_the_interest_of_a_plan_is_its_rate_for_the_average_life() -> None:
    """3,000.00 over 24 months at 5 % cost 158.74."""
    assert round(300_000 * Fraction(5, 100) * average_life_months(24, 500) / 12) == 15_874

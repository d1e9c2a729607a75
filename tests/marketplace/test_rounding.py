"""Half a cent goes where the named rounding says, everything else to the nearest cent."""

from fractions import Fraction

import pytest

from marketplace.rounding import Rounding, rounded


@pytest.mark.parametrize(
    ("value", "half_up", "half_even"),
    [
        (Fraction(5, 2), 3, 2),
        (Fraction(7, 2), 4, 4),
        (Fraction(-5, 2), -3, -2),
        (Fraction(-7, 2), -4, -4),
        (Fraction(249, 100), 2, 2),
        (Fraction(251, 100), 3, 3),
        (Fraction(-251, 100), -3, -3),
        (Fraction(1, 2), 1, 0),
        (Fraction(0), 0, 0),
        (Fraction(10**40 + 1, 2), (10**40 + 2) // 2, 10**40 // 2),
    ],
)
def test_a_tie_is_decided_by_name(value: Fraction, half_up: int, half_even: int) -> None:
    assert rounded(value, Rounding.HALF_UP) == half_up
    assert rounded(value, Rounding.HALF_EVEN) == half_even

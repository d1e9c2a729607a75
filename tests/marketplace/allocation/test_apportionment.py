"""An amount is split by weights without losing or making a cent."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.allocation.apportionment import apportion


@pytest.mark.parametrize(
    ("amount_cents", "weights", "parts"),
    [
        pytest.param(148_000, [99_000, 89_000], [77_936, 70_064], id="the single cent goes to the larger fraction"),
        pytest.param(26_000, [49_000, 29_000], [16_333, 9_667], id="a fraction of two thirds is rounded up"),
        pytest.param(600, [14_000, 8_600], [372, 228], id="a cut of 6.00 over excesses of 140 and 86"),
        pytest.param(1, [1, 1, 1], [1, 0, 0], id="on a tie the earliest gains"),
        pytest.param(2, [1, 1, 1], [1, 1, 0], id="two cents on a tie go to the two earliest"),
        pytest.param(10, [0, 3, 0], [0, 10, 0], id="a weight of zero receives nothing"),
        pytest.param(0, [5, 7], [0, 0], id="nothing divided is nothing for everybody"),
        pytest.param(0, [0, 0], [0, 0], id="nothing can be divided by no weight at all"),
        pytest.param(7, [10**30, 10**30], [4, 3], id="weights beyond any machine word stay exact"),
    ],
)
def test_an_amount_is_split_by_the_largest_remainder(amount_cents: int, weights: list[int], parts: list[int]) -> None:
    assert apportion(amount_cents, weights) == parts


@given(amount_cents=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_the_parts_sum_to_the_amount_and_stay_within_a_cent_of_the_exact_share(
    amount_cents: int, weights: list[int]
) -> None:
    total = sum(weights)
    if total == 0:
        weights, total = [*weights, 1], 1

    parts = apportion(amount_cents, weights)

    assert sum(parts) == amount_cents
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount_cents * weight, total)) < 1
        assert part == 0 or weight > 0


def test_a_cent_cannot_be_given_to_nobody() -> None:
    with pytest.raises(AssertionError):
        apportion(1, [0, 0])

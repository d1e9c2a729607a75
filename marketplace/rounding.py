"""Rounding of exact quotients to whole cents, always by name."""

from enum import StrEnum
from fractions import Fraction


class Rounding(StrEnum):
    """What happens to exactly half a cent. A contract freezes one of these for its whole life."""

    HALF_UP = "half-up"
    """Half a cent goes away from zero: the rule of the directive on APR and of our contracts."""
    HALF_EVEN = "half-even"
    """Half a cent goes to the even neighbour (banker's rounding)."""


def rounded_quotient(numerator: int, denominator: int, rounding: Rounding) -> int:
    """The whole number nearest to `numerator / denominator` (`denominator` > 0); a tie is decided by `rounding`."""
    assert denominator > 0, denominator
    floor, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice != denominator:
        return floor + (twice > denominator)
    if rounding is Rounding.HALF_UP:
        return floor + (numerator > 0)
    return floor + floor % 2


def rounded(value: Fraction, rounding: Rounding) -> int:
    """The whole number nearest to `value`; a tie is decided by `rounding`."""
    return rounded_quotient(value.numerator, value.denominator, rounding)

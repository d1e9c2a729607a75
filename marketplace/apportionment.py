"""Splitting a whole number of cents so that no cent is lost."""

from collections.abc import Sequence


def apportion(amount_cents: int, weights: Sequence[int]) -> list[int]:
    """Divide `amount_cents` in proportion to `weights`; the parts, in the order of the weights, sum to the amount.

    Largest remainder (Hamilton's method): every part is rounded down, then the cents left over go one each to the
    largest fractional parts. Tie rule *earliest first*: of equal fractions the one that stands first in `weights` gains
    the cent, so a caller states its own order of precedence by the order in which it lists the weights.

    `amount_cents` and every weight are >= 0; a weight of 0 never receives a cent. The weights may all be 0 only when
    there is nothing to divide.
    """
    assert amount_cents >= 0, amount_cents
    assert all(weight >= 0 for weight in weights), weights
    if amount_cents == 0:
        return [0] * len(weights)
    total = sum(weights)
    assert total > 0, weights
    quotients_and_remainders = [divmod(amount_cents * weight, total) for weight in weights]
    parts = [quotient for quotient, _ in quotients_and_remainders]
    by_fraction = sorted(range(len(parts)), key=lambda index: -quotients_and_remainders[index][1])
    for index in by_fraction[: amount_cents - sum(parts)]:
        parts[index] += 1
    return parts

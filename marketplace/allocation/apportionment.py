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
    assert min(weights, default=0) >= 0, weights
    if amount_cents == 0:
        return [0] * len(weights)
    total = sum(weights)
    assert total > 0, weights
    # Comprehensions over whole lists, because every fill of every plan comes through here.
    products = [amount_cents * weight for weight in weights]
    parts = [product // total for product in products]
    left_over = amount_cents - sum(parts)
    if left_over:
        remainders = [product % total for product in products]
        # Sorting in reverse keeps equals in their order, so ties still go to who stands first.
        for index in sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)[:left_over]:
            parts[index] += 1
    return parts

"""What each participant of a loan gets of a receipt, to the cent."""

from collections.abc import Sequence


def share_out(amount_cents: int, *, weights: Sequence[int], paid_cents: Sequence[int]) -> list[int]:
    """Each participant's part of `amount_cents`, given the fixed `weights` of the loan and what each has had so far.

    A participant is due its exact ratio of all that was ever shared out, this amount included, minus what it has had.
    Whole cents of every positive due are paid; then single cents go to the largest fractions (the earliest participant
    on a tie) or, where some had more than their due, come back from the smallest (the latest on a tie). The parts are
    never negative and sum to the amount; nobody is ever more than about a cent away from its ratio, and when the
    amounts shared out reach the sum of the weights everybody has had exactly its weight.

    Principal is shared with the participants' principals as weights, interest with principal times rate; each has its
    own `paid_cents`.
    """
    assert amount_cents >= 0, amount_cents
    assert all(weight >= 0 for weight in weights), weights
    assert len(weights) == len(paid_cents), (weights, paid_cents)
    if amount_cents == 0:
        return [0] * len(weights)
    total_weight = sum(weights)
    assert total_weight > 0, weights
    shared_out = sum(paid_cents) + amount_cents
    dues = [weight * shared_out - paid * total_weight for weight, paid in zip(weights, paid_cents, strict=True)]
    parts = [max(due, 0) // total_weight for due in dues]
    fractions = [max(due, 0) % total_weight for due in dues]
    missing = amount_cents - sum(parts)
    if missing >= 0:
        for index in sorted(range(len(parts)), key=lambda index: -fractions[index])[:missing]:
            parts[index] += 1
        return parts
    smallest_first = sorted(range(len(parts)), key=lambda index: (fractions[index], -index))
    return _taken_back(parts, smallest_first, -missing)


def _taken_back(parts: list[int], order: Sequence[int], excess_cents: int) -> list[int]:
    """`parts` with one cent less for each positive part in `order`, as often as it takes."""
    while excess_cents:
        for index in order:
            if excess_cents and parts[index]:
                parts[index] -= 1
                excess_cents -= 1
    return parts

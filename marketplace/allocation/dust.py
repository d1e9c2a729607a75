"""A last gap smaller than anybody's ticket: shaving what is filled so that one more ticket fits."""

from collections.abc import Sequence

from marketplace.allocation.apportionment import apportion


def shave(fills_cents: Sequence[int], minimums_cents: Sequence[int], *, excess_cents: int) -> list[int] | None:
    """How much to cut from each fill, in order of filling, so that the cuts sum to `excess_cents`.

    The cuts are in proportion to what each fill has above its own ticket (largest remainder, ties in order of filling),
    so nobody falls below its ticket. None when all fills together have not that much above their tickets.
    """
    above_ticket = [filled - minimum for filled, minimum in zip(fills_cents, minimums_cents, strict=True)]
    if excess_cents > sum(above_ticket):
        return None
    return apportion(excess_cents, above_ticket)

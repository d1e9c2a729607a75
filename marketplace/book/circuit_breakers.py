"""Alarms that stop a book by themselves: too much covered in too short a time, or a rate far from the latest ones.

A breaker judges the cover about to be proposed. When it trips, the book pauses instead of proposing, and stays paused
until operations let it go on; a request loses nothing but time.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median_low
from typing import Literal

import msgspec

from marketplace.company_terms import LARGEST_AMOUNT_CENTS, WHOLE_BP, TermsProblem
from marketplace.range_problems import outside

LONGEST_WINDOW = timedelta(days=1)
"""No alarm looks further back than this."""
FEWEST_RATES = 3
"""A rate is compared with the latest ones of its term only where there are so many."""
MOST_COVERS = 1_000_000
"""An alarm that allows more covers a day is none."""


class BreakerLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a book may do before it pauses; None switches an alarm off.

    `most_cents` and `most_covers` count loans covered within the last `window_minutes`, the one at hand included.
    `most_rate_move_bp` is how far a clearing rate may lie from the median of the latest covers of its term.
    """

    window_minutes: int = 60
    most_cents: int | None = None
    most_covers: int | None = None
    most_rate_move_bp: int | None = None


def breaker_problems(limits: BreakerLimits) -> tuple[TermsProblem, ...]:
    """Every figure of `limits` that is out of range, empty when none is."""
    return (
        *outside("window_minutes", limits.window_minutes, 1, LONGEST_WINDOW // timedelta(minutes=1)),
        *outside("most_cents", limits.most_cents, 0, LARGEST_AMOUNT_CENTS),
        *outside("most_covers", limits.most_covers, 0, MOST_COVERS),
        *outside("most_rate_move_bp", limits.most_rate_move_bp, 0, WHOLE_BP),
    )


class RecentCover(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A loan covered in this book: when, for how many months, at which clearing rate, how much (cents)."""

    covered_at: datetime
    months: int
    rate_bp: int
    amount_cents: int


class BreakerTrip(msgspec.Struct, frozen=True, kw_only=True):
    """Why a breaker stopped the book: the figure it met and the one it allows (cents, covers or basis points)."""

    alarm: Literal["volume", "covers", "rate"]
    given: int
    allowed: int


def breaker_trip(
    limits: BreakerLimits, recent: Iterable[RecentCover], candidate: RecentCover, latest_rates_bp: tuple[int, ...]
) -> BreakerTrip | None:
    """The first alarm that `candidate`, about to be covered, would raise; None when it may be.

    `recent` are the covers of at least the window; `latest_rates_bp` the clearing rates last seen for its term.
    """
    since_at = candidate.covered_at - timedelta(minutes=limits.window_minutes)
    in_window = [cover for cover in recent if cover.covered_at > since_at]
    cents = sum(cover.amount_cents for cover in in_window) + candidate.amount_cents
    if limits.most_cents is not None and cents > limits.most_cents:
        return BreakerTrip(alarm="volume", given=cents, allowed=limits.most_cents)
    if limits.most_covers is not None and len(in_window) + 1 > limits.most_covers:
        return BreakerTrip(alarm="covers", given=len(in_window) + 1, allowed=limits.most_covers)
    if limits.most_rate_move_bp is not None and len(latest_rates_bp) >= FEWEST_RATES:
        move_bp = abs(candidate.rate_bp - median_low(latest_rates_bp))
        if move_bp > limits.most_rate_move_bp:
            return BreakerTrip(alarm="rate", given=move_bp, allowed=limits.most_rate_move_bp)
    return None

"""Futures made of a book's own past: days of its history, drawn again and again.

A scenario draws each future day from the past days of its kind, working or not, where there are two weeks to draw from,
else from all of them. The days it draws from are themselves drawn first: so a scenario differs from the past by chance,
and from the other scenarios also by what a past of that length leaves uncertain. The draws are a fixed sequence: the
same history gives the same scenarios. A day here is one of UTC; Monday to Friday are working days.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from marketplace.forecasts.market_history import ONE_DAY, PastFlow, PastRequest

FEWEST_DAYS_BY_KIND = 14
_WORKING_WEEKDAYS = 5

Arrival = tuple[int, PastRequest]
"""Milliseconds since the beginning of its day, and what was asked."""
LenderMoves = dict[str, tuple[int, bool]]
"""Per lender: cents that came (or went, negative) in the day, and whether the lender was new."""


class DayOfFlow(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one past day: requests in order, money of lenders, principal repaid, budgets granted."""

    is_working: bool
    arrivals: tuple[Arrival, ...]
    moves: LenderMoves
    repaid_cents: int
    granted_cents: int


class Draws:
    """A fixed sequence of whole numbers without a pattern that matters here.

    Constants of the generator: Knuth, MMIX.
    """

    def __init__(self, number: int) -> None:
        self._state = (2 * number + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF

    def below(self, limit: int) -> int:
        """The next number, from 0 to `limit` - 1."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        return (self._state >> 33) * limit >> 31


def days_of_flow(past: PastFlow, today_at: datetime) -> tuple[DayOfFlow, ...]:
    """The whole days known before `today_at`, a midnight, the latest first; none in a book that is younger."""
    count = past.day_count
    arrivals: list[list[Arrival]] = [[] for _ in range(count)]
    moves: list[LenderMoves] = [{} for _ in range(count)]
    repaid_cents, granted_cents = [0] * count, [0] * count
    for request in past.requests:
        day, into = _day_of(request.at, today_at)
        if 0 <= day < count:
            arrivals[day].append((into // timedelta(milliseconds=1), request))
    for move in past.money_moves:
        day, _ = _day_of(move.at, today_at)
        if 0 <= day < count:
            cents, was_first = moves[day].get(move.lender_id, (0, False))
            moves[day][move.lender_id] = (cents + move.cents, was_first or move.is_first)
    for company_move in past.company_moves:
        day, _ = _day_of(company_move.at, today_at)
        if 0 <= day < count:
            sums = repaid_cents if company_move.kind == "repaid" else granted_cents
            sums[day] += company_move.cents
    return tuple(
        DayOfFlow(
            is_working=is_working_day(today_at - (day + 1) * ONE_DAY),
            arrivals=tuple(arrivals[day]),
            moves=moves[day],
            repaid_cents=repaid_cents[day],
            granted_cents=granted_cents[day],
        )
        for day in range(count)
    )


def drawn_days(days: Sequence[DayOfFlow], draws: Draws, *, kinds: Sequence[bool]) -> list[int]:
    """For each future day, working or not as `kinds` tell, the index of the past day it is like."""
    every = list(range(len(days)))
    by_kind = {kind: [index for index in every if days[index].is_working is kind] for kind in (True, False)}
    if len(days) < FEWEST_DAYS_BY_KIND:
        by_kind = {True: every, False: every}
    pasts = {kind: [indices[draws.below(len(indices))] for _ in indices] for kind, indices in by_kind.items()}
    return [pasts[kind][draws.below(len(pasts[kind]))] for kind in kinds]


def midnight_before(at: datetime) -> datetime:
    """The beginning of the day of `at`."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def is_working_day(at: datetime) -> bool:
    """Whether most offices work on the day of `at`; feasts are not looked at."""
    return at.weekday() < _WORKING_WEEKDAYS


def _day_of(at: datetime, today_at: datetime) -> tuple[int, timedelta]:
    """How many days before yesterday `at` was (negative: after it), and how far into its day."""
    since, into = divmod(at - today_at, ONE_DAY)
    return -since - 1, into

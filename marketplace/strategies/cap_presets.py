"""How widely a lender spreads its money: caps as parts of all it has, and three ready-made sets of them.

A part is of the lender's wallet and of what it has lent and not had back together, in basis points. In cents it changes
as that sum does; below one ticket a cap would forbid all lending, so it is never less than that.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from marketplace.company_terms import WHOLE_BP

CapPreset = Literal["cautious", "normal", "wide"]

TOLD_FROM_PART = 20
"""A cap that moved by less than this part (a twentieth) of itself is left as its book has it: a cap that follows every
cent of interest would send a command a day to every book, and restart the lender's waiting time each time it grows."""


class StrategyCaps(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that a strategy has outstanding with one borrower, in one loan, with one company, in loans of one term.

    None is no cap. `company_cents` caps one company in cents besides; the lower cap holds.
    """

    borrower_bp: int | None = 200
    request_bp: int | None = None
    company_bp: int | None = None
    term_bp: int | None = None
    company_cents: int | None = None


CAP_PRESETS: Mapping[CapPreset, StrategyCaps] = {
    "cautious": StrategyCaps(borrower_bp=100, request_bp=100, company_bp=2_000, term_bp=4_000),
    "normal": StrategyCaps(borrower_bp=200, request_bp=200, company_bp=3_500, term_bp=6_000),
    "wide": StrategyCaps(borrower_bp=500, request_bp=500, company_bp=None, term_bp=None),
}
"""Cautious money spreads over at least 100 people, 5 companies and 3 terms; normal over 50, 3 and 2; wide over 20."""


def part_cents(whole_cents: int, part_bp: int | None, *, least_cents: int) -> int | None:
    """A cap in cents: the part of `whole_cents` >= 0, rounded down, at least `least_cents`. None for no cap."""
    return None if part_bp is None else max(least_cents, whole_cents * part_bp // WHOLE_BP)


def lowest_cap(*caps_cents: int | None) -> int | None:
    """The cap that binds of several, None when none does."""
    return min((cents for cents in caps_cents if cents is not None), default=None)


def is_worth_telling(before_cents: int | None, after_cents: int | None) -> bool:
    """Whether a cap moved enough for its book to be told."""
    if before_cents is None or after_cents is None:
        return before_cents is not after_cents
    return abs(after_cents - before_cents) * TOLD_FROM_PART >= max(before_cents, 1)

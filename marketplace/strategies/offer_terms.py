"""What a lender declares in one company's book."""

from collections.abc import Sequence
from statistics import median_low
from typing import Literal

import msgspec

Tier = Literal["A", "B", "C"]

LAST_RANK = 100
"""Ranks of a lender's strategies go from 1, which speaks first, to this."""

MOST_REFERENCE_COVERS = 10
"""How many of a term's last covers a median looks back at."""


class TermAsk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The lowest rate accepted for one term, basis points a year."""

    months: int
    ask_bp: int


class FloatingAsk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An ask that follows the book: a reference rate of the term plus `offset_bp`, never below `floor_bp`.

    The reference is the clearing rate of the term's last cover (`book_minus`) or the median of its last covers, at most
    ten (`median`; of an even number the lower middle one, so it is always a rate that was paid).
    """

    mode: Literal["book_minus", "median"]
    offset_bp: int
    floor_bp: int

    def resolved_bp(self, recent_rates_bp: Sequence[int]) -> int | None:
        """The ask after the clearing rates of the term, oldest first; None while there is none to refer to."""
        if not recent_rates_bp:
            return None
        is_last = self.mode == "book_minus"
        reference_bp = recent_rates_bp[-1] if is_last else median_low(recent_rates_bp[-MOST_REFERENCE_COVERS:])
        return max(self.floor_bp, reference_bp + self.offset_bp)


class OfferFilters(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Conditions on the company and the purpose, without which an offer does not lend; None and () ask for nothing.

    `min_guarantee_bp` is the least guaranteed part of the principal, `guarantee_modes` those accepted, `min_gauge_bp`
    the least part of the guarantee's limit that must still be unused, `max_arrears_bp` the most of the company's loans
    that may be in arrears. All in hundredths of a percent.
    """

    min_guarantee_bp: int | None = None
    guarantee_modes: tuple[str, ...] = ()
    min_gauge_bp: int | None = None
    max_arrears_bp: int | None = None
    purpose_classes: tuple[int, ...] = ()


NO_FILTERS = OfferFilters()


class OfferTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A lender's standing order in one book, made from one of its strategies.

    `ask_bp` is the lowest rate accepted (basis points a year), `asks_by_term` the rate for single terms instead. With
    `floating` the ask of the other terms follows the book, and is `ask_bp` while there is nothing to follow. `tier` is
    how much the lender prefers the company. `months` are the terms accepted. Amounts are cents: `min_ticket_cents` the
    least it lends to one loan, `per_request_cents` the most to one loan, `per_borrower_cents` the most outstanding to
    one person, `per_company_cents` the most outstanding in this book; None is no cap. `is_all_or_none`: to a loan it
    lends all it could, or nothing. A paused offer lends nothing and keeps its place. Of a lender's strategies the one
    of the lowest `strategy_rank` speaks.
    """

    offer_id: str
    lender_id: str
    strategy_id: str
    ask_bp: int
    tier: Tier
    months: tuple[int, ...]
    min_ticket_cents: int
    per_request_cents: int | None = None
    per_borrower_cents: int | None = None
    per_company_cents: int | None = None
    strategy_rank: int = 1
    asks_by_term: tuple[TermAsk, ...] = ()
    floating: FloatingAsk | None = None
    is_all_or_none: bool = False
    filters: OfferFilters = NO_FILTERS
    is_paused: bool = False

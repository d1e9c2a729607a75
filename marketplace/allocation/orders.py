"""The two sides of a company's book as the allocation rule sees them: requests for credit and offers of money.

An instant is UTC; money is integer cents; a rate is integer basis points a year. An id is opaque text.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from marketplace.strategies.offer_terms import OfferTerms, TermAsk


class CreditRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A borrower's order for one loan of `amount_cents` over `months` monthly instalments.

    `min_amount_cents` is the least the borrower takes when the whole cannot be had (the amount itself unless less is
    allowed), `max_rate_bp` the highest rate accepted. `accepts_shrink` allows up to one ticket less to keep the lower
    rate. A book serves its requests by `purpose_class` (1 first, set by the company), then by `approval_sequence`.
    """

    request_id: str
    borrower_id: str
    amount_cents: int
    min_amount_cents: int
    months: int
    max_rate_bp: int
    accepts_shrink: bool = False
    purpose_class: int = 1
    approval_sequence: int = 0

    def book_order(self) -> tuple[int, int, str]:
        """The key by which a book serves its requests; the rate never buys priority."""
        return self.purpose_class, self.approval_sequence, self.request_id


class LenderOffer(OfferTerms, frozen=True, kw_only=True, gc=False):
    """A lender's standing order as it stands in a book.

    `sequence` is the book's own number of its first arrival. `raised_at` is when the lender last asked for more (a
    higher ask, a higher cap): its waiting time starts there. `floating_asks` are the rates that a floating ask stands
    at now, term by term, kept up by the book.
    """

    sequence: int
    raised_at: datetime | None = None
    floating_asks: tuple[TermAsk, ...] = ()

    def ask_for(self, months: int) -> int | None:
        """The lowest rate accepted for a term (basis points), None when the term is not accepted.

        An ask for the term itself goes before a floating one, and that before `ask_bp`.
        """
        if months not in self.months:
            return None
        for asks in (self.asks_by_term, self.floating_asks):
            for ask in asks:
                if ask.months == months:
                    return ask.ask_bp
        return self.ask_bp


Bar = Literal["paused", "identity", "conflict"]
"""Why a lender may not lend in a book: switched off, identity check not valid, approver of the company's loans."""

NO_ROOMS: Mapping[str, int] = {}
"""Shared by all lenders without limits, which saves a dictionary for each."""


class LenderStanding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a book knows of one lender: money it can promise now, and its place in the rotation of this book.

    `free_cents` is without the lender's reserve and without what is promised anywhere; `fresh_cents` of it came at
    `fresh_at`, which less preferred books do not see at once. `cash_since_at` is since when it has been there to lend.
    `last_rationed` is the book's sequence number of the last cover that filled the lender in a rationed bucket, 0 for
    never; it belongs to the lender, so that cancelling an offer and placing another gains nothing.

    `lent_here_cents` is what the lender has reserved or outstanding in this book, all borrowers together. `rooms` are
    the cents that limits of its purse still allow, by the keys of `strategy_limits`; a key without a limit is absent.
    With `bars` the lender lends nothing here.
    """

    lender_id: str
    free_cents: int
    cash_since_at: datetime
    last_rationed: int = 0
    lent_here_cents: int = 0
    rooms: Mapping[str, int] = msgspec.field(default_factory=lambda: NO_ROOMS)
    bars: tuple[Bar, ...] = ()
    fresh_cents: int = 0
    fresh_at: datetime | None = None

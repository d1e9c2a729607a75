"""The two sides of a company's book as the allocation rule sees them: requests for credit and offers of money.

An instant is UTC; money is integer cents; a rate is integer basis points a year. An id is opaque text.
"""

from datetime import datetime

import msgspec

from marketplace.offer_terms import Tier


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


class LenderOffer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lender's standing order in one book, with the room that its caps leave at this moment.

    `sequence` is the book's own number of its first arrival. None is no cap. What a cap leaves is in cents, below 0
    where a limit was lowered under what is lent already: `per_request_cents` for any one loan, `per_borrower_cents` for
    any one person (all loans together), `per_company_room_cents` what may still be added in this book,
    `strategy_room_cents` what the strategy may still promise: the least of its budget, pace and term limits, with what
    it has promised to the request at hand put back. Of several strategies of one lender that are eligible, the one of
    the lowest `strategy_rank` speaks.

    `is_active` is False while the offer must not lend whatever its figures: paused, company excluded, identity check
    not valid, guarantee filter not met, lender an approver of the company.
    """

    offer_id: str
    lender_id: str
    strategy_id: str
    sequence: int
    ask_bp: int
    tier: Tier
    months: tuple[int, ...]
    min_ticket_cents: int
    per_request_cents: int | None = None
    per_borrower_cents: int | None = None
    per_company_room_cents: int | None = None
    strategy_room_cents: int | None = None
    strategy_rank: int = 1
    is_active: bool = True


class LenderStanding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a book knows of one lender: money it can promise now, and its place in the rotation of this book.

    `free_cents` is without the lender's reserve and without what is promised anywhere. `cash_since_at` is since when
    it has been there to lend. `last_rationed` is the book's sequence number of the last cover that filled the lender in
    a rationed bucket, 0 for never; it belongs to the lender, so that cancelling an offer and placing another gains
    nothing.
    """

    lender_id: str
    free_cents: int
    cash_since_at: datetime
    last_rationed: int = 0

"""What a lender declares in one company's book."""

from typing import Literal

import msgspec

Tier = Literal["A", "B", "C"]


class OfferTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A lender's standing order in one book, made from one of its strategies.

    `ask_bp` is the lowest rate accepted (basis points a year). `tier` is how much the lender prefers the company.
    `months` are the terms accepted. Amounts are cents: `min_ticket_cents` the least it lends to one loan,
    `per_request_cents` the most to one loan, `per_borrower_cents` the most outstanding to one person,
    `per_company_cents` the most outstanding in this book; None is no cap. Of a lender's strategies the one of the
    lowest `strategy_rank` speaks.
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

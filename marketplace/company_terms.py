"""A company's versioned settings for its book: rates, tickets, caps, its own money, its guarantee, its clocks."""

from typing import Literal, get_args

import msgspec

WHOLE_BP = 10_000
"""One whole in basis points."""
LARGEST_AMOUNT_CENTS = 10**13
"""No single amount is larger: the store's numbers stay exact well above it."""

MOST_PURPOSE_CLASSES = 3
LONGEST_PURPOSE_NAME = 60

LONGEST_TERM_MONTHS = 120
"""No lender's offer accepts a longer term."""

CompanyMode = Literal["none", "first", "share", "backstop"]
GuaranteeMode = Literal["pool-first-loss", "per-loan-share"]
GUARANTEE_MODES: tuple[GuaranteeMode, ...] = get_args(GuaranteeMode)


class RateBand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The rates at which loans of `months` may be made, basis points a year. A posted rate is floor = cap."""

    months: int
    floor_bp: int
    cap_bp: int

    def ceiling_bp(self, max_rate_bp: int) -> int:
        """The highest rate for a borrower who accepts `max_rate_bp`: a company may have lowered its cap since."""
        return min(max_rate_bp, self.cap_bp)


class CompanyMoney(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """How the company itself lends.

    `first`: before the lenders, as far as the budget goes. `share`: `share_bp` of each loan, within the budget.
    `backstop`: closes the gaps of less than one ticket. `budget_cents` is what the company sets aside; what is left of
    it is counted by the book. `rate_bp` is the subsidised rate of a first or share tranche; None: the clearing rate.
    """

    mode: CompanyMode = "none"
    budget_cents: int = 0
    share_bp: int = 0
    rate_bp: int | None = None


class GuaranteeTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The company's guarantee on what lenders lend: `rate_bp` of their principal, backed by `limit_cents`.

    A loan is made only while the guaranteed amount times `coverage_bp` (10000 is once) stays within the limit.
    `mode` says how a loss is met, `base` whether the principal counts as disbursed or as still outstanding.
    """

    rate_bp: int
    limit_cents: int
    coverage_bp: int = WHOLE_BP
    mode: GuaranteeMode = "pool-first-loss"
    base: Literal["disbursed", "outstanding"] = "outstanding"


class CompanyTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a company's terms; who may borrow how much is decided elsewhere.

    No lender takes more than `max_share_bp` of a loan (None: no such cap, not even the amount itself), nor less than
    `ticket_cents`; at most `max_lenders` share one. The defaults are those of a thin book: half a loan each at most,
    so at least two lenders. `purpose_classes` names up to three classes of purpose, served in this order; without any
    there is one.
    """

    version: int
    bands: tuple[RateBand, ...]
    ticket_cents: int = 1_000
    max_lenders: int = 100
    max_share_bp: int | None = 5_000
    company_money: CompanyMoney = CompanyMoney()
    guarantee: GuaranteeTerms | None = None
    purpose_classes: tuple[str, ...] = ()
    accept_window_hours: int = 48
    patience_hours: int = 24
    expiry_hours: int = 72

    def purpose_class_count(self) -> int:
        """How many classes of purpose a request may choose from, numbered from 1."""
        return max(1, len(self.purpose_classes))

    def band(self, months: int) -> RateBand | None:
        """The band of a term, None where the company does not offer it."""
        return next((band for band in self.bands if band.months == months), None)


class TermsProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong in terms or settings: where (a dotted path), what was given, what is accepted."""

    field: str
    given: str
    accepted: str

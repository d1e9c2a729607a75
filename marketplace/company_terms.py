"""A company's versioned settings for its book: rates, tickets, caps, its own money, its guarantee, its clocks."""

from typing import Literal

import msgspec

WHOLE_BP = 10_000
"""One whole in basis points."""
LARGEST_AMOUNT_CENTS = 10**13
"""No single amount is larger: the store's numbers stay exact well above it."""

MOST_PURPOSE_CLASSES = 3
LONGEST_PURPOSE_NAME = 60

CompanyMode = Literal["none", "first", "share", "backstop"]


class RateBand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The rates at which loans of `months` may be made, basis points a year. A posted rate is floor = cap."""

    months: int
    floor_bp: int
    cap_bp: int


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
    mode: Literal["pool-first-loss", "per-loan-share"] = "pool-first-loss"
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
    """One contradiction in a version of terms: where, what was given, what is accepted."""

    field: str
    given: str
    accepted: str


def terms_problems(terms: CompanyTerms) -> tuple[TermsProblem, ...]:
    """Every reason why `terms` cannot be published, empty when there is none."""
    return (
        *_band_problems(terms),
        *_limit_problems(terms),
        *_purpose_problems(terms),
        *_money_problems(terms),
        *_clock_problems(terms),
    )


def _band_problems(terms: CompanyTerms) -> list[TermsProblem]:
    problems = []
    if not terms.bands:
        problems.append(_problem("bands", "none", "at least one band"))
    seen_months: set[int] = set()
    for index, band in enumerate(terms.bands):
        field = f"bands[{index}]"
        if band.months < 1:
            problems.append(_problem(f"{field}.months", band.months, "1 or more"))
        if band.months in seen_months:
            problems.append(_problem(f"{field}.months", band.months, "each term once"))
        if not 0 <= band.floor_bp <= WHOLE_BP:
            problems.append(_problem(f"{field}.floor_bp", band.floor_bp, "0 to 10000"))
        if not band.floor_bp <= band.cap_bp <= WHOLE_BP:
            problems.append(_problem(f"{field}.cap_bp", band.cap_bp, f"floor_bp ({band.floor_bp}) to 10000"))
        seen_months.add(band.months)
    return problems


def _limit_problems(terms: CompanyTerms) -> list[TermsProblem]:
    problems = []
    if terms.ticket_cents < 1:
        problems.append(_problem("ticket_cents", terms.ticket_cents, "1 or more"))
    if terms.max_lenders < 1:
        problems.append(_problem("max_lenders", terms.max_lenders, "1 or more"))
    if terms.max_share_bp is not None and not 1 <= terms.max_share_bp <= WHOLE_BP:
        problems.append(_problem("max_share_bp", terms.max_share_bp, "1 to 10000, or null for no cap"))
    return problems


def _purpose_problems(terms: CompanyTerms) -> list[TermsProblem]:
    names = terms.purpose_classes
    problems = []
    if len(names) > MOST_PURPOSE_CLASSES:
        problems.append(_problem("purpose_classes", len(names), f"at most {MOST_PURPOSE_CLASSES}"))
    if len(set(names)) < len(names) or not all(0 < len(name) <= LONGEST_PURPOSE_NAME for name in names):
        accepted = f"different names of 1 to {LONGEST_PURPOSE_NAME} characters"
        problems.append(_problem("purpose_classes", list(names), accepted))
    return problems


def _money_problems(terms: CompanyTerms) -> list[TermsProblem]:
    money, guarantee = terms.company_money, terms.guarantee
    problems = []
    if money.budget_cents < 0:
        problems.append(_problem("company_money.budget_cents", money.budget_cents, "0 or more"))
    if not 0 <= money.share_bp <= WHOLE_BP:
        problems.append(_problem("company_money.share_bp", money.share_bp, "0 to 10000"))
    if money.rate_bp is not None:
        lowest_floor_bp = min((band.floor_bp for band in terms.bands), default=WHOLE_BP)
        if money.mode not in ("first", "share"):
            problems.append(_problem("company_money.rate_bp", money.rate_bp, "null unless mode is first or share"))
        elif not 0 <= money.rate_bp <= lowest_floor_bp:
            problems.append(
                _problem("company_money.rate_bp", money.rate_bp, f"0 to the lowest floor {lowest_floor_bp}")
            )
    if guarantee is not None:
        if not 0 <= guarantee.rate_bp <= WHOLE_BP:
            problems.append(_problem("guarantee.rate_bp", guarantee.rate_bp, "0 to 10000"))
        if guarantee.limit_cents < 0:
            problems.append(_problem("guarantee.limit_cents", guarantee.limit_cents, "0 or more"))
        if guarantee.coverage_bp < 0:
            problems.append(_problem("guarantee.coverage_bp", guarantee.coverage_bp, "0 or more"))
    return problems


def _clock_problems(terms: CompanyTerms) -> list[TermsProblem]:
    problems = []
    if terms.accept_window_hours < 1:
        problems.append(_problem("accept_window_hours", terms.accept_window_hours, "1 or more"))
    if terms.patience_hours < 0:
        problems.append(_problem("patience_hours", terms.patience_hours, "0 or more"))
    if terms.expiry_hours < max(1, terms.patience_hours):
        problems.append(
            _problem("expiry_hours", terms.expiry_hours, f"at least 1 and patience_hours ({terms.patience_hours})")
        )
    return problems


def _problem(field: str, given: object, accepted: str) -> TermsProblem:
    return TermsProblem(field=field, given=str(given), accepted=accepted)

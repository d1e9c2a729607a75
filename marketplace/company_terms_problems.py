"""What contradicts itself in a version of a company's terms, all of it at once."""

from collections.abc import Iterator

from marketplace.company_terms import (
    LONGEST_PURPOSE_NAME,
    MOST_PURPOSE_CLASSES,
    WHOLE_BP,
    CompanyTerms,
    TermsProblem,
)
from marketplace.range_problems import outside, problem

LONGEST_CLOCK_HOURS = 8_784
"""Of every clock of the terms: a leap year. Far beyond it the instant at which it runs out is none any more."""


def terms_problems(terms: CompanyTerms) -> tuple[TermsProblem, ...]:
    """Every reason why `terms` cannot be published, empty when there is none."""
    return (
        *_band_problems(terms),
        *_limit_problems(terms),
        *_purpose_problems(terms),
        *_money_problems(terms),
        *_guarantee_problems(terms),
        *_clock_problems(terms),
    )


def _band_problems(terms: CompanyTerms) -> Iterator[TermsProblem]:
    if not terms.bands:
        yield problem("bands", "none", "at least one band")
    seen_months: set[int] = set()
    for index, band in enumerate(terms.bands):
        field = f"bands[{index}]"
        yield from outside(f"{field}.months", band.months, 1)
        if band.months in seen_months:
            yield problem(f"{field}.months", band.months, "each term once")
        yield from outside(f"{field}.floor_bp", band.floor_bp, 0, WHOLE_BP)
        if not band.floor_bp <= band.cap_bp <= WHOLE_BP:
            yield problem(f"{field}.cap_bp", band.cap_bp, f"floor_bp ({band.floor_bp}) to {WHOLE_BP}")
        seen_months.add(band.months)


def _limit_problems(terms: CompanyTerms) -> Iterator[TermsProblem]:
    yield from outside("ticket_cents", terms.ticket_cents, 1)
    yield from outside("max_lenders", terms.max_lenders, 1)
    if terms.max_share_bp is not None and not 1 <= terms.max_share_bp <= WHOLE_BP:
        yield problem("max_share_bp", terms.max_share_bp, f"1 to {WHOLE_BP}, or null for no cap")


def _purpose_problems(terms: CompanyTerms) -> Iterator[TermsProblem]:
    names = terms.purpose_classes
    if len(names) > MOST_PURPOSE_CLASSES:
        yield problem("purpose_classes", len(names), f"at most {MOST_PURPOSE_CLASSES}")
    if len(set(names)) < len(names) or not all(0 < len(name) <= LONGEST_PURPOSE_NAME for name in names):
        yield problem("purpose_classes", list(names), f"different names of 1 to {LONGEST_PURPOSE_NAME} characters")


def _money_problems(terms: CompanyTerms) -> Iterator[TermsProblem]:
    money = terms.company_money
    yield from outside("company_money.budget_cents", money.budget_cents, 0)
    yield from outside("company_money.share_bp", money.share_bp, 0, WHOLE_BP)
    if money.rate_bp is None:
        return
    lowest_floor_bp = min((band.floor_bp for band in terms.bands), default=WHOLE_BP)
    if money.mode not in ("first", "share"):
        yield problem("company_money.rate_bp", money.rate_bp, "null unless mode is first or share")
    elif not 0 <= money.rate_bp <= lowest_floor_bp:
        yield problem("company_money.rate_bp", money.rate_bp, f"0 to the lowest floor {lowest_floor_bp}")


def _guarantee_problems(terms: CompanyTerms) -> Iterator[TermsProblem]:
    if terms.guarantee is not None:
        yield from outside("guarantee.rate_bp", terms.guarantee.rate_bp, 0, WHOLE_BP)
        yield from outside("guarantee.limit_cents", terms.guarantee.limit_cents, 0)
        yield from outside("guarantee.coverage_bp", terms.guarantee.coverage_bp, 0)


def _clock_problems(terms: CompanyTerms) -> Iterator[TermsProblem]:
    yield from outside("accept_window_hours", terms.accept_window_hours, 1, LONGEST_CLOCK_HOURS)
    yield from outside("patience_hours", terms.patience_hours, 0, LONGEST_CLOCK_HOURS)
    if not max(1, terms.patience_hours) <= terms.expiry_hours <= LONGEST_CLOCK_HOURS:
        accepted = f"at least 1 and patience_hours ({terms.patience_hours}), at most {LONGEST_CLOCK_HOURS}"
        yield problem("expiry_hours", terms.expiry_hours, accepted)

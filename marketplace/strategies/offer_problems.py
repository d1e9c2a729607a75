"""What is wrong with an offer's own terms, all of it at once."""

from collections.abc import Iterator

from marketplace.company_terms import (
    GUARANTEE_MODES,
    LARGEST_AMOUNT_CENTS,
    LONGEST_TERM_MONTHS,
    MOST_PURPOSE_CLASSES,
    WHOLE_BP,
    TermsProblem,
)
from marketplace.range_problems import outside, problem
from marketplace.strategies.offer_terms import LAST_RANK, OfferTerms


def offer_problems(offer: OfferTerms) -> tuple[TermsProblem, ...]:
    """Every reason why `offer` cannot stand in a book, empty when there is none."""
    return (*_rate_problems(offer), *_term_problems(offer), *_amount_problems(offer), *_filter_problems(offer))


def _rate_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    yield from outside("ask_bp", offer.ask_bp, 0, WHOLE_BP)
    for index, ask in enumerate(offer.asks_by_term):
        yield from outside(f"asks_by_term[{index}].ask_bp", ask.ask_bp, 0, WHOLE_BP)
        if ask.months not in offer.months:
            accepted = f"one of the offer's months {list(offer.months)}"
            yield problem(f"asks_by_term[{index}].months", ask.months, accepted)
    if len({ask.months for ask in offer.asks_by_term}) < len(offer.asks_by_term):
        yield problem("asks_by_term", "a term twice", "each term once")
    if offer.floating is not None:
        yield from outside("floating.floor_bp", offer.floating.floor_bp, 0, WHOLE_BP)
        yield from outside("floating.offset_bp", offer.floating.offset_bp, -WHOLE_BP, WHOLE_BP)


def _term_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    if not offer.months:
        yield problem("months", "none", "at least one term")
    for months in offer.months:
        yield from outside("months", months, 1, LONGEST_TERM_MONTHS)
    if len(set(offer.months)) < len(offer.months):
        yield problem("months", list(offer.months), "each term once")


def _amount_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    yield from outside("min_ticket_cents", offer.min_ticket_cents, 0, LARGEST_AMOUNT_CENTS)
    yield from outside("strategy_rank", offer.strategy_rank, 1, LAST_RANK)
    for field in ("per_request_cents", "per_borrower_cents", "per_company_cents"):
        yield from outside(field, getattr(offer, field), 0, LARGEST_AMOUNT_CENTS)


def _filter_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    for field in ("min_guarantee_bp", "min_gauge_bp", "max_arrears_bp"):
        yield from outside(f"filters.{field}", getattr(offer.filters, field), 0, WHOLE_BP)
    for mode in offer.filters.guarantee_modes:
        if mode not in GUARANTEE_MODES:
            yield problem("filters.guarantee_modes", mode, " or ".join(GUARANTEE_MODES))
    for purpose_class in offer.filters.purpose_classes:
        yield from outside("filters.purpose_classes", purpose_class, 1, MOST_PURPOSE_CLASSES)

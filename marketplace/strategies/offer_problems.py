"""What is wrong with an offer's own terms, all of it at once."""

from collections.abc import Iterator

from marketplace.company_terms import LARGEST_AMOUNT_CENTS, WHOLE_BP, TermsProblem
from marketplace.strategies.offer_terms import OfferTerms

LONGEST_MONTHS = 600


def offer_problems(offer: OfferTerms) -> tuple[TermsProblem, ...]:
    """Every reason why `offer` cannot stand in a book, empty when there is none."""
    return (*_rate_problems(offer), *_term_problems(offer), *_amount_problems(offer), *_filter_problems(offer))


def _rate_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    yield from _outside("ask_bp", offer.ask_bp, 0, WHOLE_BP)
    for index, ask in enumerate(offer.asks_by_term):
        yield from _outside(f"asks_by_term[{index}].ask_bp", ask.ask_bp, 0, WHOLE_BP)
        if ask.months not in offer.months:
            accepted = f"one of the offer's months {list(offer.months)}"
            yield _problem(f"asks_by_term[{index}].months", ask.months, accepted)
    if len({ask.months for ask in offer.asks_by_term}) < len(offer.asks_by_term):
        yield _problem("asks_by_term", "a term twice", "each term once")
    if offer.floating is not None:
        yield from _outside("floating.floor_bp", offer.floating.floor_bp, 0, WHOLE_BP)
        yield from _outside("floating.offset_bp", offer.floating.offset_bp, -WHOLE_BP, WHOLE_BP)


def _term_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    if not offer.months:
        yield _problem("months", "none", "at least one term")
    for months in offer.months:
        yield from _outside("months", months, 1, LONGEST_MONTHS)
    if len(set(offer.months)) < len(offer.months):
        yield _problem("months", list(offer.months), "each term once")


def _amount_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    yield from _outside("min_ticket_cents", offer.min_ticket_cents, 0, LARGEST_AMOUNT_CENTS)
    yield from _outside("strategy_rank", offer.strategy_rank, 0, LARGEST_AMOUNT_CENTS)
    for field in ("per_request_cents", "per_borrower_cents", "per_company_cents"):
        cents = getattr(offer, field)
        if cents is not None:
            yield from _outside(field, cents, 0, LARGEST_AMOUNT_CENTS)


def _filter_problems(offer: OfferTerms) -> Iterator[TermsProblem]:
    for field in ("min_guarantee_bp", "min_gauge_bp", "max_arrears_bp"):
        share_bp = getattr(offer.filters, field)
        if share_bp is not None:
            yield from _outside(f"filters.{field}", share_bp, 0, WHOLE_BP)
    for mode in offer.filters.guarantee_modes:
        if mode not in ("pool-first-loss", "per-loan-share"):
            yield _problem("filters.guarantee_modes", mode, "pool-first-loss or per-loan-share")


def _outside(field: str, given: int, minimum: int, maximum: int) -> Iterator[TermsProblem]:
    if not minimum <= given <= maximum:
        yield _problem(field, given, f"{minimum} to {maximum}")


def _problem(field: str, given: object, accepted: str) -> TermsProblem:
    return TermsProblem(field=field, given=str(given), accepted=accepted)

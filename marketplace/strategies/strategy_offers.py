"""From a strategy and what is wished for one book to the offer that stands there."""

from collections.abc import Iterable, Iterator

import msgspec

from marketplace.company_terms import LARGEST_AMOUNT_CENTS, LONGEST_TERM_MONTHS, WHOLE_BP, TermsProblem
from marketplace.range_problems import outside, problem
from marketplace.strategies.cap_presets import is_worth_telling, lowest_cap, part_cents
from marketplace.strategies.offer_terms import OfferTerms, Tier
from marketplace.strategies.strategy_asks import offered_asks
from marketplace.strategies.strategy_settings import (
    MOST_TERMS,
    SMALLEST_TICKET_CENTS,
    StrategySettings,
)


class OfferWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a lender says of one book besides its strategy; None and () leave it to the strategy. Amounts are cents."""

    strategy_id: str
    tier: Tier
    rate_floor_bp: int | None = None
    terms: tuple[int, ...] = ()
    ticket_min_cents: int | None = None
    per_request_cents: int | None = None
    per_borrower_cents: int | None = None
    per_company_cents: int | None = None
    is_paused: bool = False


class OfferPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Which offer, whose, in which company's book."""

    offer_id: str
    lender_id: str
    company_id: str


def wish_problems(wish: OfferWish, settings: StrategySettings) -> tuple[TermsProblem, ...]:
    """Everything in a wish that is out of range or that its strategy does not allow, empty when nothing is."""
    return tuple(_wish_problems(wish, settings))


def _wish_problems(wish: OfferWish, settings: StrategySettings) -> Iterator[TermsProblem]:
    yield from outside("rate_floor_bp", wish.rate_floor_bp, 0, WHOLE_BP)
    yield from outside("ticket_min_cents", wish.ticket_min_cents, SMALLEST_TICKET_CENTS, LARGEST_AMOUNT_CENTS)
    ticket_cents = max(SMALLEST_TICKET_CENTS, _ticket_cents(wish, settings))
    for name in ("per_request_cents", "per_borrower_cents", "per_company_cents"):
        yield from outside(name, getattr(wish, name), min(ticket_cents, LARGEST_AMOUNT_CENTS), LARGEST_AMOUNT_CENTS)
    if len(wish.terms) > MOST_TERMS:
        yield problem("terms", len(wish.terms), f"at most {MOST_TERMS}")
    for place, months in enumerate(wish.terms):
        yield from outside(f"terms[{place}]", months, 1, LONGEST_TERM_MONTHS)
        if settings.terms and months not in settings.terms:
            accepted = f"the strategy's: {_listed(settings.terms)}"
            yield problem(f"terms[{place}]", months, accepted)
    if not wish.terms and not settings.terms:
        yield problem("terms", "none", "at least one term, here or in the strategy")


def offer_from(
    place: OfferPlace, wish: OfferWish, settings: StrategySettings, *, funds_cents: int
) -> OfferTerms | TermsProblem:
    """The offer of a wish without problems, for a lender that has and has lent `funds_cents` together.

    A problem when no lowest rate is named for it (`offered_asks`), or when no term is short enough.
    """
    asks = offered_asks(settings, place.company_id, wished_bp=wish.rate_floor_bp, months=wish.terms or settings.terms)
    if isinstance(asks, TermsProblem):
        return asks
    ticket_cents, caps = _ticket_cents(wish, settings), settings.caps

    def part(part_bp: int | None) -> int | None:
        return part_cents(funds_cents, part_bp, least_cents=ticket_cents)

    return OfferTerms(
        offer_id=place.offer_id,
        lender_id=place.lender_id,
        strategy_id=wish.strategy_id,
        ask_bp=asks.ask_bp,
        tier=wish.tier,
        months=asks.months,
        min_ticket_cents=ticket_cents,
        per_request_cents=lowest_cap(wish.per_request_cents, part(caps.request_bp)),
        per_borrower_cents=lowest_cap(wish.per_borrower_cents, part(caps.borrower_bp)),
        per_company_cents=lowest_cap(wish.per_company_cents, caps.company_cents, part(caps.company_bp)),
        strategy_rank=settings.priority,
        asks_by_term=asks.asks_by_term,
        floating=asks.floating,
        is_all_or_none=settings.is_all_or_none,
        filters=settings.filters.as_offered(),
        is_paused=wish.is_paused or settings.state == "paused",
    )


def is_told_again(before: OfferTerms, after: OfferTerms) -> bool:
    """Whether a book that has `before` is to be told of `after`: not when only its caps moved, and none of them far."""
    settled = msgspec.structs.replace(
        after,
        **{
            name: getattr(after if is_worth_telling(getattr(before, name), getattr(after, name)) else before, name)
            for name in ("per_request_cents", "per_borrower_cents", "per_company_cents")
        },
    )
    return settled != before


def _ticket_cents(wish: OfferWish, settings: StrategySettings) -> int:
    return settings.ticket_min_cents if wish.ticket_min_cents is None else wish.ticket_min_cents


def _listed(months: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(months)))

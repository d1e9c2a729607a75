"""From a strategy and what is wished for one book to the offer that stands there."""

from collections.abc import Iterable, Iterator

import msgspec

from marketplace.company_terms import LARGEST_AMOUNT_CENTS, WHOLE_BP, TermsProblem
from marketplace.strategies.average_life import average_life_months
from marketplace.strategies.cap_presets import is_worth_telling, lowest_cap, part_cents
from marketplace.strategies.offer_terms import FloatingAsk, OfferTerms, TermAsk, Tier
from marketplace.strategies.strategy_settings import (
    LONGEST_TERM_MONTHS,
    MOST_TERMS,
    SMALLEST_TICKET_CENTS,
    StrategyAsk,
    StrategySettings,
    between,
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
    yield from between("rate_floor_bp", wish.rate_floor_bp, 0, WHOLE_BP)
    yield from between("ticket_min_cents", wish.ticket_min_cents, SMALLEST_TICKET_CENTS, LARGEST_AMOUNT_CENTS)
    ticket_cents = max(SMALLEST_TICKET_CENTS, _ticket_cents(wish, settings))
    for name in ("per_request_cents", "per_borrower_cents", "per_company_cents"):
        yield from between(name, getattr(wish, name), min(ticket_cents, LARGEST_AMOUNT_CENTS), LARGEST_AMOUNT_CENTS)
    if len(wish.terms) > MOST_TERMS:
        yield TermsProblem(field="terms", given=str(len(wish.terms)), accepted=f"at most {MOST_TERMS}")
    for place, months in enumerate(wish.terms):
        yield from between(f"terms[{place}]", months, 1, LONGEST_TERM_MONTHS)
        if settings.terms and months not in settings.terms:
            accepted = f"the strategy's: {_listed(settings.terms)}"
            yield TermsProblem(field=f"terms[{place}]", given=str(months), accepted=accepted)
    if not wish.terms and not settings.terms:
        yield TermsProblem(field="terms", given="none", accepted="at least one term, here or in the strategy")


def offer_from(
    place: OfferPlace, wish: OfferWish, settings: StrategySettings, *, funds_cents: int
) -> OfferTerms | TermsProblem:
    """The offer of a wish without problems, for a lender that has and has lent `funds_cents` together.

    The ask of a term is the first there is of: the strategy's for this company and term, the wish's, the strategy's for
    this company, for this term, for all, its `rate_floor_bp`. A problem when there is no ask at all, or when every term
    takes longer than the strategy's average life.
    """
    base = _base_ask(place.company_id, wish, settings)
    asks = {months: _term_ask_bp(place.company_id, months, wish, settings) for months in wish.terms or settings.terms}
    if base is None and None in asks.values():
        return TermsProblem(field="rate_floor_bp", given="none", accepted="a lowest rate, here or in the strategy")
    if base is None:
        ask_bp, floating = max(bp for bp in asks.values() if bp is not None), None
    else:
        ask_bp, floating = _as_offered(base, wish, settings)
    longest = settings.average_life_max_months
    months_accepted = tuple(
        months
        for months, term_ask_bp in sorted(asks.items())
        if longest is None or average_life_months(months, ask_bp if term_ask_bp is None else term_ask_bp) <= longest
    )
    if not months_accepted:
        return TermsProblem(field="terms", given=_listed(asks), accepted=f"an average life of {longest} months at most")
    ticket_cents, caps = _ticket_cents(wish, settings), settings.caps
    return OfferTerms(
        offer_id=place.offer_id,
        lender_id=place.lender_id,
        strategy_id=wish.strategy_id,
        ask_bp=ask_bp,
        tier=wish.tier,
        months=months_accepted,
        min_ticket_cents=ticket_cents,
        per_request_cents=lowest_cap(
            wish.per_request_cents, part_cents(funds_cents, caps.request_bp, least_cents=ticket_cents)
        ),
        per_borrower_cents=lowest_cap(
            wish.per_borrower_cents, part_cents(funds_cents, caps.borrower_bp, least_cents=ticket_cents)
        ),
        per_company_cents=lowest_cap(
            wish.per_company_cents,
            caps.company_cents,
            part_cents(funds_cents, caps.company_bp, least_cents=ticket_cents),
        ),
        strategy_rank=settings.priority,
        asks_by_term=tuple(
            TermAsk(months=months, ask_bp=bp)
            for months in months_accepted
            if (bp := asks[months]) is not None and (floating is not None or bp != ask_bp)
        ),
        floating=floating,
        is_all_or_none=settings.is_all_or_none,
        filters=settings.filters.as_offered(),
        is_paused=wish.is_paused or settings.state == "paused",
    )


def told_again(before: OfferTerms, after: OfferTerms) -> OfferTerms | None:
    """What a book that has `before` is to be told of `after`; None when only its caps moved, and none of them far."""
    settled = msgspec.structs.replace(
        after,
        **{
            name: getattr(after if is_worth_telling(getattr(before, name), getattr(after, name)) else before, name)
            for name in ("per_request_cents", "per_borrower_cents", "per_company_cents")
        },
    )
    return None if settled == before else after


def _ticket_cents(wish: OfferWish, settings: StrategySettings) -> int:
    return settings.ticket_min_cents if wish.ticket_min_cents is None else wish.ticket_min_cents


def _base_ask(company_id: str, wish: OfferWish, settings: StrategySettings) -> StrategyAsk | None:
    """The ask of every term that has none of its own."""
    named = _ask(settings, company_id, None)
    if wish.rate_floor_bp is not None:
        # A rate that follows this very book goes on following it, never below the wished one.
        return named if named is not None and named.mode != "fixed" else _fixed(wish.rate_floor_bp)
    if named is not None:
        return named
    general = _ask(settings, None, None)
    if general is None and settings.rate_floor_bp is not None:
        return _fixed(settings.rate_floor_bp)
    return general


def _term_ask_bp(company_id: str, months: int, wish: OfferWish, settings: StrategySettings) -> int | None:
    """A term's own ask, None when the base speaks for it."""
    here = _ask(settings, company_id, months)
    if here is not None:
        return here.value_bp
    if wish.rate_floor_bp is not None or _ask(settings, company_id, None) is not None:
        return None
    anywhere = _ask(settings, None, months)
    return None if anywhere is None else anywhere.value_bp


def _as_offered(base: StrategyAsk, wish: OfferWish, settings: StrategySettings) -> tuple[int, FloatingAsk | None]:
    if base.mode == "fixed":
        return base.value_bp, None
    is_minus = base.mode == "book_minus"
    floor_bp = max(base.floor_bp, wish.rate_floor_bp or 0)
    floating = FloatingAsk(
        mode="book-minus" if is_minus else "median",
        offset_bp=-base.value_bp if is_minus else base.value_bp,
        floor_bp=floor_bp,
    )
    return max(floor_bp, settings.rate_floor_bp or 0), floating


def _ask(settings: StrategySettings, company_id: str | None, months: int | None) -> StrategyAsk | None:
    found = (ask for ask in settings.asks if (ask.company_id, ask.term_months) == (company_id, months))
    return next(found, None)


def _fixed(rate_bp: int) -> StrategyAsk:
    return StrategyAsk(value_bp=rate_bp)


def _listed(months: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(months)))

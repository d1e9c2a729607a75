"""Which rate a strategy asks for in one company's book, and for which terms."""

from collections.abc import Iterable

import msgspec

from marketplace.company_terms import TermsProblem
from marketplace.range_problems import problem
from marketplace.strategies.average_life import average_life_months
from marketplace.strategies.offer_terms import FloatingAsk, TermAsk
from marketplace.strategies.strategy_settings import StrategyAsk, StrategySettings


class OfferedAsks(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of an offer (basis points a year) and the terms it accepts; see `OfferTerms`."""

    ask_bp: int
    floating: FloatingAsk | None
    months: tuple[int, ...]
    asks_by_term: tuple[TermAsk, ...]


def offered_asks(
    settings: StrategySettings, company_id: str, *, wished_bp: int | None, months: Iterable[int]
) -> OfferedAsks | TermsProblem:
    """What the strategy asks of a company for the terms of `months`; `wished_bp` is what it asks of it besides.

    The ask of a term is the first there is of: the strategy's for this company and term; its ask for this company, if
    it follows the book; the wished one; the strategy's for this company, for this term, for all; its `rate_floor_bp`.
    A problem when there is no ask at all, or when every term takes longer than the strategy's average life.
    """
    base = _base_ask(settings, company_id, wished_bp)
    asks = {term: _term_ask_bp(settings, company_id, term, wished_bp) for term in months}
    if base is None and None in asks.values():
        return problem("rate_floor_bp", "none", "a lowest rate, here or in the strategy")
    if base is None:
        ask_bp, floating = max(bp for bp in asks.values() if bp is not None), None
    else:
        ask_bp, floating = _as_offered(base, settings, wished_bp)
    longest = settings.average_life_max_months
    accepted = tuple(
        term
        for term, term_bp in sorted(asks.items())
        if longest is None or average_life_months(term, ask_bp if term_bp is None else term_bp) <= longest
    )
    if not accepted:
        return problem("terms", ", ".join(map(str, sorted(asks))), f"an average life of {longest} months at most")
    return OfferedAsks(
        ask_bp=ask_bp,
        floating=floating,
        months=accepted,
        asks_by_term=tuple(
            TermAsk(months=term, ask_bp=bp)
            for term in accepted
            if (bp := asks[term]) is not None and (floating is not None or bp != ask_bp)
        ),
    )


def _base_ask(settings: StrategySettings, company_id: str, wished_bp: int | None) -> StrategyAsk | None:
    """The ask of every term that has none of its own."""
    named = _ask(settings, company_id, None)
    if wished_bp is not None:
        # A rate that follows this very book goes on following it, never below the wished one.
        return named if named is not None and named.mode != "fixed" else StrategyAsk(value_bp=wished_bp)
    if named is not None:
        return named
    general = _ask(settings, None, None)
    if general is None and settings.rate_floor_bp is not None:
        return StrategyAsk(value_bp=settings.rate_floor_bp)
    return general


def _term_ask_bp(settings: StrategySettings, company_id: str, months: int, wished_bp: int | None) -> int | None:
    """A term's own ask, None when the base speaks for it."""
    here = _ask(settings, company_id, months)
    if here is not None:
        return here.value_bp
    if wished_bp is not None or _ask(settings, company_id, None) is not None:
        return None
    anywhere = _ask(settings, None, months)
    return None if anywhere is None else anywhere.value_bp


def _as_offered(base: StrategyAsk, settings: StrategySettings, wished_bp: int | None) -> tuple[int, FloatingAsk | None]:
    if base.mode == "fixed":
        return base.value_bp, None
    is_minus = base.mode == "book_minus"
    floor_bp = max(base.floor_bp, wished_bp or 0)
    floating = FloatingAsk(
        mode="book_minus" if is_minus else "median",
        offset_bp=-base.value_bp if is_minus else base.value_bp,
        floor_bp=floor_bp,
    )
    return max(floor_bp, settings.rate_floor_bp or 0), floating


def _ask(settings: StrategySettings, company_id: str | None, months: int | None) -> StrategyAsk | None:
    found = (ask for ask in settings.asks if (ask.company_id, ask.term_months) == (company_id, months))
    return next(found, None)

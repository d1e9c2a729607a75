"""A lender's strategy: whom it lends to, at what rate and how much, and what contradicts itself in it."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from marketplace.company_terms import (
    GUARANTEE_MODES,
    LARGEST_AMOUNT_CENTS,
    LONGEST_TERM_MONTHS,
    MOST_PURPOSE_CLASSES,
    WHOLE_BP,
    TermsProblem,
)
from marketplace.range_problems import outside, problem
from marketplace.strategies.cap_presets import StrategyCaps
from marketplace.strategies.offer_terms import LAST_RANK, OfferFilters

SMALLEST_TICKET_CENTS = 1_000
"""A lender's own minimum is 10.00 or more: smaller shares cost more to service than they earn."""
MOST_TERMS = 20
MOST_ASKS = 200

Reinvest = Literal["all", "principal", "none"]
StrategyState = Literal["active", "paused", "closed"]
"""A paused strategy keeps its offers and their places; a closed one has withdrawn them for good."""


class StrategyAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lowest rate accepted by one company (None: every one) for one term (None: every one).

    `fixed`: `value_bp` itself. `book_minus`: `value_bp` below the last clearing rate of the book's term. `median`:
    `value_bp` above (negative: below) the median of its last ones. A rate that follows is never below `floor_bp`.
    """

    company_id: str | None = None
    term_months: int | None = None
    mode: Literal["fixed", "book_minus", "median"] = "fixed"
    value_bp: int
    floor_bp: int = 0


class StrategyFilters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To whom the strategy does not lend; None and () ask for nothing.

    `guarantee_min_bp` is the least guaranteed part of the principal, `modes` the guarantees accepted, `gauge_min_bp`
    the least part of the guarantee that must still be unused, `arrears_max_bp` the most of the company's loans in
    arrears, `purposes` the classes of purpose accepted.
    """

    guarantee_min_bp: int | None = None
    modes: tuple[str, ...] = ()
    gauge_min_bp: int | None = None
    arrears_max_bp: int | None = None
    purposes: tuple[int, ...] = ()

    def as_offered(self) -> OfferFilters:
        """The same in the words of a book."""
        return OfferFilters(
            min_guarantee_bp=self.guarantee_min_bp,
            guarantee_modes=self.modes,
            min_gauge_bp=self.gauge_min_bp,
            max_arrears_bp=self.arrears_max_bp,
            purpose_classes=self.purposes,
        )


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as its lender declares it. Amounts are cents, rates and parts basis points; None is no limit.

    `budget_cents` is the most it may have promised or lent at a time, `pace_cents` the most it newly lends in a month,
    both in all books together; `reserve_cents` of the wallet are never lent. Of a lender's strategies the one of the
    lowest `priority` speaks. `rate_floor_bp` is its ask where no other is named. `terms` are the months accepted (none:
    those that an offer names), of them only plans whose average life is `average_life_max_months` at most.
    """

    name: str
    priority: int = 1
    budget_cents: int | None = None
    reserve_cents: int = 0
    pace_cents: int | None = None
    rate_floor_bp: int | None = None
    asks: tuple[StrategyAsk, ...] = ()
    terms: tuple[int, ...] = ()
    average_life_max_months: int | None = None
    caps: StrategyCaps = StrategyCaps()
    ticket_min_cents: int = SMALLEST_TICKET_CENTS
    is_all_or_none: bool = False
    filters: StrategyFilters = StrategyFilters()
    reinvest: Reinvest = "all"
    state: StrategyState = "active"


def settings_problems(settings: StrategySettings) -> tuple[TermsProblem, ...]:
    """Everything that is out of range or contradicts itself, empty when nothing is. Fields are dotted paths."""
    return (
        *_amount_problems(settings),
        *_rate_problems(settings),
        *_term_problems(settings),
        *_cap_problems(settings),
        *_filter_problems(settings.filters),
    )


def _amount_problems(settings: StrategySettings) -> Iterator[TermsProblem]:
    yield from outside("priority", settings.priority, 1, LAST_RANK)
    yield from outside("reserve_cents", settings.reserve_cents, 0, LARGEST_AMOUNT_CENTS)
    yield from outside("ticket_min_cents", settings.ticket_min_cents, SMALLEST_TICKET_CENTS, LARGEST_AMOUNT_CENTS)
    # What could never lend a single ticket is a mistake, not a setting.
    least = min(max(settings.ticket_min_cents, 1), LARGEST_AMOUNT_CENTS)
    yield from outside("budget_cents", settings.budget_cents, least, LARGEST_AMOUNT_CENTS)
    yield from outside("pace_cents", settings.pace_cents, least, LARGEST_AMOUNT_CENTS)
    yield from outside("caps.company_cents", settings.caps.company_cents, least, LARGEST_AMOUNT_CENTS)


def _rate_problems(settings: StrategySettings) -> Iterator[TermsProblem]:
    yield from outside("rate_floor_bp", settings.rate_floor_bp, 0, WHOLE_BP)
    if len(settings.asks) > MOST_ASKS:
        yield problem("asks", len(settings.asks), f"at most {MOST_ASKS}")
    seen: set[tuple[str | None, int | None]] = set()
    for place, ask in enumerate(settings.asks):
        field = f"asks[{place}]"
        yield from outside(f"{field}.value_bp", ask.value_bp, -WHOLE_BP if ask.mode == "median" else 0, WHOLE_BP)
        yield from outside(f"{field}.floor_bp", ask.floor_bp, 0, WHOLE_BP)
        yield from outside(f"{field}.term_months", ask.term_months, 1, LONGEST_TERM_MONTHS)
        if ask.mode != "fixed" and ask.term_months is not None:
            yield problem(
                f"{field}.term_months", ask.term_months, "null: a rate that follows its book does so in every term"
            )
        if ask.mode == "fixed" and ask.floor_bp:
            yield problem(f"{field}.floor_bp", ask.floor_bp, "0: a fixed rate has no other floor")
        if (ask.company_id, ask.term_months) in seen:
            yield problem(field, "the same company and term again", "each company and term once")
        seen.add((ask.company_id, ask.term_months))


def _term_problems(settings: StrategySettings) -> Iterator[TermsProblem]:
    if len(settings.terms) > MOST_TERMS:
        yield problem("terms", len(settings.terms), f"at most {MOST_TERMS}")
    for place, months in enumerate(settings.terms):
        yield from outside(f"terms[{place}]", months, 1, LONGEST_TERM_MONTHS)
        if months in settings.terms[:place]:
            yield problem(f"terms[{place}]", months, "each term once")
    yield from outside("average_life_max_months", settings.average_life_max_months, 1, LONGEST_TERM_MONTHS)


def _cap_problems(settings: StrategySettings) -> Iterator[TermsProblem]:
    for name in ("borrower_bp", "request_bp", "company_bp", "term_bp"):
        yield from outside(f"caps.{name}", getattr(settings.caps, name), 1, WHOLE_BP)


def _filter_problems(filters: StrategyFilters) -> Iterator[TermsProblem]:
    for name in ("guarantee_min_bp", "gauge_min_bp", "arrears_max_bp"):
        yield from outside(f"filters.{name}", getattr(filters, name), 0, WHOLE_BP)
    for place, mode in enumerate(filters.modes):
        if mode not in GUARANTEE_MODES:
            yield problem(f"filters.modes[{place}]", mode, " or ".join(GUARANTEE_MODES))
    for place, purpose_class in enumerate(filters.purposes):
        yield from outside(f"filters.purposes[{place}]", purpose_class, 1, MOST_PURPOSE_CLASSES)

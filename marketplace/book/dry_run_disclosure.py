"""What of a dry run its company may see: figures of requests only where enough people stand behind them.

A figure needs five people in its group and in what remains of the whole. Money is rounded to 100 euro, shares of the
guarantee to whole percents. Lenders' offers are shown as they are: they name nobody and are public.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TypeAlias

import msgspec

from marketplace.book.book_view import FEWEST_PEOPLE, OfferRow
from marketplace.book.dry_run import (
    BlockedRequests,
    DryRun,
    GuaranteeFigures,
    RateLevel,
    RequestFigures,
    TermsOutcome,
)
from marketplace.company_terms import TermsProblem

_MONEY_STEP_CENTS = 10_000
_GAUGE_STEP_BP = 100

_Rounding: TypeAlias = Callable[[int], int]


class ShownFigures(msgspec.Struct, frozen=True, kw_only=True):
    """`RequestFigures`, or nothing of them where fewer than five people stand behind: `is_withheld`, all else None."""

    months: int | None
    is_withheld: bool
    waiting: int | None = None
    waiting_cents: int | None = None
    held_cents: int | None = None
    covered: int | None = None
    cover_cents: int | None = None
    company_cents: int | None = None
    rate_cbp: int | None = None
    rates: tuple[RateLevel, ...] | None = None
    blocked: tuple[BlockedRequests, ...] | None = None


class ShownGuarantee(msgspec.Struct, frozen=True, kw_only=True):
    """`GuaranteeFigures`; what the covers would make of them is None where the total is withheld."""

    limit_cents: int
    used_before_cents: int
    gauge_before_bp: int | None
    used_after_cents: int | None
    gauge_after_bp: int | None
    head_room_cents: int | None


class ShownOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """`TermsOutcome` as far as it may be seen."""

    version: int
    by_term: tuple[ShownFigures, ...]
    total: ShownFigures
    company_used_cents: int | None
    company_left_cents: int | None
    guarantee: ShownGuarantee | None
    depth: tuple[OfferRow, ...]


class ShownDryRun(msgspec.Struct, frozen=True, kw_only=True):
    """`DryRun` as far as it may be seen."""

    book_sequence: int
    at: datetime
    is_paused: bool
    problems: tuple[TermsProblem, ...]
    present: ShownOutcome | None
    proposed: ShownOutcome | None


def shown_to_operations(run: DryRun) -> ShownDryRun:
    """Everything, to the cent."""
    return _shown(run, None)


def shown_to_company(run: DryRun, people: Mapping[int, Collection[str]]) -> ShownDryRun:
    """What the company sees. `people` are those behind the requests of each term: in the live book, and in the last
    90 days."""
    return _shown(run, people)


def _shown(run: DryRun, people: Mapping[int, Collection[str]] | None) -> ShownDryRun:
    return ShownDryRun(
        book_sequence=run.book_sequence,
        at=run.at,
        is_paused=run.is_paused,
        problems=run.problems,
        present=None if run.present is None else _outcome(run.present, people),
        proposed=None if run.proposed is None else _outcome(run.proposed, people),
    )


def _outcome(outcome: TermsOutcome, people: Mapping[int, Collection[str]] | None) -> ShownOutcome:
    withheld = _withheld(outcome, people) if people is not None else frozenset()
    money, share = (_exact, _exact) if people is None else (_to_100_euro, _to_whole_percent)
    is_total_shown = None not in withheld
    return ShownOutcome(
        version=outcome.version,
        by_term=tuple(_figures(figures, withheld, money) for figures in outcome.by_term),
        total=_figures(outcome.total, withheld, money),
        company_used_cents=money(outcome.company_used_cents) if is_total_shown else None,
        company_left_cents=money(outcome.company_left_cents) if is_total_shown else None,
        guarantee=None
        if outcome.guarantee is None
        else _guarantee(outcome.guarantee, money, share, is_total_shown=is_total_shown),
        depth=outcome.depth,
    )


def _withheld(outcome: TermsOutcome, people: Mapping[int, Collection[str]]) -> frozenset[int | None]:
    """The terms too few people stand behind; None with them when the total would tell of these few, or of too few."""
    terms = [figures.months for figures in outcome.by_term if figures.months is not None]
    behind = {months: frozenset(people.get(months, ())) for months in terms}
    few: set[int | None] = {months for months, group in behind.items() if len(group) < FEWEST_PEOPLE}
    behind_few = frozenset[str]().union(*(group for months, group in behind.items() if months in few))
    everybody = frozenset[str]().union(*behind.values())
    if len(everybody) < FEWEST_PEOPLE or 0 < len(behind_few) < FEWEST_PEOPLE:
        few.add(None)
    return frozenset(few)


def _figures(figures: RequestFigures, withheld: Collection[int | None], money: _Rounding) -> ShownFigures:
    if figures.months in withheld:
        return ShownFigures(months=figures.months, is_withheld=True)
    return ShownFigures(
        months=figures.months,
        is_withheld=False,
        waiting=figures.waiting,
        waiting_cents=money(figures.waiting_cents),
        held_cents=money(figures.held_cents),
        covered=figures.covered,
        cover_cents=money(figures.cover_cents),
        company_cents=money(figures.company_cents),
        rate_cbp=figures.rate_cbp,
        rates=tuple(msgspec.structs.replace(level, cover_cents=money(level.cover_cents)) for level in figures.rates),
        blocked=tuple(msgspec.structs.replace(one, cents=money(one.cents)) for one in figures.blocked),
    )


def _guarantee(
    figures: GuaranteeFigures, money: _Rounding, share: _Rounding, *, is_total_shown: bool
) -> ShownGuarantee:
    return ShownGuarantee(
        limit_cents=figures.limit_cents,
        used_before_cents=money(figures.used_before_cents),
        gauge_before_bp=_or_none(share, figures.gauge_before_bp),
        used_after_cents=money(figures.used_after_cents) if is_total_shown else None,
        gauge_after_bp=_or_none(share, figures.gauge_after_bp) if is_total_shown else None,
        head_room_cents=_or_none(money, figures.head_room_cents) if is_total_shown else None,
    )


def _or_none(rounding: _Rounding, value: int | None) -> int | None:
    return None if value is None else rounding(value)


def _exact(value: int) -> int:
    return value


def _to_100_euro(cents: int) -> int:
    return _to_step(cents, _MONEY_STEP_CENTS)


def _to_whole_percent(share_bp: int) -> int:
    return _to_step(share_bp, _GAUGE_STEP_BP)


def _to_step(value: int, step: int) -> int:
    """The nearest multiple of `step`, half up."""
    return (2 * value + step) // (2 * step) * step

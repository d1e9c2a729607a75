"""What of a dry run its company may see: figures of requests only where enough people stand behind them.

Every figure needs five people of its own, and so does what is left when the figures shown are taken from their sum: the
terms withheld from the total, the rates and reasons left out from their term. Nought is a figure of all who might have
been counted. So that no two ways of parting the same requests can be set against each other, rates and reasons are
told term by term, and of the total only where no term's are. Money is rounded to 100 euro, shares of the guarantee to
whole percents. Lenders' offers are shown as they are: they name nobody and are public.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias, TypeVar

import msgspec

from marketplace.book.book_view import FEWEST_PEOPLE, OfferRow
from marketplace.book.dry_run import (
    BlockedRequests,
    BlockReason,
    DryRun,
    GuaranteeFigures,
    PeopleBehind,
    RateLevel,
    RequestFigures,
    TermsOutcome,
)
from marketplace.company_terms import TermsProblem

_MONEY_STEP_CENTS = 10_000
_GAUGE_STEP_BP = 100

_Rounding: TypeAlias = Callable[[int], int]
_Part = TypeVar("_Part", int, BlockReason)


class ShownFigures(msgspec.Struct, frozen=True, kw_only=True):
    """`RequestFigures` as far as they may be seen: what would tell of fewer than five people is None.

    Nothing is told (`is_withheld`) where so few wait. `rates` and `blocked` leave out what few people stand behind, and
    one more where those few could be reckoned from the rest.
    """

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
    """`GuaranteeFigures`; what the covers would make of them is None where that would tell of fewer than five
    people."""

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
    return _shown(run, _all_of, _exact, _exact)


def shown_to_company(run: DryRun) -> ShownDryRun:
    """What the company sees."""
    return _shown(run, _allowed, _to_100_euro, _to_whole_percent)


class _Visible(msgspec.Struct, frozen=True, kw_only=True):
    """Which figures of a group of requests are shown: how many wait, what they hold, what is covered and what not,
    which part of it the company's money is, and at which rates or for which reasons."""

    waiting: bool
    held: bool
    split: bool
    company: bool
    rates: Collection[int] | None
    reasons: Collection[BlockReason] | None


class _VisibleOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Which figures of an outcome are shown, term by term, in total, and of the money that the covers use up."""

    by_term: tuple[_Visible, ...]
    total: _Visible
    money_used: bool


_Choice: TypeAlias = Callable[[TermsOutcome], _VisibleOutcome]


def _all_of(outcome: TermsOutcome) -> _VisibleOutcome:
    groups = [
        _Visible(
            waiting=True,
            held=True,
            split=True,
            company=True,
            rates=figures.people.by_rate.keys(),
            reasons=figures.people.by_reason.keys(),
        )
        for figures in (*outcome.by_term, outcome.total)
    ]
    return _VisibleOutcome(by_term=tuple(groups[:-1]), total=groups[-1], money_used=True)


def _allowed(outcome: TermsOutcome) -> _VisibleOutcome:
    terms = [figures.people for figures in outcome.by_term]
    visible = tuple(_allowed_of_term(people) for people in terms)
    total = _allowed_of_total(outcome.total.people, list(zip(terms, visible, strict=True)))
    return _VisibleOutcome(
        by_term=visible,
        total=total,
        money_used=total.company and _tells_of_nobody_alone(outcome.total.people.covered_holds),
    )


def _allowed_of_term(people: PeopleBehind) -> _Visible:
    waiting = len(people.waiting) >= FEWEST_PEOPLE
    split = waiting and _tells_of_nobody_alone(people.covered, people.blocked)
    return _Visible(
        waiting=waiting,
        held=waiting and _tells_of_nobody_alone(people.held),
        split=split,
        company=split and _tells_of_nobody_alone(people.company, people.lenders),
        rates=_parts_to_show(people.by_rate) if split else None,
        reasons=_parts_to_show(people.by_reason) if split else None,
    )


def _allowed_of_total(people: PeopleBehind, terms: Collection[tuple[PeopleBehind, _Visible]]) -> _Visible:
    """The total is shown only as far as it does not tell of the few that its terms withhold."""
    unheld = [term for term, visible in terms if not visible.held]
    unsplit = [term for term, visible in terms if not visible.split]
    unfunded = [term for term, visible in terms if not visible.company]
    alone = _allowed_of_term(people)
    waiting = alone.waiting and _tells_of_nobody_alone(
        _together(term.waiting for term, visible in terms if not visible.waiting)
    )
    split = (
        waiting
        and alone.split
        and _tells_of_nobody_alone(
            _together(term.covered for term in unsplit), _together(term.blocked for term in unsplit)
        )
    )
    has_parts = split and len(unsplit) == len(terms)
    return _Visible(
        waiting=waiting,
        held=waiting and alone.held and _tells_of_nobody_alone(_together(term.held for term in unheld)),
        split=split,
        company=split
        and alone.company
        and _tells_of_nobody_alone(
            _together(term.company for term in unfunded), _together(term.lenders for term in unfunded)
        ),
        rates=alone.rates if has_parts else None,
        reasons=alone.reasons if has_parts else None,
    )


def _tells_of_nobody_alone(*groups: Collection[str]) -> bool:
    """Whether each group is of nobody, or of enough people."""
    return all(not group or len(group) >= FEWEST_PEOPLE for group in groups)


def _together(groups: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*groups)


def _parts_to_show(parts: Mapping[_Part, frozenset[str]]) -> frozenset[_Part]:
    """Parts of enough people; the smallest of them go with those of few until these cannot be told by subtraction."""
    shown = sorted(
        (part for part in parts if len(parts[part]) >= FEWEST_PEOPLE), key=lambda part: (len(parts[part]), part)
    )
    hidden = _together(parts[part] for part in parts if part not in shown)
    while shown and not _tells_of_nobody_alone(hidden):
        hidden |= parts[shown.pop(0)]
    return frozenset(shown)


def _shown(run: DryRun, choose: _Choice, money: _Rounding, share: _Rounding) -> ShownDryRun:
    return ShownDryRun(
        book_sequence=run.book_sequence,
        at=run.at,
        is_paused=run.is_paused,
        problems=run.problems,
        present=None if run.present is None else _outcome(run.present, choose(run.present), money, share),
        proposed=None if run.proposed is None else _outcome(run.proposed, choose(run.proposed), money, share),
    )


def _outcome(outcome: TermsOutcome, visible: _VisibleOutcome, money: _Rounding, share: _Rounding) -> ShownOutcome:
    is_used_shown = visible.money_used
    return ShownOutcome(
        version=outcome.version,
        by_term=tuple(
            _figures(figures, allowed, money) for figures, allowed in zip(outcome.by_term, visible.by_term, strict=True)
        ),
        total=_figures(outcome.total, visible.total, money),
        company_used_cents=money(outcome.company_used_cents) if is_used_shown else None,
        company_left_cents=money(outcome.company_left_cents) if is_used_shown else None,
        guarantee=None
        if outcome.guarantee is None
        else _guarantee(outcome.guarantee, money, share, is_used_shown=is_used_shown),
        depth=outcome.depth,
    )


def _figures(figures: RequestFigures, visible: _Visible, money: _Rounding) -> ShownFigures:
    if not visible.waiting:
        return ShownFigures(months=figures.months, is_withheld=True)
    return ShownFigures(
        months=figures.months,
        is_withheld=False,
        waiting=figures.waiting,
        waiting_cents=money(figures.waiting_cents),
        held_cents=money(figures.held_cents) if visible.held else None,
        covered=figures.covered if visible.split else None,
        cover_cents=money(figures.cover_cents) if visible.split else None,
        company_cents=money(figures.company_cents) if visible.company else None,
        rate_cbp=figures.rate_cbp if visible.split else None,
        rates=None if visible.rates is None else _levels(figures, visible.rates, money),
        blocked=None if visible.reasons is None else _reasons(figures, visible.reasons, money),
    )


def _levels(figures: RequestFigures, rates: Collection[int], money: _Rounding) -> tuple[RateLevel, ...]:
    shown = (level for level in figures.rates if level.rate_bp in rates)
    return tuple(msgspec.structs.replace(level, cover_cents=money(level.cover_cents)) for level in shown)


def _reasons(
    figures: RequestFigures, reasons: Collection[BlockReason], money: _Rounding
) -> tuple[BlockedRequests, ...]:
    shown = (one for one in figures.blocked if one.reason in reasons)
    return tuple(msgspec.structs.replace(one, cents=money(one.cents)) for one in shown)


def _guarantee(figures: GuaranteeFigures, money: _Rounding, share: _Rounding, *, is_used_shown: bool) -> ShownGuarantee:
    return ShownGuarantee(
        limit_cents=figures.limit_cents,
        used_before_cents=money(figures.used_before_cents),
        gauge_before_bp=_or_none(share, figures.gauge_before_bp),
        used_after_cents=money(figures.used_after_cents) if is_used_shown else None,
        gauge_after_bp=_or_none(share, figures.gauge_after_bp) if is_used_shown else None,
        head_room_cents=_or_none(money, figures.head_room_cents) if is_used_shown else None,
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

"""What a version of a company's terms would do to its book now, beside what the present version does.

Every waiting request is planned in book order on a copy, each cover taking its money before the next is looked at. What
a request holds already stays its own: others plan without it, and where the request cannot be covered whole it keeps
holding. The book is the same afterwards, to the byte.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from marketplace.allocation.guarantee import head_room_cents, used_cents
from marketplace.allocation.matching import BookFigures, CoverPlan, Uncovered
from marketplace.allocation.orders import CreditRequest, LenderStanding
from marketplace.allocation.running_figures import RunningFigures
from marketplace.book.book_events import Standing
from marketplace.book.book_view import OfferRow, offer_rows
from marketplace.book.book_walk import figures_for
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.covers import Cover
from marketplace.book.guarantees_given import standing_problems
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import CompanyTerms, GuaranteeTerms, TermsProblem
from marketplace.company_terms_problems import terms_problems

BlockReason = Literal["uncovered", "guarantee", "rate", "term"]
"""Why a request stays: too little money at rates that suit both sides; no room under the guarantee; the lowest rate
is above what the borrower accepted; the terms do not offer its term."""


class RateLevel(msgspec.Struct, frozen=True, kw_only=True):
    """Requests covered at one clearing rate."""

    rate_bp: int
    covered: int
    cover_cents: int


class BlockedRequests(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that stay for one reason, and what they ask for (cents)."""

    reason: BlockReason
    requests: int
    cents: int


class PeopleBehind(msgspec.Struct, frozen=True, kw_only=True):
    """The borrowers that each of the figures of requests tells of, by id: what may be shown depends on how many.

    `company` are those whose cover takes or frees money of the company, `lenders` those whose cover takes lenders',
    `covered_holds` those whose cover uses what they hold already.
    """

    waiting: frozenset[str]
    held: frozenset[str]
    covered: frozenset[str]
    blocked: frozenset[str]
    company: frozenset[str]
    lenders: frozenset[str]
    covered_holds: frozenset[str]
    by_rate: dict[int, frozenset[str]]
    by_reason: dict[BlockReason, frozenset[str]]


class RequestFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one term, or of all (`months` None): what waits, what would be covered, what stays and why.

    `waiting` counts requests without a cover, `held_cents` what they hold. `cover_cents` is funded by lenders and by
    `company_cents`; `rate_cbp` is the average of the loans' rates, weighted by cents, None without any.
    """

    months: int | None
    waiting: int
    waiting_cents: int
    held_cents: int
    covered: int
    cover_cents: int
    company_cents: int
    rate_cbp: int | None
    rates: tuple[RateLevel, ...]
    blocked: tuple[BlockedRequests, ...]
    people: PeopleBehind


class GuaranteeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The guarantee before and after the covers: cents used of the limit, and how far it is used (basis points, None
    where there is no limit to use). `head_room_cents` is what lenders could still lend then; None: unbounded."""

    limit_cents: int
    used_before_cents: int
    used_after_cents: int
    gauge_before_bp: int | None
    gauge_after_bp: int | None
    head_room_cents: int | None


class TermsOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one version of the terms does now. `depth` is what lenders offer under it, as the public view counts it."""

    version: int
    by_term: tuple[RequestFigures, ...]
    total: RequestFigures
    company_used_cents: int
    company_left_cents: int
    guarantee: GuaranteeFigures | None
    depth: tuple[OfferRow, ...]


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """Both versions side by side, on the book as of entry `book_sequence` and the instant `at`.

    `problems` are why the proposed terms could not be published; where they contradict themselves nothing is planned
    under them. A paused book covers nothing now: the outcomes are those of the moment it goes on.
    """

    book_sequence: int
    at: datetime
    is_paused: bool
    problems: tuple[TermsProblem, ...]
    present: TermsOutcome | None
    proposed: TermsOutcome | None


def dry_run(book: OrderBook, proposed: CompanyTerms, observed: Sequence[Standing], *, at: datetime) -> DryRun:
    """Plan all that waits in `book` under `proposed` and under the present terms, as if at instant `at`.

    `observed` are the present standings of its lenders' purses; of one that is left out the book's last view counts.
    """
    if book.now_at is not None:
        at = max(at, book.now_at)
    contradictions = terms_problems(proposed)
    news = [standing for standing in observed if book.lenders.standings.get(standing.lender_id) != standing]
    with book.lenders.as_if(news):
        return DryRun(
            book_sequence=book.sequence,
            at=at,
            is_paused=bool(book.pauses),
            problems=(*contradictions, *standing_problems(book, proposed)),
            present=None if book.terms is None else _outcome(book, book.terms, at),
            proposed=None if contradictions else _outcome(book, proposed, at),
        )


class _Planned(msgspec.Struct, frozen=True):
    """A waiting request and what became of it."""

    request: CreditRequest
    held_cents: int
    held_company_cents: int
    outcome: CoverPlan | Uncovered
    block: BlockReason | None


def _outcome(book: OrderBook, terms: CompanyTerms, at: datetime) -> TermsOutcome:
    turn = _Turn(book, terms, at)
    running = turn.running
    before_cents = running.guaranteed_cents
    planned = [turn.plan(booked) for booked in book.open_requests() if book.is_at_rest(booked)]
    months = sorted({one.request.months for one in planned} | {band.months for band in terms.bands})
    return TermsOutcome(
        version=terms.version,
        by_term=tuple(_figures(term, [one for one in planned if one.request.months == term]) for term in months),
        total=_figures(None, planned),
        company_used_cents=book.budget_cents - running.budget_left_cents,
        company_left_cents=running.budget_left_cents,
        guarantee=_guarantee(terms.guarantee, before_cents=before_cents, after_cents=running.guaranteed_cents),
        depth=tuple(offer_rows(book, terms)),
    )


class _Turn:
    """The money of a book while its requests are planned one after the other."""

    def __init__(self, book: OrderBook, terms: CompanyTerms, at: datetime) -> None:
        self._book = book
        self._terms = terms
        self._at = at
        start = BookFigures(
            guaranteed_cents=book.guaranteed_cents_under(terms.guarantee),
            budget_left_cents=book.budget_cents,
            exposures={},
            sequence=book.covers_completed,
            now_at=at,
        )
        self.running = RunningFigures(book.lenders.resting.copy(), terms, start, exposures=book.exposures)

    def plan(self, booked: BookedRequest) -> _Planned:
        """Plan one request; a cover takes what it uses before the next is planned."""
        request = booked.request
        own = None if booked.cover_id is None else self._book.covers[booked.cover_id]
        before = [] if own is None else self._give_back(own, request)
        given = msgspec.structs.replace(figures_for(self._book, booked, own=None), now_at=self._at)
        outcome = self.running.plan(request, given)
        if own is not None and not isinstance(outcome, CoverPlan):
            self.running.resting.restand_all(before)
            self.running.reserve(request.borrower_id, own.reserved_cents(), own.plan.company_cents)
        return _Planned(
            request=request,
            held_cents=0 if own is None else own.plan.amount_cents,
            held_company_cents=0 if own is None else own.plan.company_cents,
            outcome=outcome,
            block=self._block(request, outcome),
        )

    def _give_back(self, own: Cover, request: CreditRequest) -> list[LenderStanding]:
        """Let the request's own promises count as free; the standings as they were."""
        reserved = own.reserved_cents()
        resting = self.running.resting
        before, freed = [], []
        for fill in own.live_fills():
            standing = resting.standing(fill.leg.lender_id)
            before.append(standing)
            freed.append(
                msgspec.structs.replace(
                    standing,
                    free_cents=standing.free_cents + fill.taken_cents,
                    lent_here_cents=standing.lent_here_cents - reserved.get(standing.lender_id, 0),
                    rooms={
                        key: room_cents + (fill.taken_cents if key in fill.limit_keys else 0)
                        for key, room_cents in standing.rooms.items()
                    },
                )
            )
        resting.restand_all(freed)
        self.running.free(request.borrower_id, reserved, own.plan.company_cents)
        return before

    def _block(self, request: CreditRequest, outcome: CoverPlan | Uncovered) -> BlockReason | None:
        if isinstance(outcome, CoverPlan):
            return None
        band = self._terms.band(request.months)
        if band is None:
            return "term"
        return "rate" if band.floor_bp > request.max_rate_bp else outcome.reason


def _figures(months: int | None, planned: Sequence[_Planned]) -> RequestFigures:
    plans = [one.outcome for one in planned if isinstance(one.outcome, CoverPlan)]
    cover_cents = sum(plan.amount_cents for plan in plans)
    return RequestFigures(
        months=months,
        waiting=len(planned),
        waiting_cents=sum(one.request.amount_cents for one in planned),
        held_cents=sum(one.held_cents for one in planned),
        covered=len(plans),
        cover_cents=cover_cents,
        company_cents=sum(plan.company_cents for plan in plans),
        rate_cbp=_average_cbp(plans, cover_cents),
        rates=tuple(_rate_levels(plans)),
        blocked=tuple(_blocked(planned)),
        people=_people_behind(planned),
    )


def _people_behind(planned: Sequence[_Planned]) -> PeopleBehind:
    covered = [(one, one.outcome) for one in planned if isinstance(one.outcome, CoverPlan)]
    return PeopleBehind(
        waiting=_people(planned),
        held=_people(one for one in planned if one.held_cents),
        covered=_people(one for one, _ in covered),
        blocked=_people(one for one in planned if one.block is not None),
        company=_people(one for one, plan in covered if plan.company_cents or one.held_company_cents),
        lenders=_people(one for one, plan in covered if plan.legs),
        covered_holds=_people(one for one, _ in covered if one.held_cents),
        by_rate={
            rate_bp: _people(one for one, plan in covered if plan.rate_bp == rate_bp)
            for rate_bp in sorted({plan.rate_bp for _, plan in covered})
        },
        by_reason={
            reason: _people(one for one in planned if one.block == reason)
            for reason in sorted({one.block for one in planned if one.block is not None})
        },
    )


def _people(planned: Iterable[_Planned]) -> frozenset[str]:
    return frozenset(one.request.borrower_id for one in planned)


def _average_cbp(plans: Iterable[CoverPlan], cover_cents: int) -> int | None:
    """The loans' average rate, weighted by cents, rounded half up; None without any."""
    if cover_cents == 0:
        return None
    cbp_cents = sum(plan.loan_rate_cbp * plan.amount_cents for plan in plans)
    return (2 * cbp_cents + cover_cents) // (2 * cover_cents)


def _rate_levels(plans: Sequence[CoverPlan]) -> Iterator[RateLevel]:
    for rate_bp in sorted({plan.rate_bp for plan in plans}):
        cents = [plan.amount_cents for plan in plans if plan.rate_bp == rate_bp]
        yield RateLevel(rate_bp=rate_bp, covered=len(cents), cover_cents=sum(cents))


def _blocked(planned: Sequence[_Planned]) -> Iterator[BlockedRequests]:
    for reason in sorted({one.block for one in planned if one.block is not None}):
        cents = [one.request.amount_cents for one in planned if one.block == reason]
        yield BlockedRequests(reason=reason, requests=len(cents), cents=sum(cents))


def _guarantee(guarantee: GuaranteeTerms | None, *, before_cents: int, after_cents: int) -> GuaranteeFigures | None:
    if guarantee is None:
        return None
    used_before = used_cents(guarantee, guaranteed_cents=before_cents)
    used_after = used_cents(guarantee, guaranteed_cents=after_cents)
    return GuaranteeFigures(
        limit_cents=guarantee.limit_cents,
        used_before_cents=used_before,
        used_after_cents=used_after,
        gauge_before_bp=_gauge_bp(guarantee, used_before),
        gauge_after_bp=_gauge_bp(guarantee, used_after),
        head_room_cents=head_room_cents(guarantee, guaranteed_cents=after_cents),
    )


def _gauge_bp(guarantee: GuaranteeTerms, used: int) -> int | None:
    """How much of the limit is used, as many times as agreed, rounded up to a basis point."""
    return None if guarantee.limit_cents == 0 else -(-used * guarantee.coverage_bp // guarantee.limit_cents)

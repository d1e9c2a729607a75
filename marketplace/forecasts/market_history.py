"""What a company's book has lived through lately: the past that forecasts are made from.

Folded from the book's journal, so whoever has read the same entries has the same history. It keeps 90 days at most and
a bounded number of facts; older ones leave as newer ones come. A day is 24 hours, counted back from the instant that
is asked about.
"""

import copy
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median_low
from typing import Literal, Protocol, TypeVar

import msgspec

from marketplace.allocation.orders import CreditRequest
from marketplace.allocation.receipts import Receipt
from marketplace.book.book_events import (
    CompanyBudgetGranted,
    CoverAmended,
    Covered,
    CoverProposed,
    LegReleased,
    PrincipalRepaid,
    RequestClosed,
    RequestOpened,
    Standing,
    StandingsObserved,
)
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook
from marketplace.strategies.offer_terms import Tier

WINDOW = timedelta(days=90)
MOST_REQUESTS = 5_000
MOST_MOVES = 20_000
MOST_WAITS = 5_000
ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)


class PastRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that was opened: what was asked, and by whom, so that people can be counted."""

    at: datetime
    borrower_id: str
    months: int
    amount_cents: int
    max_rate_bp: int
    purpose_class: int


class PastOutcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a request's wait ended: covered at the clearing rate `rate_bp`, or left without a loan (`rate_bp` None).

    `was_coverable_at_once`: the book proposed a whole cover at the instant it opened the request. `last_tier` is the
    preference of the last bucket that got money, at the price `rate_bp`; None when the company funded the whole loan.
    `is_last_rationed`: not everybody in that bucket was filled whole.
    """

    request_id: str
    borrower_id: str
    opened_at: datetime
    at: datetime
    months: int
    amount_cents: int
    max_rate_bp: int
    end: Literal["covered", "expired", "cancelled"]
    was_coverable_at_once: bool
    rate_bp: int | None = None
    lender_count: int = 0
    last_tier: Tier | None = None
    is_last_rationed: bool = False

    @property
    def waited(self) -> timedelta:
        """From the opening to the end."""
        return self.at - self.opened_at


class MoneyMove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lender could spend `cents` more (or less) than the book knew, by what did not happen in it: a wire, an
    instalment, a loan elsewhere; or a cover of this book came to nothing. `is_first`: the book had not met the lender.
    """

    at: datetime
    lender_id: str
    cents: int
    is_first: bool


class CompanyMove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Principal (cents) that came back and freed the guarantee, or a budget that the company granted."""

    at: datetime
    cents: int
    kind: Literal["repaid", "granted"]


class LenderWait(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How long a lender's money had been there when a cover of a loan over `months` took some of it."""

    at: datetime
    months: int
    waited: timedelta


class PastFlow(msgspec.Struct, frozen=True, kw_only=True):
    """What came to a book, in order of time: everything of the `day_count` days before an instant is in it."""

    day_count: int
    requests: tuple[PastRequest, ...]
    money_moves: tuple[MoneyMove, ...]
    company_moves: tuple[CompanyMove, ...]


class TermFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and lent over one term in the last `days` (at least 1): by requests of `borrower_count` people,
    `covered_count` of whom were covered.

    Middle figures are medians over the covers, and over the fills of lenders for how long their money had been there;
    None without any. Sequences are in order of time. Where they are shown with fewer than five people covered, all
    figures of the covers are None.
    """

    months: int
    days: int
    borrower_count: int
    request_count: int
    requested_cents_a_day: int
    covered_count: int | None
    cover_count: int | None
    covered_cents_a_day: int | None
    middle_rate_bp: int | None
    middle_lender_count: int | None
    middle_wait_to_cover_s: int | None
    middle_wait_of_money_s: int | None


class _Waiting(msgspec.Struct, kw_only=True):
    """A request whose wait has not ended, and the last bucket that the latest plan for it fills."""

    request: CreditRequest
    opened_at: datetime
    was_coverable_at_once: bool = False
    last_tier: Tier | None = None
    is_last_rationed: bool = False


class _Dated(Protocol):
    @property
    def at(self) -> datetime: ...


_Fact = TypeVar("_Fact", bound=_Dated)


class MarketHistory:
    """One book's recent past, entry after entry of its journal. Forecasts read what it holds, in order of time."""

    def __init__(self) -> None:
        self.requests: deque[PastRequest] = deque(maxlen=MOST_REQUESTS)
        self.outcomes: deque[PastOutcome] = deque(maxlen=MOST_REQUESTS)
        self.money_moves: deque[MoneyMove] = deque(maxlen=MOST_MOVES)
        self.company_moves: deque[CompanyMove] = deque(maxlen=MOST_MOVES)
        self.lender_waits: deque[LenderWait] = deque(maxlen=MOST_WAITS)
        self._began_at: datetime | None = None
        self._waiting: dict[str, _Waiting] = {}

    def apply(self, record: BookRecord, book: OrderBook) -> None:
        """Take the next entry of the journal in. `book` is the book as it stood before that entry."""
        at = record.at
        if self._began_at is None:
            self._began_at = at
        self._forget_before(at - WINDOW)
        match record.event:
            case RequestOpened(request=request):
                self._open(request, at)
            case CoverProposed(request_id=request_id, plan=plan):
                if waiting := self._waiting.get(request_id):
                    _note_last_bucket(waiting, plan.receipt)
                    waiting.was_coverable_at_once |= at == waiting.opened_at and not plan.is_holding
            case CoverAmended(request_id=request_id, plan=plan):
                if waiting := self._waiting.get(request_id):
                    _note_last_bucket(waiting, plan.receipt)
            case Covered() as event:
                self._cover(event, at, book)
            case RequestClosed(request_id=request_id, why=why):
                self._close(request_id, at, "expired" if why == "expired" else "cancelled")
            case StandingsObserved(standings=standings):
                for standing in standings:
                    self._observe(standing, at, book)
            case LegReleased(cover_id=cover_id, fill_id=fill_id, answer="released"):
                self._give_back(cover_id, fill_id, at, book)
            case PrincipalRepaid(cents=cents):
                self.company_moves.append(CompanyMove(at=at, cents=cents, kind="repaid"))
            case CompanyBudgetGranted(cents=cents):
                self.company_moves.append(CompanyMove(at=at, cents=cents, kind="granted"))
            case _:
                pass

    def days_known(self, now_at: datetime) -> int:
        """How many whole days back from `now_at` everything that happened is known, 90 at most."""
        if self._began_at is None:
            return 0
        since_at = max(self._began_at, now_at - WINDOW)
        for facts in (self.requests, self.money_moves, self.company_moves):
            if facts and len(facts) == facts.maxlen:
                since_at = max(since_at, facts[0].at)
        return max(0, (now_at - since_at) // ONE_DAY)

    def flow_before(self, at: datetime) -> PastFlow:
        """What came to the book lately, copied."""
        return PastFlow(
            day_count=self.days_known(at),
            requests=tuple(self.requests),
            money_moves=tuple(self.money_moves),
            company_moves=tuple(self.company_moves),
        )

    def term_figures(self, months: int, now_at: datetime) -> TermFigures:
        """The figures of one term within the days known (of its first day, when less than one has passed)."""
        days = max(1, self.days_known(now_at))
        since_at = now_at - days * ONE_DAY
        requests = [one for one in since(since_at, self.requests) if one.months == months]
        covers = [one for one in since(since_at, self.outcomes) if one.months == months and one.end == "covered"]
        waits = [one.waited for one in since(since_at, self.lender_waits) if one.months == months]
        return TermFigures(
            months=months,
            days=days,
            borrower_count=len({one.borrower_id for one in requests}),
            request_count=len(requests),
            requested_cents_a_day=sum(one.amount_cents for one in requests) // days,
            covered_count=len({one.borrower_id for one in covers}),
            cover_count=len(covers),
            covered_cents_a_day=sum(one.amount_cents for one in covers) // days,
            middle_rate_bp=_middle([one.rate_bp for one in covers if one.rate_bp is not None]),
            middle_lender_count=_middle([one.lender_count for one in covers]),
            middle_wait_to_cover_s=_middle([one.waited // ONE_SECOND for one in covers]),
            middle_wait_of_money_s=_middle([waited // ONE_SECOND for waited in waits]),
        )

    def copy(self) -> "MarketHistory":
        """The same past, to be read on its own while this one goes on."""
        copied = copy.copy(self)
        copied.requests = self.requests.copy()
        copied.outcomes = self.outcomes.copy()
        copied.money_moves = self.money_moves.copy()
        copied.company_moves = self.company_moves.copy()
        copied.lender_waits = self.lender_waits.copy()
        copied._waiting = {request_id: copy.copy(waiting) for request_id, waiting in self._waiting.items()}
        return copied

    def _forget_before(self, at: datetime) -> None:
        _drop_before(at, self.requests)
        _drop_before(at, self.outcomes)
        _drop_before(at, self.money_moves)
        _drop_before(at, self.company_moves)
        _drop_before(at, self.lender_waits)

    def _open(self, request: CreditRequest, at: datetime) -> None:
        self._waiting[request.request_id] = _Waiting(request=request, opened_at=at)
        self.requests.append(past_request(request, at))

    def _cover(self, event: Covered, at: datetime, book: OrderBook) -> None:
        for fill in event.fills:
            standing = book.lenders.standings.get(fill.lender_id)
            if standing is not None:
                waited = max(timedelta(0), at - standing.cash_since_at)
                self.lender_waits.append(LenderWait(at=at, months=event.months, waited=waited))
        waiting = self._waiting.pop(event.request_id, None)
        if waiting is None:  # covered before, and the cover came to nothing
            return
        self.outcomes.append(_outcome(waiting, at, "covered", rate_bp=event.rate_bp, lender_count=len(event.fills)))

    def _close(self, request_id: str, at: datetime, end: Literal["expired", "cancelled"]) -> None:
        waiting = self._waiting.pop(request_id, None)
        if waiting is not None:
            self.outcomes.append(_outcome(waiting, at, end))

    def _observe(self, standing: Standing, at: datetime, book: OrderBook) -> None:
        known = book.lenders.standings.get(standing.lender_id)
        cents = standing.free_cents - (0 if known is None else known.free_cents)
        if cents:
            move = MoneyMove(at=at, lender_id=standing.lender_id, cents=cents, is_first=known is None)
            self.money_moves.append(move)

    def _give_back(self, cover_id: str, fill_id: str, at: datetime, book: OrderBook) -> None:
        """The money of a whole cover that is given up is there again, as if it had come from elsewhere."""
        cover = book.covers.get(cover_id)
        if cover is None or not cover.is_complete or fill_id not in cover.fills:
            return
        fill = cover.fills[fill_id]
        if fill.taken_cents:
            move = MoneyMove(at=at, lender_id=fill.leg.lender_id, cents=fill.taken_cents, is_first=False)
            self.money_moves.append(move)


class LiveBook(msgspec.Struct, frozen=True, kw_only=True):
    """A company's book as it stands and what it has lived through; both go on, and are read only."""

    book: OrderBook
    history: MarketHistory

    def copy(self) -> "LiveBook":
        """Both as they are now, to be read while these go on."""
        return LiveBook(book=self.book.copy(), history=self.history.copy())


def past_request(request: CreditRequest, at: datetime) -> PastRequest:
    """A request as the past keeps it."""
    return PastRequest(
        at=at,
        borrower_id=request.borrower_id,
        months=request.months,
        amount_cents=request.amount_cents,
        max_rate_bp=request.max_rate_bp,
        purpose_class=request.purpose_class,
    )


def _drop_before(at: datetime, facts: deque[_Fact]) -> None:
    while facts and facts[0].at < at:
        facts.popleft()


def _middle(figures: Sequence[int]) -> int | None:
    return median_low(figures) if figures else None


def since(at: datetime, facts: Sequence[_Fact]) -> list[_Fact]:
    """The facts from `at` on, of a sequence in order of time."""
    return [fact for fact in facts if fact.at >= at]


def _outcome(
    waiting: _Waiting,
    at: datetime,
    end: Literal["covered", "expired", "cancelled"],
    *,
    rate_bp: int | None = None,
    lender_count: int = 0,
) -> PastOutcome:
    request = waiting.request
    return PastOutcome(
        request_id=request.request_id,
        borrower_id=request.borrower_id,
        opened_at=waiting.opened_at,
        at=at,
        months=request.months,
        amount_cents=request.amount_cents,
        max_rate_bp=request.max_rate_bp,
        end=end,
        was_coverable_at_once=waiting.was_coverable_at_once,
        rate_bp=rate_bp,
        lender_count=lender_count,
        last_tier=waiting.last_tier if end == "covered" else None,
        is_last_rationed=waiting.is_last_rationed if end == "covered" else False,
    )


def _note_last_bucket(waiting: _Waiting, receipt: Receipt) -> None:
    filled = [bucket for bucket in receipt.buckets if bucket.treatment in ("full", "rationed", "ticket-made")]
    waiting.last_tier = filled[-1].tier if filled else None
    waiting.is_last_rationed = bool(filled) and filled[-1].treatment != "full"

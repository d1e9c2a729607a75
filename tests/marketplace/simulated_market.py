"""A small market lived through day by day with the real rule: one book, its lenders' purses, borrowers who come and go.

Everything follows from the seed. Lenders arrive over the first weeks, top up now and then, and get their money back in
four parts; requests come mostly on working days. What a test wants to follow are lenders that join later with one sum
and never get any of it back.
"""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import msgspec

from marketplace.allocation.orders import CreditRequest
from marketplace.book.book_events import (
    AnyBookEvent,
    CommandAcknowledged,
    Covered,
    CoveredFill,
    OfferPlaced,
    PrincipalRepaid,
    RequestClosed,
    RequestOpened,
    RequestSigned,
    Standing,
    StandingsObserved,
    TermsPublished,
)
from marketplace.book.cover_decisions import decide_answers, decide_step
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook
from marketplace.book.purse_calls import PurseAnswer
from marketplace.company_terms import CompanyTerms, RateBand
from marketplace.forecasts.lending_forecasts import (
    ForecastBasis,
    LendingForecast,
    NotEnoughData,
    forecast_basis,
    lending_forecast,
)
from marketplace.forecasts.market_history import LiveBook, MarketHistory
from marketplace.strategies.offer_terms import OfferTerms, Tier

MONDAY = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TIERS: tuple[Tier, ...] = ("A", "B", "C")


class Purse(msgspec.Struct):
    """What one lender can spend, since when, and the number of its last change."""

    free_cents: int = 0
    ver: int = 0
    cash_since_at: datetime = MONDAY

    def move(self, cents: int, at: datetime) -> None:
        if self.free_cents == 0:
            self.cash_since_at = at
        self.free_cents += cents
        self.ver += 1
        assert self.free_cents >= 0


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What the market is like: chances and sizes."""

    floor_bp: int = 400
    cap_bp: int = 600
    asks_bp: tuple[int, ...] = (400, 425, 450, 475, 500)
    lender_count: int = 100
    requests_a_working_day: int = 3
    deposit_cents: tuple[int, int] = (30_000, 300_000)
    top_up_chance: float = 0.01
    withdrawal_chance: float = 0.002
    lender_weeks: int = 4
    loan_cents: tuple[int, int] = (30_000, 200_000)


class SimulatedMarket:
    """One market; `at` is its present instant."""

    def __init__(self, seed: int, market: Market | None = None) -> None:
        self.market = market or Market()
        self.random = random.Random(seed)
        self.book = OrderBook("alfa", "bk00")
        self.history = MarketHistory()
        self.at = MONDAY
        self.purses: dict[str, Purse] = {}
        self.fills: dict[str, list[tuple[datetime, int]]] = {}
        self.waits: dict[str, tuple[datetime, datetime | None]] = {}
        self._dirty: set[str] = set()
        self._agenda: list[tuple[datetime, int, str, int, str]] = []
        self._seq = 0
        bands = tuple(
            RateBand(months=months, floor_bp=self.market.floor_bp, cap_bp=self.market.cap_bp) for months in (12, 24)
        )
        self._record(TermsPublished(terms=CompanyTerms(version=1, bands=bands)))
        for number in range(self.market.lender_count):
            self._note(MONDAY + self.random.randrange(self.market.lender_weeks * 7 * 24) * DAY / 24, "join", number)

    @property
    def live(self) -> LiveBook:
        return LiveBook(book=self.book, history=self.history)

    def add_lender(self, lender_id: str, cents: int, *, ask_bp: int, tier: Tier, per_request_cents: int | None) -> None:
        """A lender with one sum comes at the present instant."""
        self.purses[lender_id] = Purse()
        self.fills[lender_id] = []
        self._move(lender_id, cents)
        offer = OfferTerms(
            offer_id=f"offer of {lender_id}",
            lender_id=lender_id,
            strategy_id=f"strategy of {lender_id}",
            ask_bp=ask_bp,
            tier=tier,
            months=(12, 24),
            min_ticket_cents=1_000,
            per_request_cents=per_request_cents,
        )
        self._record(OfferPlaced(offer=offer, sequence=self.book.next_offer_sequence))
        self._record(StandingsObserved(standings=(self.standing(lender_id),)))

    def live_until(self, at: datetime) -> None:
        """Let everything happen up to `at`."""
        while self.at < at:
            day_ends_at = min(at, self.at + DAY)
            self._plan_requests(day_ends_at)
            while self._agenda and self._agenda[0][0] <= day_ends_at:
                self.at, _, kind, number, subject = heappop(self._agenda)
                self._happen(kind, number, subject)
            self.at = day_ends_at
            self._record(CommandAcknowledged())
            self._step()

    def basis(self, lender_id: str) -> ForecastBasis:
        """What a forecast for a lender's one strategy is made of now."""
        return forecast_basis(
            [self.live], f"strategy of {lender_id}", standing=self.standing(lender_id), now_at=self.at
        )

    def forecast(self, lender_id: str) -> LendingForecast | NotEnoughData:
        """The forecast for a lender's one strategy now."""
        return lending_forecast(self.basis(lender_id))

    def lent_cents(self, lender_id: str, since_at: datetime, until_at: datetime) -> int:
        """What a lender has lent between two instants."""
        return sum(cents for at, cents in self.fills[lender_id] if since_at < at <= until_at)

    def _plan_requests(self, until_at: datetime) -> None:
        mean = self.market.requests_a_working_day if self.at.weekday() < 5 else 1
        begins_at, spread = self.at, until_at - self.at
        for _ in range(self.random.randrange(2 * mean + 1)):
            self._note(begins_at + spread * self.random.random(), "open", 0)
        for lender_id in list(self.purses):
            if lender_id.startswith("lender"):
                if self.random.random() < self.market.top_up_chance:
                    self._note(begins_at + spread * self.random.random(), "pay in", 0, lender_id)
                if self.random.random() < self.market.withdrawal_chance:
                    self._note(begins_at + spread * self.random.random(), "pay out", 0, lender_id)

    def _happen(self, kind: str, number: int, subject: str) -> None:
        chance = self.random
        match kind:
            case "join":
                cents = chance.randrange(*self.market.deposit_cents)
                self.add_lender(
                    f"lender {number:03}",
                    cents,
                    ask_bp=chance.choice(self.market.asks_bp),
                    tier=chance.choice(TIERS),
                    per_request_cents=max(2_000, cents // chance.choice((5, 10, 20))),
                )
            case "pay in":
                self._move(subject, chance.randrange(*self.market.deposit_cents) // 2)
            case "pay out":
                self._move(subject, -self.purses[subject].free_cents)
            case "repay":
                request_id, lender_id = subject.split("|")
                self._record(PrincipalRepaid(request_id=request_id, lender_id=lender_id, cents=number))
                if lender_id.startswith("lender"):
                    self._move(lender_id, number)
            case "open":
                self._open()
        self._step()

    def _open(self) -> None:
        chance, number = self.random, self.book.next_approval_sequence
        amount_cents = chance.randrange(*self.market.loan_cents) // 1_000 * 1_000
        request = CreditRequest(
            request_id=f"request {number}",
            borrower_id=f"borrower {number}",
            amount_cents=amount_cents,
            min_amount_cents=amount_cents,
            months=chance.choice((12, 24)),
            max_rate_bp=chance.choice((450, 500, 550, 600)),
            approval_sequence=number,
        )
        self.waits[request.request_id] = self.at, None
        self._record(RequestOpened(request=request, expires_at=self.at + 3 * DAY))

    def _step(self) -> None:
        while events := decide_step(self.book, [self.standing(lender_id) for lender_id in sorted(self._dirty)]):
            if isinstance(events[0], StandingsObserved):
                self._dirty.clear()
            self._record_all(events)
            while calls := self.book.purse_calls():
                answers = []
                for release in calls.releases:
                    fill = self.book.covers[release.cover_id].fills[release.fill_id]
                    self.purses[release.lender_id].move(fill.taken_cents, self.at)
                    answers.append(self._answer(release.fill_id, release.lender_id, "released", 0))
                for take in calls.takes:
                    fills = self.book.covers[take.cover_id].fills
                    before_cents = 0 if take.replaces is None else fills[take.replaces].taken_cents
                    self.purses[take.lender_id].move(before_cents - take.cents, self.at)
                    answers.append(self._answer(take.fill_id, take.lender_id, "taken", take.cents))
                self._record_all(decide_answers(self.book, answers))

    def _answer(self, fill_id: str, lender_id: str, outcome: str, cents: int) -> PurseAnswer:
        purse = self.purses[lender_id]
        return msgspec.convert(
            {
                "fill_id": fill_id,
                "outcome": outcome,
                "cents": cents,
                "ver": purse.ver,
                "free_cents": purse.free_cents,
            },
            PurseAnswer,
        )

    def _record_all(self, events: Iterable[AnyBookEvent]) -> None:
        for event in events:
            self._record(event)
            if isinstance(event, Covered):
                self._sign(event)

    def _sign(self, event: Covered) -> None:
        opened_at, _ = self.waits[event.request_id]
        self.waits[event.request_id] = opened_at, self.at
        for fill in event.fills:
            self.fills[fill.lender_id].append((self.at, fill.cents))
            for part in range(4):
                cents = fill.cents // 4 + (fill.cents % 4 if part == 3 else 0)
                self._note(self.at + (15 * part + 15) * DAY, "repay", cents, f"{event.request_id}|{fill.lender_id}")
        fills = tuple(
            CoveredFill(fill_id=fill.fill_id, lender_id=fill.lender_id, strategy_id=fill.strategy_id, cents=fill.cents)
            for fill in event.fills
        )
        self._record(
            RequestSigned(
                cover_id=event.cover_id, request_id=event.request_id, fills=fills, company_cents=event.company_cents
            )
        )

    def _move(self, lender_id: str, cents: int) -> None:
        self.purses[lender_id].move(cents, self.at)
        self._dirty.add(lender_id)

    def standing(self, lender_id: str) -> Standing:
        """What a lender's purse says now."""
        purse = self.purses[lender_id]
        return Standing(
            lender_id=lender_id,
            ver=purse.ver,
            free_cents=purse.free_cents,
            cash_since_at=purse.cash_since_at,
            rooms={},
        )

    def _note(self, at: datetime, kind: str, number: int, subject: str = "") -> None:
        heappush(self._agenda, (at, len(self._agenda) + self._seq, kind, number, subject))

    def _record(self, event: AnyBookEvent) -> None:
        self._seq += 1
        record = BookRecord(company_id="alfa", cause_id="test", at=self.at, event=event)
        self.history.apply(record, self.book)
        self.book.apply(record, self._seq)
        if isinstance(event, RequestClosed):
            assert event.why == "expired"

"""A lender's forecast: when its money will be lent, and how much of it in a week and in a month.

The present books are played forward through scenarios of their own past (`flow_scenarios`, `lending_scenarios`). The
band holds 8 of 10 scenarios: one in ten ends below it, one in ten above. With too few past requests of the kind that
the offers accept there is nothing to be said, and that is what is said.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from marketplace.allocation.orders import LenderOffer
from marketplace.book.book_events import Standing
from marketplace.book.book_view import FEWEST_PEOPLE
from marketplace.book.order_book import OrderBook
from marketplace.forecasts.crowds import FrozenBook, SmallBook, frozen_book, small_book
from marketplace.forecasts.flow_scenarios import days_of_flow, midnight_before
from marketplace.forecasts.lending_scenarios import BookFlow, Lending, OwnMoney, play, scenario_days
from marketplace.forecasts.market_history import LiveBook, PastFlow, TermFigures
from marketplace.strategies.strategy_limits import budget_key, pace_key

SCENARIOS_MOST = 100
SCENARIOS_FEWEST = 20
REQUESTS_PLAYED = 100_000
"""So many requests are played through at most, in fewer scenarios where many come, while there are still 20 of them."""
FEWEST_CASES = 20
HORIZON_DAYS = 60
WEEK_DAYS = 7
MONTH_DAYS = 30
BAND_WORDS = "8 of 10"
"""The share of outcomes that a band is meant to hold."""


class NotEnoughData(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="not-enough-data"):
    """Too few past cases for a forecast: `case_count` where `fewest_count` would do."""

    case_count: int
    fewest_count: int = FEWEST_CASES


class WaitBand(msgspec.Struct, frozen=True, kw_only=True):
    """A waiting time in seconds: 1, 5 and 9 of 10 cases have ended by then. None: not within `horizon_s`."""

    p10_s: int | None
    p50_s: int | None
    p90_s: int | None
    horizon_s: int = HORIZON_DAYS * 24 * 3_600


class CentsBand(msgspec.Struct, frozen=True, kw_only=True):
    """An amount in cents: 8 of 10 scenarios end between `low_cents` and `high_cents`, half of them above the middle."""

    low_cents: int
    middle_cents: int
    high_cents: int


class LendingForecast(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="forecast"):
    """What a strategy may expect with the money it has to lend now: `lendable_cents` of cash within its budget, which
    its pace may spread over months.

    `first_fill`: until some of it is lent; `all_lent`: until what is left is too little for another loan. Money that
    comes later, by wire or instalment, is not counted. `case_count` past requests of `day_count` days, of the kind that
    the offers accept, are behind it.
    """

    lendable_cents: int
    first_fill: WaitBand
    all_lent: WaitBand
    lent_7d: CentsBand
    lent_30d: CentsBand
    scenario_count: int
    case_count: int
    day_count: int
    band: str = BAND_WORDS


class ForecastBasis(msgspec.Struct, frozen=True, kw_only=True):
    """All that a forecast is made of, copied: the books may go on while it is worked out."""

    books: tuple[tuple[FrozenBook, PastFlow], ...]
    money: OwnMoney
    strategy_id: str
    now_at: datetime


def forecast_basis(
    books: Sequence[LiveBook],
    strategy_id: str,
    *,
    standing: Standing,
    now_at: datetime,
    offers: Mapping[str, Sequence[LenderOffer]] | None = None,
    paces: Mapping[str, int] | None = None,
) -> ForecastBasis:
    """What the forecast for one strategy is made of. Its lender's purse stands as `standing` says.

    `books` are those in which the lender has offers. `offers` are the lender's offers by company, of all its
    strategies, instead of those that stand there (what if); `paces` what a strategy may newly lend each month, for
    those that have such a limit.
    """
    frozen = []
    strategies = {strategy_id}
    for live in books:
        company_id = live.book.company_id
        own = present_offers(live.book, standing.lender_id) if offers is None else offers.get(company_id, ())
        if own and live.book.terms is not None:
            past = live.history.flow_before(midnight_before(now_at))
            frozen.append((frozen_book(live.book, own, standing), past))
            strategies.update(offer.strategy_id for offer in own)
    return ForecastBasis(
        books=tuple(frozen),
        money=_own_money(standing, strategies, now_at, paces or {}),
        strategy_id=strategy_id,
        now_at=now_at,
    )


def lending_forecast(basis: ForecastBasis) -> LendingForecast | NotEnoughData:
    """When a strategy's money will be lent, and how much of it in a week and in a month."""
    flows = book_flows(basis)
    case_count = sum(_acceptable_requests(flow, basis.strategy_id) for flow in flows)
    if case_count < FEWEST_CASES:
        return NotEnoughData(case_count=case_count)
    outcomes = [
        play(
            flows,
            basis.money,
            basis.strategy_id,
            scenario_days(flows, number=number, now_at=basis.now_at, horizon_days=HORIZON_DAYS),
            now_at=basis.now_at,
            lent_after_days=(WEEK_DAYS, MONTH_DAYS),
        )
        for number in range(_scenario_count(flows))
    ]
    return LendingForecast(
        lendable_cents=_lendable_cents(basis.money, basis.strategy_id),
        first_fill=_wait_band(outcome.first_fill_ms for outcome in outcomes),
        all_lent=_wait_band(outcome.all_lent_ms for outcome in outcomes),
        lent_7d=_cents_band(outcomes, 0),
        lent_30d=_cents_band(outcomes, 1),
        scenario_count=len(outcomes),
        case_count=case_count,
        day_count=max(len(flow.days) for flow in flows),
    )


def book_flows(basis: ForecastBasis) -> tuple[BookFlow, ...]:
    """The books made small, each with the days it can be played with; those not a day old are left out."""
    flows = []
    for frozen, past in basis.books:
        days = days_of_flow(past, midnight_before(basis.now_at))
        if days:
            flows.append(BookFlow(book=small_book(frozen, basis.now_at), days=days))
    return tuple(flows)


class PastOfBook(msgspec.Struct, frozen=True, kw_only=True):
    """What happened lately in a company's book, term by term, as far as it says nothing of single people."""

    company_id: str
    terms: tuple[TermFigures, ...]


def past_of_books(
    books: Sequence[LiveBook], standing: Standing, strategy_id: str, now_at: datetime
) -> list[PastOfBook]:
    """The past of the books in which the strategy has an offer, for the terms it accepts there.

    A term that fewer than 5 people asked for is left out, and the figures of its covers where they are of fewer.
    """
    figures = []
    for live in books:
        own = [offer for offer in present_offers(live.book, standing.lender_id) if offer.strategy_id == strategy_id]
        months = sorted({months for offer in own for months in offer.months})
        terms = [live.history.term_figures(term, now_at) for term in months]
        shown = tuple(_shown(one) for one in terms if one.borrower_count >= FEWEST_PEOPLE)
        figures.append(PastOfBook(company_id=live.book.company_id, terms=shown))
    return figures


def _shown(figures: TermFigures) -> TermFigures:
    if not figures.covered_count or figures.covered_count >= FEWEST_PEOPLE:
        return figures
    return msgspec.structs.replace(
        figures,
        covered_count=None,
        cover_count=None,
        covered_cents_a_day=None,
        middle_rate_bp=None,
        middle_lender_count=None,
        middle_wait_to_cover_s=None,
        middle_wait_of_money_s=None,
    )


def present_offers(book: OrderBook, lender_id: str) -> tuple[LenderOffer, ...]:
    """The offers a lender has in a book, in order of arrival."""
    own = book.lenders.resting.offers_of(lender_id)
    return tuple(sorted(own, key=lambda offer: offer.sequence))


def band_of(outcomes: Iterable[int]) -> tuple[int, int, int]:
    """The ends of the band that holds 8 of 10 outcomes, as many below it as above, and their middle."""
    ordered = sorted(outcomes)
    beyond = max(1, len(ordered) // 10)
    return ordered[beyond - 1], ordered[(len(ordered) - 1) // 2], ordered[-beyond]


def _scenario_count(flows: Sequence[BookFlow]) -> int:
    a_day = sum(-(-sum(len(day.arrivals) for day in flow.days) // len(flow.days)) for flow in flows)
    return max(SCENARIOS_FEWEST, min(SCENARIOS_MOST, REQUESTS_PLAYED // max(1, a_day * HORIZON_DAYS)))


def _acceptable_requests(flow: BookFlow, strategy_id: str) -> int:
    """Past requests whose term and ceiling some offer of the strategy accepts, at the terms in force."""
    return sum(
        _accepts(flow.book, strategy_id, request.months, request.max_rate_bp, request.purpose_class)
        for day in flow.days
        for _, request in day.arrivals
    )


def _accepts(book: SmallBook, strategy_id: str, months: int, max_rate_bp: int, purpose_class: int) -> bool:
    band = book.terms.band(months)
    if band is None:
        return False
    for own in book.own:
        ask_bp = own.asks.get(months)
        purposes = own.offer.filters.purpose_classes
        if (
            own.offer.strategy_id == strategy_id
            and ask_bp is not None
            and max(ask_bp, band.floor_bp) <= band.ceiling_bp(max_rate_bp)
            and (not purposes or purpose_class in purposes)
        ):
            return True
    return False


def _own_money(standing: Standing, strategies: Iterable[str], now_at: datetime, paces: Mapping[str, int]) -> OwnMoney:
    rooms = standing.rooms
    budgets = {strategy: rooms.get(budget_key(strategy)) for strategy in strategies}
    monthly = {strategy: rooms.get(pace_key(strategy, now_at)) for strategy in strategies}
    return OwnMoney(
        cash_cents=max(0, standing.free_cents),
        budget_rooms={strategy: max(0, room) for strategy, room in budgets.items() if room is not None},
        pace_rooms={strategy: max(0, room) for strategy, room in monthly.items() if room is not None},
        paces=paces,
    )


def _lendable_cents(money: OwnMoney, strategy_id: str) -> int:
    return min(money.cash_cents, money.budget_rooms.get(strategy_id, money.cash_cents))


def wait_band_of(waits: Sequence[timedelta | None]) -> WaitBand:
    """The band of waits that really happened; None for one that came to nothing."""
    return _wait_band([None if wait is None else wait // timedelta(milliseconds=1) for wait in waits])


def _wait_band(waits_ms: Iterable[int | None]) -> WaitBand:
    never_ms = 2 * HORIZON_DAYS * 24 * 3_600_000
    marks = band_of(never_ms if wait is None else wait for wait in waits_ms)
    low_s, middle_s, high_s = (None if mark >= never_ms else mark // 1_000 for mark in marks)
    return WaitBand(p10_s=low_s, p50_s=middle_s, p90_s=high_s)


def _cents_band(outcomes: Sequence[Lending], mark: int) -> CentsBand:
    low_cents, middle_cents, high_cents = band_of(outcome.lent_cents[mark] for outcome in outcomes)
    return CentsBand(low_cents=low_cents, middle_cents=middle_cents, high_cents=high_cents)

"""Where forecasts are made: the live books, the lender's purse and the record brought together, the work done aside."""

from collections.abc import Sequence
from datetime import datetime

from actors.purse import RedisPurses
from api.callers import Caller
from api.feeds.channels import Channels
from api.live_books import LiveBooks
from api.problems import Problem, not_found, retry_later
from api.work_aside import WorkAside
from marketplace.book.book_events import Standing
from marketplace.forecasts.idle_money import IdleMoney, idle_basis, idle_money
from marketplace.forecasts.lending_forecasts import (
    LendingForecast,
    NotEnoughData,
    PastOfBook,
    forecast_basis,
    lending_forecast,
    past_of_books,
)
from marketplace.forecasts.market_history import WINDOW, LiveBook
from marketplace.forecasts.outlooks import Outlook, borrower_outlook
from marketplace.forecasts.what_if import OfferChange, WhatIf, what_if, what_if_basis
from persistence.company_cards import company_exists
from persistence.connection import Pool
from persistence.forecast_facts import StrategyFacts, is_employee_of, pay_waits, strategy_facts


class ForecastDesk:
    """Makes forecasts beside the event loop; what they read of live books is copied first."""

    def __init__(
        self, *, pool: Pool, channels: Channels, purses: RedisPurses, live_books: LiveBooks, aside: WorkAside
    ) -> None:
        self._pool = pool
        self._channels = channels
        self._purses = purses
        self._live_books = live_books
        self._aside = aside

    async def idle(self, strategy_id: str, caller: Caller, *, now_at: datetime) -> IdleMoney:
        """Why the money of the caller's strategy (an operator's: of anybody's) is idle."""
        facts, standing = await self._strategy(strategy_id, caller, now_at)
        async with self._aside.turn():
            basis = idle_basis(self._books(facts.company_ids), strategy_id, standing=standing, now_at=now_at)
            return await self._aside.done(lambda: idle_money(basis, wallet_free_cents=facts.wallet_free_cents))

    async def forecast(
        self, strategy_id: str, caller: Caller, *, now_at: datetime
    ) -> tuple[LendingForecast | NotEnoughData, list[PastOfBook]]:
        """What the strategy may expect under its present settings, and the past of its books."""
        facts, standing = await self._strategy(strategy_id, caller, now_at)
        async with self._aside.turn():
            books = self._books(facts.company_ids)
            past = past_of_books(books, standing, strategy_id, now_at)
            basis = forecast_basis(books, strategy_id, standing=standing, now_at=now_at, paces=facts.paces)
            return await self._aside.done(lambda: lending_forecast(basis)), past

    async def what_if(self, strategy_id: str, change: OfferChange, caller: Caller, *, now_at: datetime) -> WhatIf:
        """What it might expect under others, beside that."""
        facts, standing = await self._strategy(strategy_id, caller, now_at)
        if change.company_id is not None and change.company_id not in facts.company_ids:
            not_found("offer")
        async with self._aside.turn():
            books = self._books(facts.company_ids)
            basis = what_if_basis(books, strategy_id, change, standing=standing, now_at=now_at, paces=facts.paces)
            return await self._aside.done(lambda: what_if(basis))

    async def outlook(
        self, company_id: str, caller: Caller, *, amount_cents: int, months: int, now_at: datetime
    ) -> Outlook:
        """What an employee of the company would meet. Problem 404 for who is none, 409 before there are terms."""
        is_known = (
            await company_exists(self._pool, company_id)
            if caller.is_operator
            else await is_employee_of(self._pool, caller.own_id, company_id)
        )
        if not is_known:
            not_found("company")
        paid = await pay_waits(self._pool, company_id, since_at=now_at - WINDOW)
        async with self._aside.turn():
            [live] = self._books((company_id,))
            standings = await self._live_books.standings_of_lenders(live.book)
            copied, terms = live.copy(), live.book.terms
            if terms is None:
                raise Problem(
                    "wrong-state", "The company has not published terms yet.", state="closed", allowed=["open"]
                )
            outlook = await self._aside.done(
                lambda: borrower_outlook(
                    copied, amount_cents=amount_cents, months=months, now_at=now_at, standings=standings, pay_waits=paid
                )
            )
        if outlook is None:
            offered = sorted(band.months for band in terms.bands)
            raise Problem(
                "not-eligible", "The company does not offer this term.", months=months, offered_months=offered
            )
        return outlook

    async def _strategy(self, strategy_id: str, caller: Caller, now_at: datetime) -> tuple[StrategyFacts, Standing]:
        lender_id = None if caller.is_operator else caller.own_id
        facts = await strategy_facts(self._pool, strategy_id, lender_id=lender_id)
        if facts is None:
            not_found("strategy")
        seen = await self._purses.standings([facts.lender_id])
        return facts, seen[0] if seen else _empty_purse(facts.lender_id, now_at)

    def _books(self, company_ids: Sequence[str]) -> list[LiveBook]:
        books = [self._channels.live_book(company_id) for company_id in company_ids]
        if None in books:
            raise retry_later("overloaded", "A book is not known to be current at the moment. Try again.")
        return [live for live in books if live is not None]


def _empty_purse(lender_id: str, now_at: datetime) -> Standing:
    """The purse of a lender that never had money."""
    return Standing(lender_id=lender_id, ver=0, free_cents=0, cash_since_at=now_at, rooms={})

"""The gateway's own view of a company's book, for what is computed on it and never decided."""

from collections.abc import Sequence

from actors.purse import RedisPurses
from api.feeds.channels import Channels
from marketplace.book.book_events import Standing
from marketplace.book.order_book import OrderBook
from persistence.connection import Pool
from persistence.replayed_books import folded_book

PURSES_ASKED_MAX = 1_000
"""A book of more lenders covers something all the time, and so has looked at their purses lately."""


class LiveBooks:
    """Books folded from the live journals; while these are not known to be current, from the recorded ones."""

    def __init__(self, channels: Channels, pool: Pool, purses: RedisPurses) -> None:
        self._channels = channels
        self._pool = pool
        self._purses = purses

    async def with_standings(self, company_id: str) -> tuple[OrderBook, Sequence[Standing]]:
        """The book of a company and the present standings of its lenders, none where they are too many to ask. The
        book goes on: read or copy it before waiting again. Raises `RedisUnreachable` when the purses cannot be
        asked."""
        book = self.live(company_id)
        if book is None:
            async with self._pool.acquire() as connection, connection.transaction(readonly=True):
                book = await folded_book(connection, company_id)
        standings = await self.standings_of_lenders(book)
        return self.live(company_id) or book, standings

    async def standings_of_lenders(self, book: OrderBook) -> Sequence[Standing]:
        """The present standings of a book's lenders; none where they are too many to ask, whom the book then knows."""
        lenders = book.lenders.with_offers()
        return await self._purses.standings(lenders) if len(lenders) <= PURSES_ASKED_MAX else ()

    def live(self, company_id: str) -> OrderBook | None:
        """The book as of the newest entry, None while that is not known."""
        known = self._channels.live_book(company_id)
        return None if known is None else known.book

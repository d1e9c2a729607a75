"""Live books made of driven ones: the book and the history that its journal gives."""

from marketplace.book.book_events import Standing
from marketplace.book.journal import decode_book_record
from marketplace.book.order_book import OrderBook
from marketplace.forecasts.market_history import LiveBook, MarketHistory
from tests.marketplace.driven_book import Market


def live_book(market: Market) -> LiveBook:
    """The market's book with its history, folded from its journal."""
    book, history = OrderBook("alfa", "bk00"), MarketHistory()
    for seq, payload in enumerate(market.journal, start=1):
        record = decode_book_record(payload)
        history.apply(record, book)
        book.apply(record, seq)
    return LiveBook(book=book, history=history)


def standing_of(market: Market, lender_id: str) -> Standing:
    """What the lender's purse says now."""
    [standing] = market.purses.standings((lender_id,))
    return standing

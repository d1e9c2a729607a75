"""What the public feed shows of a company's book: its depth, its needs, its latest covers.

A view is folded from the book's journal, so whoever has read the same entries has the same view. Deltas carry absolute
values, so a client that applies them in order, or one delta for several, ends at the same view; a checksum proves it.
Field names, operations and checksum lines: `book:{company}` of the feed protocol `blulend.1`.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from marketplace.allocation.lender_rooms import company_room_cents, least_room_cents
from marketplace.allocation.orders import LenderOffer
from marketplace.book.book_events import Covered
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import CompanyTerms
from marketplace.strategies.offer_terms import Tier
from marketplace.strategies.strategy_limits import limit_keys

FEWEST_PEOPLE = 5
"""Figures about fewer people than this are not shown: they could be traced to a person."""
HIDDEN_CENTS = -1
HIDDEN_COUNT = FEWEST_PEOPLE - 1
LATEST_COVERS = 10
CHECKED_LEVELS = 10

OfferRow: TypeAlias = tuple[int, int, Tier, int, int]
"""Term in months, price in basis points, tier, cents that could be lent, lenders (4 stands for fewer than 5)."""
RequestRow: TypeAlias = tuple[int, int, int]
"""Term in months, cents needed, requests; -1 and 4 where fewer than 5 people stand behind it."""
CoverRow: TypeAlias = tuple[int, int, datetime]
"""Term in months, loan rate in hundredths of a basis point, instant of the cover to the minute."""
ViewOperation: TypeAlias = tuple[object, ...]
"""`("o", …row)` and `("r", …row)` replace a row (cents 0: it is gone), `("tot", …)`, `("k", field, value)`."""


BookPhase = Literal["open", "paused", "closed"]


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """The public face of a book.

    `o` are offers by term, price and tier, `r` requests without a cover by term, `tot` what lenders could lend (each
    lender's money once), what is needed and how many requests, both -1 where a row is hidden; `last` the latest covers,
    oldest first. A book without terms is closed; a paused one proposes no covers.
    """

    phase: BookPhase
    terms_version: int
    o: tuple[OfferRow, ...]
    r: tuple[RequestRow, ...]
    tot: tuple[int, int, int]
    last: tuple[CoverRow, ...]


class BookViewFold:
    """One company's view, entry after entry of its journal."""

    def __init__(self, company_id: str, shard: str) -> None:
        self._book = OrderBook(company_id, shard)
        self._last: deque[CoverRow] = deque(maxlen=LATEST_COVERS)

    def apply(self, record: BookRecord, seq: int) -> None:
        """Take the next entry in."""
        self._book.apply(record, seq)
        if isinstance(record.event, Covered):
            minute_at = record.at.replace(second=0, microsecond=0)
            self._last.append((record.event.months, record.event.loan_rate_cbp, minute_at))

    @property
    def book(self) -> OrderBook:
        """The book as of the last entry taken in, to be read only."""
        return self._book

    def view(self) -> BookView:
        """The view as of the last entry taken in."""
        book = self._book
        terms = book.terms
        requests = list(book.open_requests())
        r = tuple(_request_rows(requests))
        is_hidden = any(cents == HIDDEN_CENTS for _, cents, _ in r)
        needed = sum(booked.request.amount_cents for booked in requests)
        return BookView(
            phase=_phase(book),
            terms_version=0 if terms is None else terms.version,
            o=() if terms is None else tuple(offer_rows(book, terms)),
            r=r,
            tot=(_total_offered(book), *((HIDDEN_CENTS, HIDDEN_CENTS) if is_hidden else (needed, len(requests)))),
            last=tuple(self._last),
        )


def _phase(book: OrderBook) -> BookPhase:
    if book.terms is None:
        return "closed"
    return "paused" if book.pauses else "open"


def offer_rows(book: OrderBook, terms: CompanyTerms) -> Iterator[OfferRow]:
    """What lenders could lend under `terms`, by term, price and tier."""
    given: dict[tuple[int, int, Tier], dict[str, int]] = {}
    for offer in book.lenders.offers.values():
        for band in terms.bands:
            ask_bp = offer.ask_for(band.months)
            if ask_bp is not None and ask_bp <= band.cap_bp:
                level = given.setdefault((band.months, max(ask_bp, band.floor_bp), offer.tier), {})
                level[offer.lender_id] = level.get(offer.lender_id, 0) + _could_give(book, offer, band.months)
    for (months, price_bp, tier), by_lender in sorted(given.items()):
        cents = [min(asked, _free(book, lender_id)) for lender_id, asked in by_lender.items()]
        lenders = sum(amount > 0 for amount in cents)
        if lenders:
            yield months, price_bp, tier, sum(cents), max(lenders, HIDDEN_COUNT)


def _request_rows(requests: Iterable[BookedRequest]) -> Iterable[RequestRow]:
    by_term: dict[int, list[BookedRequest]] = {}
    for booked in requests:
        by_term.setdefault(booked.request.months, []).append(booked)
    for months, waiting in sorted(by_term.items()):
        if len({booked.request.borrower_id for booked in waiting}) < FEWEST_PEOPLE:
            yield months, HIDDEN_CENTS, HIDDEN_COUNT
        else:
            yield months, sum(booked.request.amount_cents for booked in waiting), len(waiting)


def _total_offered(book: OrderBook) -> int:
    by_lender: dict[str, int] = {}
    for offer in book.lenders.offers.values():
        most_cents = max(_could_give(book, offer, months) for months in offer.months)
        by_lender[offer.lender_id] = by_lender.get(offer.lender_id, 0) + most_cents
    return sum(min(cents, _free(book, lender_id)) for lender_id, cents in by_lender.items())


def _free(book: OrderBook, lender_id: str) -> int:
    standing = book.lenders.standings.get(lender_id)
    return 0 if standing is None else standing.free_cents


def _could_give(book: OrderBook, offer: LenderOffer, months: int) -> int:
    """What the offer's caps and its lender's purse, as the book last saw it, leave for one loan of `months`."""
    lenders = book.lenders
    standing = lenders.standings.get(offer.lender_id)
    if standing is None or offer.is_paused or offer.lender_id in lenders.bars:
        return 0
    assert book.now_at is not None
    limits = (
        standing.free_cents,
        least_room_cents(standing.rooms, limit_keys(offer.strategy_id, months, book.now_at)),
        offer.per_request_cents,
        company_room_cents(offer, lenders.lent_cents.get(offer.lender_id, 0)),
    )
    return max(0, min(cents for cents in limits if cents is not None))


def book_view_operations(before: BookView, after: BookView) -> list[ViewOperation]:
    """What turns `before` into `after`; empty when they show the same."""
    operations: list[ViewOperation] = []
    offers_before = {row[:3]: row for row in before.o}
    offers_after = {row[:3]: row for row in after.o}
    operations += [("o", *level, 0, 0) for level in offers_before if level not in offers_after]
    operations += [("o", *row) for level, row in offers_after.items() if offers_before.get(level) != row]
    requests_before = {row[0]: row for row in before.r}
    requests_after = {row[0]: row for row in after.r}
    operations += [("r", months, 0, 0) for months in requests_before if months not in requests_after]
    operations += [("r", *row) for months, row in requests_after.items() if requests_before.get(months) != row]
    if before.tot != after.tot:
        operations.append(("tot", *after.tot))
    for field in ("phase", "terms_version", "last"):
        if getattr(before, field) != getattr(after, field):
            operations.append(("k", field, getattr(after, field)))
    return operations


def book_view_checksum(company_id: str, inc: int, s: int, view: BookView) -> int:
    """The CRC-32 (zlib's) that a client compares its own view with, as of incarnation `inc` and sequence `s`."""
    lines = [f"book|{company_id}|{inc}|{s}|{view.terms_version}|{view.phase}"]
    levels: dict[int, int] = {}
    for months, price_bp, tier, cents, lenders in sorted(view.o):
        levels[months] = levels.get(months, 0) + 1
        if levels[months] <= CHECKED_LEVELS:
            lines.append(f"o|{months}|{price_bp}|{tier}|{cents}|{lenders}")
    lines += [f"r|{months}|{cents}|{count}" for months, cents, count in sorted(view.r)]
    lines.append("t|" + "|".join(str(figure) for figure in view.tot))
    return zlib.crc32("\n".join(lines).encode("ascii"))

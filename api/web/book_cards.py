"""A company's book as the live page shows it: the rows of its tables, already in words, with fixed lengths.

Tables have the same number of rows whatever happens, so that nothing moves while figures change.
"""

from collections.abc import Sequence

import msgspec

from api.web.texts import text
from marketplace.book.book_view import HIDDEN_CENTS, HIDDEN_COUNT, BookView, CoverRow, OfferRow, RequestRow
from marketplace.business_days import ROME
from marketplace.company_terms import RateBand
from marketplace.explanations.figures import format_bp, format_cbp, format_cents, format_count
from marketplace.explanations.languages import Language
from persistence.company_cards import CompanyCard

LEVELS_SHOWN = 6
COVERS_SHOWN = 3
STREAM_SHOWN = 6


class LevelRow(msgspec.Struct, frozen=True, kw_only=True):
    """An offer level: price and tier. `bar` is its length in thousandths of the ladder's scale."""

    rate: str
    tier: str
    lenders: str
    cents: str
    bar: int


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """The offers for one term, cheapest first, and the requests that wait for it; empty rows keep the height."""

    months: int
    rows: list[LevelRow | None]
    more: str
    waiting_short: str
    waiting: str


class ShownCover(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was covered: when (day and minute, Rome), for how long, at what rate."""

    time: str
    months: int
    rate: str
    company: str


class BookCard(msgspec.Struct, frozen=True, kw_only=True):
    """One panel of the live page."""

    company_id: str
    name: str
    sector: str | None
    phase: str
    rate: str
    terms_version: int
    ladders: list[Ladder]
    shown_months: int | None
    covers: list[ShownCover | None]


def book_card(company: CompanyCard, view: BookView | None, language: Language) -> BookCard:
    """The panel of a company; `view` is None while its book has nothing in it."""
    months = sorted(band.months for band in company.bands)
    offers = sorted(view.o) if view else []
    requests = {row[0]: row for row in view.r} if view else {}
    ladders = [
        ladder([row for row in offers if row[0] == term], requests.get(term), months=term, language=language)
        for term in months
    ]
    covers: list[ShownCover | None] = [
        cover_row(cover, company.name, language) for cover in (view.last[::-1] if view else ())[:COVERS_SHOWN]
    ]
    return BookCard(
        company_id=company.company_id,
        name=company.name,
        sector=company.sector,
        phase=view.phase if view and company.bands else "none",
        rate=rate_range(company.bands, language),
        terms_version=company.terms_version or 0,
        ladders=ladders,
        shown_months=_term_to_show(months, offers),
        covers=covers + [None] * (COVERS_SHOWN - len(covers)),
    )


def rate_range(bands: Sequence[RateBand], language: Language) -> str:
    """The rates of all terms: one rate where it is posted, lowest and highest otherwise."""
    if not bands:
        return "–"
    lowest, highest = min(band.floor_bp for band in bands), max(band.cap_bp for band in bands)
    if lowest == highest:
        return format_bp(lowest, language)
    return f"{format_bp(lowest, language)} – {format_bp(highest, language)}"


def ladder(rows: Sequence[OfferRow], requests: RequestRow | None, *, months: int, language: Language) -> Ladder:
    """The levels of one term, in walking order: price, then tier; and what waits for that term."""
    scale = scale_cents(max((cents for _, _, _, cents, _ in rows), default=0))
    shown: list[LevelRow | None] = [
        LevelRow(
            rate=format_bp(price_bp, language),
            tier=tier,
            lenders=text("few", language) if lenders <= HIDDEN_COUNT else format_count(lenders, language),
            cents=format_cents(cents, language),
            bar=1_000 * cents // scale,
        )
        for _, price_bp, tier, cents, lenders in rows[:LEVELS_SHOWN]
    ]
    hidden = len(rows) - len(shown)
    more = text("more_levels", language, count=hidden) if hidden else ""
    short, long = waiting_words(requests, language)
    rows_shown = shown + [None] * (LEVELS_SHOWN - len(shown))
    return Ladder(months=months, rows=rows_shown, more=more, waiting_short=short, waiting=long)


def scale_cents(largest_cents: int) -> int:
    """The end of a ladder's scale: the next step of 1, 2, 5, 10… at or above the largest level."""
    step = 10_000
    while True:
        for factor in (1, 2, 5):
            if largest_cents <= step * factor:
                return step * factor
        step *= 10


def cover_row(cover: CoverRow, company: str, language: Language) -> ShownCover:
    months, rate_cbp, minute_at = cover
    local = minute_at.astimezone(ROME)
    return ShownCover(time=f"{local:%d/%m %H:%M}", months=months, rate=format_cbp(rate_cbp, language), company=company)


def newest_covers(books: Sequence[tuple[CompanyCard, BookView | None]], language: Language) -> list[ShownCover | None]:
    """The last covers of all books together, newest first."""
    covers = [(cover[2], company.name, cover) for company, view in books if view for cover in view.last[::-1]]
    covers.sort(key=lambda cover: cover[0], reverse=True)
    rows: list[ShownCover | None] = [cover_row(cover, name, language) for _, name, cover in covers[:STREAM_SHOWN]]
    return rows + [None] * (STREAM_SHOWN - len(rows))


def waiting_words(row: RequestRow | None, language: Language) -> tuple[str, str]:
    """The requests that wait for a term, shortly for its button and in full below its offers."""
    if row is None:
        return text("waiting_short_none", language), text("waiting_none", language)
    _, cents, count = row
    if cents == HIDDEN_CENTS:
        return text("waiting_short_few", language), text("waiting_few", language)
    values = {"count": format_count(count, language), "cents": format_cents(cents, language)}
    return text("waiting_short", language, **values), text("waiting", language, **values)


def _term_to_show(months: Sequence[int], offers: Sequence[OfferRow]) -> int | None:
    """The term with the most money offered; the longest where none has any."""
    if not months:
        return None
    offered = dict.fromkeys(months, 0)
    for term, _, _, cents, _ in offers:
        if term in offered:
            offered[term] += cents
    return max(months, key=lambda term: (offered[term], term))

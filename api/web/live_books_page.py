"""The live page: the books of all companies and what is being covered in them, for anybody who comes by."""

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromQuery, QueryParameter

from api.business_dates import business_date
from api.callers import Caller
from api.dependencies import AskedLanguage, CallerOrNobody, Database, FeedChannels, MarketClock
from api.feeds.channels import Channels
from api.guards import anybody
from api.web.book_cards import book_card, newest_covers
from api.web.pages import STATIC_VERSION, render
from api.web.texts import script_texts, text
from marketplace.book.book_view import BookView
from marketplace.business_days import ROME
from marketplace.explanations.figures import format_cents, format_count
from marketplace.explanations.languages import Language
from persistence.company_cards import CompanyCard, company_cards, count_companies
from persistence.connection import Pool
from persistence.market_totals import MarketTotals, market_totals

COMPANIES_A_PAGE = 12
_MODULES = ("feed_client.js", "book_mirror.js", "book_painting.js", "number_format.js")

PageNumber = Annotated[int, QueryParameter(ge=1, le=10_000)]
ChosenLanguage = Language | None
Book = tuple[CompanyCard, BookView | None]


class TotalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One figure at the head of the page."""

    name: str
    label: str
    value: str


class ListedCompany(msgspec.Struct, frozen=True, kw_only=True):
    """Enough of a company to see that its panel must be drawn again."""

    company_id: str
    terms_version: int | None


class LiveBooksPage(Controller):
    include_in_schema = False

    @get("/", operation_id="ShowLiveBooks", opt=anybody())
    async def show(
        self,
        pool: Database,
        channels: FeedChannels,
        clock: MarketClock,
        caller: CallerOrNobody,
        language: AskedLanguage,
        lang: FromQuery[ChosenLanguage] = None,
        page: PageNumber = 1,
    ) -> Response[str]:
        """The whole page as of now; its scripts keep it current."""
        chosen = lang or language
        books = await read_books(pool, channels, caller, page)
        company_count = await count_companies(pool)
        return render(
            "live_books.html.j2",
            chosen,
            other_language="en" if chosen == "it" else "it",
            static=f"/static/{STATIC_VERSION}",
            modules=_MODULES,
            page=page,
            pages=max(1, -(-company_count // COMPANIES_A_PAGE)),
            taken_time=f"{datetime.now(UTC).astimezone(ROME):%H:%M:%S}",
            script_texts=msgspec.json.encode(script_texts(chosen)).decode(),
            totals=_total_rows(await market_totals(pool), business_date(clock), chosen),
            stream=newest_covers(books, chosen),
            cards=[book_card(company, view, chosen) for company, view in books],
        )

    @get("/books/cards", operation_id="ShowBookCards", opt=anybody())
    async def show_cards(
        self,
        pool: Database,
        channels: FeedChannels,
        caller: CallerOrNobody,
        language: AskedLanguage,
        lang: FromQuery[ChosenLanguage] = None,
        page: PageNumber = 1,
    ) -> Response[str]:
        """The panels alone, for a page whose companies or terms have changed."""
        chosen = lang or language
        books = await read_books(pool, channels, caller, page)
        return render("cards.html.j2", chosen, cards=[book_card(company, view, chosen) for company, view in books])

    @get("/books/companies", operation_id="ListShownCompanies", opt=anybody())
    async def list_shown(self, pool: Database, page: PageNumber = 1) -> list[ListedCompany]:
        """Which companies a page shows, with which version of their terms."""
        companies = await company_cards(pool, limit=COMPANIES_A_PAGE, offset=(page - 1) * COMPANIES_A_PAGE)
        return [ListedCompany(company_id=one.company_id, terms_version=one.terms_version) for one in companies]


async def read_books(pool: Pool, channels: Channels, caller: Caller | None, page: int) -> list[Book]:
    """A page of companies with their books' views, None where there is none for this caller."""
    companies = await company_cards(pool, limit=COMPANIES_A_PAGE, offset=(page - 1) * COMPANIES_A_PAGE)
    books: list[Book] = []
    for company in companies:
        books.append((company, await channels.book_view(company.company_id, caller)))
    return books


def _total_rows(totals: MarketTotals, today: date, language: Language) -> list[TotalRow]:
    rows = [TotalRow(name="market_date", label=text("total_date", language), value=f"{today:%d/%m/%Y}")]
    for name, key in (
        ("company_count", "total_companies"),
        ("waiting_count", "total_waiting"),
        ("covered_count", "total_covered"),
        ("covered_cents", "total_covered_cents"),
    ):
        value: int | None = getattr(totals, name)
        rows.append(TotalRow(name=name, label=text(key, language), value=_total_text(name, value, language)))
    return rows


def _total_text(name: str, value: int | None, language: Language) -> str:
    if name.endswith("_cents"):
        return format_cents(value, language)
    return text("under_five", language) if value is None else format_count(value, language)

"""The page's own modules against the server's: the same figures written, the same views and checksums."""

import random
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Page

from api.web.pages import STATIC_VERSION
from marketplace.book.book_view import BookView, OfferRow, book_view_checksum, book_view_operations
from tests.api.running_gateway import RunningGateway, running_gateway
from tests.api.web.number_vectors import VECTORS
from tests.end_to_end.browsing import a_visit

ALFA = "0190c0de-0000-7000-8000-00000000000a"


@pytest.fixture
async def gateway(database_url: str, books_redis_url: str, jobs_redis_url: str) -> AsyncIterator[RunningGateway]:
    async with running_gateway(
        database_url=database_url, book_redis_url=books_redis_url, jobs_redis_url=jobs_redis_url
    ) as running:
        yield running


@pytest.fixture
async def page(gateway: RunningGateway, browser: Browser) -> Page:
    """A page of ours, which may load our modules."""
    visit = await a_visit(browser, gateway.url)
    await visit.open()
    return visit.page


async def run_module(page: Page, module: str, body: str, value: object) -> Any:
    """What `body`, a function of the module and a value, answers in the browser."""
    address = f"/static/{STATIC_VERSION}/{module}"
    return await page.evaluate(f"async (value) => ({body})(await import('{address}'), value)", value)


async def test_the_page_writes_figures_as_the_server_does(page: Page) -> None:
    body = "(numbers, vectors) => vectors.map(([f, v]) => [numbers[f](v, 'it'), numbers[f](v, 'en')])"

    written = await run_module(page, "number_format.js", body, [list(vector[:2]) for vector in VECTORS])

    assert written == [[italian, english] for _, _, italian, english in VECTORS]


async def test_the_page_computes_the_published_checksum(page: Page) -> None:
    view = {
        "phase": "open",
        "terms_version": 12,
        "o": [[24, 450, "A", 120_000, 4], [24, 450, "B", 190_000, 6]],
        "r": [[24, -1, 4], [36, 1_450_000, 7]],
        "tot": [310_000, -1, -1],
        "last": [],
    }
    body = f"({{ BookMirror }}, view) => new BookMirror('{ALFA}', 3, 184213, view).checksum()"

    assert await run_module(page, "book_mirror.js", body, view) == 806_425_804


async def test_the_page_follows_any_changes_to_the_same_view(page: Page) -> None:
    """Random views, one after the other: after every delta the page's checksum is the server's."""
    chance = random.Random(20260112)
    views = [a_random_view(chance) for _ in range(60)]
    steps = [
        {"s": s, "ops": msgspec.to_builtins(book_view_operations(before, after))}
        for s, (before, after) in enumerate(pairwise(views), start=2)
    ]
    body = f"""({{ BookMirror }}, [first, steps]) => {{
      const book = new BookMirror('{ALFA}', 1, 1, first);
      return [book.checksum(), ...steps.map((step) => {{ book.apply(step.s, step.ops); return book.checksum(); }})];
    }}"""

    checksums = await run_module(page, "book_mirror.js", body, [msgspec.to_builtins(views[0]), steps])

    assert checksums == [book_view_checksum(ALFA, 1, s, view) for s, view in enumerate(views, start=1)]


def a_random_view(chance: random.Random) -> BookView:
    """Some levels and requests of a few terms, often more levels of a term than are checked."""
    levels = {(months, price, tier) for months in (6, 12, 24) for price in range(400, 500, 25) for tier in "ABC"}
    offers: list[OfferRow] = [
        (months, price, tier, chance.randrange(1, 10**13), chance.randrange(4, 90))  # type: ignore[misc]
        for months, price, tier in sorted(levels)
        if chance.random() < 0.8
    ]
    requests = [
        (months, chance.choice((-1, 123_456)), chance.randrange(4, 9)) for months in (6, 12) if chance.random() < 0.6
    ]
    return BookView(
        phase=chance.choice(("open", "closed")),
        terms_version=chance.randrange(5),
        o=tuple(offers),
        r=tuple(requests),
        tot=(chance.randrange(10**13), -1, -1),
        last=(),
    )

"""The live page in a real Chromium: what happens in a book is seen at once, and a broken line is shown and healed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.api.market_steps import a_book, an_employee, covered
from tests.api.running_gateway import RunningGateway, id_of, running_books, running_gateway, terms_body
from tests.end_to_end.browsing import a_visit
from tests.end_to_end.cuttable_line import CuttableLine, cuttable_line

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
TRANSFERRED = """
    ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))
      .reduce((sum, entry) => sum + entry.transferSize, 0)
"""
SHIFTS = """
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.hadRecentInput) window.shifted = (window.shifted ?? 0) + entry.value;
      }
    }).observe({ type: 'layout-shift', buffered: true });
"""


@pytest.fixture
async def market(database_url: str, books_redis_url: str, jobs_redis_url: str) -> AsyncIterator[RunningGateway]:
    """A gateway with books at work behind it, and alfa's in it."""
    async with (
        running_gateway(
            database_url=database_url, book_redis_url=books_redis_url, jobs_redis_url=jobs_redis_url
        ) as gateway,
        running_books(database_url=database_url, book_redis_url=books_redis_url),
    ):
        yield gateway


@pytest.fixture
async def line(market: RunningGateway) -> AsyncIterator[CuttableLine]:
    async with cuttable_line(market.url) as line:
        yield line


async def test_a_cover_appears_while_the_page_is_open(market: RunningGateway, browser: Browser) -> None:
    await a_book(market, lender_cents=80_000)
    visit = await a_visit(browser, market.url)
    await visit.page.add_init_script(SHIFTS)
    await visit.open()
    await visit.live()
    card = visit.page.locator(f".card[data-company='{id_of('alfa')}']")
    await expect(card.locator("h3")).to_have_text("Alfa S.p.A.")
    await expect(card.locator(".big")).to_have_text("5,00 %")
    await expect(card.locator(".covers li:not(.empty)")).to_have_count(0)
    await visit.page.evaluate("window.shifted = 0")

    carla = await an_employee(market)
    await covered(market, carla)

    await expect(card.locator(".covers li").first).to_contain_text("12/01 09:00")
    await expect(card.locator(".covers li").first).to_contain_text("12 mesi")
    await expect(visit.page.locator("#stream li").first).to_contain_text("Alfa S.p.A.")
    await card.get_by_role("radio", name="12 mesi").check()
    shown = card.locator(".panel:visible tbody tr").first
    await expect(shown).to_contain_text("600,00 €")
    assert await visit.page.evaluate("window.shifted") < 0.01
    assert (visit.errors, visit.outside) == ([], [])


async def test_a_broken_line_is_shown_and_heals_by_itself(
    market: RunningGateway, line: CuttableLine, browser: Browser
) -> None:
    await a_book(market)
    visit = await a_visit(browser, line.url)
    await visit.open()
    await visit.live()
    link, strip = visit.page.locator("#link"), visit.page.locator("#strip-inner")

    line.cut()
    await expect(link).to_have_attribute("data-state", "lost")
    await expect(strip).to_contain_text("Collegamento perso. Dati delle")
    await expect(visit.page.get_by_role("button", name="Riprova ora")).to_be_visible()
    await expect(visit.page.locator(".big")).to_have_text("5,00 %")
    await market.operator.put(
        f"/companies/{id_of('alfa')}/terms/2?wait_s=10", terms_body(version=2, floor_bp=425, cap_bp=575)
    )
    line.mend()

    await visit.live()
    await expect(strip).not_to_contain_text("Collegamento perso")
    await expect(visit.page.locator(".big")).to_have_text("4,25 % – 5,75 %")
    await expect(visit.page.locator(".card")).to_have_attribute("data-terms", "2")


async def test_a_silent_line_is_late_then_lost_then_stale(
    market: RunningGateway, line: CuttableLine, browser: Browser
) -> None:
    await a_book(market)
    visit = await a_visit(browser, line.url)
    await visit.page.clock.install()
    await visit.open()
    await visit.live()
    link = visit.page.locator("#link")

    line.freeze()
    await visit.page.clock.run_for(14_000)
    await expect(link).to_have_attribute("data-state", "late")
    await expect(link).to_contain_text("In ritardo di 1")
    await visit.page.clock.run_for(13_000)
    await expect(link).to_have_attribute("data-state", "lost")
    line.cut()
    await visit.page.clock.run_for(20_000)
    await expect(link).to_have_attribute("data-state", "stale")
    await expect(visit.page.locator("body")).to_have_attribute("data-stale", "true")
    await expect(visit.page.locator("#alarm")).to_have_text("Collegamento perso: i numeri non sono aggiornati.")

    line.mend()
    await visit.page.get_by_role("button", name="Riprova ora").click()
    await visit.live()
    await expect(visit.page.locator("body")).to_have_attribute("data-stale", "false")


async def test_a_stopped_screen_counts_what_waits_and_shows_it_when_it_goes_on(
    market: RunningGateway, browser: Browser
) -> None:
    await a_book(market, lender_cents=80_000)
    carla = await an_employee(market)
    visit = await a_visit(browser, market.url)
    await visit.open()
    await visit.live()

    await visit.page.keyboard.press("p")
    await covered(market, carla)
    await expect(visit.page.locator("#strip-word")).to_have_text(
        "Schermo fermo: 1 aggiornamenti in attesa. Il mercato continua."
    )
    await expect(visit.page.locator(".covers li:not(.empty)")).to_have_count(0)
    await visit.page.get_by_role("button", name="Riprendi").click()

    await expect(visit.page.locator(".covers li:not(.empty)")).to_have_count(1)


async def test_a_new_company_appears_by_itself(market: RunningGateway, browser: Browser) -> None:
    visit = await a_visit(browser, market.url)
    await visit.page.clock.install()
    await visit.open()
    await visit.live()
    await expect(visit.page.locator(".nothing")).to_be_visible()

    await a_book(market)
    await visit.page.clock.run_for(16_000)

    await expect(visit.page.locator(".card h3")).to_have_text("Alfa S.p.A.")
    await expect(visit.page.locator(".chip")).to_have_text("Attivo")


async def test_without_script_the_page_is_a_whole_snapshot(market: RunningGateway, browser: Browser) -> None:
    await a_book(market, lender_cents=80_000)
    await covered(market, await an_employee(market))
    visit = await a_visit(browser, market.url, java_script_enabled=False)
    await visit.open()

    page = visit.page
    await expect(page.locator(".covers li").first).to_contain_text("5,00 %")
    await expect(page.locator(".panel:visible tbody tr").first).to_contain_text("600,00 €")
    assert "serve JavaScript" in await page.locator("noscript").inner_html()
    await expect(page.get_by_role("button", name="Ferma lo schermo")).to_be_hidden()
    await page.get_by_role("radio", name="12 mesi").check()
    await expect(page.locator(".panel:visible")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_is_light_and_readable_in_either_language(
    market: RunningGateway, browser: Browser, scheme: str, width: int
) -> None:
    await a_book(market, lender_cents=80_000)
    await covered(market, await an_employee(market))
    visit = await a_visit(browser, market.url, color_scheme=scheme, viewport={"width": width, "height": 800})
    await visit.open("/?lang=en")
    await visit.live()
    page = visit.page

    assert await page.title() == "The market, live · BluLend"
    assert await page.get_attribute("html", "lang") == "en"
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.evaluate("document.querySelectorAll('[style], style, script:not([src])').length") == 0
    assert await page.evaluate("document.querySelectorAll('h1').length") == 1
    assert 0 < await page.evaluate(TRANSFERRED) <= 100_000
    assert len(visit.requests) <= 10
    assert (visit.errors, visit.outside) == ([], [])
    await page.get_by_role("link", name="Italiano").click()
    await expect(page.locator("h1")).to_have_text("Il mercato dal vivo")


async def test_the_keyboard_reaches_everything_and_its_focus_is_seen(market: RunningGateway, browser: Browser) -> None:
    await a_book(market)
    visit = await a_visit(browser, market.url)
    await visit.open()
    await visit.live()
    focus = """(() => {
      const at = document.activeElement;
      const ringed = at.matches('input') ? at.nextElementSibling : at;
      return [at.value || at.textContent.trim(), getComputedStyle(ringed).outlineStyle];
    })()"""
    reached = []
    for _ in range(6):
        await visit.page.keyboard.press("Tab")
        reached.append(tuple(await visit.page.evaluate(focus)))

    way = "Presti denaro? Vedi perché è andato dove è andato"
    names = ("Vai al contenuto", "BluLend", "Ferma lo schermo", "English", way, "24")
    assert reached == [(name, "solid") for name in names]

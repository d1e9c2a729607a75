"""A lender's receipts in a real Chromium: the exact cents in words, with a key that never leaves the tab."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from api.access_keys import key_id_of
from tests.api.market_steps import a_book, an_employee, covered
from tests.api.running_gateway import RunningGateway, id_of, running_books, running_gateway, secret_of
from tests.end_to_end.browsing import Visit, a_visit
from tests.end_to_end.cuttable_line import cuttable_line

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
KEYS_KEPT = "[sessionStorage.length, localStorage.length, document.cookie]"


@pytest.fixture
async def market(database_url: str, books_redis_url: str, jobs_redis_url: str) -> AsyncIterator[RunningGateway]:
    """Alfa's book, with 1,000.00 shared by ada and bob, who had 800.00 each."""
    async with (
        running_gateway(
            database_url=database_url, book_redis_url=books_redis_url, jobs_redis_url=jobs_redis_url
        ) as gateway,
        running_books(database_url=database_url, book_redis_url=books_redis_url),
    ):
        await a_book(gateway, lender_cents=80_000)
        await covered(gateway, await an_employee(gateway))
        yield gateway


def key_of(name: str) -> str:
    return f"blk_{key_id_of(id_of(name))}_{secret_of(name)}"


async def enter(page: Page, key: str, *, button: str = "Mostra le ricevute") -> None:
    await page.get_by_role("textbox", name="key" if button.startswith("Show") else "Chiave").fill(key)
    await page.get_by_role("button", name=button).click()


async def open_the_receipt(visit: Visit) -> None:
    """From the live page to the one receipt that ada has."""
    await visit.open()
    await visit.page.get_by_role("link", name="Presti denaro?").click()
    await enter(visit.page, key_of("ada"))
    await visit.page.get_by_role("link", name="Perché 500,00 €, Alfa S.p.A.?").click()


async def test_a_lender_reads_why_its_money_went_there_to_the_cent(market: RunningGateway, browser: Browser) -> None:
    visit = await a_visit(browser, market.url)

    await open_the_receipt(visit)

    page = visit.page
    await expect(page.locator("h1")).to_have_text("Perché 500,00 €")
    await expect(page.locator("#tagline")).to_contain_text("Alfa S.p.A. · mesi 12 · tasso 5,00 %")
    await expect(page.locator("#tagline .chip")).to_have_text("Confermato")
    steps = page.locator("#steps li")
    await expect(steps.first).to_have_text("Hai ottenuto 500,00 € di questo prestito. Ecco perché.")
    await expect(steps.nth(6)).to_have_text(
        "Primo giro, una quota minima ciascuno a partire da chi aspetta da più tempo: a te 10,00 €."
    )
    await expect(steps.nth(8)).to_have_text("In tutto: 10,00 € + 490,00 € = 500,00 €.")
    await expect(page.locator("#legend div:visible")).to_have_text(
        ["Quota minima10,00 €", "In proporzione490,00 €", "Potevi dare ancora300,00 €"]
    )
    assert [await page.get_attribute(f".part-{part}", "width") for part in ("ticket", "share", "cut")] == [
        "13",
        "613",
        "0",
    ]
    await page.get_by_text("Dati della decisione").click()
    await expect(page.locator("#record")).to_contain_text("Impronta")
    assert await page.title() == "Perché 500,00\u00a0€ · BluLend"
    assert (visit.errors, visit.outside) == ([], [])


async def test_the_key_stays_in_the_tab_and_can_be_forgotten(market: RunningGateway, browser: Browser) -> None:
    visit = await a_visit(browser, market.url)
    await open_the_receipt(visit)
    page = visit.page
    await expect(page.locator("#receipt")).to_be_visible()

    assert await page.evaluate(KEYS_KEPT) == [1, 0, ""]
    assert not [url for url in visit.requests if secret_of("ada") in url]
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Perché 500,00 €")
    other_tab = await page.context.new_page()
    await other_tab.goto(page.url)
    await expect(other_tab.get_by_role("textbox", name="Chiave")).to_be_visible()
    await page.get_by_role("button", name="Dimentica la chiave").click()
    await expect(page.get_by_role("textbox", name="Chiave")).to_be_visible()
    assert await page.evaluate(KEYS_KEPT) == [0, 0, ""]


async def test_a_key_that_does_not_open_is_told_and_not_kept(market: RunningGateway, browser: Browser) -> None:
    visit = await a_visit(browser, market.url)
    await visit.open("/presta/ricevute")
    not_valid = "Chiave non valida. Copiala intera, da blk_ all'ultima lettera."
    not_a_lender = "Questa chiave è valida, ma non è di un finanziatore. Usa quella con cui presti."

    for key, complaint in (
        ("blk_0", not_valid),
        (key_of("carla"), not_a_lender),
        (key_of("ada") + "x", not_valid),
    ):
        await enter(visit.page, key)
        await expect(visit.page.get_by_role("alert")).to_have_text(complaint)
        await expect(visit.page.get_by_role("textbox", name="Chiave")).to_be_focused()
        assert await visit.page.evaluate(KEYS_KEPT) == [0, 0, ""]


async def test_somebody_elses_receipt_is_not_found(market: RunningGateway, browser: Browser) -> None:
    (fill,) = (await market.door("bob").get("/fills")).json()["items"]
    visit = await a_visit(browser, market.url)
    await visit.open(f"/presta/ricevuta/{fill['fill_id']}")

    await enter(visit.page, key_of("ada"))

    await expect(visit.page.locator("#failure")).to_have_text("Non c'è una tua ricevuta a questo indirizzo.")
    await visit.page.get_by_role("link", name="Tutte le mie ricevute").click()
    await expect(visit.page.locator("#fills li")).to_have_count(1)


async def test_a_lost_line_is_told_and_tried_again(market: RunningGateway, browser: Browser) -> None:
    async with cuttable_line(market.url) as line:
        visit = await a_visit(browser, line.url)
        await visit.open("/presta/ricevute")
        line.cut()
        await enter(visit.page, key_of("ada"))
        await expect(visit.page.locator("#failure")).to_have_text(
            "Collegamento perso: non riusciamo a leggere le tue ricevute."
        )

        line.mend()
        await visit.page.get_by_role("button", name="Riprova ora").click()

        await expect(visit.page.locator("#fills li")).to_contain_text(["500,00 €"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_is_light_and_readable_in_either_language(
    market: RunningGateway, browser: Browser, scheme: str, width: int
) -> None:
    visit = await a_visit(browser, market.url, color_scheme=scheme, viewport={"width": width, "height": 800})
    page = visit.page
    await visit.open("/presta/ricevute?lang=en")
    await enter(page, key_of("ada"), button="Show the receipts")
    await expect(page.locator("#fills li")).to_have_count(1)
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width

    await page.get_by_role("link", name="Why €500.00, Alfa S.p.A.?").click()

    await expect(page.locator("#steps li").first).to_have_text("You got €500.00 of this loan. Here is why.")
    assert await page.get_attribute("html", "lang") == "en"
    assert await page.evaluate(CONTRAST) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.evaluate("document.querySelectorAll('[style], style, script:not([src])').length") == 0
    assert await page.evaluate("document.querySelectorAll('h1').length") == 1
    assert (visit.errors, visit.outside) == ([], [])
    await page.get_by_role("link", name="Italiano").click()
    await expect(page.locator("h1")).to_have_text("Perché 500,00 €")


async def test_the_keyboard_alone_reaches_a_receipt(market: RunningGateway, browser: Browser) -> None:
    visit = await a_visit(browser, market.url)
    page = visit.page
    await visit.open("/presta/ricevute")
    await expect(page.get_by_role("textbox", name="Chiave")).to_be_visible()
    focus = "[document.activeElement.textContent.trim(), getComputedStyle(document.activeElement).outlineStyle]"
    reached = []
    for _ in range(5):
        await page.keyboard.press("Tab")
        reached.append(tuple(await page.evaluate(focus)))
    names = ("Vai al contenuto", "BluLend", "Il mercato dal vivo", "Le mie ricevute", "English")
    assert reached == [(name, "solid") for name in names]

    await page.keyboard.press("Tab")
    await page.keyboard.type(key_of("ada"))
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(page.locator("h1")).to_have_text("Perché 500,00 €")


async def test_without_script_the_page_says_what_it_needs(market: RunningGateway, browser: Browser) -> None:
    visit = await a_visit(browser, market.url, java_script_enabled=False)

    await visit.open("/presta/ricevute")

    assert "serve JavaScript" in await visit.page.locator("noscript").inner_html()
    await expect(visit.page.locator("#entry")).to_be_hidden()

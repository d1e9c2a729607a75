"""Visiting a page in a real Chromium, with an eye on everything a visitor must never meet."""

import shutil
from typing import Any

from playwright.async_api import Browser, Page, expect

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for found in map(shutil.which, CHROMIUMS) if found), None)
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


class Visit:
    """A page, and everything a visitor must never meet: errors, and requests to anybody else."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    @property
    def outside(self) -> list[str]:
        return [url for url in self.requests if not url.startswith((self.url, "data:"))]

    async def open(self, path: str = "/") -> None:
        await self.page.goto(f"{self.url}{path}")

    async def live(self) -> None:
        await expect(self.page.locator("#link")).to_have_attribute("data-state", "live", timeout=10_000)


async def a_visit(browser: Browser, url: str, **how: Any) -> Visit:
    context = await browser.new_context(**{"locale": "it-IT", "viewport": {"width": 1280, "height": 900}} | how)
    context.set_default_timeout(10_000)
    return Visit(await context.new_page(), url)

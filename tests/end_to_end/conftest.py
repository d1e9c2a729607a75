"""The browser that the machine has."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.end_to_end.browsing import ARGUMENTS, CHROMIUM, CHROMIUMS


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A fresh Chromium; without one on PATH the test is skipped, and says so."""
    if CHROMIUM is None:
        pytest.skip(f"no browser on PATH: none of {', '.join(CHROMIUMS)}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        await browser.close()

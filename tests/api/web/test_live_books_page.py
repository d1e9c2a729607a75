"""The live page as the server renders it."""

import re

import pytest

from tests.api.running_gateway import RunningGateway, id_of, terms_body


async def page_of(gateway: RunningGateway, path: str = "/", **headers: str) -> str:
    answer = await gateway.nobody.http.get(f"{gateway.url}{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [("/", "en", "en"), ("/", "it", "it"), ("/", "de", "it"), ("/?lang=en", "it", "en"), ("/?lang=it", "en", "it")],
)
async def test_the_page_speaks_the_language_asked_for(
    gateway: RunningGateway, path: str, accepted: str, language: str
) -> None:
    page = await page_of(gateway, path, **{"Accept-Language": accepted})

    assert f'<html lang="{language}">' in page
    assert ("The market, live" in page) == (language == "en")


async def test_names_that_look_like_markup_stay_text(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    await gateway.pool.execute("UPDATE company SET name = '<script>alert(1)</script>', sector = '\"><b>'")

    page = await page_of(gateway)

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


async def test_many_companies_are_shown_twelve_a_page(gateway: RunningGateway) -> None:
    names = [f"c{number:02d}" for number in range(14)]
    for name in names:
        await gateway.add_company(name)

    first, second = await page_of(gateway), await page_of(gateway, "/?page=2")

    assert (first.count("<article"), second.count("<article")) == (12, 2)
    assert "Pagina 1 di 2" in first
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    listed = await gateway.nobody.http.get(f"{gateway.url}/books/companies?page=2")
    assert listed.json() == [{"company_id": id_of(name), "terms_version": None} for name in names[12:]]


async def test_the_panels_can_be_fetched_alone(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body(months=(12,)))

    panels = await page_of(market, "/books/cards?lang=en")

    assert panels.strip().startswith("<article")
    assert "5.00%" in panels
    assert "<html" not in panels


@pytest.mark.parametrize("path", ["/?lang=fr", "/?page=0", "/?colour=blue", "/books/cards?page=x"])
async def test_what_a_page_does_not_know_it_refuses(gateway: RunningGateway, path: str) -> None:
    assert (await gateway.nobody.http.get(f"{gateway.url}{path}")).status_code == 400


async def test_files_may_be_kept_as_long_as_their_address_holds(gateway: RunningGateway) -> None:
    page = await page_of(gateway)
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    http = gateway.nobody.http

    assert len(addresses) == 6
    for address in addresses:
        present = await http.get(gateway.url + address)
        former = await http.get(gateway.url + re.sub(r"/static/\w+/", "/static/former/", address))
        assert present.status_code == 200
        assert present.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert former.headers["cache-control"] == "no-cache"
        assert former.content == present.content
    assert (await http.get(f"{gateway.url}/static/x/..%2fpages.py")).status_code == 404


async def test_the_page_holds_no_inline_script_or_style(gateway: RunningGateway) -> None:
    page = await page_of(gateway)

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    assert not re.search(r'(?:href|src)="(?:https?:)?//', page)

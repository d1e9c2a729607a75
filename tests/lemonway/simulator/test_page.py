"""The simulator's page: what it shows, and that its buttons do what the outside world may do."""

import re

import httpx

from tests.lemonway.running_simulator import RunningSimulator, a_person


async def test_the_page_shows_wallets_and_movements_in_the_readers_language(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=1_234_56)

    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        english = await browser.get("/")
        italian = await browser.get("/", headers={"Accept-Language": "it-IT,it;q=0.9"})
        style = await browser.get("/static/simulator.css")

    assert "Ada Rossi" in english.text
    assert "1234.56" in english.text
    assert "Receive a wire" in english.text
    assert "Ricevi un bonifico" in italian.text
    assert style.status_code == 200


async def test_the_page_has_no_inline_script_or_style_and_forbids_them(simulator: RunningSimulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        page = await browser.get("/")

    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_a_wire_sent_twice_from_one_form_arrives_once(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada")

    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        shown = await browser.get("/")
        found = re.search(r'name="wire_id" value="([^"]+)"', shown.text)
        assert found is not None
        form = {"wire_id": found[1], "wallet": "ada", "euros": "10,5", "payer": "Ada Rossi"}
        sent = [await browser.post("/page/wire", data=form) for _ in range(2)]

    assert [response.status_code for response in sent] == [303, 303]
    assert await simulator.balances() == {"ada": 10_50}


async def test_the_page_moves_the_clock_and_returns_a_debit(
    simulator: RunningSimulator,
) -> None:
    await simulator.open_wallet("Ada")
    mandate_id = await simulator.signed_mandate("ada")
    debit = await simulator.directkit.collect_direct_debit(
        wallet_id="ada", mandate_id=mandate_id, total_amount_cents=50_00, reference="r-1"
    )

    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        moved = await browser.post("/page/clock", data={"at": "2026-01-14T00:00"})
        collected = await simulator.balances()
        returned = await browser.post("/page/return", data={"transaction": str(debit.id), "reason": "MD06"})

    assert (moved.status_code, returned.status_code) == (303, 303)
    assert collected == {"ada": 50_00}
    assert await simulator.balances() == {}


async def test_the_page_accepts_an_identity_check_that_waits(simulator: RunningSimulator) -> None:
    account = await simulator.onboarding.create_individual(a_person("Ada"), profile="LENDER", wallet_id="ada")
    await simulator.onboarding.start_individual(account.id, redirect_url="https://blulend.example/done")

    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        waiting = await browser.get("/")
        await browser.post("/page/kyc", data={"account": account.id, "outcome": "accepted"})

    assert account.id in waiting.text
    assert (await simulator.directkit.get_account("ada")).status == 6


async def test_the_page_signs_a_mandate_that_waits(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada")
    mandate_id = await simulator.unsigned_mandate("ada")

    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        await browser.post("/page/signature", data={"mandate": str(mandate_id)})

    (mandate,) = await simulator.directkit.list_mandates("ada")
    assert mandate.status == 5


async def test_the_world_stops_for_the_api_and_goes_on_when_told(simulator: RunningSimulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        await browser.post("/page/world", data={"wish": "stop"})
        stopped = await browser.get("/directkitrest/v2/accounts/SC")
        page = await browser.get("/")
        await browser.post("/page/world", data={"wish": "resume"})
        resumed = await browser.get("/directkitrest/v2/accounts/SC")

    assert (stopped.status_code, resumed.status_code) == (503, 401)
    assert "Stopped" in page.text

"""Receipts found again in the recorded journal, and the reasons of lenders whom they do not list."""

import asyncio
from argparse import ArgumentParser

import pytest

from cli import explain
from marketplace.book.book_events import CoverAmended, CoverProposed
from marketplace.book.commands import LiftHold, PlaceOffer, PublishTerms, Tick
from marketplace.company_terms import CompanyTerms, RateBand
from marketplace.explanations.lender_outcomes import Filled, NotAdmitted, NotListed, lender_outcome
from marketplace.strategies.offer_terms import OfferTerms
from persistence.book_history import offers_before
from persistence.connection import Pool
from persistence.receipts_desk import fill_status, find_plan, own_fills, plan_status
from tests.persistence.journaled_market import JournaledMarket, id_of


@pytest.fixture
async def market(database_url: str, pool: Pool) -> JournaledMarket:
    """Ada and bob have 1,000.00 each, cara has 5.00: less than a ticket."""
    market = JournaledMarket(database_url, pool)
    market.stage_new_cash(tick_ms=0)
    await market.add_company()
    for name, cents in (("ada", 100_000), ("bob", 100_000), ("cara", 500)):
        await market.add_lender(name, cents=cents)
    return market


async def test_a_fill_a_cover_and_a_request_lead_to_the_same_plan(market: JournaledMarket, pool: Pool) -> None:
    await market.open_request("r1", cents=120_000)
    await market.project()
    (fill,) = await own_fills(pool, id_of("ada"), limit=10, after_fill_id=None)

    plans = [await find_plan(pool, reference) for reference in (fill.fill_id, fill.cover_id, id_of("r1"))]

    assert plans[0] is not None
    assert plans == [plans[0]] * 3
    assert plans[0].has_fill(fill.fill_id)
    assert (await plan_status(pool, plans[0]), fill.label, fill.cents) == ("covered", "confirmed", 60_000)
    outcome = lender_outcome(plans[0].plan.receipt, id_of("ada"))
    assert isinstance(outcome, Filled)
    assert outcome.cents == 60_000


@pytest.mark.parametrize("reference", ["bk00:999", "bk00.999.0", id_of("nothing"), "nonsense", "bk00:1"])
async def test_what_leads_to_no_plan_is_not_found(market: JournaledMarket, pool: Pool, reference: str) -> None:
    await market.project()

    assert await find_plan(pool, reference) is None


async def test_who_is_not_listed_is_judged_as_the_plan_found_it(market: JournaledMarket, pool: Pool) -> None:
    await market.open_request("r1", cents=120_000)
    await market.deposit("cara", 99_500)
    await market.open_request("r2", cents=50_000)
    await market.project()
    plan = await find_plan(pool, id_of("r1"))
    assert plan is not None

    async with pool.acquire() as connection:
        judged = await offers_before(connection, plan, id_of("cara"))
        nobodys = await offers_before(connection, plan, id_of("nobody"))

    receipt = plan.plan.receipt
    assert lender_outcome(receipt, id_of("cara")) == NotListed()
    assert lender_outcome(receipt, id_of("cara"), judged) == NotAdmitted(obstacle="cash", ticket_cents=1_000, months=12)
    assert nobodys == ()


async def test_an_amended_plan_is_the_one_that_counts(market: JournaledMarket, pool: Pool) -> None:
    """Bob's money leaves between the proposal and the question to his purse, so the walk is repeated without it."""

    async def bob_leaves() -> None:
        await market.hold_for_payout("bob", 60_000)

    market.before_asking = bob_leaves
    events = await market.open_request("r1", cents=120_000)
    await market.project()
    assert [type(event) for event in events if isinstance(event, CoverProposed | CoverAmended)] == [
        CoverProposed,
        CoverAmended,
    ]

    plan = await find_plan(pool, id_of("r1"))

    assert plan is not None
    assert isinstance(plan.event, CoverAmended)
    (fill,) = await own_fills(pool, id_of("ada"), limit=10, after_fill_id=None)
    assert plan.has_fill(fill.fill_id)
    assert await find_plan(pool, fill.fill_id) == plan
    assert fill.cents == {leg.lender_id: leg.cents for leg in plan.plan.legs}[id_of("ada")]
    replaced_id = f"{plan.cover_id.replace(':', '.')}.0"
    replaced = await fill_status(pool, replaced_id, lender_id=None)
    first = await find_plan(pool, replaced_id)
    assert replaced is not None
    assert first is not None
    assert replaced.label == "released"
    assert (isinstance(first.event, CoverProposed), await plan_status(pool, first)) == (True, "released")


async def test_money_held_for_a_request_has_its_own_label(market: JournaledMarket, pool: Pool) -> None:
    await market.send(PublishTerms(terms=terms_that_hold_at_once()))
    await market.open_request("r1", cents=300_000)
    await market.project()

    (held,) = await own_fills(pool, id_of("ada"), limit=10, after_fill_id=None)
    await market.deposit("bob", 100_000)
    await market.send(Tick())
    await market.project()
    (covered,) = await own_fills(pool, id_of("ada"), limit=10, after_fill_id=None)

    assert (held.label, held.cents, held.covered_at) == ("held", 100_000, None)
    assert (covered.label, covered.cents) == ("confirmed", 100_000)


async def test_explain_tells_of_a_hold_what_is_held_and_not_only_what_its_last_walk_found(
    market: JournaledMarket, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ada holds 1,000.00 and then caps what she gives to one request at 200.00: her promise stays."""
    await market.send(PublishTerms(terms=terms_that_hold_at_once()))
    await market.open_request("r1", cents=300_000)
    await market.send(PlaceOffer(offer=capped_offer("ada", per_request_cents=20_000)))
    await market.deposit("bob", 50_000)
    await market.send(Tick())
    await market.project()
    monkeypatch.setenv("DATABASE_URL", database_url)
    parser = ArgumentParser()
    explain.add_arguments(parser)

    async def said(reader: str) -> list[str]:
        words = [id_of("r1"), "--for", reader, "--lang", "en"]
        assert await asyncio.to_thread(explain.run, parser.parse_args(words)) == 0
        return capsys.readouterr().out.replace("\u00a0", " ").splitlines()

    plan = await find_plan(market.pool, id_of("r1"))
    assert plan is not None
    assert {leg.lender_id: leg.cents for leg in plan.plan.legs} == {id_of("ada"): 100_000, id_of("bob"): 150_000}
    to_ada = await said(f"lender:{id_of('ada')}")
    assert to_ada[0] == "You hold €1,000.00 for this request, which is not covered yet."
    assert to_ada[3] == (
        "You had promised this amount to the request before, by an earlier computation: it stays as it was."
    )
    assert (await said("borrower"))[:2] == [
        "Your request is gathering: €2,500.00 of €3,000.00 already held for it, €500.00 missing.",
        "2 lenders put in €2,500.00 together.",
    ]
    assert (await said("operations"))[-3:] == [
        "Held for the request €2,500.00, €500.00 missing.",
        f"   Lender {id_of('ada')}, offer {id_of('offer of ada')}: €1,000.00, promised before.",
        f"   Lender {id_of('bob')}, offer {id_of('offer of bob')}: €1,500.00.",
    ]


def terms_that_hold_at_once() -> CompanyTerms:
    bands = (RateBand(months=12, floor_bp=400, cap_bp=600),)
    return CompanyTerms(version=2, bands=bands, max_share_bp=None, patience_hours=0)


def capped_offer(name: str, *, per_request_cents: int) -> OfferTerms:
    return OfferTerms(
        offer_id=id_of(f"offer of {name}"),
        lender_id=id_of(name),
        strategy_id=id_of(f"strategy of {name}"),
        ask_bp=400,
        tier="B",
        months=(12,),
        min_ticket_cents=1_000,
        per_request_cents=per_request_cents,
    )


async def test_explain_finds_a_receipt_in_the_database_by_its_id(
    market: JournaledMarket, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await market.open_request("r1", cents=120_000)
    await market.project()
    monkeypatch.setenv("DATABASE_URL", database_url)
    parser = ArgumentParser()
    explain.add_arguments(parser)

    async def said(*words: str) -> list[str]:
        status = await asyncio.to_thread(explain.run, parser.parse_args([*words, "--lang", "en"]))
        output = capsys.readouterr()
        return [str(status), *(output.out + output.err).replace("\u00a0", " ").splitlines()]

    assert (await said(id_of("r1"), "--for", f"lender:{id_of('ada')}"))[:2] == [
        "0",
        "You got €600.00 of this loan. Here is why.",
    ]
    assert (await said(id_of("r1"), "--for", f"lender:{id_of('cara')}"))[3] == (
        "The money you had free was less than your smallest part of €10.00."
    )
    assert (await said("bk00:999"))[1].startswith("refused: bk00:999: no file, and no plan of that id")


async def test_explain_refuses_a_lender_without_an_offer_in_the_book_and_names_those_with_one(
    market: JournaledMarket, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await market.open_request("r1", cents=120_000)
    await market.project()
    monkeypatch.setenv("DATABASE_URL", database_url)
    parser = ArgumentParser()
    explain.add_arguments(parser)

    status = await asyncio.to_thread(explain.run, parser.parse_args([id_of("r1"), "--for", "lender:nobody"]))

    lenders = ", ".join(f"lender:{lender_id}" for lender_id in sorted(map(id_of, ("ada", "bob", "cara"))))
    assert (status, capsys.readouterr().err) == (
        1,
        "refused: --for lender:nobody: no lender with that id has an offer in the book; what would pass: --for with "
        f"one of {lenders}\n",
    )


async def test_explain_tells_who_lifted_its_hold_that_it_did(
    market: JournaledMarket,
    pool: Pool,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Bob keeps his part of the same hold, and is told so."""
    await market.send(PublishTerms(terms=terms_that_hold_at_once()))
    await market.open_request("r1", cents=300_000)
    await market.project()
    fills = {name: (await own_fills(pool, id_of(name), limit=1, after_fill_id=None))[0] for name in ("ada", "bob")}
    await market.send(LiftHold(request_id=id_of("r1"), lender_id=id_of("ada")))
    await market.project()
    monkeypatch.setenv("DATABASE_URL", database_url)
    parser = ArgumentParser()
    explain.add_arguments(parser)
    told = {}
    for name, fill in fills.items():
        words = [fill.fill_id, "--for", f"lender:{id_of(name)}", "--lang", "en"]
        assert await asyncio.to_thread(explain.run, parser.parse_args(words)) == 0
        told[name] = capsys.readouterr().out.replace("\u00a0", " ").splitlines()[:2]

    assert told["ada"] == [
        "Your offer was ready with €1,000.00, but lent nothing.",
        "You freed this money yourself before the request was covered. You are not asked for the same request again.",
    ]
    assert told["bob"][0] == "You hold €1,000.00 for this request, which is not covered yet."

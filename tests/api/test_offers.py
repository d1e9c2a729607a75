"""Offers: from a strategy into a company's book, once, and out again."""

from typing import Any

import pytest

from tests.api.running_gateway import Door, RunningGateway, id_of, offer_body, terms_body
from tests.api.test_conventions import assert_problem

OFFER = f"/companies/{id_of('alfa')}/offers/{id_of('offer')}"


async def a_lender(gateway: RunningGateway, name: str = "ada") -> Door:
    """A lender with a strategy."""
    lender = await gateway.add_lender(name)
    await lender.put(f"/strategies/{id_of(f'strategy of {name}')}", {"name": "main"})
    return lender


async def a_book(gateway: RunningGateway, name: str = "alfa") -> Door:
    """A company with terms in force."""
    company = await gateway.add_company(name)
    published = await company.put(f"/companies/{id_of(name)}/terms/1?wait_s=10", terms_body())
    assert published.json()["state"] == "confirmed", published.text
    return company


async def test_an_offer_is_placed_once_and_stands_in_the_record(market: RunningGateway) -> None:
    await a_book(market)
    ada = await a_lender(market)

    placed = await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))
    again = await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))

    assert (placed.status_code, again.status_code) == (201, 200)
    assert placed.headers["location"] == f"/api/v1/commands/{id_of('offer')}"
    assert again.headers["idempotent-replayed"] == "true"
    assert placed.json() == again.json()
    assert (placed.json()["kind"], placed.json()["state"]) == ("place_offer", "confirmed")
    assert placed.json()["book_sequence"] >= 1
    [stored] = await market.pool.fetch("SELECT ask_bp, tier, months, state FROM offer")
    assert tuple(stored) == (400, "B", [12, 24], "standing")


async def test_an_offer_not_waited_for_is_told_where_to_look(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    ada = await a_lender(gateway)

    answer = await ada.put(OFFER, offer_body("ada"))
    looked_up = await ada.get(f"/commands/{id_of('offer')}")

    assert answer.status_code == 202
    assert answer.json() == looked_up.json()
    assert looked_up.json()["state"] == "queued"


async def test_an_offer_id_in_use_for_other_terms_is_refused(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    await gateway.add_company("beta")
    ada, bob = await a_lender(gateway), await a_lender(gateway, "bob")
    await ada.put(OFFER, offer_body("ada"))

    other_rate = await ada.put(OFFER, offer_body("ada", rate_floor_bp=425))
    other_book = await ada.put(OFFER.replace(id_of("alfa"), id_of("beta")), offer_body("ada"))
    other_lender = await bob.put(OFFER, offer_body("bob"))

    for answer in (other_rate, other_book, other_lender):
        assert_problem(answer, 409, "id-reused")
    assert await gateway.pool.fetchval("SELECT count(*) FROM command") == 1


async def test_an_offer_can_be_taken_out_of_the_book(market: RunningGateway) -> None:
    await a_book(market)
    ada, bob = await a_lender(market), await a_lender(market, "bob")
    await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))

    by_another = await bob.delete(OFFER)
    withdrawn = await ada.delete(f"{OFFER}?wait_s=10")
    again = await ada.delete(f"{OFFER}?wait_s=10")

    assert_problem(by_another, 404, "not-found")
    assert (withdrawn.status_code, withdrawn.json()["kind"]) == (200, "withdraw_offer")
    assert again.headers["idempotent-replayed"] == "true"
    assert await market.pool.fetchval("SELECT state FROM offer") == "withdrawn"


@pytest.mark.parametrize(
    "change",
    [
        {"rate_floor_bp": -1},
        {"rate_floor_bp": 10_001},
        {"ticket_min_cents": 0},
        {"ticket_min_cents": -100},
        {"per_request_cents": 10**13 + 1},
        {"per_request_cents": 10**30},
        {"terms": []},
        {"terms": [0]},
        {"terms": list(range(1, 22))},
        {"tier": "D"},
        {"strategy_id": "main"},
    ],
    ids=str,
)
async def test_absurd_figures_are_refused_and_nothing_is_stored(
    gateway: RunningGateway, change: dict[str, Any]
) -> None:
    await gateway.add_company("alfa")
    ada = await a_lender(gateway)

    assert_problem(await ada.put(OFFER, offer_body("ada", **change)), 422, "invalid-body")
    assert await gateway.pool.fetchval("SELECT count(*) FROM command") == 0


async def test_the_book_s_refusal_says_what_would_pass(market: RunningGateway) -> None:
    await a_book(market)
    ada = await a_lender(market)

    await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))

    second = await ada.put(f"/companies/{id_of('alfa')}/offers/{id_of('second')}?wait_s=10", offer_body("ada"))

    problem = assert_problem(second, 409, "id-reused")
    assert problem["reason"] == "offer_exists_for_strategy"
    assert problem["offer_id"] == id_of("offer")
    command = (await ada.get(f"/commands/{id_of('second')}")).json()
    assert command["state"] == "refused"
    assert command["problem"]["offer_id"] == id_of("offer")


async def test_a_lender_prefers_at_most_three_companies(gateway: RunningGateway) -> None:
    names = ("alfa", "beta", "gamma", "delta")
    for name in names:
        await gateway.add_company(name)
    ada = await a_lender(gateway)
    answers = [
        await ada.put(f"/companies/{id_of(name)}/offers/{id_of(f'offer to {name}')}", offer_body("ada", tier="A"))
        for name in names
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 409]
    problem = assert_problem(answers[3], 409, "tier-a-full")
    assert (problem["used"], problem["limit"]) == (3, 3)


async def test_an_offer_needs_a_complete_identity_check(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    ada = await gateway.add_lender("ada", is_accepted=False)
    await ada.put(f"/strategies/{id_of('strategy of ada')}", {"name": "main"})

    problem = assert_problem(await ada.put(OFFER, offer_body("ada")), 409, "kyc-incomplete")

    assert problem["state"] == "not_started"


async def test_an_offer_names_a_company_and_a_strategy_of_one_s_own(gateway: RunningGateway) -> None:
    ada, bob = await a_lender(gateway), await a_lender(gateway, "bob")

    assert_problem(await ada.put(OFFER, offer_body("ada")), 404, "not-found")
    await gateway.add_company("alfa")
    assert_problem(await bob.put(OFFER, offer_body("ada")), 404, "not-found")

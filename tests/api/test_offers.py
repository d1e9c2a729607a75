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
    assert problem["company_ids"] == sorted(id_of(name) for name in names[:3])
    await ada.put(f"/preferences/{id_of('beta')}", {"tier": "B"})
    again = await ada.put(f"/companies/{id_of('delta')}/offers/{id_of('offer to delta')}", offer_body("ada", tier="A"))
    assert again.status_code == 202


class TestChange:
    async def change(self, door: Door, changes: dict[str, Any], *, version: int, key: str | None = None) -> Any:
        keyed = {} if key is None else {"Idempotency_Key": id_of(key)}
        return await door.call("PATCH", f"{OFFER}?wait_s=10", changes, If_Match=f'"{version}"', **keyed)

    async def test_keeps_the_place_and_what_it_does_not_name(self, market: RunningGateway) -> None:
        await a_book(market)
        ada = await a_lender(market)
        await ada.put(f"{OFFER}?wait_s=10", offer_body("ada", per_company_cents=70_000))
        before = await market.pool.fetchrow("SELECT sequence, tier, per_company_cents FROM offer")

        changed = await self.change(ada, {"rate_floor_bp": 375, "terms": [24], "is_paused": True}, version=1)

        assert (changed.status_code, changed.json()["state"]) == (200, "confirmed")
        assert before == await market.pool.fetchrow("SELECT sequence, tier, per_company_cents FROM offer")
        [stored] = await market.pool.fetch("SELECT ask_bp, months, is_paused FROM offer")
        assert tuple(stored) == (375, [24], True)
        [listed] = (await ada.get("/offers")).json()
        assert (listed["version"], listed["state"], listed["terms"]["ask_bp"]) == (2, "standing", 375)

    async def test_is_made_once_and_of_the_version_that_was_seen(self, market: RunningGateway) -> None:
        await a_book(market)
        ada, bob = await a_lender(market), await a_lender(market, "bob")
        await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))

        first = await self.change(ada, {"rate_floor_bp": 375}, version=1, key="change")
        again = await self.change(ada, {"rate_floor_bp": 375}, version=1, key="change")
        reused = await self.change(ada, {"rate_floor_bp": 380}, version=2, key="change")
        stale = await self.change(ada, {"rate_floor_bp": 380}, version=1)
        unnamed = await ada.call("PATCH", OFFER, {"rate_floor_bp": 380})
        foreign = await self.change(bob, {"rate_floor_bp": 380}, version=2)

        assert first.json() == again.json()
        assert first.json()["command_id"] == id_of("change")
        foreign_key = await self.change(ada, {"rate_floor_bp": 380}, version=2, key="offer")
        assert_problem(foreign_key, 422, "idempotency-key-reused")
        assert again.headers["idempotent-replayed"] == "true"
        assert_problem(reused, 422, "idempotency-key-reused")
        assert assert_problem(stale, 412, "precondition-failed")["current_etag"] == '"2"'
        assert_problem(unnamed, 428, "precondition-required")
        assert_problem(foreign, 404, "not-found")

    async def test_of_a_withdrawn_offer_finds_nothing(self, gateway: RunningGateway) -> None:
        await gateway.add_company("alfa")
        ada = await a_lender(gateway)
        await ada.put(OFFER, offer_body("ada"))
        await ada.delete(OFFER)

        assert_problem(await self.change(ada, {"rate_floor_bp": 375}, version=2), 404, "not-found")


class TestStrategy:
    async def test_what_an_offer_leaves_out_is_as_its_strategy_says(self, market: RunningGateway) -> None:
        await a_book(market)
        ada = await market.add_lender("ada")
        await market.wire("ada", "lender_person", 1_000_000)
        strategy = {
            "name": "main",
            "priority": 4,
            "rate_floor_bp": 400,
            "asks": [{"mode": "book_minus", "value_bp": 20, "floor_bp": 390}, {"term_months": 24, "value_bp": 430}],
            "terms": [12, 24, 60],
            "average_life_max_months": 13,
            "caps": {"preset": "normal"},
            "ticket_min_cents": 1_500,
            "filters": {"guarantee_min_bp": 500, "modes": ["pool-first-loss"], "purposes": [1, 2]},
        }
        await ada.put(f"/strategies/{id_of('strategy of ada')}", strategy)

        placed = await ada.put(f"{OFFER}?wait_s=10", {"strategy_id": id_of("strategy of ada"), "tier": "C"})

        assert placed.status_code == 201, placed.text
        [listed] = (await ada.get("/offers")).json()
        assert listed["terms"] == {
            "offer_id": id_of("offer"),
            "lender_id": id_of("ada"),
            "strategy_id": id_of("strategy of ada"),
            "ask_bp": 400,
            "tier": "C",
            "months": [12, 24],
            "min_ticket_cents": 1_500,
            "per_request_cents": 20_000,
            "per_borrower_cents": 20_000,
            "per_company_cents": 350_000,
            "strategy_rank": 4,
            "asks_by_term": [{"months": 24, "ask_bp": 430}],
            "floating": {"mode": "book_minus", "offset_bp": -20, "floor_bp": 390},
            "is_all_or_none": False,
            "filters": {
                "min_guarantee_bp": 500,
                "guarantee_modes": ["pool-first-loss"],
                "min_gauge_bp": None,
                "max_arrears_bp": None,
                "purpose_classes": [1, 2],
            },
            "is_paused": False,
        }

    async def test_an_offer_without_a_rate_or_beyond_the_strategy_is_told_all_that_is_wrong(
        self, gateway: RunningGateway
    ) -> None:
        await gateway.add_company("alfa")
        ada = await gateway.add_lender("ada")
        await ada.put(f"/strategies/{id_of('strategy of ada')}", {"name": "main", "terms": [12]})

        beyond = await ada.put(OFFER, offer_body("ada", terms=[12, 24], ticket_min_cents=5, per_request_cents=900))
        rateless = await ada.put(OFFER, {"strategy_id": id_of("strategy of ada"), "tier": "B"})

        errors: Any = assert_problem(beyond, 422, "invalid-body")["errors"]
        assert {error["pointer"]: error["detail"] for error in errors} == {
            "/ticket_min_cents": "5 is not accepted: 1000 to 10000000000000",
            "/per_request_cents": "900 is not accepted: 1000 to 10000000000000",
            "/terms/1": "24 is not accepted: the strategy's: 12",
        }
        errors = assert_problem(rateless, 422, "invalid-body")["errors"]
        assert [error["pointer"] for error in errors] == ["/rate_floor_bp"]


class TestPreferences:
    async def test_an_excluded_company_gets_no_offer_until_it_is_preferred(self, market: RunningGateway) -> None:
        await a_book(market)
        ada = await a_lender(market)
        await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))
        path = f"/preferences/{id_of('alfa')}"
        another = f"/companies/{id_of('alfa')}/offers/{id_of('another')}"

        excluded = await ada.put(f"{path}?wait_s=10", {"tier": "excluded"})
        state = await market.pool.fetchval("SELECT state FROM offer")
        refused = await ada.put(another, offer_body("ada"))
        await ada.put(path, {"tier": "B"})
        accepted = await ada.put(f"{another}?wait_s=10", offer_body("ada"))

        assert (excluded.status_code, len(excluded.json()["command_ids"]), state) == (200, 1, "withdrawn")
        problem = assert_problem(refused, 409, "wrong-state")
        assert (problem["state"], problem["allowed"]) == ("excluded", ["A", "B", "C"])
        assert accepted.status_code == 201, accepted.text

    async def test_a_tier_moves_the_offers_there_and_keeps_their_places(self, market: RunningGateway) -> None:
        await a_book(market)
        ada = await a_lender(market)
        await ada.put(f"{OFFER}?wait_s=10", offer_body("ada"))
        [before] = await market.pool.fetch("SELECT tier, sequence FROM offer")

        await ada.put(f"/preferences/{id_of('alfa')}?wait_s=10", {"tier": "A"})

        await market.add_company("beta")
        await ada.put(f"/preferences/{id_of('beta')}", {"tier": "excluded"})
        listed = (await ada.get("/preferences")).json()
        [after] = await market.pool.fetch("SELECT tier, sequence FROM offer")
        assert {row["company_id"]: row["tier"] for row in listed} == {id_of("alfa"): "A", id_of("beta"): "excluded"}
        assert (before["tier"], after["tier"], before["sequence"]) == ("B", "A", after["sequence"])

    async def test_an_unknown_company_is_not_found(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")

        for tier in ("A", "excluded"):
            assert_problem(await ada.put(f"/preferences/{id_of('alfa')}", {"tier": tier}), 404, "not-found")


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

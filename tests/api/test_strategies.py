"""Strategies and the payout rule: what purse and books are told to hold to."""

from typing import Any

import httpx
import msgspec
import pytest

from persistence.registrations import wallet_id_of
from persistence.wires import ReceivedWire, record_wire
from tests.api.running_gateway import START, Door, RunningGateway, id_of, offer_body, terms_body
from tests.api.test_conventions import assert_problem
from tests.api.two_of_each import add_bank_account

MAIN = f"/strategies/{id_of('main')}"


async def change(door: Door, changes: dict[str, Any], *, version: int, key: str | None = None) -> httpx.Response:
    """A change made of a version of the strategy `main`."""
    keyed = {} if key is None else {"Idempotency_Key": id_of(key)}
    return await door.call("PATCH", MAIN, changes, If_Match=f'"{version}"', **keyed)


async def told_limits(gateway: RunningGateway) -> list[tuple[str, int, dict[str, int]]]:
    """Reference, reserve and limits of every step that sets a purse's limits."""
    steps = await gateway.pool.fetch(
        "SELECT ref, reserve_cents, strategy_limits FROM purse_instruction WHERE operation = 'limits' ORDER BY number"
    )
    return [(step["ref"], step["reserve_cents"], msgspec.json.decode(step["strategy_limits"])) for step in steps]


async def with_an_offer(market: RunningGateway, name: str = "ada", **settings: Any) -> Door:
    """A lender with 10,000.00 whose strategy `main` has an offer in alfa's book."""
    alfa = await market.add_company("alfa")
    assert (await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body())).status_code == 201
    lender = await market.add_lender(name)
    await market.wire(name, "lender_person", 1_000_000)
    created = await lender.put(MAIN, {"name": "main", "terms": [12, 24]} | settings)
    assert created.status_code == 201, created.text
    placed = await lender.put(
        f"/companies/{id_of('alfa')}/offers/{id_of('offer')}?wait_s=10", offer_body(name, strategy_id=id_of("main"))
    )
    assert placed.status_code == 201, placed.text
    return lender


async def a_second_wire(market: RunningGateway, cents: int) -> None:
    """More money arrives in Ada's wallet."""
    wallet_id = wallet_id_of("lender_person", id_of("ada"))
    assert await record_wire(
        market.pool, ReceivedWire(money_in_id="second-wire", wallet_id=wallet_id, cents=cents, executed_at=START)
    )


async def offer_row(market: RunningGateway) -> dict[str, Any]:
    """The only offer as its book has it."""
    row = await market.pool.fetchrow("SELECT * FROM offer")
    assert row is not None
    return dict(row.items())


class TestCreation:
    async def test_makes_reserve_and_budgets_a_step_for_the_purse(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")

        main = await ada.put(MAIN, {"name": "main", "budget_cents": 90_000, "reserve_cents": 500})
        side = await ada.put(
            f"/strategies/{id_of('side')}",
            {"name": "side", "budget_cents": 40_000, "reserve_cents": 200, "reinvest": "none"},
        )

        assert (main.status_code, side.status_code, main.headers["etag"]) == (201, 201, '"1"')
        assert await told_limits(gateway) == [
            (f"{id_of('ada')}:1", 500, {id_of("main"): 90_000}),
            (f"{id_of('ada')}:2", 500, {id_of("main"): 90_000, id_of("side"): 40_000}),
        ]
        settings = await gateway.pool.fetchrow("SELECT reserve_cents, reinvest FROM lender_settings")
        assert settings is not None
        assert tuple(settings) == (500, "none")

    async def test_sets_caps_of_terms_and_the_pace_of_this_month_and_the_next(self, gateway: RunningGateway) -> None:
        """On 12 January 2026, with 1,000.00 in the wallet; a cap is never below a ticket."""
        ada = await gateway.add_lender("ada")
        await gateway.wire("ada", "lender_person", 100_000)
        body = {"name": "main", "terms": [12, 24], "pace_cents": 20_000, "caps": {"term_bp": 4_000}}

        await ada.put(MAIN, body)
        await ada.put(f"/strategies/{id_of('side')}", {"name": "side", "terms": [6], "caps": {"term_bp": 1}})

        main, side = id_of("main"), id_of("side")
        of_main = {f"{main}/12m": 40_000, f"{main}/24m": 40_000, f"{main}/2026-01": 20_000, f"{main}/2026-02": 20_000}
        assert [limits for _, _, limits in await told_limits(gateway)] == [of_main, of_main | {f"{side}/6m": 1_000}]

    async def test_a_purse_is_not_told_what_it_knows(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")

        await ada.put(MAIN, {"name": "main"})
        await ada.put(f"/strategies/{id_of('side')}", {"name": "side", "caps": {"preset": "normal"}})

        assert await told_limits(gateway) == []

    @pytest.mark.parametrize(
        ("caps", "expected"),
        [
            pytest.param({}, (200, None, None, None, None), id="by default one borrower gets 2 per cent"),
            pytest.param({"borrower_bp": None}, (None,) * 5, id="no cap when none is wanted"),
            pytest.param({"preset": "cautious"}, (100, 100, 2_000, 4_000, None), id="a preset"),
            pytest.param(
                {"preset": "normal", "company_bp": None, "company_cents": 50_000},
                (200, 200, None, 6_000, 50_000),
                id="a preset but for two caps",
            ),
        ],
    )
    async def test_caps_start_from_a_preset(
        self, gateway: RunningGateway, caps: dict[str, Any], expected: tuple[int | None, ...]
    ) -> None:
        ada = await gateway.add_lender("ada")

        receipt = (await ada.put(MAIN, {"name": "main", "caps": caps})).json()

        shown = receipt["settings"]["caps"]
        names = ("borrower_bp", "request_bp", "company_bp", "term_bp", "company_cents")
        assert tuple(shown[name] for name in names) == expected

    async def test_again_changes_nothing(self, gateway: RunningGateway) -> None:
        ada, bob = await gateway.add_lender("ada"), await gateway.add_lender("bob")
        body = {"name": "main", "budget_cents": 90_000}
        await ada.put(MAIN, body)

        again = await ada.put(MAIN, body)
        other_terms = await ada.put(MAIN, body | {"budget_cents": 80_000})
        of_another = await bob.put(MAIN, body)

        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        assert_problem(other_terms, 409, "id-reused")
        assert_problem(of_another, 409, "id-reused")
        assert len(await told_limits(gateway)) == 1

    async def test_is_told_everything_that_is_wrong_at_once(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")
        body = {
            "name": "main",
            "budget_cents": 1,
            "rate_floor_bp": 10_001,
            "asks": [{"value_bp": 500}, {"value_bp": 400}],
            "terms": [12, 0],
            "caps": {"borrower_bp": 0},
            "ticket_min_cents": 999,
            "filters": {"guarantee_min_bp": -1, "modes": ["none"], "purposes": [4]},
        }

        problem = assert_problem(await ada.put(MAIN, body), 422, "invalid-body")

        errors: Any = problem["errors"]
        assert {error["pointer"]: error["detail"] for error in errors} == {
            "/ticket_min_cents": "999 is not accepted: 1000 to 10000000000000",
            "/budget_cents": "1 is not accepted: 999 to 10000000000000",
            "/rate_floor_bp": "10001 is not accepted: 0 to 10000",
            "/asks/1": "the same company and term again is not accepted: each company and term once",
            "/terms/1": "0 is not accepted: 1 to 120",
            "/caps/borrower_bp": "0 is not accepted: 1 to 10000",
            "/filters/guarantee_min_bp": "-1 is not accepted: 0 to 10000",
            "/filters/modes/0": "none is not accepted: pool-first-loss or per-loan-share",
            "/filters/purposes/0": "4 is not accepted: 1 to 3",
        }
        assert await gateway.pool.fetchval("SELECT count(*) FROM strategy") == 0

    async def test_of_more_than_twenty_is_refused_until_one_is_closed(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")
        for number in range(20):
            await ada.put(f"/strategies/{id_of(f'strategy {number}')}", {"name": f"{number}"})

        problem = assert_problem(await ada.put(MAIN, {"name": "main"}), 409, "count-limit")
        await ada.post(f"/strategies/{id_of('strategy 7')}/closure")

        assert (problem["used"], problem["limit"]) == (20, 20)
        assert (await ada.put(MAIN, {"name": "main"})).status_code == 201


class TestChange:
    async def test_keeps_what_it_does_not_name(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")
        body = {"name": "main", "budget_cents": 90_000, "caps": {"preset": "cautious"}, "filters": {"purposes": [1]}}
        before = (await ada.put(MAIN, body)).json()["settings"]

        changed = await change(
            ada,
            {"budget_cents": None, "caps": {"borrower_bp": 300}, "filters": {"gauge_min_bp": 1_000}, "terms": [36]},
            version=1,
        )

        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
        assert changed.json()["settings"] == before | {
            "budget_cents": None,
            "caps": before["caps"] | {"borrower_bp": 300},
            "filters": before["filters"] | {"gauge_min_bp": 1_000},
            "terms": [36],
        }
        looked_up = await ada.get(MAIN)
        assert looked_up.json() == changed.json()
        assert looked_up.headers["etag"] == '"2"'

    async def test_names_the_version_it_was_made_of(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")
        await ada.put(MAIN, {"name": "main"})
        await change(ada, {"priority": 2}, version=1)

        unnamed = await ada.call("PATCH", MAIN, {"priority": 3})
        ill_named = await ada.call("PATCH", MAIN, {"priority": 3}, If_Match="2")
        stale = await change(ada, {"priority": 3}, version=1)

        assert_problem(unnamed, 428, "precondition-required")
        assert_problem(ill_named, 400, "malformed-request")
        assert assert_problem(stale, 412, "precondition-failed")["current_etag"] == '"2"'

    async def test_with_a_key_is_made_once(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")
        await ada.put(MAIN, {"name": "main"})

        first = await change(ada, {"budget_cents": 50_000}, version=1, key="change")
        again = await change(ada, {"budget_cents": 50_000}, version=1, key="change")
        another = await change(ada, {"budget_cents": 60_000}, version=2, key="change")

        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json()["version"] == first.json()["version"] == 2
        assert again.headers["idempotent-replayed"] == "true"
        assert_problem(another, 422, "idempotency-key-reused")
        assert len(await told_limits(gateway)) == 1

    async def test_of_nothing_makes_no_version(self, gateway: RunningGateway) -> None:
        ada = await gateway.add_lender("ada")
        await ada.put(MAIN, {"name": "main", "budget_cents": 50_000})

        unchanged = await change(ada, {"budget_cents": 50_000}, version=1)

        assert (unchanged.status_code, unchanged.json()["version"]) == (200, 1)

    async def test_reaches_every_offer_at_the_place_it_has(self, market: RunningGateway) -> None:
        ada = await with_an_offer(market, caps={"borrower_bp": None})
        before = await offer_row(market)

        changed = await ada.call(
            "PATCH",
            f"{MAIN}?wait_s=10",
            {
                "priority": 7,
                "asks": [{"term_months": 24, "company_id": id_of("alfa"), "value_bp": 450}],
                "caps": {"company_bp": 3_500},
                "is_all_or_none": True,
                "filters": {"arrears_max_bp": 300},
                "ticket_min_cents": 2_000,
            },
            If_Match='"1"',
        )

        assert changed.status_code == 200, changed.text
        after = await offer_row(market)
        assert len(changed.json()["command_ids"]) == 1
        assert (after["sequence"], after["strategy_rank"], after["min_ticket_cents"]) == (before["sequence"], 7, 2_000)
        assert (after["per_company_cents"], after["is_all_or_none"]) == (350_000, True)
        assert msgspec.json.decode(after["asks_by_term"]) == [{"months": 24, "ask_bp": 450}]
        assert msgspec.json.decode(after["filters"])["max_arrears_bp"] == 300

    async def test_that_leaves_an_offer_without_a_term_is_refused(self, market: RunningGateway) -> None:
        ada = await with_an_offer(market)

        refused = await change(ada, {"terms": [36], "name": "other"}, version=1)

        problem = assert_problem(refused, 422, "invalid-body")
        errors: Any = problem["errors"]
        assert [error["pointer"] for error in errors] == ["/terms/0", "/terms/1"]
        assert (await ada.get(MAIN)).json()["version"] == 1


class TestStates:
    async def test_a_pause_keeps_places_and_ends_with_a_resumption(self, market: RunningGateway) -> None:
        ada = await with_an_offer(market)
        before = await offer_row(market)

        paused = await ada.post(f"{MAIN}/pause?wait_s=10")
        while_paused = await offer_row(market)
        again = await ada.post(f"{MAIN}/pause?wait_s=10")
        resumed = await ada.post(f"{MAIN}/resume?wait_s=10")
        after = await offer_row(market)

        assert [answer.json()["settings"]["state"] for answer in (paused, again, resumed)] == [
            *("paused", "paused", "active"),
        ]
        assert (again.headers["idempotent-replayed"], again.json()["version"]) == ("true", 2)
        assert while_paused["is_paused"] is True
        assert after["is_paused"] is False
        assert before["sequence"] == while_paused["sequence"] == after["sequence"]
        assert {row["state"] for row in (while_paused, after)} == {"standing"}

    async def test_a_closure_withdraws_for_good_and_gives_the_limits_back(self, market: RunningGateway) -> None:
        ada = await with_an_offer(market, budget_cents=90_000)

        closed = await ada.post(f"{MAIN}/closure?wait_s=10")
        resumed = await ada.post(f"{MAIN}/resume")
        placed = await ada.put(
            f"/companies/{id_of('alfa')}/offers/{id_of('another')}", offer_body("ada", strategy_id=id_of("main"))
        )

        assert closed.json()["settings"]["state"] == "closed"
        assert (await offer_row(market))["state"] == "withdrawn"
        assert [limits for _, _, limits in await told_limits(market)] == [{id_of("main"): 90_000}, {}]
        assert assert_problem(resumed, 409, "wrong-state")["state"] == "closed"
        assert_problem(placed, 409, "wrong-state")

    @pytest.mark.parametrize("step", ["pause", "resume", "closure"])
    async def test_nobody_steps_into_another_s(self, gateway: RunningGateway, step: str) -> None:
        ada, bob = await gateway.add_lender("ada"), await gateway.add_lender("bob")
        await ada.put(MAIN, {"name": "main"})

        assert_problem(await bob.post(f"{MAIN}/{step}"), 404, "not-found")
        assert_problem(await bob.call("PATCH", MAIN, {"priority": 2}, If_Match='"1"'), 404, "not-found")


class TestFunds:
    async def test_caps_that_are_parts_grow_when_money_arrives(self, market: RunningGateway) -> None:
        ada = await with_an_offer(market, caps={"borrower_bp": 200, "term_bp": 4_000})
        before = (await offer_row(market))["per_borrower_cents"]

        await a_second_wire(market, 500_000)
        [command] = await market.pool.fetch(
            "SELECT id FROM command WHERE kind = 'place_offer' ORDER BY received_at DESC LIMIT 1"
        )
        assert (await ada.get(f"/commands/{command['id']}?wait_s=10")).json()["state"] == "confirmed"

        assert (before, (await offer_row(market))["per_borrower_cents"]) == (20_000, 30_000)
        assert [limits[f"{id_of('main')}/12m"] for _, _, limits in await told_limits(market)] == [400_000, 600_000]

    async def test_a_book_is_not_told_of_caps_that_hardly_moved(self, market: RunningGateway) -> None:
        await with_an_offer(market)
        commands = "SELECT count(*) FROM command WHERE kind = 'place_offer'"
        before = await market.pool.fetchval(commands)

        await a_second_wire(market, 49_000)

        assert await market.pool.fetchval(commands) == before


async def test_a_payout_rule_names_an_account_of_one_s_own(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada")
    await gateway.add_lender("bob")
    for name in ("ada", "bob"):
        await add_bank_account(gateway.pool, name)
    own = {"every": "settlement", "keep_cents": 100, "bank_account_id": id_of("bank account of ada")}

    before = await ada.get("/payout-rule")
    foreign = await ada.put("/payout-rule", own | {"bank_account_id": id_of("bank account of bob")})
    accepted = await ada.put("/payout-rule", own)

    assert before.json() == {"every": "settlement", "keep_cents": 0, "bank_account_id": None}
    assert_problem(foreign, 404, "not-found")
    assert accepted.json() == own == (await ada.get("/payout-rule")).json()

"""Strategies and the payout rule: what a lender's purse is told to hold to."""

import msgspec

from tests.api.running_gateway import RunningGateway, id_of
from tests.api.test_conventions import assert_problem
from tests.api.two_of_each import add_bank_account


async def test_reserve_and_budgets_become_a_step_for_the_purse(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada")

    main = await ada.put(f"/strategies/{id_of('main')}", {"name": "main", "budget_cents": 90_000, "reserve_cents": 500})
    side = await ada.put(f"/strategies/{id_of('side')}", {"name": "side", "reserve_cents": 200, "reinvest": "none"})

    assert (main.status_code, side.status_code) == (201, 201)
    steps = await gateway.pool.fetch(
        "SELECT operation, ref, reserve_cents, strategy_limits FROM purse_instruction ORDER BY ref"
    )
    told = [(step["operation"], step["ref"], step["reserve_cents"]) for step in steps]
    assert told == [("limits", f"{id_of('ada')}:1", 500), ("limits", f"{id_of('ada')}:2", 500)]
    assert msgspec.json.decode(steps[1]["strategy_limits"]) == {id_of("main"): 90_000}
    settings = await gateway.pool.fetchrow("SELECT reserve_cents, reinvest FROM lender_settings")
    assert settings is not None
    assert tuple(settings) == (500, "none")


async def test_the_same_strategy_again_changes_nothing(gateway: RunningGateway) -> None:
    ada, bob = await gateway.add_lender("ada"), await gateway.add_lender("bob")
    path, body = f"/strategies/{id_of('main')}", {"name": "main", "budget_cents": 90_000}
    await ada.put(path, body)

    again = await ada.put(path, body)
    other_terms = await ada.put(path, body | {"budget_cents": 1})
    of_another = await bob.put(path, body)

    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert_problem(other_terms, 409, "id-reused")
    assert_problem(of_another, 409, "id-reused")
    assert await gateway.pool.fetchval("SELECT count(*) FROM purse_instruction") == 1


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

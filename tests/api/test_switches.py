"""Stop switches: who may stop what, what it does in the book, and what stands beside it."""

import asyncio
from typing import Any

from persistence.identity_checks import note_kyc
from tests.api.market_steps import REQUEST, a_book, an_employee
from tests.api.running_gateway import Door, RunningGateway, a_person, employee_row, id_of, offer_body, request_body
from tests.api.test_conventions import assert_problem

ALFA = f"/companies/{id_of('alfa')}"
ADA = id_of("ada")
ADAS_BAR = f"/ops/books/{id_of('alfa')}/bars/{ADA}"
NOTHING: list[Any] = []


async def stopped(gateway: RunningGateway) -> list[tuple[str, str]]:
    """Pauses as the record has them: company and by whom."""
    switches = (await gateway.operator.get("/ops/switches")).json()
    return [(pause["company_id"], pause["paused_by"]) for pause in switches["books"]]


async def bars(gateway: RunningGateway) -> list[tuple[str, str]]:
    """Bars as the books have them: lender and why."""
    switches = (await gateway.operator.get("/ops/switches")).json()
    return [(bar["lender_id"], bar["bar"]) for bar in switches["bars"]]


async def set_switch(gateway: RunningGateway, name: str, state: str) -> Any:
    answer = await gateway.operator.put(f"/ops/switches/{name}?wait_s=10", {"state": state})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def open_request(gateway: RunningGateway, *, cents: int = 100_000) -> tuple[Door, Any]:
    """Carla asks for a loan; her door, and the answer."""
    carla = await an_employee(gateway)
    await carla.put(REQUEST, request_body("carla", "alfa", amount_cents=cents))
    await carla.post(f"{REQUEST}/assessment")
    return carla, await carla.post(f"{REQUEST}/opening?wait_s=10")


async def test_a_company_suspends_its_own_book_and_opens_it_again(market: RunningGateway) -> None:
    await a_book(market)
    alfa = market.door("alfa")

    suspended = await alfa.post(f"{ALFA}/state?wait_s=10", {"state": "suspended"})
    while_suspended = await stopped(market)
    shown = (await alfa.get(f"{ALFA}/state")).json()
    _, refused = await open_request(market)
    await alfa.post(f"{ALFA}/state?wait_s=10", {"state": "open"})

    assert (suspended.status_code, suspended.json()["kind"], suspended.json()["state"]) == (
        200,
        "pause_book",
        "confirmed",
    )
    assert while_suspended == [(id_of("alfa"), "company")]
    assert shown == {"state": "suspended", "stopped_by": ["company"]}
    assert (await alfa.get(f"{ALFA}/state")).json() == {"state": "open", "stopped_by": []}
    assert assert_problem(refused, 409, "wrong-state")["reason"] == "book_is_paused"
    assert await stopped(market) == NOTHING


async def test_the_same_key_asks_once(market: RunningGateway) -> None:
    await a_book(market)
    alfa, key = market.door("alfa"), id_of("a key")

    first = await alfa.post(f"{ALFA}/state?wait_s=10", {"state": "suspended"}, Idempotency_Key=key)
    again = await alfa.post(f"{ALFA}/state?wait_s=10", {"state": "suspended"}, Idempotency_Key=key)
    other = await alfa.post(f"{ALFA}/state", {"state": "open"}, Idempotency_Key=key)

    assert first.json()["command_id"] == again.json()["command_id"] == key
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(other, 422, "idempotency-key-reused")


async def test_operations_stop_one_book_and_all_beside_the_company(market: RunningGateway) -> None:
    await a_book(market)
    await market.add_company("beta")
    await market.door("alfa").post(f"{ALFA}/state?wait_s=10", {"state": "suspended"})

    one = await set_switch(market, f"book:{id_of('alfa')}", "stopped")
    both = await stopped(market)
    await set_switch(market, f"book:{id_of('alfa')}", "running")
    everything = await set_switch(market, "all", "stopped")
    all_of_them = await stopped(market)
    await set_switch(market, "all", "running")

    assert (one["state"], len(one["command_ids"]), len(everything["command_ids"])) == ("stopped", 1, 2)
    assert both == [(id_of("alfa"), "company"), (id_of("alfa"), "operations")]
    assert sorted(all_of_them) == sorted([*both, (id_of("beta"), "operations")])
    assert await stopped(market) == [(id_of("alfa"), "company")]


async def test_a_tripped_breaker_is_shown_and_let_go(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    limits = {"most_cents": 99_999}
    set_up = await market.operator.put(f"/ops/books/{id_of('alfa')}/breakers?wait_s=10", {"limits": limits})
    carla, _ = await open_request(market)
    for _ in range(40):
        await market.operator.post(f"{ALFA}/ticks?wait_s=10")
        if await stopped(market):
            break

    switches = (await market.operator.get(f"/ops/switches?company_id={id_of('alfa')}")).json()
    await market.operator.put(f"/ops/books/{id_of('alfa')}/breakers?wait_s=10", {"limits": None})
    await set_switch(market, f"breaker:{id_of('alfa')}", "running")

    assert set_up.json()["state"] == "confirmed"
    assert switches["books"][0]["paused_by"] == "breaker"
    assert switches["books"][0]["trip"] == {"alarm": "volume", "given": 100_000, "allowed": 99_999}
    assert switches["settings"][0]["breakers"]["most_cents"] == 99_999
    assert await stopped(market) == NOTHING
    assert (await carla.get(REQUEST)).json()["state"] in ("open", "covered")


async def test_breakers_out_of_range_are_refused_with_what_passes(market: RunningGateway) -> None:
    await a_book(market)

    answer = await market.operator.put(
        f"/ops/books/{id_of('alfa')}/breakers?wait_s=10", {"limits": {"window_minutes": 0, "most_covers": -1}}
    )

    assert assert_problem(answer, 422, "invalid-body")["problems"] == [
        {"field": "window_minutes", "given": "0", "accepted": "1 to 1440"},
        {"field": "most_covers", "given": "-1", "accepted": "0 to 1000000"},
    ]


async def test_a_lender_pauses_all_its_lending_and_keeps_its_offers(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    ada = market.door("ada")

    paused = await ada.post("/lenders/me/pause?wait_s=10")
    while_paused = await bars(market)
    again = await ada.post("/lenders/me/pause?wait_s=10")
    elsewhere = await ada.put(f"{ALFA}/offers/{id_of('another offer')}", offer_body("ada"))
    resumed = await ada.post("/lenders/me/resume?wait_s=10")

    assert (paused.json()["state"], len(paused.json()["command_ids"])) == ("paused", 1)
    assert while_paused == [(ADA, "paused")]
    assert again.json()["command_ids"] == NOTHING
    assert assert_problem(elsewhere, 409, "wrong-state")["state"] == "paused"
    assert (resumed.json()["state"], await bars(market)) == ("open", NOTHING)
    assert await market.pool.fetchval("SELECT count(*) FROM offer WHERE state = 'standing'") == 2


async def test_what_operations_stopped_the_lender_cannot_start(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    ada = market.door("ada")
    await set_switch(market, f"lender:{ADA}", "stopped")
    await ada.post("/lenders/me/pause?wait_s=10")

    resumed = await ada.post("/lenders/me/resume?wait_s=10")
    after_own = await bars(market)
    await set_switch(market, f"lender:{ADA}", "running")

    assert resumed.json()["command_ids"] == NOTHING
    assert (after_own, await bars(market)) == ([(ADA, "paused")], NOTHING)


async def test_operations_bar_a_lender_from_one_book_and_take_it_back(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)

    barred = await market.operator.put(f"{ADAS_BAR}/conflict?wait_s=10", {})
    while_barred = await bars(market)
    ordered = (await market.operator.get("/ops/switches")).json()["lenders"]
    unbarred = await market.operator.delete(f"{ADAS_BAR}/conflict?wait_s=10")

    assert (barred.json()["state"], unbarred.json()["state"]) == ("stopped", "running")
    assert (while_barred, await bars(market)) == ([(ADA, "conflict")], NOTHING)
    assert [(one["lender_id"], one["company_id"], one["ordered_by"]) for one in ordered] == [
        (ADA, id_of("alfa"), "operations")
    ]


async def test_a_name_of_no_switch_is_refused(market: RunningGateway) -> None:
    await a_book(market)

    for name in ("everything", "book:alfa", "payouts"):
        problem = assert_problem(
            await market.operator.put(f"/ops/switches/{name}", {"state": "stopped"}), 400, "invalid-parameter"
        )
        assert problem["parameter"] == "name"
    for name in (f"book:{id_of('nobody')}", f"lender:{id_of('alfa')}"):
        assert_problem(await market.operator.put(f"/ops/switches/{name}", {"state": "stopped"}), 404, "not-found")
    breaker = await market.operator.put(f"/ops/switches/breaker:{id_of('alfa')}", {"state": "stopped"})
    assert_problem(breaker, 409, "wrong-state")
    assert_problem(await market.operator.put(f"{ADAS_BAR}/dislike", {}), 400, "invalid-parameter")


async def test_a_lender_whose_identity_check_falls_back_is_barred_until_it_is_accepted(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    await kyc(market, "ada", "refused")
    refused = await settled_bars(market, [(ADA, "identity")])
    await kyc(market, "ada", "accepted")

    assert refused == [(ADA, "identity")]
    assert await settled_bars(market, NOTHING) == NOTHING


async def test_a_lender_found_on_the_companys_list_is_barred_for_conflict(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    person = a_person("ada")
    row = employee_row("ada", last_name=person["last_name"].upper(), birth_date=person["birth_date"])

    await market.operator.post(f"{ALFA}/employee-imports", {"rows": [row]})
    working = await settled_bars(market, [(ADA, "conflict")])
    await market.operator.post(f"{ALFA}/employee-imports", {"rows": [row | {"left_on": "2026-01-01"}]})

    assert working == [(ADA, "conflict")]
    assert await settled_bars(market, NOTHING) == NOTHING


async def test_who_represents_the_company_makes_no_offer_in_its_book(market: RunningGateway) -> None:
    await a_book(market)
    paola = await market.add_lender("paola")  # the companies of these tests are represented by her
    await paola.put(f"/strategies/{id_of('strategy of paola')}", {"name": "main"})

    refused = await paola.put(f"{ALFA}/offers/{id_of('offer of paola')}", offer_body("paola"))

    assert_problem(refused, 403, "conflict-of-interest")
    assert await market.pool.fetchval("SELECT count(*) FROM command WHERE kind = 'place_offer'") == 0


async def test_a_lender_takes_back_what_a_request_holds(market: RunningGateway) -> None:
    await a_book(market, lender_cents=30_000)
    carla, _ = await open_request(market)
    await hold(market)
    held = (await carla.get(REQUEST)).json()
    ada, fill_id = market.door("ada"), await fill_of(market, "ada")
    of_ada = (await ada.get(f"/fills/{fill_id}")).json()

    lifted = await ada.delete(f"/fills/{fill_id}?wait_s=10")
    again = await ada.delete(f"/fills/{fill_id}?wait_s=10")
    of_another = await market.door("bob").delete(f"/fills/{fill_id}")

    assert (held["state"], held["held_cents"], held["missing_cents"]) == ("open", 60_000, 100_000)
    assert (of_ada["label"], of_ada["amount_cents"]) == ("held", 30_000)
    assert (lifted.status_code, lifted.json()["kind"], lifted.json()["state"]) == (200, "lift_hold", "confirmed")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert_problem(of_another, 404, "not-found")
    assert await market.pool.fetchval("SELECT amount_cents FROM cover WHERE is_holding") == 30_000
    told = {lang: (await ada.get(f"/fills/{fill_id}/receipt?lang={lang}")).json() for lang in ("it", "en")}
    assert {lang: receipt["steps"][1]["text"] for lang, receipt in told.items()} == {
        "it": "Hai liberato tu questo denaro prima che la richiesta fosse coperta. Non ti viene chiesto di nuovo per la"
        " stessa richiesta.",
        "en": "You freed this money yourself before the request was covered. You are not asked for the same request"
        " again.",
    }
    assert told["it"]["status"] == "lifted"


async def test_nothing_is_lifted_of_a_cover(market: RunningGateway) -> None:
    await a_book(market, lender_cents=80_000)
    await open_request(market)
    while await market.pool.fetchval("SELECT state FROM credit_request") != "covered":
        await market.operator.post(f"{ALFA}/ticks?wait_s=10")

    answer = await market.door("ada").delete(f"/fills/{await fill_of(market, 'ada')}?wait_s=10")

    assert assert_problem(answer, 409, "wrong-state")["reason"] == "nothing_held"


async def hold(gateway: RunningGateway) -> None:
    """Let a day pass, so that the request holds what there is."""
    now_at = (await gateway.nobody.get("/clock")).json()["now_at"]
    later = f"{int(now_at[8:10]) + 1:02}"
    await gateway.operator.put("/clock", {"now_at": f"{now_at[:8]}{later}{now_at[10:]}"})
    while await gateway.pool.fetchval("SELECT count(*) FROM fill WHERE book_state = 'taken'") != 2:
        await gateway.operator.post(f"{ALFA}/ticks?wait_s=10")


async def fill_of(gateway: RunningGateway, name: str) -> str:
    fill_id: str = await gateway.pool.fetchval("SELECT fill_id FROM fill WHERE lender_id = $1", id_of(name))
    return fill_id


async def kyc(gateway: RunningGateway, name: str, state: Any) -> None:
    """What is recorded once Lemonway has been asked."""
    at = await gateway.pool.fetchval("SELECT max(at) FROM command")
    await note_kyc(gateway.pool, id_of(name), state, at=at)


async def settled_bars(gateway: RunningGateway, expected: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The bars once the books have heard: the sweeper tells them."""
    for _ in range(200):
        found = await bars(gateway)
        if found == expected:
            break
        await asyncio.sleep(0.02)
    return found

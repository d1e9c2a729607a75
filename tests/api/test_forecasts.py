"""Forecasts over HTTP: from the live book, for whom they are about."""

from datetime import timedelta
from typing import Any

from marketplace.forecasts.idle_money import REASONS
from tests.api.market_steps import a_book, add_terms_and_lenders, an_employee, covered
from tests.api.running_gateway import START, RunningGateway, id_of, request_body
from tests.api.test_conventions import assert_problem

ADA = f"/strategies/{id_of('strategy of ada')}"
ALFA = f"/companies/{id_of('alfa')}"


def parts(answer: Any) -> dict[str, tuple[int, int]]:
    return {part["reason"]: (part["cents"], part["excluded_count"]) for part in answer.json()["binding"]}


async def test_idle_money_without_requests_waits_for_one(market: RunningGateway) -> None:
    await a_book(market, lender_cents=200_000)

    idle = await market.door("ada").get(f"{ADA}/idle")

    assert idle.status_code == 200, idle.text
    assert (idle.json()["free_cents"], idle.json()["request_count"]) == (200_000, 0)
    assert parts(idle) == {"no-request": (200_000, 0)}


async def test_idle_money_is_split_to_the_cent_among_what_binds(market: RunningGateway) -> None:
    """1,000.00 are asked of one bucket, where ada has 1,700.00 beside a reserve of 300.00 and bob 2,000.00: after the
    tickets 980.00 go by rooms of 1,690.00 and 1,990.00, so 460.05 in all are ada's."""
    await a_book(market, lender_cents=200_000)
    carla = await an_employee(market)
    await market.door("ada").put(
        f"/strategies/{id_of('careful')}", {"name": "careful", "priority": 2, "reserve_cents": 30_000}
    )
    await covered(market, carla)

    idle = await market.door("ada").get(f"{ADA}/idle")

    free_cents = idle.json()["free_cents"]
    assert sum(cents for cents, _ in parts(idle).values()) == free_cents == 153_995
    assert parts(idle)["reserve"] == (30_000, 0)
    assert parts(idle)["shared"] == (53_995, 1)
    assert set(parts(idle)) <= set(REASONS)


async def test_too_few_requests_give_no_forecast_and_say_so(market: RunningGateway) -> None:
    await a_book(market, lender_cents=200_000)

    forecast = await market.door("ada").get(f"{ADA}/forecast")
    what_if = await market.door("ada").post(f"{ADA}/what-if", {"per_request_cents": 5_000})

    nothing_yet = {"state": "not-enough-data", "case_count": 0, "fewest_count": 20}
    assert forecast.json() == {
        "strategy_id": id_of("strategy of ada"),
        "as_of_at": "2026-01-12T08:00:00Z",
        "wait_p50_s": None,
        "wait_p90_s": None,
        "forecast": nothing_yet,
        "past": [{"company_id": id_of("alfa"), "terms": []}],
    }
    assert (what_if.json()["present"], what_if.json()["changed"]) == (nothing_yet, nothing_yet)


async def test_a_book_with_a_past_gives_a_forecast(market: RunningGateway) -> None:
    """Twenty-one requests of 500.00 to 700.00 on the second day of a book, seen on the third."""
    await a_book(market, lender_cents=2_000_000)
    await market.operator.put("/clock", {"now_at": (START + timedelta(days=1)).isoformat()})
    for number in range(21):
        name = f"emp{number:02}"
        borrower = await an_employee(market, name)
        path = f"/requests/{id_of(f'request of {name}')}"
        await borrower.put(path, request_body(name, "alfa", amount_cents=50_000 + number * 1_000))
        assert (await borrower.post(f"{path}/assessment")).json()["outcome"] == "pass"
        opened = await borrower.post(f"{path}/opening?wait_s=10")
        assert opened.json()["state"] == "confirmed", opened.text
    await market.operator.put("/clock", {"now_at": (START + timedelta(days=2)).isoformat()})
    await market.operator.post(f"{ALFA}/ticks?wait_s=10")

    forecast = (await market.door("ada").get(f"{ADA}/forecast")).json()
    asked = (await market.operator.post(f"{ADA}/what-if", {"per_request_cents": 1_000})).json()

    assert forecast["forecast"]["state"] == "forecast", forecast
    assert forecast["forecast"]["case_count"] == 21
    assert forecast["forecast"]["band"] == "8 of 10"
    [past] = forecast["past"][0]["terms"]
    assert (past["months"], past["days"], past["request_count"], past["middle_rate_bp"]) == (12, 2, 21, 500)
    assert forecast["wait_p50_s"] == forecast["forecast"]["all_lent"]["p50_s"]
    assert asked["present"] == forecast["forecast"]
    assert asked["changed"]["lent_7d"]["middle_cents"] < asked["present"]["lent_7d"]["middle_cents"]
    assert asked["restarts"] == []


async def test_a_what_if_is_checked_like_the_settings_themselves(market: RunningGateway) -> None:
    await a_book(market, lender_cents=200_000)
    ada = market.door("ada")

    assert_problem(await ada.post(f"{ADA}/what-if", {}), 422, "invalid-body")
    assert_problem(await ada.post(f"{ADA}/what-if", {"rate_floor_bp": 10_001}), 422, "invalid-body")
    assert_problem(await ada.post(f"{ADA}/what-if", {"rate": 400}), 422, "invalid-body")
    small = assert_problem(await ada.post(f"{ADA}/what-if", {"ticket_min_cents": 999}), 422, "invalid-body")
    assert small["errors"] == [
        {"pointer": "/ticket_min_cents", "rule": "range", "detail": "Expected `int` >= 1000"},
    ]
    elsewhere = {"company_id": id_of("beta"), "rate_floor_bp": 400}
    assert_problem(await ada.post(f"{ADA}/what-if", elsewhere), 404, "not-found")


async def test_another_lenders_strategy_is_not_there_and_operations_see_any(market: RunningGateway) -> None:
    await a_book(market, lender_cents=200_000)

    for door, status in ((market.door("bob"), 404), (market.operator, 200)):
        for path in (f"{ADA}/idle", f"{ADA}/forecast"):
            assert (await door.get(path)).status_code == status
        assert (await door.post(f"{ADA}/what-if", {"rate_floor_bp": 450})).status_code == status


async def test_an_employee_sees_rate_and_depth_before_asking(market: RunningGateway) -> None:
    await a_book(market, lender_cents=15_000)
    carla = await an_employee(market)

    seen = await carla.get(f"{ALFA}/outlook?amount_cents=10000&term_months=12")

    assert seen.status_code == 200, seen.text
    outlook = seen.json()["outlook"]
    assert (outlook["rate_now_bp"], outlook["floor_bp"], outlook["cap_bp"]) == (500, 500, 500)
    assert seen.json()["depth_cents"] == outlook["depth_cents"] == 30_000
    assert outlook["likely_rate"] == {"state": "not-enough-data", "case_count": 0, "fewest_count": 20}
    assert (seen.json()["wait_p50_s"], seen.json()["wait_p90_s"]) == (None, None)


async def test_the_outlook_refuses_what_the_company_does_not_offer(market: RunningGateway) -> None:
    await market.add_company("alfa")
    carla = await an_employee(market)

    before_terms = await carla.get(f"{ALFA}/outlook?amount_cents=10000&term_months=12")
    await add_terms_and_lenders(market, lender_cents=0)
    other_term = await carla.get(f"{ALFA}/outlook?amount_cents=10000&term_months=36")
    no_amount = await carla.get(f"{ALFA}/outlook?amount_cents=0&term_months=12")
    elsewhere = await carla.get(f"/companies/{id_of('beta')}/outlook?amount_cents=10000&term_months=12")
    nowhere = await market.operator.get(f"/companies/{id_of('beta')}/outlook?amount_cents=10000&term_months=12")

    assert_problem(before_terms, 409, "wrong-state")
    assert assert_problem(other_term, 422, "not-eligible")["offered_months"] == [12, 24]
    assert_problem(no_amount, 400, "invalid-parameter")
    assert_problem(elsewhere, 404, "not-found")
    assert_problem(nowhere, 404, "not-found")


async def test_an_offer_that_was_withdrawn_is_missed_at_once(market: RunningGateway) -> None:
    await a_book(market, lender_cents=200_000)
    ada = market.door("ada")

    before = parts(await ada.get(f"{ADA}/idle"))
    await ada.delete(f"{ALFA}/offers/{id_of('offer of ada')}?wait_s=10")
    after = parts(await ada.get(f"{ADA}/idle"))

    assert before == {"no-request": (200_000, 0)}
    assert after == {"no-offer": (200_000, 0)}

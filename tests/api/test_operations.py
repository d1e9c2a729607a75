"""What operations ask of the market as a whole."""

import asyncio
import contextlib
from typing import Any

from tests.api.running_gateway import RunningGateway, id_of, running_gateway, terms_body
from tests.api.test_conventions import assert_problem


async def test_a_market_that_nobody_touches_is_quiet(gateway: RunningGateway) -> None:
    reading = (await gateway.operator.get("/ops/quiet")).json()

    assert reading["quiet"] is True, reading
    assert not any(reading["waiting"].values())
    assert not any(reading["needs_person"].values())
    assert reading["now_at"] == "2026-01-12T08:00:00Z"


async def test_an_undecided_command_keeps_the_market_from_being_quiet(gateway: RunningGateway) -> None:
    alfa = await gateway.add_company("alfa")
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1", terms_body())

    reading = (await gateway.operator.get("/ops/quiet")).json()

    assert reading["quiet"] is False
    assert (reading["waiting"]["commands_undecided"], reading["waiting"]["books_unsettled"]) == (1, 1)


async def test_the_market_comes_to_rest_once_its_commands_are_recorded(market: RunningGateway) -> None:
    alfa = await market.add_company("alfa")
    await alfa.put(f"/companies/{id_of('alfa')}/terms/1?wait_s=10", terms_body())

    reading: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while not reading.get("quiet"):
                reading = (await market.operator.get("/ops/quiet")).json()

    assert reading["quiet"] is True, reading
    assert not any(reading["waiting"].values())


async def test_the_result_tells_of_everybody(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    await gateway.add_lender("ada")
    await gateway.wire("ada", "lender_person", 12_345)

    result = (await gateway.operator.get("/ops/result")).json()

    assert [company["name"] for company in result["companies"]] == ["Alfa S.p.A."]
    [ada] = result["lenders"]
    assert (ada["lender_id"], ada["wired_cents"], ada["free_cents"]) == (id_of("ada"), 12_345, 12_345)


async def test_figures_about_fewer_than_five_people_are_not_told(gateway: RunningGateway) -> None:
    totals = (await gateway.nobody.get("/statistics")).json()

    assert totals == {"company_count": 0, "waiting_count": None, "covered_count": None, "covered_cents": None}


async def test_a_gateway_tells_whether_it_lives_and_can_work(gateway: RunningGateway) -> None:
    http = gateway.nobody.http

    assert (await http.get(f"{gateway.url}/health/live")).json() == {"live": True}
    ready = await http.get(f"{gateway.url}/health/ready")
    assert ready.json() == {"ready": True, "checks": {"database": "ok", "jobs_redis": "ok", "feed": "ok"}}
    status = (await gateway.operator.http.get(f"{gateway.url}/status")).json()
    assert (status["process"], status["feed_clients"], status["feed_is_current"]) == ("api", 0, True)
    metrics = await gateway.operator.http.get(f"{gateway.url}/metrics")
    assert "process_cpu_seconds_total" in metrics.text


async def test_a_gateway_without_its_redis_says_so_and_goes_on_with_the_rest(
    database_url: str, books_redis_url: str
) -> None:
    nowhere = "unix:///nowhere/redis.sock"
    async with running_gateway(
        database_url=database_url, book_redis_url=books_redis_url, jobs_redis_url=nowhere
    ) as gateway:
        ticket = await gateway.nobody.post("/ws/ticket")
        ready = await gateway.nobody.http.get(f"{gateway.url}/health/ready")

        assert_problem(ticket, 503, "overloaded")
        assert ticket.headers["retry-after"] == "1"
        assert (ready.status_code, ready.json()["checks"]["jobs_redis"]) == (503, "ConnectionError")
        assert (await gateway.nobody.get("/companies")).status_code == 200

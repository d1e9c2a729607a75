"""The market's time: moved by operations, never back; what is asked for afterwards is dated by it."""

from tests.api.running_gateway import RunningGateway, id_of
from tests.api.test_conventions import assert_problem


async def test_time_moves_forward_and_the_next_call_is_dated_by_it(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")

    for minute in range(1, 20):
        now_at = f"2026-01-12T09:{minute:02d}:00Z"
        moved = await gateway.operator.put("/clock", {"now_at": now_at})
        ticked = await gateway.operator.post(f"/companies/{id_of('alfa')}/ticks")

        assert moved.json() == {"now_at": now_at, "business_date": "2026-01-12"}
        at = await gateway.pool.fetchval("SELECT at FROM command WHERE id = $1", ticked.json()["command_id"])
        assert at.isoformat() == now_at.replace("Z", "+00:00")


async def test_time_does_not_go_back_and_stands_where_it_is_asked_to(gateway: RunningGateway) -> None:
    await gateway.operator.put("/clock", {"now_at": "2026-03-01T22:30:00Z"})

    same = await gateway.operator.put("/clock", {"now_at": "2026-03-01T22:30:00Z"})
    back = await gateway.operator.put("/clock", {"now_at": "2026-03-01T22:29:59Z"})

    assert same.status_code == 200
    assert_problem(back, 409, "wrong-state")
    assert (await gateway.nobody.get("/clock")).json()["now_at"] == "2026-03-01T22:30:00Z"


async def test_the_business_date_is_that_of_rome(gateway: RunningGateway) -> None:
    await gateway.operator.put("/clock", {"now_at": "2026-03-01T23:30:00Z"})

    answer = await gateway.nobody.get("/clock")

    assert answer.json()["business_date"] == answer.headers["business-date"] == "2026-03-02"


async def test_an_instant_needs_its_time_zone(gateway: RunningGateway) -> None:
    assert_problem(await gateway.operator.put("/clock", {"now_at": "2026-03-01T23:30:00"}), 422, "invalid-body")


async def test_a_tick_asked_for_under_the_same_key_is_one_tick(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    path = f"/companies/{id_of('alfa')}/ticks"

    first = await gateway.operator.post(path, Idempotency_Key=id_of("tick"))
    again = await gateway.operator.post(path, Idempotency_Key=id_of("tick"))
    ill = await gateway.operator.post(path, Idempotency_Key="tick")

    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(ill, 400, "invalid-parameter")
    assert await gateway.pool.fetchval("SELECT count(*) FROM command") == 1

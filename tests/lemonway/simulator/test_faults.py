"""Failures on demand, seen through the client: what is known afterwards, and what really happened."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from lemonway.connection import open_lemonway
from lemonway.errors import (
    LemonwayAccessDenied,
    LemonwayNotReached,
    LemonwayThrottled,
    LemonwayUnreachable,
    RefusedByCompliance,
)
from tests.lemonway.running_simulator import RunningSimulator, simulator_connection

P2P = "POST /v2/p2p"


@pytest.fixture
async def send(simulator: RunningSimulator) -> Callable[[str], Awaitable[object]]:
    """Ada, who holds 100 euro, sends Bob one of them."""
    await simulator.open_wallet("Ada", cents=100_00)
    await simulator.open_wallet("Bob")

    def send_one_euro(reference: str) -> Awaitable[object]:
        return simulator.directkit.send_p2p(
            debit_wallet_id="ada", credit_wallet_id="bob", amount_cents=1_00, reference=reference
        )

    return send_one_euro


@pytest.mark.parametrize(
    ("mode", "executed"),
    [("outage", 0), ("lost_request", 0), ("lost_reply", 1), ("error_after_execution", 1)],
)
async def test_after_no_usable_answer_only_the_look_up_tells_what_happened(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]], mode: str, executed: int
) -> None:
    await simulator.post("/faults", id="f", endpoint=P2P, mode=mode)

    with pytest.raises(LemonwayUnreachable) as unknown:
        await send("r-1")

    assert unknown.value.reference == "r-1"
    assert len(await simulator.directkit.find_p2ps(reference="r-1")) == executed
    assert (await simulator.balances()).get("bob", 0) == executed * 1_00


async def test_a_money_call_is_never_sent_twice_by_itself(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]]
) -> None:
    """Three planned failures and one call: two of them must be left."""
    await simulator.post("/faults", id="f", endpoint=P2P, mode="lost_reply", count=3)

    with pytest.raises(LemonwayUnreachable):
        await send("r-1")

    assert len(await simulator.directkit.find_p2ps(reference="r-1")) == 1


async def test_a_read_that_fails_is_repeated_because_it_changes_nothing(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=5_00)
    await simulator.post("/faults", id="f", endpoint="GET /v2/accounts/*", mode="lost_request", count=2)

    assert await simulator.directkit.wallet_balance_cents("ada") == 5_00


async def test_a_delayed_execution_is_invisible_at_first_and_happens_once(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]]
) -> None:
    await simulator.post("/faults", id="f", endpoint=P2P, mode="delayed_execution", delay_ms=150)

    with pytest.raises(LemonwayUnreachable):
        await send("r-1")

    assert await simulator.directkit.find_p2ps(reference="r-1") == []
    assert (await simulator.get("/idle"))["delayed_calls"] == 1
    await simulator.quiet()
    await asyncio.sleep(0.1)
    assert len(await simulator.directkit.find_p2ps(reference="r-1")) == 1
    assert await simulator.balances() == {"ada": 99_00, "bob": 1_00}


async def test_a_delayed_call_that_is_refused_when_its_time_comes_is_forgotten(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]]
) -> None:
    await simulator.post("/faults", id="f", endpoint=P2P, mode="delayed_execution", delay_ms=100)
    with pytest.raises(LemonwayUnreachable):
        await send("r-1")
    await simulator.directkit.block_account("ada")

    await simulator.quiet()

    assert await simulator.directkit.find_p2ps(reference="r-1") == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"mode": "error_code", "code": 304}, RefusedByCompliance),
        ({"mode": "error_code", "code": 297}, LemonwayUnreachable),
        ({"mode": "http_status", "http_status": 429}, LemonwayThrottled),
        ({"mode": "http_status", "http_status": 403}, LemonwayAccessDenied),
    ],
)
async def test_planned_refusals_execute_nothing(
    simulator: RunningSimulator,
    send: Callable[[str], Awaitable[object]],
    fault: dict[str, object],
    error: type[Exception],
) -> None:
    await simulator.post("/faults", id="f", endpoint=P2P, **fault)

    with pytest.raises(error):
        await send("r-1")

    assert await simulator.balances() == {"ada": 100_00}
    await send("r-1")
    assert await simulator.balances() == {"ada": 99_00, "bob": 1_00}


async def test_a_fault_lasts_for_the_number_of_calls_planned_and_planning_it_again_adds_none(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]]
) -> None:
    fault = {"id": "f", "endpoint": P2P, "mode": "outage", "count": 2}
    await simulator.post("/faults", **fault)

    for reference in ("r-1", "r-2"):
        with pytest.raises(LemonwayUnreachable):
            await send(reference)
    await simulator.post("/faults", **fault)
    await send("r-3")

    assert await simulator.balances() == {"ada": 99_00, "bob": 1_00}


async def test_an_outage_without_end_lasts_until_it_is_lifted(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]]
) -> None:
    await simulator.post("/faults", id="f", mode="outage", count=None)
    with pytest.raises(LemonwayUnreachable):
        await send("r-1")
    with pytest.raises(LemonwayUnreachable):
        await simulator.directkit.get_account("ada")

    assert (await simulator.control.delete("/faults/f")).status_code == 200

    await send("r-1")


async def test_an_expired_bearer_is_renewed_and_the_call_goes_through_once(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]]
) -> None:
    await send("r-1")
    await simulator.post("/bearers/expire")

    await send("r-2")

    assert await simulator.balances() == {"ada": 98_00, "bob": 2_00}


async def test_a_bearer_refused_twice_denies_access(
    simulator: RunningSimulator, send: Callable[[str], Awaitable[object]]
) -> None:
    await simulator.post("/faults", id="f", endpoint=P2P, mode="http_status", http_status=401, count=2)

    with pytest.raises(LemonwayAccessDenied) as denied:
        await send("r-1")

    assert denied.value.http_status == 401
    assert await simulator.balances() == {"ada": 100_00}


async def test_a_wrong_api_key_denies_access(simulator: RunningSimulator) -> None:
    connection = simulator_connection(simulator.url)
    wrong = type(connection)(
        directkit_url=connection.directkit_url,
        onboarding_url=connection.onboarding_url,
        token_url=connection.token_url,
        api_key="another-key",
    )
    async with open_lemonway(wrong) as lemonway:
        with pytest.raises(LemonwayAccessDenied):
            await lemonway.directkit.get_account("SC")


async def test_where_nothing_listens_the_request_is_known_not_to_have_left() -> None:
    async with open_lemonway(simulator_connection("http://127.0.0.1:9")) as lemonway:
        with pytest.raises(LemonwayNotReached):
            await lemonway.directkit.send_p2p(
                debit_wallet_id="ada", credit_wallet_id="bob", amount_cents=1, reference="r-1"
            )

"""Notifications go out after the commit, in order per object, until somebody says 200."""

import httpx
import pytest

from tests.lemonway.running_simulator import RunningSimulator


async def test_a_notification_is_sent_until_it_is_answered_with_success(simulator: RunningSimulator) -> None:
    simulator.webhooks.answers_with = 500
    await simulator.open_wallet("Ada", cents=10_00)
    assert (await simulator.get("/idle"))["pending_notifications"] > 0
    assert simulator.webhooks.hints == []

    simulator.webhooks.answers_with = 200
    await simulator.quiet()

    assert len(simulator.webhooks.about(10)) == 1
    assert [hint.status for hint in simulator.webhooks.about(50)] == ["1", "2"]


async def test_a_refused_operation_notifies_nothing(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada")
    await simulator.quiet()
    before = len(simulator.webhooks.hints)

    refused = await simulator.control.post("/wires", json={"wire_id": "w", "wallet": "bob", "cents": 5, "payer": "x"})

    await simulator.quiet()
    assert refused.status_code == 409
    assert len(simulator.webhooks.hints) == before


@pytest.mark.parametrize(
    ("fault", "received"),
    [
        pytest.param({"mode": "webhook_dropped"}, 0, id="missing"),
        pytest.param({"mode": "webhook_repeated", "copies": 3}, 3, id="repeated"),
        pytest.param({"mode": "webhook_late", "delay_ms": 50}, 1, id="late"),
    ],
)
async def test_notifications_can_be_spoilt(
    simulator: RunningSimulator, fault: dict[str, object], received: int
) -> None:
    await simulator.post("/faults", id="f", endpoint="webhook 10", **fault)

    await simulator.open_wallet("Ada", cents=10_00)
    await simulator.quiet()

    hints = simulator.webhooks.about(10)
    assert len(hints) == received
    assert len({hint.dedupe_key for hint in hints}) == min(received, 1)


async def test_a_late_notification_is_overtaken_by_the_next_one_about_the_same_object(
    simulator: RunningSimulator,
) -> None:
    await simulator.open_wallet("Ada")
    await simulator.quiet()
    await simulator.post("/faults", id="f", endpoint="webhook 13", mode="webhook_late", delay_ms=150)

    await simulator.directkit.block_account("ada")
    await simulator.directkit.unblock_account("ada")
    await simulator.quiet()

    assert [hint.fields["Blocking"] for hint in simulator.webhooks.about(13)] == ["0", "1"]


async def test_notifications_are_unsigned_forms_with_text_values_and_paris_time(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=1_234_56)
    await simulator.quiet()

    (hint,) = simulator.webhooks.about(10)

    assert hint.fields == {
        "NotifCategory": "10",
        "NotifDate": "2026-01-12T09:00:00.000",
        "IntId": "13",
        "ExtId": "ada",
        "IdTransaction": str(hint.transaction_id),
        "Amount": "1234.56",
        "Status": "0",
    }


async def test_the_process_tells_its_health_and_its_counts(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=10_00)
    await simulator.quiet()

    async with httpx.AsyncClient(base_url=simulator.url) as http:
        health, status, metrics = [await http.get(path) for path in ("/health", "/status", "/metrics")]

    assert (health.status_code, health.json()) == (200, {"dead": []})
    assert status.json() == {
        "now": "2026-01-12T08:00:00+00:00",
        "wallets": 4,
        "transactions": 1,
        "planned_events": 0,
        "pending_notifications": 0,
        "delayed_calls": 0,
        "armed_faults": 0,
    }
    assert "lemonway_simulator_transactions 1\n" in metrics.text

"""Notifications are kept once as they came, whoever sends them; nothing is believed, nobody learns anything."""

import pytest

from tests.api.running_gateway import WEBHOOK_SECRET, RunningGateway

HOOK = f"/hooks/lemonway/{WEBHOOK_SECRET}"
WIRE = {
    "NotifCategory": "10",
    "NotifDate": "2026-01-12T09:00:00.000",
    "IntId": "7",
    "ExtId": "l-0123456789ab",
    "IdTransaction": "9001",
    "Amount": "500.00",
    "Status": "0",
}


async def test_the_same_notification_in_every_form_is_kept_once(gateway: RunningGateway) -> None:
    http, url = gateway.nobody.http, gateway.url + HOOK

    answers = [
        await http.post(url, data=WIRE),
        await http.post(url, json=WIRE),
        await http.get(url, params=WIRE),
    ]

    assert [(answer.status_code, answer.text) for answer in answers] == [(200, ""), (200, ""), (200, "")]
    [stored] = await gateway.pool.fetch("SELECT category, object_id, state FROM lemonway_notification")
    assert tuple(stored) == (10, "9001", "received")


@pytest.mark.parametrize("secret", ["wrong", "x" * 500, WEBHOOK_SECRET[:-1]])
async def test_a_wrong_secret_meets_an_empty_404(gateway: RunningGateway, secret: str) -> None:
    answer = await gateway.nobody.http.post(f"{gateway.url}/hooks/lemonway/{secret}", data=WIRE)

    assert (answer.status_code, answer.text) == (404, "")
    assert await gateway.pool.fetchval("SELECT count(*) FROM lemonway_notification") == 0


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"NotifCategory=ten", b"{" * 100, b"a" * 20_000])
async def test_what_is_no_notification_is_answered_like_one_and_not_kept(gateway: RunningGateway, body: bytes) -> None:
    answer = await gateway.nobody.http.post(gateway.url + HOOK, content=body)

    assert (answer.status_code, answer.text) == (200, "")
    assert await gateway.pool.fetchval("SELECT count(*) FROM lemonway_notification") == 0

"""What a careless caller may send: an answer that says what is wrong, never a traceback, nothing done."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.lemonway.running_simulator import API_KEY, RunningSimulator

TRANSFER = {"debitAccountId": "ada", "creditAccountId": "bob", "amount": 100, "reference": "r-1"}


@pytest.fixture
async def http(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP with a good bearer. Ada holds 100 euro, Bob nothing."""
    await simulator.open_wallet("Ada", cents=100_00)
    await simulator.open_wallet("Bob")
    async with httpx.AsyncClient(base_url=simulator.url) as client:
        token = await client.post(
            "/oauth/api/v1/oauth/token",
            headers={"Authorization": f"Basic {API_KEY}"},
            data={"Grant_type": "client_credentials"},
        )
        client.headers = httpx.Headers(
            {"Authorization": f"Bearer {token.json()['access_token']}", "PSU-IP-Address": "127.0.0.1"}
        )
        yield client


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"amount": 0}, 188, id="nothing"),
        pytest.param({"amount": -100}, 188, id="a negative amount"),
        pytest.param({"amount": "100"}, 188, id="an amount as text"),
        pytest.param({"amount": 1.5}, 188, id="half a cent"),
        pytest.param({"amount": 2**31}, 188, id="more than an int32"),
        pytest.param({"amount": True}, 188, id="true"),
        pytest.param({"amount": None}, 188, id="no amount"),
        pytest.param({"debitAccountId": None}, 234, id="no sender"),
        pytest.param({"creditAccountId": 7}, 234, id="a receiver that is a number"),
        pytest.param({"reference": "r" * 37}, 234, id="a reference longer than a UUID"),
        pytest.param({"comment": "c" * 141}, 234, id="a long comment"),
        pytest.param({"privateData": {"value": ["x"] * 21}}, 234, id="too much private data"),
        pytest.param({"privateData": ["x"]}, 234, id="private data of another shape"),
        pytest.param({"originTransactionId": 2**70}, 234, id="a number beyond int64"),
        pytest.param({"scheduledDate": "2026-01-14"}, 247, id="a date with dashes"),
        pytest.param({"scheduledDate": "2026/02/30"}, 254, id="a day that does not exist"),
        pytest.param({"scheduledDate": "2026/01/12"}, 254, id="scheduled for today"),
        pytest.param({"debitAccountId": "@bank"}, 147, id="from the outside world"),
    ],
)
async def test_a_malformed_transfer_is_refused_with_its_code(
    simulator: RunningSimulator, http: httpx.AsyncClient, changes: dict[str, Any], code: int
) -> None:
    response = await http.post("/directkitrest/v2/p2p", json={**TRANSFER, **changes})

    assert response.json()["error"]["code"] == code
    assert response.status_code == (200 if code == 147 else 400)
    assert await simulator.balances() == {"ada": 100_00}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post("/directkitrest/v2/p2p", content=body)

    assert (response.status_code, response.json()["error"]["code"]) == (400, 234)


async def test_field_names_are_read_without_regard_to_case(
    simulator: RunningSimulator, http: httpx.AsyncClient
) -> None:
    response = await http.post("/directkitrest/v2/p2p", json={name.upper(): value for name, value in TRANSFER.items()})

    assert response.json()["transaction"]["status"] == 3
    assert await simulator.balances() == {"ada": 99_00, "bob": 1_00}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Authorization": ""}, 401, id="no bearer"),
        pytest.param({"Authorization": "Bearer made-up"}, 401, id="a made-up bearer"),
        pytest.param({"PSU-IP-Address": "here"}, 400, id="an ill-formed address of the user"),
    ],
)
async def test_a_call_without_its_headers_is_turned_away(
    simulator: RunningSimulator, http: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    response = await http.post("/directkitrest/v2/p2p", json=TRANSFER, headers=headers)

    assert response.status_code == status
    assert await simulator.balances() == {"ada": 100_00}


async def test_the_scheme_must_be_written_with_a_capital(http: httpx.AsyncClient) -> None:
    bearer = http.headers["Authorization"].removeprefix("Bearer ")

    response = await http.get("/onboarding-api/accounts", headers={"Authorization": f"bearer {bearer}"})

    assert response.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/clock", {"now": "2026-01-14T00:00:00"}),
        ("PUT", "/clock", {"now": "tomorrow"}),
        ("PUT", "/clock", {"now": "9999-01-01T00:00:00Z"}),
        ("POST", "/wires", {"wire_id": "w", "wallet": "ada", "cents": 0, "payer": "x"}),
        ("POST", "/wires", {"wire_id": "w", "wallet": "ada", "cents": 10**30, "payer": "x"}),
        ("POST", "/kyc/ada", {"outcome": "perhaps"}),
        ("POST", "/collections/fate", {"id": "f", "reason_code": "AM04"}),
        ("POST", "/collections/fate", {"id": "f", "reason_code": "no money", "wallet": "ada"}),
        ("POST", "/collections/99999999999999999999/return", {"reason_code": "AM04"}),
        ("POST", "/faults", {"id": "f", "mode": "earthquake"}),
        ("POST", "/settings", {"error_mode": "http500"}),
        ("POST", "/settings", {"colour": "blue"}),
        ("GET", "/movements?limit=0", None),
    ],
)
async def test_the_control_plane_refuses_what_it_does_not_understand(
    simulator: RunningSimulator, method: str, path: str, body: dict[str, Any] | None
) -> None:
    response = await simulator.control.request(method, path, json=body)

    assert response.status_code == 400
    assert response.json()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/collections/12345/return", {"reason_code": "AM04"}),
        ("/payouts/12345/bounce", {}),
        ("/mandates/12345/signature", {"outcome": "signed"}),
        ("/ibans/12345", {"outcome": "accepted"}),
        ("/wires", {"wire_id": "w", "iban": "IT60X0542811101000000123456", "cents": 1, "payer": "x"}),
        ("/wires", {"wire_id": "w", "label": "no wallet", "cents": 1, "payer": "x"}),
    ],
)
async def test_the_control_plane_says_when_there_is_no_such_object(
    simulator: RunningSimulator, path: str, body: dict[str, Any]
) -> None:
    response = await simulator.control.post(path, json=body)

    assert response.status_code == 409
    assert response.json()["code"] in (143, 147, 215, 244)


async def test_the_page_refuses_a_form_it_cannot_read(simulator: RunningSimulator) -> None:
    async with httpx.AsyncClient(base_url=simulator.url) as browser:
        responses = [
            await browser.post("/page/clock", data={"at": "soon"}),
            await browser.post("/page/wire", data={"wire_id": "w", "wallet": "SC", "euros": "a lot", "payer": "x"}),
            await browser.post("/page/return", data={"transaction": "7", "reason": "?"}),
            await browser.get("/webkit?signingtoken=made-up"),
            await browser.get("/hosted/kyc/made-up"),
        ]

    assert [response.status_code for response in responses] == [400, 400, 400, 409, 404]

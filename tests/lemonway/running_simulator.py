"""A simulator on a port of its own, the client that talks to it, and a receiver of its notifications."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from litestar import Litestar, Request, Response, post
from litestar.params import FromPath

from lemonway.connection import Lemonway, open_lemonway
from lemonway.onboarding_messages import Individual, OnboardingAddress
from lemonway.simulator.addresses import CONTROL_PLANE_PATH, DIRECTKIT_PATH, ONBOARDING_PATH, TOKEN_PATH
from lemonway.simulator.app import create_simulator
from lemonway.simulator.settings import SimulatorSettings
from lemonway.transport import LemonwayConnection
from lemonway.webhooks import NotificationHint, parse_notification

API_KEY = "a-key-for-tests"
MONDAY_MORNING = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
"""09:00 in Paris, an hour and a half before the cut-off."""

ADA_IBAN = "IT60X0542811101000000123456"
ADA_BIC = "BPMOIT22"


def a_person(first_name: str, last_name: str = "Rossi") -> Individual:
    return Individual(
        first_name=first_name,
        last_name=last_name,
        birth_date="1990-05-04",
        birth_country="IT",
        email=f"{first_name.lower()}@example.com",
        nationalities=["IT"],
        address=OnboardingAddress(country="IT", street="Via Roma 1", postcode="20121", city="Milano"),
        phone_number="+393331234567",
    )


def simulator_connection(url: str) -> LemonwayConnection:
    return LemonwayConnection(
        directkit_url=url + DIRECTKIT_PATH,
        onboarding_url=url + ONBOARDING_PATH,
        token_url=url + TOKEN_PATH,
        api_key=API_KEY,
        read_timeout_ms=5_000,
        write_timeout_ms=5_000,
    )


class WebhookReceiver:
    """Keeps what it is sent and answers as told."""

    def __init__(self) -> None:
        self.hints: list[NotificationHint] = []
        self.answers_with = 200

    def app(self) -> Litestar:
        @post("/{rest:path}", status_code=200)
        async def receive(request: Request[Any, Any, Any], rest: FromPath[str]) -> Response[None]:
            if self.answers_with == 200:
                content_type = request.headers.get("content-type", "")
                hint = parse_notification(content_type=content_type, body=await request.body())
                assert isinstance(hint, NotificationHint), hint
                self.hints.append(hint)
            return Response(None, status_code=self.answers_with)

        return Litestar([receive], openapi_config=None, logging_config=None)

    def about(self, category: int) -> list[NotificationHint]:
        return [hint for hint in self.hints if hint.category == category]


class RunningSimulator:
    """The simulator as a test meets it: through the client, and through the control plane."""

    def __init__(self, url: str, lemonway: Lemonway, control: httpx.AsyncClient, webhooks: WebhookReceiver) -> None:
        self.url = url
        self.directkit = lemonway.directkit
        self.onboarding = lemonway.onboarding
        self.control = control
        self.webhooks = webhooks

    async def put(self, path: str, **body: object) -> dict[str, Any]:
        return await self._ask("PUT", path, body)

    async def post(self, path: str, **body: object) -> dict[str, Any]:
        return await self._ask("POST", path, body)

    async def get(self, path: str) -> dict[str, Any]:
        return await self._ask("GET", path, None)

    async def _ask(self, method: str, path: str, body: dict[str, object] | None) -> dict[str, Any]:
        response = await self.control.request(method, path, content=None if body is None else msgspec.json.encode(body))
        assert response.is_success, (response.status_code, response.text)
        answer: dict[str, Any] = response.json()
        return answer

    async def open_wallet(self, name: str, *, profile: str = "LENDER", cents: int = 0) -> str:
        """A verified person whose wallet is called like them, in lower case."""
        wallet_id = name.lower()
        account = await self.onboarding.create_individual(a_person(name), profile=profile, wallet_id=wallet_id)
        await self.onboarding.start_individual(account.id, redirect_url="https://blulend.example/done")
        await self.post(f"/kyc/{wallet_id}", outcome="accepted")
        if cents:
            await self.post("/wires", wire_id=f"first wire of {name}", wallet=wallet_id, cents=cents, payer=name)
        return wallet_id

    async def signed_mandate(self, wallet_id: str, *, holder: str = "Ada Rossi") -> int:
        mandate_id = await self.unsigned_mandate(wallet_id, holder=holder)
        await self.post(f"/mandates/{mandate_id}/signature", outcome="signed")
        return mandate_id

    async def unsigned_mandate(self, wallet_id: str, *, holder: str = "Ada Rossi") -> int:
        """A mandate whose signature was started; its id."""
        mandate = await self.directkit.create_mandate(
            wallet_id=wallet_id,
            holder=holder,
            iban=ADA_IBAN,
            bic=ADA_BIC,
            street="Via Roma 1",
            post_code="20121",
            city="Milano",
        )
        await self.directkit.start_mandate_signature(
            wallet_id=wallet_id,
            mandate_id=mandate.id,
            return_url="https://blulend.example/signed",
            error_url="https://blulend.example/not-signed",
        )
        return mandate.id

    async def move_clock(self, at: datetime) -> None:
        await self.put("/clock", now=at.isoformat())

    async def quiet(self) -> None:
        """Wait until every notification was delivered and nothing is delayed."""
        for _ in range(500):
            idle = await self.get("/idle")
            if idle["pending_notifications"] == idle["delayed_calls"] == 0:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(idle)

    async def balances(self) -> dict[str, int]:
        """Wallets that hold something, the outside world left out."""
        wallets = (await self.get("/wallets"))["wallets"]
        return {
            wallet["id"]: wallet["balance_cents"]
            for wallet in wallets
            if wallet["balance_cents"] and wallet["kind"] != "outside"
        }


@asynccontextmanager
async def running_simulator(settings: SimulatorSettings) -> AsyncIterator[RunningSimulator]:
    """Serve in threads, on free ports, until the block ends."""
    receiver = WebhookReceiver()
    async with AsyncExitStack() as stack:
        receiver_server = ThreadedServer(receiver.app())
        stack.push_async_callback(receiver_server.join)
        receiver_url = await receiver_server.start()
        simulator = create_simulator(msgspec.structs.replace(settings, webhook_url=receiver_url + "/hook"))
        simulator_server = ThreadedServer(simulator)
        stack.push_async_callback(simulator_server.join)
        url = await simulator_server.start()
        # A server takes a tenth of a second to stop, so both are told before either is waited for.
        stack.callback(simulator_server.stop)
        stack.callback(receiver_server.stop)
        lemonway = await stack.enter_async_context(open_lemonway(simulator_connection(url)))
        control = await stack.enter_async_context(
            httpx.AsyncClient(base_url=url + CONTROL_PLANE_PATH, headers={"Content-Type": "application/json"})
        )
        yield RunningSimulator(url, lemonway, control, receiver)


class ThreadedServer:
    """Serves an application on a free port, in a thread with an event loop of its own."""

    def __init__(self, app: Litestar) -> None:
        config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})

    async def start(self) -> str:
        """Its address, once it listens."""
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            await asyncio.sleep(0.005)
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        self._server.should_exit = True

    async def join(self) -> None:
        self.stop()
        await asyncio.to_thread(self._thread.join)
        self._listener.close()


def settings_for(folder: Path) -> SimulatorSettings:
    return SimulatorSettings(
        store_path=folder / "lemonway.store",
        api_key=API_KEY,
        start_at=MONDAY_MORNING,
        technical_wallet_ids=("distribution",),
    )

"""Killed at any moment, the simulator goes on where it was: what was answered stays, the rest is whole or absent."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest

from lemonway.connection import open_lemonway
from lemonway.errors import LemonwayUnreachable
from lemonway.simulator.store import Store, StoreOfAnotherVersion
from tests.lemonway.running_simulator import RunningSimulator, ThreadedServer, WebhookReceiver, simulator_connection

ROOT = Path(__file__).parents[3]


class KillableSimulator:
    """The process, and the address that it keeps over its lives."""

    def __init__(self, folder: Path, webhook_url: str) -> None:
        self._folder = folder
        self._webhook_url = webhook_url
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.lemonway.simulator.simulator_process",
            str(self._folder),
            str(self._port),
            self._webhook_url,
            cwd=ROOT,
        )
        async with httpx.AsyncClient() as http:
            for _ in range(1_000):
                try:
                    await http.get(self.url + "/health")
                except httpx.TransportError:
                    assert self._process.returncode is None, "the simulator did not start"
                    await asyncio.sleep(0.02)
                else:
                    return
        raise AssertionError("the simulator does not answer")

    async def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def talking_to(url: str) -> AsyncIterator[RunningSimulator]:
    async with (
        open_lemonway(simulator_connection(url)) as lemonway,
        httpx.AsyncClient(base_url=url + "/__sim", headers={"Content-Type": "application/json"}) as control,
    ):
        yield RunningSimulator(url, lemonway, control, WebhookReceiver())


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[WebhookReceiver, str]]:
    """Somebody to notify, and their address."""
    webhooks = WebhookReceiver()
    server = ThreadedServer(webhooks.app())
    yield webhooks, await server.start()
    await server.join()


@pytest.fixture
async def killable(tmp_path: Path, receiver: tuple[WebhookReceiver, str]) -> AsyncIterator[KillableSimulator]:
    process = KillableSimulator(tmp_path, receiver[1] + "/hook")
    await process.start()
    yield process
    await process.kill()


async def test_everything_answered_before_a_kill_is_there_after_it(killable: KillableSimulator) -> None:
    async with talking_to(killable.url) as simulator:
        await simulator.open_wallet("Ada", cents=100_00)
        mandate_id = await simulator.signed_mandate("ada")
        await simulator.directkit.collect_direct_debit(
            wallet_id="ada",
            mandate_id=mandate_id,
            total_amount_cents=30_00,
            reference="debit",
            collection_date=date(2026, 1, 15),
        )
        await simulator.post("/collections/fate", id="fate", reference="debit", reason_code="AM04")
        await simulator.post("/faults", id="fault", endpoint="POST /v2/p2p", mode="outage")
        await simulator.post("/settings", error_mode="http400")
        await simulator.put("/clock", now="2026-01-14T12:00:00+00:00")
        before = [await simulator.get(path) for path in ("/clock", "/wallets", "/movements", "/faults", "/settings")]

        await killable.kill()
        await killable.start()

        after = [await simulator.get(path) for path in ("/clock", "/wallets", "/movements", "/faults", "/settings")]
        assert after == before
        await simulator.put("/clock", now="2026-01-16T00:00:00+00:00")
        (debit,) = await simulator.directkit.find_direct_debits(reference="debit")
        assert (debit.status, debit.bank_status) == (6, "AM04")


async def test_killed_while_transfers_pour_in_it_keeps_every_answered_one_and_half_of_none(
    killable: KillableSimulator,
) -> None:
    """Three lives. A transfer that was answered happened once; one that was not, at most once; nothing is lopsided."""
    answered: list[str] = []
    async with talking_to(killable.url) as simulator:
        await simulator.open_wallet("Ada", cents=100_00)
        await simulator.open_wallet("Bob")
        number = 0
        for _ in range(3):
            pouring = asyncio.create_task(_pour(simulator, number, answered))
            await asyncio.sleep(0.4)
            await killable.kill()
            number = await pouring
            await killable.start()

        movements = (await simulator.get("/movements?limit=100000"))["movements"]
        executed = [movement["reference"] for movement in movements if movement["kind"] == "p2p"]
        assert len(executed) == len(set(executed))
        assert set(answered) <= set(executed)
        assert len(executed) - len(answered) <= 3
        assert len(answered) > 20
        assert await simulator.balances() == {"ada": 100_00 - len(executed), "bob": len(executed)}
        assert (await simulator.get("/breaks"))["breaks"] == []


async def _pour(simulator: RunningSimulator, number: int, answered: list[str]) -> int:
    """Send one cent after the other until there is no answer; the number of the next one."""
    while True:
        number += 1
        try:
            await simulator.directkit.send_p2p(
                debit_wallet_id="ada", credit_wallet_id="bob", amount_cents=1, reference=f"r-{number}"
            )
        except LemonwayUnreachable:
            return number
        answered.append(f"r-{number}")


async def test_a_clock_move_that_was_cut_off_is_repeated_with_the_same_result(killable: KillableSimulator) -> None:
    async with talking_to(killable.url) as simulator:
        await simulator.open_wallet("Ada")
        mandate_id = await simulator.signed_mandate("ada")
        for number in range(300):
            await simulator.directkit.collect_direct_debit(
                wallet_id="ada", mandate_id=mandate_id, total_amount_cents=1_00, reference=f"r-{number}"
            )
        moving = asyncio.create_task(simulator.control.put("/clock", json={"now": "2026-01-20T00:00:00+00:00"}))
        await asyncio.sleep(0.01)
        await killable.kill()
        await asyncio.gather(moving, return_exceptions=True)
        await killable.start()
        await simulator.put("/clock", now="2026-01-20T00:00:00+00:00")

        assert await simulator.balances() == {"ada": 300_00}
        assert (await simulator.get("/breaks"))["breaks"] == []


async def test_notifications_that_nobody_took_before_a_kill_are_sent_after_it(
    killable: KillableSimulator, receiver: tuple[WebhookReceiver, str]
) -> None:
    webhooks, _ = receiver
    webhooks.answers_with = 503
    async with talking_to(killable.url) as simulator:
        await simulator.open_wallet("Ada", cents=100_00)
        await killable.kill()
        webhooks.answers_with = 200
        await killable.start()

        await simulator.quiet()

    assert [hint.status for hint in webhooks.about(50)] == ["1", "2"]
    assert [hint.amount_cents for hint in webhooks.about(10)] == [100_00]


def test_a_store_of_another_version_is_left_untouched(tmp_path: Path) -> None:
    store = Store(tmp_path / "lemonway.store")
    store.run("PRAGMA user_version = 99")
    store.close()

    with pytest.raises(StoreOfAnotherVersion, match="version 99"):
        Store(tmp_path / "lemonway.store")

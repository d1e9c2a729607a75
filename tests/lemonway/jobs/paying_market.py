"""A market whose money lies at a simulator, and a payments process in this event loop that moves it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec

from lemonway.connection import Lemonway
from lemonway.jobs.process import PaymentsSettings, run_payments
from lemonway.jobs.waits import Waits
from persistence.business_clock import BusinessClock, move_clock
from persistence.connection import Pool
from persistence.inbox import store_notification
from tests.lemonway.running_simulator import ADA_IBAN, RunningSimulator
from tests.persistence.signed_market import COLLECTION_WALLET, SignedMarket

SHORT_WAITS = Waits(
    queued_lease_ms=5_000,
    held_up_ms=1_000,
    look_up_ms=(50, 100, 200, 300, 400),
    inbox_ms=50,
    poll_ms=100,
    refused_entry_ms=50,
)
"""Production's waits divided by some hundreds; the quiet period is 0.4 s."""

WEBKIT_URL = "https://webkit.example"


class PayingMarket(SignedMarket):
    """The market of `SignedMarket`, with everybody's wallet, bank account and mandate at the simulator as well."""

    def __init__(
        self,
        pool: Pool,
        simulator: RunningSimulator,
        clock: BusinessClock,
        database_url: str,
        jobs_redis_url: str,
    ) -> None:
        super().__init__(pool)
        self.simulator = simulator
        self.lemonway = Lemonway(directkit=simulator.directkit, onboarding=simulator.onboarding)
        self.clock = clock
        self.settings = PaymentsSettings(
            database_url=database_url,
            jobs_redis_url=jobs_redis_url,
            collection_wallet=COLLECTION_WALLET,
            webkit_url=WEBKIT_URL,
            call_timeout_s=2.0,
            waits=SHORT_WAITS,
        )

    # At Lemonway

    async def open_at_lemonway(self, name: str, kind: str) -> None:
        await self.simulator.open_wallet(name, profile="PROJECT_HOLDER" if kind == "borrower" else "LENDER")

    async def iban_at_lemonway(self, name: str) -> str:
        registered = await self.simulator.directkit.register_payout_iban(
            name, holder=f"{name.capitalize()} Rossi", iban=ADA_IBAN
        )
        return str(registered.iban_id)

    async def mandate_at_lemonway(self, name: str) -> str:
        return str(await self.simulator.signed_mandate(name, holder=f"{name.capitalize()} Rossi"))

    async def wire(self, name: str, cents: int) -> None:
        """Money arrives in the wallet of `name`; somebody has to notice."""
        await self.simulator.post("/wires", wire_id=f"wire of {name}", wallet=name, cents=cents, payer=name)

    # The payments process

    @contextlib.asynccontextmanager
    async def paying(self, **changes: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """A payments process, as long as the block lasts. `changes` are to its settings."""
        settings = msgspec.structs.replace(self.settings, **changes)
        process = asyncio.create_task(run_payments(settings, pool=self.pool, lemonway=self.lemonway, clock=self.clock))
        try:
            yield process
        finally:
            process.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await process

    async def quiet(self) -> None:
        """Wait until nothing is on its way: no instruction, no notification, at Lemonway or here."""
        await self.simulator.quiet()
        await self.deliver_notifications()
        await self.until(self._is_quiet)

    async def _is_quiet(self) -> bool:
        waiting = await self.pool.fetchval(
            """
            SELECT (SELECT count(*) FROM payment_instruction WHERE state IN ('ready', 'queued', 'sending'))
                + (SELECT count(*) FROM lemonway_notification WHERE state = 'received')
            """
        )
        return bool(waiting == 0)

    async def until(self, condition: Callable[[], Any], *, timeout_s: float = 20.0) -> None:
        """Wait until the condition holds."""
        async with asyncio.timeout(timeout_s):
            while not await condition():
                await asyncio.sleep(0.01)

    async def deliver_notifications(self, *, copies: int = 1) -> None:
        """Bring what the simulator has posted to the inbox, as the gateway does; each `copies` times."""
        hints, self.simulator.webhooks.hints = self.simulator.webhooks.hints, []
        async with self.pool.acquire() as connection:
            for hint in hints:
                for _ in range(copies):
                    await store_notification(
                        connection,
                        key=hint.dedupe_key,
                        category=hint.category,
                        object_id=hint.object_id,
                        fields=hint.fields,
                    )

    async def lose_notifications(self) -> None:
        """What the simulator has posted so far never arrived."""
        await self.simulator.quiet()
        self.simulator.webhooks.hints = []

    async def move(self, at: datetime) -> None:
        """Time passes: first at Lemonway, whose results are there before anybody here looks for them."""
        await self.simulator.move_clock(at)
        await self.simulator.quiet()
        async with self.pool.acquire() as connection:
            await move_clock(connection, at)
        while self.clock.now() < at:
            await asyncio.sleep(0.002)

    # Looking

    async def movements(self, reference: str) -> list[int]:
        """Lemonway's numbers of the transactions that carry a reference and have moved money."""
        listed = (await self.simulator.get("/movements"))["movements"]
        return [movement["transaction_id"] for movement in listed if movement["reference"] == reference]

    async def wallets_differ(self) -> dict[str, tuple[int, int]]:
        """Wallets for which the ledger and Lemonway do not hold the same: ours, theirs."""
        rows = await self.pool.fetch("SELECT owner_id, balance_cents FROM account WHERE owner_kind = 'wallet'")
        ours = {row["owner_id"]: row["balance_cents"] for row in rows if row["balance_cents"]}
        theirs = await self.simulator.balances()
        return {
            wallet: (ours.get(wallet, 0), theirs.get(wallet, 0))
            for wallet in ours.keys() | theirs.keys()
            if ours.get(wallet, 0) != theirs.get(wallet, 0)
        }

    async def states(self, kind: str) -> list[str]:
        return [state for state, _ in await self.instructions(kind)]

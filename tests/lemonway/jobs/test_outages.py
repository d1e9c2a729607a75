"""Servers go away and come back: the payments process waits for them, and every movement is made once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from actors.embedded_valkey import EmbeddedValkey, find_valkey_binary
from persistence.instructions import NewInstruction, insert_instructions
from persistence.payment_instructions import lemonway_reference
from persistence.reconnection import Backoff, keep_trying
from tests.lemonway.jobs.paying_market import PayingMarket
from tests.persistence.signed_market import id_of

TRANSFERS = 60


@pytest.fixture
async def transfers(market: PayingMarket) -> list[NewInstruction]:
    """Sixty transfers from Ada to Bruno, not asked for yet; Ada's money is in her wallet."""
    await market.add_lender("ada", cents=10_000)
    await market.add_lender("bruno", cents=10_000)
    async with market.paying():
        await market.quiet()
    return [
        NewInstruction(
            kind="gather",
            natural_key=(id_of(f"collection {number}"),),
            cents=number + 1,
            at=market.at,
            debit_wallet="ada",
            credit_wallet="bruno",
        )
        for number in range(TRANSFERS)
    ]


async def ask(market: PayingMarket, transfers: list[NewInstruction]) -> None:
    async with market.pool.acquire() as connection:
        await insert_instructions(connection, transfers)


async def done(market: PayingMarket) -> int:
    return int(await market.pool.fetchval("SELECT count(*) FROM payment_instruction WHERE state = 'done'"))


async def assert_made_once(market: PayingMarket, transfers: list[NewInstruction]) -> None:
    assert await market.states("gather") == ["done"] * TRANSFERS
    moved = [movement["reference"] for movement in (await market.simulator.get("/movements"))["movements"]]
    assert [moved.count(lemonway_reference(transfer.id)) for transfer in transfers] == [1] * TRANSFERS
    assert await market.wallets_differ() == {}


@pytest.fixture
async def jobs_server(server_folder: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey for jobs alone, which a test may stop."""
    server = EmbeddedValkey(
        binary=find_valkey_binary(None),
        data_folder=server_folder / "stopped-valkey",
        socket_folder=server_folder,
        name="stopped",
        fsync="everysec",
    )
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


async def test_a_redis_that_was_away_is_waited_for(
    market: PayingMarket, transfers: list[NewInstruction], jobs_server: EmbeddedValkey
) -> None:
    async with market.paying(jobs_redis_url=jobs_server.url) as process:
        await ask(market, transfers[:20])
        await market.quiet()
        await asyncio.to_thread(jobs_server.stop)
        await ask(market, transfers[20:])
        await asyncio.sleep(0.3)
        assert await done(market) == 20
        await asyncio.to_thread(jobs_server.start)
        await market.quiet()
        assert not process.done()

    await assert_made_once(market, transfers)


async def test_a_database_that_drops_every_connection_is_returned_to(
    market: PayingMarket, transfers: list[NewInstruction]
) -> None:
    administration = await asyncpg.connect(market.settings.database_url)
    async with market.paying() as process:
        await ask(market, transfers)
        for dropped_at in (5, 25, 40):
            while await administration.fetchval(
                "SELECT count(*) < $1 FROM payment_instruction WHERE state = 'done'", dropped_at
            ):
                await asyncio.sleep(0.005)
            await administration.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        # The market's own pool has lost its connections too, and finds out one by one.
        await keep_trying(market.quiet, name="market", backoff=Backoff())
        assert not process.done()
    await administration.close()

    await assert_made_once(market, transfers)


async def test_a_lemonway_that_was_away_is_waited_for(market: PayingMarket, transfers: list[NewInstruction]) -> None:
    await market.simulator.post("/faults", id="away", endpoint="*", mode="outage", count=None)
    async with market.paying() as process:
        await ask(market, transfers)
        await asyncio.sleep(0.5)
        assert await done(market) == 0
        response = await market.simulator.control.delete("/faults/away")
        assert response.is_success
        await market.quiet()
        assert not process.done()

    await assert_made_once(market, transfers)

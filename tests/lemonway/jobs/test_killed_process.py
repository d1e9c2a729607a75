"""A payments process may be killed at any moment: nothing is doubled and nothing is lost."""

import asyncio
import sys

from persistence.instructions import NewInstruction, insert_instructions
from persistence.payment_instructions import lemonway_reference
from tests.lemonway.jobs.paying_market import PayingMarket
from tests.persistence.signed_market import id_of

TRANSFERS = 120
KILLED_AT = (5, 40, 41, 90)
"""How many transfers are done when the process is killed, each time."""


async def start_process(market: PayingMarket) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.lemonway.jobs.payments_process",
        market.settings.database_url,
        market.settings.jobs_redis_url,
        market.simulator.url,
    )


async def done(market: PayingMarket) -> int:
    return int(await market.pool.fetchval("SELECT count(*) FROM payment_instruction WHERE state = 'done'"))


async def test_kill_9_of_the_payments_process_doubles_and_loses_nothing(market: PayingMarket) -> None:
    await market.add_lender("ada", cents=10_000)
    await market.add_lender("bruno", cents=10_000)
    async with market.paying():
        await market.quiet()
    instructions = [
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
    async with market.pool.acquire() as connection:
        await insert_instructions(connection, instructions)

    for killed_at in KILLED_AT:
        process = await start_process(market)
        while await done(market) < killed_at:
            await asyncio.sleep(0.005)
        process.kill()
        await process.wait()
    async with market.paying():
        await market.quiet()

    assert await market.states("gather") == ["done"] * TRANSFERS
    moved = [movement["reference"] for movement in (await market.simulator.get("/movements"))["movements"]]
    assert [moved.count(lemonway_reference(instruction.id)) for instruction in instructions] == [1] * TRANSFERS
    assert await market.wallets_differ() == {}
    assert await market.trial_balance_cents() == 0

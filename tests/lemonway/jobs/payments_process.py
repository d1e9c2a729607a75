"""A payments process to be killed: `python -m tests.lemonway.jobs.payments_process DATABASE REDIS LEMONWAY`, by URL."""

import asyncio
import sys

from lemonway.connection import open_lemonway
from lemonway.jobs.process import PaymentsSettings, run_payments
from persistence.business_clock import BusinessClock
from persistence.connection import open_pool
from tests.lemonway.jobs.paying_market import SHORT_WAITS, WEBKIT_URL
from tests.lemonway.running_simulator import simulator_connection
from tests.persistence.signed_market import COLLECTION_WALLET


async def pay(database_url: str, jobs_redis_url: str, lemonway_url: str) -> None:
    settings = PaymentsSettings(
        database_url=database_url,
        jobs_redis_url=jobs_redis_url,
        collection_wallet=COLLECTION_WALLET,
        webkit_url=WEBKIT_URL,
        call_timeout_s=1.0,
        waits=SHORT_WAITS,
    )
    pool = await open_pool(database_url)
    async with BusinessClock(database_url) as clock, open_lemonway(simulator_connection(lemonway_url)) as lemonway:
        await run_payments(settings, pool=pool, lemonway=lemonway, clock=clock)


if __name__ == "__main__":
    asyncio.run(pay(*sys.argv[1:]))

"""`python3 main.py payments`: carries out payment instructions at Lemonway and reads what Lemonway reports."""

import argparse
import os

from cli.environment import DATABASE_URL, JOBS_REDIS_URL, jobs_settings, lemonway_settings, persistence_settings
from cli.lemonway_connection import connection_to
from cli.process_status import ProcessStatus, run_process
from lemonway.connection import open_lemonway
from lemonway.jobs.process import PaymentsSettings, run_payments
from lemonway.jobs.waits import Waits
from persistence.business_clock import BusinessClock
from persistence.connection import close_pool, open_pool


def run(arguments: argparse.Namespace) -> int:
    """Pay until stopped; what was under way is looked up by its reference after the next start."""
    return run_process("payments", _pay, stores=(DATABASE_URL, JOBS_REDIS_URL))


async def _pay(status: ProcessStatus) -> None:
    institution = lemonway_settings(os.environ)
    database_url = persistence_settings(os.environ).database_url
    settings = PaymentsSettings(
        database_url=database_url,
        jobs_redis_url=jobs_settings(os.environ).redis_url,
        collection_wallet=institution.collection_wallet,
        webkit_url=institution.webkit_url,
        call_timeout_s=institution.timeout_s,
        waits=Waits().scaled(institution.waits_percent),
    )
    pool = await open_pool(database_url, max_size=12)
    try:
        async with BusinessClock(database_url) as clock, open_lemonway(connection_to(institution)) as lemonway:
            await run_payments(settings, pool=pool, lemonway=lemonway, clock=clock)
    finally:
        await close_pool(pool)

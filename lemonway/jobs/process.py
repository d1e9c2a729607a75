"""The payments process: outbox relay, RQ worker, resolver, inbox and pollers around one event loop.

It may be killed at any moment: everything it does is a row before it is a call, and every loop begins by looking at the
rows. A lost PostgreSQL, Redis or Lemonway is waited for.
"""

import asyncio

import msgspec
from redis import RedisError

from lemonway.connection import Lemonway
from lemonway.jobs.carry_out import Carrier
from lemonway.jobs.direct_debit_results import DirectDebitResults
from lemonway.jobs.enrolment import Enrolment
from lemonway.jobs.notifications import Inbox
from lemonway.jobs.outbox_relay import OutboxRelay
from lemonway.jobs.pollers import Pollers
from lemonway.jobs.resolver import Resolver
from lemonway.jobs.waits import Waits
from lemonway.jobs.wires_in import WiresIn
from lemonway.jobs.worker import PaymentsWorker
from persistence.business_clock import BusinessClock
from persistence.connection import Pool
from persistence.listener import Listener
from persistence.reconnection import Backoff, keep_trying

_FULL_OUTBOX_PAUSE_S = 0.02


class PaymentsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a payments process is started with.

    `call_timeout_s` is how long a call to Lemonway may take in all; a sent instruction counts as of unknown outcome a
    little later. `collection_wallet` is where receipts are gathered, `webkit_url` where mandates are signed.
    """

    database_url: str
    jobs_redis_url: str
    collection_wallet: str
    webkit_url: str
    call_timeout_s: float
    waits: Waits = Waits()


async def run_payments(settings: PaymentsSettings, *, pool: Pool, lemonway: Lemonway, clock: BusinessClock) -> None:
    """Work until cancelled; the batch in hand is finished first."""
    directkit, waits = lemonway.directkit, settings.waits
    carrier = Carrier(pool=pool, directkit=directkit, clock=clock, waits=waits, call_timeout_s=settings.call_timeout_s)
    wires = WiresIn(pool=pool, directkit=directkit, clock=clock)
    direct_debits = DirectDebitResults(
        pool=pool, directkit=directkit, clock=clock, collection_wallet=settings.collection_wallet
    )
    enrolment = Enrolment(pool=pool, lemonway=lemonway, clock=clock, webkit_url=settings.webkit_url)
    inbox = Inbox(
        pool=pool, directkit=directkit, clock=clock, wires=wires, direct_debits=direct_debits, enrolment=enrolment
    )
    pollers = Pollers(pool=pool, wires=wires, direct_debits=direct_debits, enrolment=enrolment)
    resolver = Resolver(pool=pool, directkit=directkit, clock=clock, waits=waits)
    async with (
        Listener(settings.database_url, "payment_instruction") as instructions,
        Listener(settings.database_url, "lemonway_notification") as notifications,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(_relay(settings, pool, instructions))
        group.create_task(PaymentsWorker(settings.jobs_redis_url, carrier.carry_out_batch).run())
        group.create_task(_resolve(resolver, waits))
        group.create_task(_follow(inbox, notifications, waits))
        group.create_task(_poll(pollers, clock, waits))


async def _relay(settings: PaymentsSettings, pool: Pool, instructions: Listener) -> None:
    relay = OutboxRelay(pool=pool, jobs_redis_url=settings.jobs_redis_url, waits=settings.waits)
    backoff = Backoff()

    async def hand_out() -> None:
        while True:
            position = instructions.position
            handed_out = await relay.hand_out()
            backoff.reset()
            if handed_out or await relay.is_full():
                await asyncio.sleep(_FULL_OUTBOX_PAUSE_S)
            else:
                await instructions.wait_beyond(position, timeout_s=settings.waits.inbox_ms / 1_000)

    try:
        await keep_trying(hand_out, name="outbox_relay", outages=(RedisError,), backoff=backoff)
    finally:
        relay.close()


async def _resolve(resolver: Resolver, waits: Waits) -> None:
    backoff = Backoff()

    async def resolve() -> None:
        while True:
            if not await resolver.resolve_due():
                await asyncio.sleep(waits.look_up_ms[0] / 5_000)
            backoff.reset()

    await keep_trying(resolve, name="resolver", backoff=backoff)


async def _follow(inbox: Inbox, notifications: Listener, waits: Waits) -> None:
    backoff = Backoff()

    async def follow() -> None:
        while True:
            position = notifications.position
            if not await inbox.follow_waiting():
                await notifications.wait_beyond(position, timeout_s=waits.inbox_ms / 1_000)
            backoff.reset()

    await keep_trying(follow, name="inbox", backoff=backoff)


async def _poll(pollers: Pollers, clock: BusinessClock, waits: Waits) -> None:
    backoff = Backoff()

    async def poll() -> None:
        while True:
            seen_at = clock.now()
            await pollers.poll()
            backoff.reset()
            if not (clock.is_virtual and clock.now() != seen_at):
                await clock.wait_until_moved(timeout_s=waits.poll_ms / 1_000)

    await keep_trying(poll, name="pollers", backoff=backoff)

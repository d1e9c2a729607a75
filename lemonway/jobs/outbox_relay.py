"""From the outbox to the workers: rows that are ready are handed out in batches, and an RQ job wakes a worker for each.

The job is only the wake-up call. If it is lost, its rows are handed out again when their lease lapses; if a worker is
woken twice, the second finds the rows taken.
"""

import asyncio

from redis import Redis

from lemonway.jobs.waits import Waits
from lemonway.jobs.worker import enqueue_batch, payments_queue
from persistence.connection import Pool
from persistence.instructions import claim_batch, has_more_ready

BATCH_SIZE = 50
QUEUED_MAX = 200
"""Rows handed out at a time by all relays together: a lease need only outlast the batches before it."""


class OutboxRelay:
    """Any number of relays may run, in any number of processes: each row is handed out by one of them."""

    def __init__(self, *, pool: Pool, jobs_redis_url: str, waits: Waits) -> None:
        self._pool = pool
        self._waits = waits
        self._redis = Redis.from_url(jobs_redis_url)
        self._queue = payments_queue(self._redis)

    async def hand_out(self) -> int:
        """Hand out everything that may be handed out now; how many rows. Raises RedisError when RQ cannot be told."""
        handed_out = 0
        while True:
            batch = await claim_batch(
                self._pool, size=BATCH_SIZE, queued_max=QUEUED_MAX, lease_ms=self._waits.queued_lease_ms
            )
            if batch is None:
                return handed_out
            await asyncio.to_thread(enqueue_batch, self._queue, f"pay-{batch.key}", batch.instruction_ids)
            handed_out += len(batch.instruction_ids)

    async def is_full(self) -> bool:
        """Whether more is ready than may be handed out now."""
        return await has_more_ready(self._pool)

    def close(self) -> None:
        self._redis.close()

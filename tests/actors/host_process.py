"""A host of books as a process, for tests that kill it: `python -m tests.actors.host_process URL OWNER_ID LEASE_MS`."""

import asyncio
import signal
import sys

from actors.clock import SystemClock
from actors.host import BookHost
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap


async def main(url: str, owner_id: str, lease_ms: int) -> None:
    host = BookHost(
        connect=lambda: RedisConnection(url),
        shards=ShardMap(),
        owner_id=owner_id,
        lease_ms=lease_ms,
        clock=SystemClock(),
        ticking=False,
        staging_ms=0,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, host.stop)
    running = asyncio.create_task(host.run())
    while not all(shard.state == "running" for shard in host.status().shards):
        await asyncio.sleep(0.005)
    print("running", flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

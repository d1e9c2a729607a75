"""`python3 main.py books`: a host of order books."""

import argparse
import os
import socket

import msgspec

from actors.clock import SystemClock
from actors.host import BookHost
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from cli.environment import BOOK_REDIS_URL, actor_settings
from cli.process_status import ProcessStatus, run_process
from cli.stores import load_book_functions


def run(arguments: argparse.Namespace) -> int:
    """Run books on `BOOK_REDIS_URL` until stopped; shards are then handed over without waiting for their leases."""
    return run_process("books", _host_books, stores=(BOOK_REDIS_URL,))


async def _host_books(status: ProcessStatus) -> None:
    settings = actor_settings(os.environ)

    def connect() -> RedisConnection:
        return RedisConnection(settings.book_redis_url)

    await load_book_functions(settings.book_redis_url)
    host = BookHost(
        connect=connect,
        shards=ShardMap(),
        # A process started again on the port of a dead one takes that one's leases over at once.
        owner_id=f"{socket.gethostname()}:{status.port}",
        lease_ms=settings.lease_ms,
        clock=SystemClock(),
        ticking=settings.ticking,
        staging_ms=settings.staging_ms,
    )
    status.facts = lambda: msgspec.to_builtins(host.status())
    status.is_healthy = lambda: host.status().is_healthy()
    await host.run()

"""One process of order books: takes shards by lease, keeps the leases, runs the books, hands them over."""

import asyncio
import contextlib
from collections.abc import Callable

import msgspec
import structlog

from actors.errors import OwnershipLost, RedisRefused, RedisUnreachable
from actors.lease import check_still_owner, lease_drain, lease_renewal
from actors.redis_connection import RedisConnection, checked
from actors.shard_runner import ShardRunner, ShardStatus
from actors.shards import ShardMap
from marketplace.ports import Clock

RENEWALS_PER_LEASE = 3

_log = structlog.get_logger(__name__)


class HostStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What this process is doing, shard by shard."""

    owner_id: str
    shards: tuple[ShardStatus, ...]

    def is_healthy(self) -> bool:
        """Whether every shard runs here or waits for its lease, and no company is set aside."""
        return all(shard.state in ("waiting", "replaying", "running") and not shard.parked for shard in self.shards)


class BookHost:
    """Runs every shard of books whose lease it can get.

    `owner_id` must not be in use by another living process; a process that takes over a dead one's id takes over its
    leases at once. With `ticking` each book with open requests is told the clock's time every second. `staging_ms` is
    the platform's staging of new cash, which every book with terms is set to.
    `connect` opens a connection to the Redis of books and purses.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], RedisConnection],
        shards: ShardMap,
        owner_id: str,
        lease_ms: int,
        clock: Clock,
        ticking: bool,
        staging_ms: int,
    ) -> None:
        self._owner_id = owner_id
        self._lease_ms = lease_ms
        self._connection = connect()
        self._stopping = asyncio.Event()
        self._runners = [
            ShardRunner(
                shard=shard,
                shards=shards,
                owner_id=owner_id,
                lease_ms=lease_ms,
                clock=clock,
                ticking=ticking,
                staging_ms=staging_ms,
                connect=connect,
            )
            for shard in shards.book_shards()
        ]

    def status(self) -> HostStatus:
        """What every shard is doing now."""
        return HostStatus(owner_id=self._owner_id, shards=tuple(runner.status() for runner in self._runners))

    def stop(self) -> None:
        """Finish the steps under way and hand every shard over; `run` then returns. For a signal handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`. Failures of the store are waited out; books go on from their journals.

        An exception that nobody foresaw hands the other shards over, and is raised: the process is to be restarted.
        """
        renewing = asyncio.create_task(self._keep_leases())
        running = [asyncio.create_task(runner.run()) for runner in self._runners]
        await asyncio.wait([renewing, *running], return_when=asyncio.FIRST_EXCEPTION)
        self._stopping.set()
        await asyncio.wait([renewing, *running])
        for runner in self._runners:
            await runner.close()
        await self._connection.close()
        for task in (renewing, *running):
            task.result()

    async def _keep_leases(self) -> None:
        interval_s = self._lease_ms / RENEWALS_PER_LEASE / 1000
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval_s):
                    await self._stopping.wait()
            try:
                await self._renew()
            except (RedisUnreachable, RedisRefused) as failure:
                # Nothing is lost yet: if a lease runs out meanwhile, the next turn or renewal tells.
                _log.warning("leases_not_renewed", cause=str(failure))
        for runner in self._runners:
            runner.stop()

    async def _renew(self) -> None:
        owned = [(runner, runner.epoch) for runner in self._runners if runner.epoch is not None]
        commands = [
            lease_drain(runner.keys.lease, owner_id=self._owner_id, epoch=epoch)
            if self._stopping.is_set()
            else lease_renewal(runner.keys.lease, owner_id=self._owner_id, epoch=epoch, lease_ms=self._lease_ms)
            for runner, epoch in owned
        ]
        if not commands:
            return
        replies = await self._connection.pipeline(commands)
        for (runner, epoch), command, reply in zip(owned, commands, replies, strict=True):
            try:
                check_still_owner(checked(reply, command))
            except OwnershipLost as loss:
                if runner.epoch == epoch:
                    _log.warning("lease_lost", shard=runner.shard, cause=str(loss))
                    runner.lose()

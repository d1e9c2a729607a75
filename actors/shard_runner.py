"""One shard of books in one process: owned by lease, run turn by turn, handed over."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog

from actors.errors import JournalBroken, OwnershipLost, RedisRefused, RedisUnreachable, TurnConflict
from actors.functions import load_functions
from actors.hosted_shard import HostedShard, host_shard
from actors.lease import LeaseGranted, acquire_lease, release_lease
from actors.mailbox import WaitingCommand, read_mailbox
from actors.redis_connection import RedisConnection
from actors.redis_keys import book_shard_keys
from actors.shard_writer import FIRST_MAILBOX_POSITION
from actors.shards import ShardMap
from marketplace.ports import Clock

COMMANDS_IN_MEMORY = 256
MAILBOX_WAIT_MS = 1_000
TICK_S = 1.0
POLL_S = 0.02
LEASE_POLL_S = 0.25
FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 2.0

_log = structlog.get_logger(__name__)

ShardState = Literal["waiting", "replaying", "running", "unreachable", "broken", "stopped"]


class ShardStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What one shard is doing in this process. `parked` names companies set aside, each with what failed."""

    shard: str
    state: ShardState
    epoch: int
    seq: int
    commands_in_memory: int
    open_calls: int
    companies: int
    parked: dict[str, str]


class ShardRunner:
    """Runs one shard of books whenever its lease can be had, until `stop`.

    A failure of a connection, of the lease or of the journal's expected head drops all memory and begins again from the
    journal.
    """

    def __init__(
        self,
        *,
        shard: str,
        shards: ShardMap,
        owner_id: str,
        lease_ms: int,
        clock: Clock,
        ticking: bool,
        staging_ms: int,
        connect: Callable[[], RedisConnection],
    ) -> None:
        self.shard = shard
        self.keys = book_shard_keys(shards, shard)
        self.epoch: int | None = None
        """The epoch under which this process owns the shard, None while it does not."""
        self._shards = shards
        self._owner_id = owner_id
        self._lease_ms = lease_ms
        self._clock = clock
        self._ticking = ticking
        self._staging_ms = staging_ms
        self._connection = connect()
        self._connect = connect
        self._state: ShardState = "waiting"
        self._hosted: HostedShard | None = None
        self._waiting: deque[WaitingCommand] = deque()
        self._stopping = asyncio.Event()
        self._is_lost = False
        self._wake = asyncio.Event()
        self._next_tick_s = 0.0

    def status(self) -> ShardStatus:
        """The shard as this process sees it now."""
        hosted = self._hosted
        return ShardStatus(
            shard=self.shard,
            state=self._state,
            epoch=self.epoch or 0,
            seq=0 if hosted is None else hosted.writer.position.seq,
            commands_in_memory=len(self._waiting),
            open_calls=0 if hosted is None else hosted.open_calls(),
            companies=0 if hosted is None else len(hosted.actors),
            parked={} if hosted is None else dict(hosted.parked),
        )

    def stop(self) -> None:
        """Finish the step under way and hand the shard over."""
        self._stopping.set()
        self._wake.set()

    def lose(self) -> None:
        """The lease was found to be another host's: let go of the shard without another turn."""
        self._is_lost = True
        self._wake.set()

    async def run(self) -> None:
        """Own and serve the shard, again and again, until `stop`; ends by itself only on a broken journal."""
        retry_s = FIRST_RETRY_S
        while not self._stopping.is_set():
            try:
                await self._own_once()
                retry_s = FIRST_RETRY_S
            except (OwnershipLost, TurnConflict) as change:
                _log.warning("shard_dropped", shard=self.shard, cause=str(change))
            except (RedisUnreachable, RedisRefused) as failure:
                self._state = "unreachable"
                _log.warning("shard_unreachable", shard=self.shard, cause=str(failure), retry_s=retry_s)
                await self._pause(retry_s)
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)
            except JournalBroken as broken:
                self._state = "broken"
                _log.critical("journal_broken", shard=self.shard, cause=str(broken))
                return
            finally:
                self.epoch, self._hosted = None, None
                self._waiting.clear()
        self._state = "stopped"

    async def close(self) -> None:
        """Close the connection, once `run` has ended."""
        await self._connection.close()

    async def _own_once(self) -> None:
        await load_functions(self._connection)
        epoch = await self._acquired_epoch()
        if epoch is None:
            return
        self._is_lost, self.epoch = False, epoch
        self._state = "replaying"
        hosted = self._hosted = await host_shard(
            self.shard, self._shards, self._connection, epoch=epoch, staging_ms=self._staging_ms
        )
        self._state = "running"
        mailbox_connection = self._connect()
        reading = asyncio.create_task(self._read_mailbox(mailbox_connection))
        try:
            await self._serve(hosted, reading)
        finally:
            await mailbox_connection.close()
            await asyncio.wait([reading])
            reading.exception()
        await release_lease(self._connection, self.keys.lease, owner_id=self._owner_id, epoch=epoch)

    async def _acquired_epoch(self) -> int | None:
        """The epoch of the lease, as soon as it can be had; None when asked to stop before."""
        self._state = "waiting"
        while not self._stopping.is_set():
            answer = await acquire_lease(
                self._connection, self.keys.lease, owner_id=self._owner_id, lease_ms=self._lease_ms
            )
            if isinstance(answer, LeaseGranted):
                return answer.epoch
            # It may be released before it expires, by its owner or on a dead owner's behalf.
            wait_s = POLL_S if answer.is_draining else LEASE_POLL_S
            await self._pause(min(wait_s, (answer.remaining_ms + 1) / 1000))
        return None

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _serve(self, hosted: HostedShard, reading: "asyncio.Task[None]") -> None:
        for company_id in list(hosted.actors):
            await hosted.settle(company_id, until=self._must_end)
        while not self._must_end():
            if self._waiting:
                command = self._waiting.popleft()
                await hosted.handle(command)
                await hosted.settle(command.company_id, until=self._must_end)
                continue
            await self._tick_if_due(hosted)
            await hosted.note_rest()
            await self._next_event(reading)
        if self._is_lost:
            raise OwnershipLost(f"{self.shard}: the lease could not be renewed")

    def _must_end(self) -> bool:
        return self._stopping.is_set() or self._is_lost

    async def _next_event(self, reading: "asyncio.Task[None]") -> None:
        """Wait for a command, for the next tick, or for the end."""
        self._wake.clear()
        if not self._waiting and not self._must_end():
            waking = asyncio.ensure_future(self._wake.wait())
            await asyncio.wait(
                [waking, reading], timeout=TICK_S if self._ticking else None, return_when=asyncio.FIRST_COMPLETED
            )
            waking.cancel()
        if reading.done():
            reading.result()

    async def _read_mailbox(self, connection: RedisConnection) -> None:
        """Keep commands coming, no more than are worth holding in memory."""
        read_up_to = FIRST_MAILBOX_POSITION
        while not self._must_end():
            commands = await read_mailbox(
                connection,
                self.keys.mailbox,
                after_entry=read_up_to,
                limit=COMMANDS_IN_MEMORY,
                block_ms=MAILBOX_WAIT_MS,
            )
            if commands:
                self._waiting.extend(commands)
                read_up_to = commands[-1].entry_id
                self._wake.set()
            while len(self._waiting) >= COMMANDS_IN_MEMORY and not self._must_end():
                await asyncio.sleep(POLL_S)

    async def _tick_if_due(self, hosted: HostedShard) -> None:
        now_s = asyncio.get_running_loop().time()
        if not self._ticking or now_s < self._next_tick_s:
            return
        self._next_tick_s = now_s + TICK_S
        for company_id, actor in list(hosted.actors.items()):
            if actor.has_open_requests() and not self._must_end():
                await hosted.tick(company_id, self._clock.now())
                await hosted.settle(company_id, until=self._must_end)

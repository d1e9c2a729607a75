"""The books of one shard while this process owns it: replayed, run, and set aside when their code fails."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from actors.errors import BookFault, FunctionFault, JournalBroken, PurseRefused
from actors.event_log import REPLAY_BATCH, check_chain, read_entries
from actors.mailbox import WaitingCommand
from actors.order_book_actor import OrderBookActor
from actors.purse import RedisPurses
from actors.purse_watch import PurseWatch
from actors.redis_connection import RedisConnection
from actors.redis_keys import book_shard_keys
from actors.replies import as_int_or
from actors.shard_writer import ShardWriter, read_position
from actors.shards import ShardMap
from marketplace.book.journal import GENESIS_HASH, decode_book_record
from marketplace.ports import JournalHead

FAULTS_OF_ONE_COMPANY = (BookFault, FunctionFault, PurseRefused)

_log = structlog.get_logger(__name__)


class HostedShard:
    """Every book of a shard, under one epoch of its lease; nothing of it outlives that epoch.

    What fails on one company's book is tried once more on a book replayed afresh. Should it fail again, the company is
    parked: nothing of it runs any more, its commands stay in the mailbox, and the other companies go on. The next owner
    of the shard tries it again.
    """

    def __init__(
        self,
        shard: str,
        shards: ShardMap,
        connection: RedisConnection,
        writer: ShardWriter,
        *,
        low_water: int,
        staging_ms: int,
    ) -> None:
        self.writer = writer
        self.actors: dict[str, OrderBookActor] = {}
        self.parked: dict[str, str] = {}
        self._shard = shard
        self._shards = shards
        self._connection = connection
        self._purses = RedisPurses(connection, shards)
        self._sound_low_water = low_water
        self._staging_ms = staging_ms
        self._rested_at: int | None = None

    async def handle(self, command: WaitingCommand) -> None:
        """Decide a command of the mailbox, unless its company is parked."""

        async def handle_once(actor: OrderBookActor) -> None:
            # On the second try the turn may have been committed by the first, which then failed to apply it.
            if self.writer.position.mailbox_position != command.entry_id:
                await actor.handle(command)

        await self._supervise(command.company_id, handle_once)

    async def tick(self, company_id: str, at: datetime) -> None:
        """Let one book see that time has passed."""
        await self._supervise(company_id, lambda actor: actor.tick(at))

    async def settle(self, company_id: str, *, until: Callable[[], bool]) -> None:
        """Let a book take all the steps it can take by itself, or as many as it can before `until` is true."""

        async def advance(actor: OrderBookActor) -> None:
            while not until() and await actor.advance():
                pass

        await self._supervise(company_id, advance)

    async def note_rest(self) -> None:
        """Tell the store that nothing is left to do for what the journal holds, unless it has been told."""
        if self._rested_at != self.writer.position.seq:
            await self.writer.note_rest()
            self._rested_at = self.writer.position.seq

    async def replay(self, *, only: str | None = None) -> None:
        """Fold the journal into its books, or into the one book of company `only`. Raises `JournalBroken`."""
        end = self.writer.position
        head = JournalHead(seq=0, hash=GENESIS_HASH)
        while head.seq < end.seq:
            entries = await read_entries(
                self._connection, self._shards, self._shard, after_seq=head.seq, limit=REPLAY_BATCH
            )
            if not entries:
                raise JournalBroken(self._shard, head.seq, f"it ends here, but the shard stands at {end.seq}")
            head = check_chain(head, entries)
            for entry in entries:
                assert entry.company_id is not None, entry
                if only in (None, entry.company_id) and entry.company_id not in self.parked:
                    self._replay_entry(entry.company_id, entry.payload, entry.seq)
        if head.hash != end.hash:
            raise JournalBroken(self._shard, head.seq, "its last hash is not the shard's")

    def open_calls(self) -> int:
        """How many fills the shard's books wait for purses to answer."""
        return sum(actor.open_calls() for actor in self.actors.values())

    def _replay_entry(self, company_id: str, payload: bytes, seq: int) -> None:
        try:
            self._actor(company_id).replay(decode_book_record(payload), seq)
        except BookFault as fault:
            self._park(company_id, fault)

    def _actor(self, company_id: str) -> OrderBookActor:
        if company_id not in self.actors:
            self.actors[company_id] = OrderBookActor(
                company_id,
                self._shard,
                self.writer,
                self._purses,
                PurseWatch(self._connection, self._shards),
                low_water=self._low_water,
                staging_ms=self._staging_ms,
            )
        return self.actors[company_id]

    def _low_water(self) -> int:
        """Every fill named in the shard up to here has its decision recorded.

        A parked book's memory is not to be trusted, so while there is one the mark stays where it was.
        """
        if self.parked:
            return self._sound_low_water
        unanswered = [actor.lowest_unanswered_seq() for actor in self.actors.values()]
        return min([seq - 1 for seq in unanswered if seq is not None], default=self.writer.position.seq)

    async def _supervise(self, company_id: str, work: Callable[[OrderBookActor], Awaitable[None]]) -> None:
        if company_id in self.parked:
            return
        if not self.parked:
            self._sound_low_water = self._low_water()
        try:
            await work(self._actor(company_id))
        except FAULTS_OF_ONE_COMPANY as fault:
            _log.error("book_failed", shard=self._shard, company_id=company_id, exc_info=fault)
            del self.actors[company_id]
            await self.replay(only=company_id)
            await self._try_again(company_id, work)

    async def _try_again(self, company_id: str, work: Callable[[OrderBookActor], Awaitable[None]]) -> None:
        if company_id in self.parked:
            return
        try:
            await work(self._actor(company_id))
        except FAULTS_OF_ONE_COMPANY as fault:
            self._park(company_id, fault)

    def _park(self, company_id: str, fault: BookFault | FunctionFault | PurseRefused) -> None:
        cause = fault.__cause__
        self.parked[company_id] = str(fault) if cause is None else f"{fault}: {cause!r}"
        _log.critical("book_parked", shard=self._shard, company_id=company_id, exc_info=fault)


async def host_shard(
    shard: str, shards: ShardMap, connection: RedisConnection, *, epoch: int, staging_ms: int
) -> HostedShard:
    """The shard as its journal tells it, ready to run under `epoch`."""
    keys = book_shard_keys(shards, shard)
    writer = ShardWriter(connection, keys, epoch=epoch, position=await read_position(connection, keys))
    low_water = as_int_or(0, await connection.call("HGET", keys.state, "lw"))
    hosted = HostedShard(shard, shards, connection, writer, low_water=low_water, staging_ms=staging_ms)
    await hosted.replay()
    return hosted

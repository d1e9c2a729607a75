"""The one writer of a shard of books: commits turns, each whole or not at all, and finds out when it cannot know."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from actors.errors import OwnershipLost, RedisUnreachable, TurnConflict
from actors.event_log import NOBODY
from actors.functions import function_call
from actors.mailbox import WaitingCommand
from actors.redis_connection import Argument, Command, RedisConnection, Reply
from actors.redis_keys import BookShardKeys
from actors.replies import as_int, as_int_or, as_list, as_text
from marketplace.book.journal import GENESIS_HASH, BookRecord, chain_hash, encode_book_record

FIRST_MAILBOX_POSITION = "0-0"
DECIDING_EVENT = 0
"""The place in a turn of the event that decides its command: a book answers first, and then does what follows."""


class ShardPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where a shard stands: the head of its journal and the mailbox entry it took last."""

    seq: int
    hash: str
    mailbox_position: str


class CommandDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The command that a turn decides; the first event of the turn says how."""

    command: WaitingCommand
    outcome: Literal["ok", "refused"]


class ShardWriter:
    """Appends turns to a shard's journal under one epoch of its lease."""

    def __init__(
        self, connection: RedisConnection, keys: BookShardKeys, *, epoch: int, position: ShardPosition
    ) -> None:
        self._connection = connection
        self._keys = keys
        self.epoch = epoch
        self.position = position

    async def commit(
        self, records: Sequence[BookRecord], *, low_water: int, decision: CommandDecision | None = None
    ) -> bool:
        """Append `records` and, with a `decision`, take its command out of the mailbox, as one step.

        False when the command had been decided before (a copy sent days apart): the copy is gone and nothing was
        appended. Raises `OwnershipLost` or `TurnConflict` with nothing appended, and `RedisUnreachable` when it cannot
        be told; in all three what is in memory must be read again.
        """
        payloads = [encode_book_record(record) for record in records]
        target = self._after(payloads, decision)
        header: list[Argument] = [len(records), 0 if decision is None else 1]
        for record, payload in zip(records, payloads, strict=True):
            kind = record.event.__struct_config__.tag
            assert isinstance(kind, str), kind
            header += [kind, record.company_id, NOBODY, record.cause_id, payload]
        if decision is not None:
            command = decision.command
            header += [command.entry_id, command.company_id, command.command_id, decision.outcome, DECIDING_EVENT]
        if await self._turn(target, low_water, header) == "decided before":
            assert decision is not None
            await self._drop_copy(decision.command, low_water)
            return False
        return True

    async def note_rest(self) -> None:
        """Say that nothing is left to do for what the journal holds. A lost answer is asked for again."""
        keys = [self._keys.lease, self._keys.state]
        reply = as_list(await self._connection.call(*function_call("rest", keys, self.epoch, self.position.seq)))
        if as_text(reply[0]) != "OK":
            raise OwnershipLost(f"{self._keys.state}: {as_text(reply[0])} in epoch {self.epoch}")

    def _after(self, payloads: Sequence[bytes], decision: CommandDecision | None) -> ShardPosition:
        seq, hash_ = self.position.seq, self.position.hash
        for payload in payloads:
            seq += 1
            hash_ = chain_hash(hash_, seq, payload)
        taken = self.position.mailbox_position if decision is None else decision.command.entry_id
        return ShardPosition(seq=seq, hash=hash_, mailbox_position=taken)

    async def _drop_copy(self, copy: WaitingCommand, low_water: int) -> None:
        target = msgspec.structs.replace(self.position, mailbox_position=copy.entry_id)
        await self._turn(target, low_water, [0, 1, copy.entry_id, copy.company_id, copy.command_id, "", ""])

    async def _turn(
        self, target: ShardPosition, low_water: int, body: Sequence[Argument]
    ) -> Literal["committed", "decided before"]:
        command = self._turn_command(low_water, body)
        while True:
            try:
                return await self._conclude(target, await self._connection.call(*command))
            except RedisUnreachable:
                # The turn may have been carried out, or still be on its way: then either it or the repeated one meets
                # the other's sequence, and a journal that stands at the target tells that the turn is ours.
                found = await read_position(self._connection, self._keys)
                if found != self.position:
                    return self._accept(found, target)

    async def _conclude(self, target: ShardPosition, reply: Reply) -> Literal["committed", "decided before"]:
        match as_list(reply):
            case [b"OK", seq, hash_]:
                assert (as_int(seq), as_text(hash_)) == (target.seq, target.hash), (reply, target)
                return self._accept(target, target)
            case [b"DECIDED", _, _]:
                return "decided before"
            case [b"FENCED", epoch]:
                raise OwnershipLost(f"{self._keys.lease}: epoch {as_text(epoch)} has followed {self.epoch}")
            case [b"CONFLICT", seq, hash_, taken]:
                found = ShardPosition(seq=as_int(seq), hash=as_text(hash_), mailbox_position=as_text(taken))
                return self._accept(found, target)
            case other:
                raise AssertionError(other)

    def _accept(self, found: ShardPosition, target: ShardPosition) -> Literal["committed"]:
        if found != target:
            raise TurnConflict(f"{self._keys.journal} stands at {found}, neither {self.position} nor {target}")
        self.position = target
        return "committed"

    def _turn_command(self, low_water: int, body: Sequence[Argument]) -> Command:
        keys = self._keys
        return function_call(
            "turn",
            [
                keys.lease,
                keys.state,
                keys.mailbox,
                keys.queued,
                keys.outcomes_of_even_days,
                keys.outcomes_of_odd_days,
                keys.journal,
            ],
            self.epoch,
            self.position.seq,
            self.position.mailbox_position,
            low_water,
            *body,
        )


async def read_position(connection: RedisConnection, keys: BookShardKeys) -> ShardPosition:
    """Where a shard stands now."""
    seq, hash_, mailbox_position = as_list(await connection.call("HMGET", keys.state, "seq", "hash", "mbpos"))
    return ShardPosition(
        seq=as_int_or(0, seq),
        hash=GENESIS_HASH if hash_ is None else as_text(hash_),
        mailbox_position=FIRST_MAILBOX_POSITION if mailbox_position is None else as_text(mailbox_position),
    )

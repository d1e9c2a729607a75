"""The mailboxes of the books: putting commands in, with admission control, and reading them for the books' host."""

from collections.abc import Sequence

import msgspec

from actors.functions import function_call
from actors.instants import instant_ms
from actors.redis_connection import RedisConnection, checked
from actors.redis_keys import BookShardKeys, book_shard_keys
from actors.replies import as_int, as_int_or, as_list, as_streams, as_text
from actors.shards import ShardMap
from marketplace.book.commands import Envelope
from marketplace.ports import Clock, CommandAccepted, CommandBusy, CommandDecided, SendOutcome

WAITING_PER_COMPANY = 1_000
WAITING_PER_SHARD = 10_000
BUSY_RETRY_MS = 500

_envelope_decoder = msgspec.json.Decoder(Envelope)


class WaitingCommand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A command in a mailbox, its envelope still encoded, under its place `entry_id` in the stream."""

    entry_id: str
    company_id: str
    command_id: str
    envelope: bytes

    def decode(self) -> Envelope:
        """The envelope. Raises `msgspec.DecodeError` on one that this program does not know."""
        return _envelope_decoder.decode(self.envelope)


class RedisOrderBooks:
    """The mailboxes of all books. Implements `marketplace.ports.OrderBooks`.

    A mailbox takes at most 1,000 waiting commands of one company and 10,000 of one shard. Deadlines are read by the
    sender's own clock, the one they were written by. `RedisUnreachable` means that the command may be in the mailbox:
    sending the same envelope again tells.
    """

    def __init__(self, url: str, shards: ShardMap, clock: Clock) -> None:
        self._connection = RedisConnection(url)
        self._shards = shards
        self._clock = clock

    async def send(self, envelope: Envelope) -> SendOutcome:
        keys = self._keys_of(envelope.company_id)
        reply = await self._connection.call(
            *function_call(
                "mb_put",
                [keys.mailbox, keys.queued, keys.outcomes_of_even_days, keys.outcomes_of_odd_days],
                envelope.company_id,
                envelope.command_id,
                msgspec.json.encode(envelope),
                instant_ms(self._clock.now()),
                "" if envelope.deadline_at is None else instant_ms(envelope.deadline_at),
                WAITING_PER_COMPANY,
                WAITING_PER_SHARD,
                BUSY_RETRY_MS,
            )
        )
        match as_list(reply):
            case [b"QUEUED"]:
                return CommandAccepted()
            case [b"DECIDED", outcome]:
                return CommandDecided(as_text(outcome))
            case [b"BUSY", retry_ms]:
                return CommandBusy(as_int(retry_ms))
            case other:
                raise AssertionError(other)

    async def outcome(self, company_id: str, command_id: str) -> str | None:
        keys = self._keys_of(company_id)
        commands = [("HGET", key, command_id) for key in (keys.outcomes_of_even_days, keys.outcomes_of_odd_days)]
        replies = await self._connection.pipeline(commands)
        for command, reply in zip(commands, replies, strict=True):
            if checked(reply, command) not in (None, b"queued"):
                return as_text(reply)
        return None

    async def unsettled_shards(self) -> Sequence[str]:
        """Shards of books with a command waiting, or with something left to do for what their journals hold.

        Empty means: nothing more will happen in any book until somebody sends a command.
        """
        commands = [
            command
            for keys in (book_shard_keys(self._shards, shard) for shard in self._shards.book_shards())
            for command in (("HMGET", keys.state, "seq", "rest"), ("XLEN", keys.mailbox))
        ]
        replies = await self._connection.pipeline(commands)
        for command, reply in zip(commands, replies, strict=True):
            checked(reply, command)
        unsettled = []
        for shard, state, waiting in zip(self._shards.book_shards(), replies[::2], replies[1::2], strict=True):
            seq, rest = (as_int_or(0, value) for value in as_list(state))
            if seq != rest or as_int(waiting) > 0:
                unsettled.append(shard)
        return unsettled

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    def _keys_of(self, company_id: str) -> BookShardKeys:
        return book_shard_keys(self._shards, self._shards.of_company(company_id))


async def read_mailbox(
    connection: RedisConnection, mailbox_key: str, *, after_entry: str, limit: int, block_ms: int
) -> list[WaitingCommand]:
    """Waiting commands after `after_entry`, in order of arrival; waits `block_ms` for one when there is none."""
    reply = await connection.call("XREAD", "COUNT", limit, "BLOCK", block_ms, "STREAMS", mailbox_key, after_entry)
    return [
        WaitingCommand(
            entry_id=entry_id,
            company_id=fields["c"].decode(),
            command_id=fields["id"].decode(),
            envelope=fields["e"],
        )
        for entries in as_streams(reply).values()
        for entry_id, fields in entries
    ]

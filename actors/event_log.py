"""The journals in Redis: read in order from a position, and waited on."""

from collections.abc import Mapping, Sequence
from typing import Literal

from actors.errors import JournalBroken
from actors.functions import function_call
from actors.redis_connection import RedisConnection, checked
from actors.redis_keys import journal_key, state_key
from actors.replies import as_entries, as_int_or, as_list, as_streams, as_text
from actors.shards import ShardMap
from marketplace.book.journal import GENESIS_HASH, JournalEntry, chain_hash
from marketplace.ports import JournalHead

NOBODY = "-"
"""What an entry's company or lender reads when it has none."""

REPLAY_BATCH = 1_000


class RedisJournals:
    """The journals of every shard. Implements `marketplace.ports.JournalSource`.

    Reading and waiting use a connection each, so that a wait delays nobody. One waiter at a time.
    """

    def __init__(self, url: str, shards: ShardMap, *, longest_wait_s: float = 60.0) -> None:
        self._shards = shards
        self._connection = RedisConnection(url)
        self._waiting = RedisConnection(url, answer_timeout_s=longest_wait_s + 5.0)
        self._longest_wait_ms = int(longest_wait_s * 1000)
        self._shard_of_key = {journal_key(shards, shard): shard for shard in self.shards()}

    def shards(self) -> Sequence[str]:
        return self._shards.book_shards() + self._shards.purse_shards()

    async def read(self, shard: str, *, after_seq: int, limit: int) -> Sequence[JournalEntry]:
        return await read_entries(self._connection, self._shards, shard, after_seq=after_seq, limit=limit)

    async def wait(self, positions: Mapping[str, int], *, timeout_ms: int) -> Sequence[str]:
        keys = [journal_key(self._shards, shard) for shard in positions]
        block_ms = max(1, min(timeout_ms, self._longest_wait_ms))  # 0 would wait for ever
        after = [f"{seq}-0" for seq in positions.values()]
        reply = await self._waiting.call("XREAD", "COUNT", 1, "BLOCK", block_ms, "STREAMS", *keys, *after)
        return [self._shard_of_key[key] for key in as_streams(reply)]

    async def heads(self) -> Mapping[str, JournalHead]:
        commands = [("HMGET", state_key(self._shards, shard), "seq", "hash") for shard in self.shards()]
        replies = await self._connection.pipeline(commands)
        heads = {}
        for shard, command, reply in zip(self.shards(), commands, replies, strict=True):
            seq, hash_ = as_list(checked(reply, command))
            heads[shard] = JournalHead(seq=as_int_or(0, seq), hash=GENESIS_HASH if hash_ is None else as_text(hash_))
        return heads

    async def acknowledge(self, shard: str, *, seq: int, hash: str) -> Literal["ok", "diverged"]:
        keys = [state_key(self._shards, shard), journal_key(self._shards, shard)]
        reply = as_list(await self._connection.call(*function_call("wm_put", keys, seq, hash)))
        return "ok" if as_text(reply[0]) == "OK" else "diverged"

    async def close(self) -> None:
        """Close both connections; a wait under way ends with `RedisUnreachable`."""
        await self._connection.close()
        await self._waiting.close()


async def read_entries(
    connection: RedisConnection, shards: ShardMap, shard: str, *, after_seq: int, limit: int
) -> list[JournalEntry]:
    """At most `limit` entries of a shard's journal after `after_seq`, oldest first."""
    reply = await connection.call("XRANGE", journal_key(shards, shard), f"{after_seq + 1}-0", "+", "COUNT", limit)
    return [
        JournalEntry(
            shard=shard,
            seq=int(entry_id.partition("-")[0]),
            kind=fields["t"].decode(),
            company_id=_somebody(fields["c"]),
            lender_id=_somebody(fields["l"]),
            cause_id=fields["id"].decode(),
            payload=fields["d"],
            hash=fields["h"].decode(),
        )
        for entry_id, fields in as_entries(reply)
    ]


def check_chain(head: JournalHead, entries: Sequence[JournalEntry]) -> JournalHead:
    """The head after `entries`, which must follow `head` without a gap. Raises `JournalBroken` where they do not."""
    for entry in entries:
        if entry.seq != head.seq + 1:
            raise JournalBroken(entry.shard, entry.seq, f"expected entry {head.seq + 1}")
        if entry.hash != chain_hash(head.hash, entry.seq, entry.payload):
            raise JournalBroken(entry.shard, entry.seq, "its hash does not follow from the one before")
        head = JournalHead(seq=entry.seq, hash=entry.hash)
    return head


def _somebody(field: bytes) -> str | None:
    text = field.decode()
    return None if text == NOBODY else text

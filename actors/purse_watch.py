"""Which purses have changed: read from their journals, so that a book looks again only at those."""

from collections.abc import Sequence

from actors.redis_connection import Command, RedisConnection, Reply, checked
from actors.redis_keys import journal_key, state_key
from actors.replies import as_entries, as_int_or
from actors.shards import ShardMap


class PurseWatch:
    """Follows the journals of all purse shards from the moment it is first asked, `batch` entries of each at a time."""

    def __init__(self, connection: RedisConnection, shards: ShardMap, *, batch: int = 1_000) -> None:
        self._batch = batch
        self._connection = connection
        self._shards = shards
        self._read_up_to: dict[str, int] = {}

    async def changed_lenders(self) -> set[str]:
        """Lenders whose purses have changed since the last call; of the first call none, as everything is still new.

        Raises `RedisUnreachable`; the next call then tells what this one would have told.
        """
        if not self._read_up_to:
            self._read_up_to = await self._heads()
            return set()
        changed: set[str] = set()
        behind: Sequence[str] = self._shards.purse_shards()
        positions = dict(self._read_up_to)
        while behind:
            commands = [self._entries_after(shard, positions[shard]) for shard in behind]
            replies = await self._connection.pipeline(commands)
            full = []
            for shard, command, reply in zip(behind, commands, replies, strict=True):
                seqs_and_lenders = _entries(checked(reply, command))
                changed |= {lender_id for _, lender_id in seqs_and_lenders}
                if seqs_and_lenders:
                    positions[shard] = seqs_and_lenders[-1][0]
                if len(seqs_and_lenders) == self._batch:
                    full.append(shard)
            behind = full
        self._read_up_to = positions
        return changed

    def _entries_after(self, shard: str, seq: int) -> Command:
        return "XRANGE", journal_key(self._shards, shard), f"{seq + 1}-0", "+", "COUNT", self._batch

    async def _heads(self) -> dict[str, int]:
        shards = self._shards.purse_shards()
        commands = [("HGET", state_key(self._shards, shard), "seq") for shard in shards]
        replies = await self._connection.pipeline(commands)
        return {
            shard: as_int_or(0, checked(reply, command))
            for shard, command, reply in zip(shards, commands, replies, strict=True)
        }


def _entries(reply: Reply) -> list[tuple[int, str]]:
    """Sequence and lender of every journal entry."""
    return [(int(entry_id.partition("-")[0]), fields["l"].decode()) for entry_id, fields in as_entries(reply)]

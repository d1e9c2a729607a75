"""Journals in memory with the same chain as the store's, for tests of what reads them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from marketplace.book.journal import (
    GENESIS_HASH,
    BookRecord,
    JournalEntry,
    chain_hash,
    encode_book_record,
)
from marketplace.book.purse_events import AnyPurseEvent
from marketplace.ports import JournalHead


class MemoryJournals:
    """A `marketplace.ports.JournalSource`. Entries may be tampered with: `entries` is the store itself."""

    def __init__(self, *shards: str) -> None:
        self.entries: dict[str, list[JournalEntry]] = {shard: [] for shard in shards}
        self.acknowledged: dict[str, int] = {}

    def append_book(self, shard: str, record: BookRecord) -> int:
        kind = type(record.event).__struct_config__.tag
        return self._append(shard, str(kind), encode_book_record(record), record.cause_id, record.company_id, None)

    def append_purse(self, shard: str, event: AnyPurseEvent) -> int:
        kind = type(event).__struct_config__.tag
        return self._append(shard, str(kind), msgspec.json.encode(event), event.ref, None, event.lender_id)

    def _append(
        self, shard: str, kind: str, payload: bytes, cause_id: str, company_id: str | None, lender_id: str | None
    ) -> int:
        entries = self.entries[shard]
        previous_hash = entries[-1].hash if entries else GENESIS_HASH
        seq = len(entries) + 1
        entries.append(
            JournalEntry(
                shard=shard,
                seq=seq,
                kind=kind,
                company_id=company_id,
                lender_id=lender_id,
                cause_id=cause_id,
                payload=payload,
                hash=chain_hash(previous_hash, seq, payload),
            )
        )
        return seq

    def shards(self) -> Sequence[str]:
        return list(self.entries)

    async def read(self, shard: str, *, after_seq: int, limit: int) -> Sequence[JournalEntry]:
        return [entry for entry in self.entries[shard] if entry.seq > after_seq][:limit]

    async def wait(self, positions: Mapping[str, int], *, timeout_ms: int) -> Sequence[str]:
        news = [shard for shard, seq in positions.items() if any(entry.seq > seq for entry in self.entries[shard])]
        if not news:
            await asyncio.sleep(min(timeout_ms, 10) / 1_000)
        return news

    async def heads(self) -> Mapping[str, JournalHead]:
        return {
            shard: JournalHead(entries[-1].seq, entries[-1].hash) if entries else JournalHead(0, GENESIS_HASH)
            for shard, entries in self.entries.items()
        }

    async def acknowledge(self, shard: str, *, seq: int, hash: str) -> Literal["ok", "diverged"]:
        if self.entries[shard][seq - 1].hash != hash:
            return "diverged"
        self.acknowledged[shard] = max(seq, self.acknowledged.get(shard, 0))
        return "ok"

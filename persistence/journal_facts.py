"""Entries of a journal, checked against what is recorded and decoded: what the projector works on."""

from collections.abc import Sequence

import msgspec

from marketplace.book.journal import (
    BookRecord,
    JournalEntry,
    chain_hash,
    decode_book_record,
    decode_purse_event,
    shard_holds_books,
)
from marketplace.book.purse_events import AnyPurseEvent
from marketplace.ports import JournalHead


class JournalBroken(Exception):
    """A journal cannot be recorded any further: somebody has to find out why."""


class JournalGap(JournalBroken):
    """An entry is missing between what is recorded and what the journal holds."""


class JournalDiverged(JournalBroken):
    """The journal's chain is not the continuation of what is recorded."""


class JournalUnreadable(JournalBroken):
    """An entry's payload is of a shape this program does not know."""


class BookFact(msgspec.Struct, frozen=True, gc=False):
    """An entry of a book's journal and what it says."""

    entry: JournalEntry
    record: BookRecord


class PurseFact(msgspec.Struct, frozen=True, gc=False):
    """An entry of a purse shard's journal and what it says."""

    entry: JournalEntry
    event: AnyPurseEvent


Fact = BookFact | PurseFact


def read_facts(shard: str, entries: Sequence[JournalEntry], *, after: JournalHead) -> list[Fact]:
    """Decode `entries`, which must go on where the recorded `after` ends. Raises JournalBroken when they do not."""
    facts: list[Fact] = []
    seq, previous_hash = after.seq, after.hash
    for entry in entries:
        seq += 1
        if entry.seq != seq:
            raise JournalGap(f"{shard}: entry {seq} is missing, the journal goes on with {entry.seq}")
        if chain_hash(previous_hash, seq, entry.payload) != entry.hash:
            raise JournalDiverged(f"{shard}: entry {seq} does not continue the recorded chain")
        previous_hash = entry.hash
        facts.append(_decode(entry))
    return facts


def _decode(entry: JournalEntry) -> Fact:
    try:
        if shard_holds_books(entry.shard):
            return BookFact(entry, decode_book_record(entry.payload))
        return PurseFact(entry, decode_purse_event(entry.payload))
    except msgspec.DecodeError as error:
        raise JournalUnreadable(f"{entry.shard}: entry {entry.seq} ({entry.kind}): {error}") from error

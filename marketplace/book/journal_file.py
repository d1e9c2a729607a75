"""The journal file: a book's commands and the entries they led to, as JSON Lines, to be replayed anywhere.

A line is `{"command": …}`, a command in its envelope, or `{"shard": …, "seq": …, "record": …}`, an entry with its
record byte for byte as the journal stores it. Entries stand in order of `seq`; a command stands before the entries it
caused. A file may hold several books, told apart by the company of their records.

With `previous_hash` and `hash`, the links of the shard's chain, every byte of an entry is checked, also of what no
decision depends on.
"""

from collections.abc import Iterable

import msgspec

from marketplace.book.book_replay import ReplayedBook
from marketplace.book.commands import Envelope
from marketplace.book.journal import chain_hash


class CommandLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that holds a command."""

    command: Envelope


class EntryLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that holds an entry of a journal; the bytes of `record` are what was stored."""

    shard: str
    seq: int
    previous_hash: str | None = None
    hash: str | None = None
    record: msgspec.Raw


class JournalLineWrong(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is neither: its number, from 1, why, and what would pass."""

    line: int
    reason: str
    would_pass: str = '{"command": …} or {"shard": …, "seq": …, "record": …}, each on a line of its own'


class _WhichLine(msgspec.Struct, frozen=True):
    command: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _WhoseRecord(msgspec.Struct, frozen=True):
    company_id: str


_encoder = msgspec.json.Encoder(order="deterministic")
_which_decoder = msgspec.json.Decoder(_WhichLine)
_command_decoder = msgspec.json.Decoder(CommandLine)
_entry_decoder = msgspec.json.Decoder(EntryLine)
_whose_decoder = msgspec.json.Decoder(_WhoseRecord)


def encode_command_line(envelope: Envelope) -> bytes:
    """The line of a command, without its end."""
    return _encoder.encode(CommandLine(command=envelope))


def encode_entry_line(shard: str, seq: int, payload: bytes, *, previous_hash: str, hash: str) -> bytes:
    """The line of an entry, without its end."""
    return _encoder.encode(
        EntryLine(shard=shard, seq=seq, previous_hash=previous_hash, hash=hash, record=msgspec.Raw(payload))
    )


def replay_journal_file(lines: Iterable[bytes]) -> tuple[ReplayedBook, ...] | JournalLineWrong:
    """Every book of a journal file replayed to its end, in the order in which they first appear; empty lines do not
    count."""
    commands: dict[str, Envelope] = {}
    books: dict[str, ReplayedBook] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            if _which_decoder.decode(line).command is not msgspec.UNSET:
                envelope = _command_decoder.decode(line).command
                commands[envelope.command_id] = envelope
                continue
            entry = _entry_decoder.decode(line)
            company_id = _whose_decoder.decode(entry.record).company_id
        except msgspec.DecodeError as error:
            return JournalLineWrong(line=number, reason=str(error))
        if company_id not in books:
            books[company_id] = ReplayedBook(company_id, entry.shard, commands)
        book, payload = books[company_id], bytes(entry.record)
        if entry.hash is not None and chain_hash(entry.previous_hash or "", entry.seq, payload) != entry.hash:
            book.differences.append(f"{entry.shard}:{entry.seq} is not what its hash was made of")
        book.take(entry.seq, payload)
    for book in books.values():
        book.finish()
    return tuple(books.values())

"""The journal file: a book's commands and the entries they led to, as JSON Lines, to be replayed anywhere.

A line is `{"command": …}`, a command in its envelope, or `{"shard": …, "seq": …, "record": …}`, an entry with its
record byte for byte as the journal stores it. Entries stand in order of `seq`; a command stands before the entries it
caused. A file may hold several books, told apart by the company of their records.

With `previous_hash` and `hash`, the links of the shard's chain, every byte of an entry is checked, also of what no
decision depends on, and that an entry follows on the one before it. A shard may hold several books, so that the numbers
of one have gaps: with `previous_seq`, the number of the book's entry before, it is found when an entry is missing.
"""

from collections.abc import Iterable, Iterator

import msgspec

from marketplace.book.book_replay import ReplayedBook
from marketplace.book.commands import Envelope
from marketplace.book.journal import GENESIS_HASH, chain_hash


class CommandLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that holds a command."""

    command: Envelope


class EntryLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that holds an entry of a journal; the bytes of `record` are what was stored."""

    shard: str
    seq: int
    previous_seq: int | None = None
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


def encode_entry_line(
    shard: str, seq: int, payload: bytes, *, previous_seq: int, previous_hash: str, hash: str
) -> bytes:
    """The line of an entry, without its end; `previous_seq` is the number of the book's entry before it, 0 for none."""
    return _encoder.encode(
        EntryLine(
            shard=shard,
            seq=seq,
            previous_seq=previous_seq,
            previous_hash=previous_hash,
            hash=hash,
            record=msgspec.Raw(payload),
        )
    )


def replay_journal_file(lines: Iterable[bytes]) -> tuple[ReplayedBook, ...] | JournalLineWrong:
    """Every book of a journal file replayed to its end, in the order in which they first appear; empty lines do not
    count."""
    commands: dict[str, Envelope] = {}
    books: dict[str, ReplayedBook] = {}
    links = _Links()
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
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return JournalLineWrong(line=number, reason=str(error))
        except RecursionError:
            return JournalLineWrong(line=number, reason="the JSON is nested too deeply to be read")
        if company_id not in books:
            books[company_id] = ReplayedBook(company_id, entry.shard, commands)
        book, payload = books[company_id], bytes(entry.record)
        book.differences += links.broken_by(entry, company_id)
        book.take(entry.seq, payload)
    for book in books.values():
        book.finish()
    return tuple(books.values())


class _Links:
    """The chains of the shards in a file, and the numbers of its books, as far as its entries tell them."""

    def __init__(self) -> None:
        self._last_seqs: dict[str, int] = {}
        self._hashes: dict[tuple[str, int], str] = {}
        self._previous_hashes: dict[tuple[str, int], str] = {}

    def broken_by(self, entry: EntryLine, company_id: str) -> Iterator[str]:
        """Where the next entry of a company's book does not follow on what the file holds so far, in words."""
        here, last_seq = f"{entry.shard}:{entry.seq}", self._last_seqs.get(company_id, 0)
        if entry.seq <= last_seq:
            yield f"{here} stands behind {last_seq}"
        elif entry.previous_seq not in (None, last_seq):
            yield f"{here} follows on {entry.previous_seq}, but the entry before it is {last_seq or 'none'}"
        self._last_seqs[company_id] = entry.seq
        if entry.previous_hash is not None or entry.hash is not None:
            yield from self._broken_chain(entry, here)

    def _broken_chain(self, entry: EntryLine, here: str) -> Iterator[str]:
        """A hash that is not the entry's own, or not the one that its neighbours in the shard tell of it."""
        of_figures = chain_hash(entry.previous_hash or "", entry.seq, bytes(entry.record))
        if entry.hash not in (None, of_figures):
            yield f"{here} is not what its hash was made of"
        link = entry.hash or of_figures
        before = GENESIS_HASH if entry.seq == 1 else self._hashes.get((entry.shard, entry.seq - 1))
        if before is not None and entry.previous_hash not in (None, before):
            yield f"{here} was written after another entry than the one before it"
        if self._previous_hashes.get((entry.shard, entry.seq + 1), link) != link:
            yield f"{here} is not the entry that the one after it was written after"
        self._hashes[entry.shard, entry.seq] = link
        if entry.previous_hash is not None:
            self._previous_hashes[entry.shard, entry.seq] = entry.previous_hash

"""A shard's journal: numbered entries, each hashed over the one before.

A shard (`bk07` of books, `pu31` of purses) is written by one owner at a time; its journal has the sequence numbers
1, 2, 3… without a gap. `chain_hash` links them, so two stores that disagree on any past entry are found out by
comparing one hash.
"""

import hashlib
from datetime import datetime

import msgspec

from marketplace.book.book_events import AnyBookEvent
from marketplace.book.purse_events import AnyPurseEvent

GENESIS_HASH = "0" * 40


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One stored fact as both stores keep it.

    `kind` is the event's tag, `cause_id` the command that caused it (or the fill, payment or cover for steps no
    command asked for), `payload` the encoded `BookRecord` or purse event, `hash` the hex SHA-1 chain value.
    """

    shard: str
    seq: int
    kind: str
    company_id: str | None
    lender_id: str | None
    cause_id: str
    payload: bytes
    hash: str


class BookRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A book event with its circumstances: what caused it and the instant it speaks of."""

    company_id: str
    cause_id: str
    at: datetime
    event: AnyBookEvent


_record_encoder = msgspec.json.Encoder(order="deterministic")
_record_decoder = msgspec.json.Decoder(BookRecord)
_purse_decoder: msgspec.json.Decoder[AnyPurseEvent] = msgspec.json.Decoder(AnyPurseEvent)


def encode_book_record(record: BookRecord) -> bytes:
    """The bytes a book's journal stores: deterministic, so that a replay can be compared byte for byte."""
    return _record_encoder.encode(record)


def decode_book_record(payload: bytes) -> BookRecord:
    """The record behind a book entry's payload. Raises `msgspec.ValidationError` on a payload of another shape."""
    return _record_decoder.decode(payload)


def decode_purse_event(payload: bytes) -> AnyPurseEvent:
    """The event behind a purse entry's payload. Raises `msgspec.ValidationError` on a payload of another shape."""
    return _purse_decoder.decode(payload)


def chain_hash(previous_hash: str, seq: int, payload: bytes) -> str:
    """The chain value of entry `seq`: hex SHA-1 of previous hash, sequence and payload, as the store computes it.

    SHA-1 is the only digest the store's scripts have; it guards against accidents, not against forgery.
    """
    return hashlib.sha1(b"%s.%d.%s" % (previous_hash.encode(), seq, payload), usedforsecurity=False).hexdigest()


def shard_holds_books(shard: str) -> bool:
    """True for a shard of books (`bk…`), False for a shard of purses (`pu…`)."""
    return shard.startswith("bk")

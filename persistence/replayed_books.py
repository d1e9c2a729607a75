"""The books computed again from their recorded journals and commands, and compared with the rows that stand for
them."""

from collections.abc import AsyncIterator

import msgspec

from marketplace.book.book_lenders import terms_of
from marketplace.book.book_replay import ReplayedBook
from marketplace.book.booked_requests import RequestState
from marketplace.book.commands import Envelope
from marketplace.book.journal import GENESIS_HASH, decode_book_record
from marketplace.book.journal_file import encode_command_line, encode_entry_line
from marketplace.book.order_book import OrderBook
from persistence.command_rows import decode_command
from persistence.connection import AnyConnection
from persistence.offer_versions import TERMS_COLUMNS, terms_of_row

_READ_AT_A_TIME = 500

_ROW_STATES: dict[RequestState, tuple[str, ...]] = {
    RequestState.OPEN: ("open",),
    RequestState.COVERED: ("covered",),
    RequestState.SIGNED: ("signed", "funding", "disbursed"),
    RequestState.CLOSED: ("cancelled", "expired", "lapsed"),
}


class RecordedEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry of a book's journal, byte for byte as it is recorded, with its hash and that of the entry before it."""

    company_id: str
    shard: str
    seq: int
    payload: bytes
    previous_hash: str
    hash: str


async def recorded_commands(connection: AnyConnection, company_id: str | None = None) -> dict[str, Envelope]:
    """The recorded commands of one company's book, or of all, by id, in the order in which they were received."""
    rows = await connection.fetch(
        "SELECT id, company_id, body, at, deadline_at FROM command WHERE $1::uuid IS NULL OR company_id = $1"
        " ORDER BY received_at, id",
        company_id,
    )
    return {
        row["id"]: Envelope(
            command_id=row["id"],
            company_id=row["company_id"],
            at=row["at"],
            command=decode_command(row["body"]),
            deadline_at=row["deadline_at"],
        )
        for row in rows
    }


async def recorded_entries(connection: AnyConnection, company_id: str | None = None) -> AsyncIterator[RecordedEntry]:
    """The entries of one company's book, or of all, by shard and sequence. Runs in the caller's transaction."""
    entries = connection.cursor(
        "SELECT entry.company_id, entry.shard, entry.seq, entry.payload, coalesce(before.hash, $2), entry.hash"
        " FROM journal_event entry"
        " LEFT JOIN journal_event before ON before.shard = entry.shard AND before.seq = entry.seq - 1"
        " WHERE entry.company_id IS NOT NULL AND entry.shard LIKE 'bk%'"
        " AND ($1::uuid IS NULL OR entry.company_id = $1) ORDER BY entry.shard, entry.seq",
        company_id,
        GENESIS_HASH,
        prefetch=_READ_AT_A_TIME,
    )
    async for entry in entries:
        yield RecordedEntry(*entry.values())


async def folded_book(connection: AnyConnection, company_id: str) -> OrderBook:
    """One company's book as of the last entry that is recorded, empty when there is none. Runs in the caller's
    transaction."""
    book: OrderBook | None = None
    async for entry in recorded_entries(connection, company_id):
        book = book or OrderBook(company_id, entry.shard)
        book.apply(decode_book_record(entry.payload), entry.seq)
    return book or OrderBook(company_id, "")


async def replay_books(connection: AnyConnection, company_id: str | None = None) -> list[ReplayedBook]:
    """Every book, or one company's, replayed from the first entry to the last that is recorded. Runs in the caller's
    transaction."""
    commands = await recorded_commands(connection, company_id)
    books: dict[str, ReplayedBook] = {}
    async for entry in recorded_entries(connection, company_id):
        if entry.company_id not in books:
            books[entry.company_id] = ReplayedBook(entry.company_id, entry.shard, commands)
        books[entry.company_id].take(entry.seq, entry.payload)
    for book in books.values():
        book.finish()
    return list(books.values())


async def journal_file_lines(connection: AnyConnection, company_id: str) -> AsyncIterator[bytes]:
    """One company's book as a journal file: all its commands, then its entries. Runs in the caller's transaction."""
    for envelope in (await recorded_commands(connection, company_id)).values():
        yield encode_command_line(envelope)
    previous_seq = 0
    async for entry in recorded_entries(connection, company_id):
        yield encode_entry_line(
            entry.shard,
            entry.seq,
            entry.payload,
            previous_seq=previous_seq,
            previous_hash=entry.previous_hash,
            hash=entry.hash,
        )
        previous_seq = entry.seq


async def rows_that_differ(connection: AnyConnection, replayed: ReplayedBook) -> list[str]:
    """Requests, offers, pauses and barred lenders whose rows are not what the replayed book says."""
    book = replayed.book
    pauses = await connection.fetch("SELECT paused_by FROM book_pause WHERE company_id = $1", book.company_id)
    bars = await connection.fetch("SELECT lender_id, bar FROM lender_bar WHERE company_id = $1", book.company_id)
    requests = await connection.fetch(
        "SELECT id, state FROM credit_request WHERE company_id = $1 AND approval_sequence IS NOT NULL", book.company_id
    )
    offers = await connection.fetch(
        f"SELECT id AS offer_id, {', '.join(TERMS_COLUMNS)} FROM offer WHERE company_id = $1 AND state = 'standing'",
        book.company_id,
    )
    states: dict[str, str] = {row["id"]: row["state"] for row in requests}
    differences = [
        f"request {request_id}: book {booked.state}, row {states.get(request_id)}"
        for request_id, booked in book.requests.items()
        if states.get(request_id) not in _ROW_STATES[booked.state]
    ]
    in_book = {offer_id: terms_of(offer) for offer_id, offer in book.lenders.offers.items()}
    in_rows = {row["offer_id"]: terms_of_row(row) for row in offers}
    differences += [
        f"offer {offer_id}: book {in_book.get(offer_id)}, row {in_rows.get(offer_id)}"
        for offer_id in sorted(in_book.keys() | in_rows.keys())
        if in_book.get(offer_id) != in_rows.get(offer_id)
    ]
    pauses_in_rows = {row["paused_by"] for row in pauses}
    if pauses_in_rows != book.pauses:
        differences.append(f"pauses of {book.company_id}: book {sorted(book.pauses)}, rows {sorted(pauses_in_rows)}")
    bars_in_rows = {(row["lender_id"], row["bar"]) for row in bars}
    bars_in_book = {(lender_id, bar) for lender_id, of_lender in book.lenders.bars.items() for bar in of_lender}
    differences += [
        f"lender {lender_id} is {'barred in the row alone' if is_row else 'barred in the book alone'}: {bar}"
        for (lender_id, bar), is_row in sorted(
            [(one, True) for one in bars_in_rows - bars_in_book] + [(one, False) for one in bars_in_book - bars_in_rows]
        )
    ]
    return differences

"""Switches of books on their way to them, and how all switches stand now."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from marketplace.allocation.orders import Bar
from marketplace.book.book_events import PausedBy
from marketplace.book.circuit_breakers import BreakerLimits, BreakerTrip
from marketplace.book.commands import AnyBookCommand, Envelope, LiftHold, PauseBook, ResumeBook
from persistence.command_rows import decode_command, record_command
from persistence.connection import AnyConnection, Pool
from persistence.lender_bars import OrderedBy

_LIFTS = UUID("c8e1f0a2-57d4-5b39-a6c0-2f94e7d81b53")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The command stands, `is_new` or from before, and is to be sent after the commit."""

    envelope: Envelope
    is_new: bool


class KeyReused(msgspec.Struct, frozen=True, kw_only=True):
    """The id stands for another command."""


class StoppedBook(msgspec.Struct, frozen=True, kw_only=True):
    """A book that one party has paused; `trip` is what a breaker met."""

    company_id: str
    paused_by: PausedBy
    trip: BreakerTrip | None
    since_at: datetime


class StoppedLender(msgspec.Struct, frozen=True, kw_only=True):
    """A bar that somebody ordered; `company_id` None: in every book."""

    lender_id: str
    company_id: str | None
    bar: Bar
    ordered_by: OrderedBy
    since_at: datetime


class BarredLender(msgspec.Struct, frozen=True, kw_only=True):
    """A bar as a book has it."""

    company_id: str
    lender_id: str
    bar: Bar
    since_at: datetime


class BookAlarms(msgspec.Struct, frozen=True, kw_only=True):
    """What steers a book: its breakers, and how much later each tier below A sees new cash."""

    company_id: str
    breakers: BreakerLimits | None
    staging_tick_ms: int | None
    arrears_bp: int | None


class Switches(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is stopped or steered, of the whole market or of one book."""

    books: list[StoppedBook]
    lenders: list[StoppedLender]
    bars: list[BarredLender]
    settings: list[BookAlarms]


async def ask_book(
    connection: AnyConnection,
    company_id: str,
    command: AnyBookCommand,
    *,
    command_id: str,
    at: datetime,
    party_id: str | None,
    subject_id: str | None = None,
) -> Asked | KeyReused:
    """Record a command for a book, in the caller's transaction. Asked again, it keeps its first instant."""
    envelope = Envelope(command_id=command_id, company_id=company_id, at=at, command=command)
    recorded = await record_command(
        connection, envelope, subject_id=subject_id or company_id, party_id=party_id, sent_by="caller"
    )
    if recorded == "new":
        return Asked(envelope=envelope, is_new=True)
    if recorded == "id_reused":
        return KeyReused()
    first_at = await connection.fetchval("SELECT at FROM command WHERE id = $1", command_id)
    return Asked(envelope=msgspec.structs.replace(envelope, at=first_at), is_new=False)


async def switch_books(
    connection: AnyConnection, company_ids: Sequence[str], *, by: PausedBy, is_stopped: bool, key: UUID, at: datetime
) -> list[Envelope]:
    """Record the commands that pause or resume books, one each, under ids made from `key`, in the caller's
    transaction."""
    command = PauseBook(by=by) if is_stopped else ResumeBook(by=by)
    envelopes = []
    for company_id in company_ids:
        command_id = str(uuid5(key, f"{company_id}/{by}/{is_stopped}"))
        asked = await ask_book(connection, company_id, command, command_id=command_id, at=at, party_id=None)
        assert isinstance(asked, Asked), command_id
        envelopes.append(asked.envelope)
    return envelopes


async def all_books(connection: AnyConnection) -> list[str]:
    """The companies that have books."""
    return [row["id"] for row in await connection.fetch("SELECT id FROM company ORDER BY id")]


async def ask_to_lift(connection: AnyConnection, fill_id: str, *, lender_id: str, at: datetime) -> Asked | None:
    """Record the command by which a lender takes back what one of its fills holds; None for anybody else's fill.

    A request's holder lifts once: it is not asked for that request again.
    """
    fill = await connection.fetchrow(
        "SELECT company_id, request_id FROM fill WHERE fill_id = $1 AND lender_id = $2 AND request_id IS NOT NULL",
        fill_id,
        lender_id,
    )
    if fill is None:
        return None
    command_id = str(uuid5(_LIFTS, fill_id))
    row = await connection.fetchrow("SELECT company_id, at, body FROM command WHERE id = $1", command_id)
    if row is not None:
        envelope = Envelope(
            command_id=command_id, company_id=row["company_id"], at=row["at"], command=decode_command(row["body"])
        )
        return Asked(envelope=envelope, is_new=False)
    asked = await ask_book(
        connection,
        fill["company_id"],
        LiftHold(request_id=fill["request_id"], lender_id=lender_id),
        command_id=command_id,
        at=at,
        party_id=lender_id,
        subject_id=fill["request_id"],
    )
    assert isinstance(asked, Asked), command_id
    return asked


async def read_switches(pool: Pool, *, company_id: str | None = None) -> Switches:
    """How the switches stand, by what is recorded."""
    pauses = await pool.fetch(
        "SELECT company_id, paused_by, trip, since_at FROM book_pause WHERE $1::uuid IS NULL OR company_id = $1"
        " ORDER BY company_id, paused_by",
        company_id,
    )
    stops = await pool.fetch(
        "SELECT lender_id, company_id, bar, ordered_by, since_at FROM lending_stop"
        " WHERE $1::uuid IS NULL OR company_id = $1 ORDER BY lender_id, company_id, bar, ordered_by",
        company_id,
    )
    bars = await pool.fetch(
        "SELECT company_id, lender_id, bar, since_at FROM lender_bar WHERE $1::uuid IS NULL OR company_id = $1"
        " ORDER BY company_id, lender_id, bar",
        company_id,
    )
    settings = await pool.fetch(
        "SELECT company_id, breakers, staging_tick_ms, arrears_bp FROM book_settings"
        " WHERE $1::uuid IS NULL OR company_id = $1 ORDER BY company_id",
        company_id,
    )
    return Switches(
        books=[
            StoppedBook(
                company_id=row["company_id"],
                paused_by=row["paused_by"],
                trip=None if row["trip"] is None else msgspec.json.decode(row["trip"], type=BreakerTrip),
                since_at=row["since_at"],
            )
            for row in pauses
        ],
        lenders=[StoppedLender(**dict(row.items())) for row in stops],
        bars=[BarredLender(**dict(row.items())) for row in bars],
        settings=[
            BookAlarms(
                company_id=row["company_id"],
                breakers=None if row["breakers"] is None else msgspec.json.decode(row["breakers"], type=BreakerLimits),
                staging_tick_ms=row["staging_tick_ms"],
                arrears_bp=row["arrears_bp"],
            )
            for row in settings
        ],
    )

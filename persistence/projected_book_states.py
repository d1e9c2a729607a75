"""What the facts of books change of their pauses, settings and barred lenders."""

from datetime import datetime

import msgspec

from marketplace.book.book_events import (
    ArrearsRecorded,
    BookPaused,
    BookResumed,
    BreakersSet,
    LenderBarred,
    LenderUnbarred,
    StagingSet,
)
from persistence.connection import AnyConnection
from persistence.journal_facts import BookFact


class _Settings(msgspec.Struct, kw_only=True):
    """What is set anew of a book; UNSET leaves it as it is."""

    breakers: str | msgspec.UnsetType | None = msgspec.UNSET
    staging_tick_ms: int | None = None
    arrears_bp: int | None = None
    changed_at: datetime


class BookStateProjection:
    """The changes that a transaction's facts make: folded in order of the facts, written at once. A value of None says
    that the row goes."""

    def __init__(self) -> None:
        self._pauses: dict[tuple[str, str], tuple[str | None, datetime] | None] = {}
        self._bars: dict[tuple[str, str, str], datetime | None] = {}
        self._settings: dict[str, _Settings] = {}

    def fold(self, fact: BookFact) -> None:
        """Take one fact in."""
        at, company_id = fact.record.at, fact.record.company_id
        match fact.record.event:
            case BookPaused(by=by, trip=trip):
                self._pauses[company_id, by] = (None if trip is None else _json(trip), at)
            case BookResumed(by=by):
                self._pauses[company_id, by] = None
            case LenderBarred(lender_id=lender_id, bar=bar):
                self._bars[company_id, lender_id, bar] = at
            case LenderUnbarred(lender_id=lender_id, bar=bar):
                self._bars[company_id, lender_id, bar] = None
            case BreakersSet(limits=limits):
                self._set(company_id, at).breakers = None if limits is None else _json(limits)
            case StagingSet(tick_ms=tick_ms):
                self._set(company_id, at).staging_tick_ms = tick_ms
            case ArrearsRecorded(arrears_bp=arrears_bp):
                self._set(company_id, at).arrears_bp = arrears_bp
            case _:
                pass

    def _set(self, company_id: str, at: datetime) -> _Settings:
        settings = self._settings.setdefault(company_id, _Settings(changed_at=at))
        settings.changed_at = at
        return settings

    async def write(self, connection: AnyConnection) -> None:
        """Record everything, rows in one order."""
        if gone := sorted(key for key, row in self._pauses.items() if row is None):
            await connection.execute(_END_PAUSES, *map(list, zip(*gone, strict=True)))
        if paused := sorted((*key, *row) for key, row in self._pauses.items() if row is not None):
            await connection.execute(_PAUSE, *map(list, zip(*paused, strict=True)))
        if unbarred := sorted(key for key, since_at in self._bars.items() if since_at is None):
            await connection.execute(_UNBAR, *map(list, zip(*unbarred, strict=True)))
        if barred := sorted((*key, since_at) for key, since_at in self._bars.items() if since_at is not None):
            await connection.execute(_BAR, *map(list, zip(*barred, strict=True)))
        for company_id, settings in sorted(self._settings.items()):
            is_breakers_set = settings.breakers is not msgspec.UNSET
            await connection.execute(
                _SET,
                company_id,
                settings.breakers if is_breakers_set else None,
                settings.staging_tick_ms,
                settings.arrears_bp,
                settings.changed_at,
                is_breakers_set,
            )


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


_PAUSE = """
    INSERT INTO book_pause (company_id, paused_by, trip, since_at)
    SELECT company_id, paused_by, trip::jsonb, since_at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS paused (company_id, paused_by, trip, since_at)
    ON CONFLICT (company_id, paused_by) DO UPDATE SET trip = excluded.trip, since_at = excluded.since_at
"""

_END_PAUSES = """
    DELETE FROM book_pause USING unnest($1::uuid[], $2::text[]) AS gone (company_id, paused_by)
    WHERE book_pause.company_id = gone.company_id AND book_pause.paused_by = gone.paused_by
"""

_BAR = """
    INSERT INTO lender_bar (company_id, lender_id, bar, since_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[])
    ON CONFLICT (company_id, lender_id, bar) DO UPDATE SET since_at = excluded.since_at
"""

_UNBAR = """
    DELETE FROM lender_bar USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS gone (company_id, lender_id, bar)
    WHERE lender_bar.company_id = gone.company_id AND lender_bar.lender_id = gone.lender_id
        AND lender_bar.bar = gone.bar
"""

_SET = """
    INSERT INTO book_settings AS present (company_id, breakers, staging_tick_ms, arrears_bp, changed_at)
    VALUES ($1, $2::jsonb, $3, $4, $5)
    ON CONFLICT (company_id) DO UPDATE SET
        breakers = CASE WHEN $6::boolean THEN excluded.breakers ELSE present.breakers END,
        staging_tick_ms = coalesce(excluded.staging_tick_ms, present.staging_tick_ms),
        arrears_bp = coalesce(excluded.arrears_bp, present.arrears_bp),
        changed_at = excluded.changed_at
"""

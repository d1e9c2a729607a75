"""Lenders' offers, version by version: what was wished of each book, and what the book was told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import asyncpg
import msgspec

from marketplace.strategies.offer_terms import OfferTerms
from marketplace.strategies.strategy_offers import OfferPlace, OfferWish
from persistence.connection import AnyConnection, Pool

OfferState = Literal["queued", "standing", "refused", "withdrawn"]
"""`queued`: the book has not decided the last version yet; `refused`: it refused it, and what stood before stands."""


class OfferVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an offer. `terms` None: with this version it was withdrawn."""

    place: OfferPlace
    version: int
    wish: OfferWish
    terms: OfferTerms | None
    command_id: str
    at: datetime


class OwnOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A lender's offer in its present version. Caps that the strategy states in parts are cents in `terms`."""

    offer_id: str
    company_id: str
    version: int
    state: OfferState
    wish: OfferWish
    terms: OfferTerms | None


_wish_decoder: msgspec.json.Decoder[OfferWish] = msgspec.json.Decoder(OfferWish)
_terms_decoder: msgspec.json.Decoder[OfferTerms] = msgspec.json.Decoder(OfferTerms)

TERMS_COLUMNS = tuple(name for name in OfferTerms.__struct_fields__ if name != "offer_id")
"""What the table `offer` has of an offer's terms, beside its id."""
_COLUMNS = "id, version, company_id, lender_id, wish, terms, command_id, at"


async def add_offer_version(connection: AnyConnection, version: OfferVersion, *, change_id: str | None = None) -> None:
    """Record a version. `change_id` is the key of the call that made it."""
    place, terms = version.place, version.terms
    await connection.execute(
        "INSERT INTO offer_version"
        " (id, version, company_id, lender_id, strategy_id, wish, terms, command_id, change_id, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        place.offer_id,
        version.version,
        place.company_id,
        place.lender_id,
        version.wish.strategy_id,
        msgspec.json.encode(version.wish).decode(),
        None if terms is None else msgspec.json.encode(terms).decode(),
        version.command_id,
        change_id,
        version.at,
    )


async def offer_version(connection: AnyConnection, offer_id: str, number: int) -> OfferVersion | None:
    """One version of anybody's offer."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM offer_version WHERE id = $1 AND version = $2", offer_id, number
    )
    return None if row is None else _read(row)


async def offer_change(connection: AnyConnection, offer_id: str, change_id: str) -> OfferVersion | None:
    """The version that a call made."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM offer_version WHERE id = $1 AND change_id = $2", offer_id, change_id
    )
    return None if row is None else _read(row)


async def present_offer(
    connection: AnyConnection, offer_id: str, *, company_id: str, lender_id: str
) -> OfferVersion | None:
    """The present version of a lender's own offer in that book, None for anything else."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM offer_version WHERE id = $1 AND company_id = $2 AND lender_id = $3"
        " ORDER BY version DESC LIMIT 1",
        offer_id,
        company_id,
        lender_id,
    )
    return None if row is None else _read(row)


async def live_offers(connection: AnyConnection, lender_id: str) -> Sequence[OfferVersion]:
    """Present versions of a lender's offers that stand in a book or are on their way there, in order of id.

    An offer that its book refused from the start is none; of one that stands, a refused version is the present one.
    """
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM (
            SELECT DISTINCT ON (id) * FROM offer_version WHERE lender_id = $1 ORDER BY id, version DESC
        ) latest
        WHERE terms IS NOT NULL
            AND (EXISTS (SELECT FROM command WHERE command.id = command_id AND outcome IS DISTINCT FROM 'refused')
                 OR EXISTS (SELECT FROM offer WHERE offer.id = latest.id AND offer.state = 'standing'))
        ORDER BY id
        """,
        lender_id,
    )
    return [_read(row) for row in rows]


async def terms_in_books(connection: AnyConnection, lender_id: str) -> dict[str, OfferTerms]:
    """What books say of a lender's offers whose present version they accepted, by id.

    That is the version's own terms unless an older command, sent late, overtook it.
    """
    rows = await connection.fetch(
        f"""
        SELECT {", ".join(f"offer.{name}" for name in TERMS_COLUMNS)}, offer.id AS offer_id
        FROM (SELECT DISTINCT ON (id) * FROM offer_version WHERE lender_id = $1 ORDER BY id, version DESC) latest
        JOIN command ON command.id = latest.command_id AND command.outcome = 'ok'
        JOIN offer ON offer.id = latest.id AND offer.state = 'standing'
        WHERE latest.terms IS NOT NULL
        """,
        lender_id,
    )
    return {row["offer_id"]: terms_of_row(row) for row in rows}


async def own_offers(pool: Pool, lender_id: str, *, limit: int) -> list[OwnOffer]:
    """A lender's offers, the newest first."""
    rows = await pool.fetch(
        f"""
        SELECT {", ".join(f"latest.{name}" for name in _COLUMNS.split(", "))},
            CASE WHEN latest.terms IS NULL THEN 'withdrawn' WHEN command.outcome = 'refused' THEN 'refused'
                 WHEN command.state = 'received' THEN 'queued' ELSE 'standing' END AS state
        FROM (SELECT DISTINCT ON (id) * FROM offer_version WHERE lender_id = $1 ORDER BY id, version DESC) latest
        JOIN command ON command.id = latest.command_id
        ORDER BY latest.created_at DESC, latest.id LIMIT $2
        """,
        lender_id,
        limit,
    )
    return [_own_offer(row) for row in rows]


def terms_of_row(row: asyncpg.Record) -> OfferTerms:
    """An offer's terms from its row of the table `offer`: `TERMS_COLUMNS`, and its id as `offer_id`. Conditions that an
    older program did not know are those that ask for nothing."""
    columns = dict(row.items())
    for name in ("asks_by_term", "floating", "filters"):
        columns[name] = None if columns[name] is None else msgspec.json.decode(columns[name])
    return msgspec.convert(columns, OfferTerms)


def _own_offer(row: asyncpg.Record) -> OwnOffer:
    version = _read(row)
    return OwnOffer(
        offer_id=version.place.offer_id,
        company_id=version.place.company_id,
        version=version.version,
        state=row["state"],
        wish=version.wish,
        terms=version.terms,
    )


def _read(row: asyncpg.Record) -> OfferVersion:
    return OfferVersion(
        place=OfferPlace(offer_id=row["id"], lender_id=row["lender_id"], company_id=row["company_id"]),
        version=row["version"],
        wish=_wish_decoder.decode(row["wish"]),
        terms=None if row["terms"] is None else _terms_decoder.decode(row["terms"]),
        command_id=row["command_id"],
        at=row["at"],
    )

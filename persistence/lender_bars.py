"""Who may not lend in which book, and why: by order, by identity check, by conflict of interest.

What should stand is worked out from the record, compared with what the books were told, and the difference becomes
commands. So whoever changes a cause (an order, an identity check, a list of employees) settles the bars it concerns in
the same transaction, and settling twice changes nothing.
"""

from datetime import datetime
from typing import Literal
from uuid import uuid4

import msgspec

from marketplace.allocation.orders import Bar
from marketplace.book.commands import BarLender, Envelope, UnbarLender
from persistence.command_rows import record_command
from persistence.connection import AnyConnection
from persistence.lender_lock import hold_lender

OrderedBy = Literal["lender", "operations"]


class LendingStopped(msgspec.Struct, frozen=True, kw_only=True):
    """The lender has paused all its lending, or operations have."""


class InConflict(msgspec.Struct, frozen=True, kw_only=True):
    """The lender decides on the company's loans, or works there."""


async def order_stop(
    connection: AnyConnection,
    *,
    lender_id: str,
    company_id: str | None,
    bar: Bar,
    ordered_by: OrderedBy,
    at: datetime,
) -> list[Envelope]:
    """Keep a lender from lending, in one book or in all (`company_id` None), in the caller's transaction. The commands
    to be sent after the commit."""
    await hold_lender(connection, lender_id)
    await connection.execute(
        "INSERT INTO lending_stop (lender_id, company_id, bar, ordered_by, since_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        lender_id,
        company_id,
        bar,
        ordered_by,
        at,
    )
    return await settle_bars(connection, lender_id=lender_id, at=at)


async def take_back_stop(
    connection: AnyConnection,
    *,
    lender_id: str,
    company_id: str | None,
    bar: Bar,
    ordered_by: OrderedBy,
    at: datetime,
) -> list[Envelope]:
    """Take an order back, in the caller's transaction; what others ordered, or what bars by itself, stands.

    Answers the commands to be sent after the commit.
    """
    await hold_lender(connection, lender_id)
    await connection.execute(
        "DELETE FROM lending_stop WHERE lender_id = $1 AND company_id IS NOT DISTINCT FROM $2 AND bar = $3"
        " AND ordered_by = $4",
        lender_id,
        company_id,
        bar,
        ordered_by,
    )
    return await settle_bars(connection, lender_id=lender_id, at=at)


async def settle_bars(
    connection: AnyConnection, *, at: datetime, lender_id: str | None = None, company_id: str | None = None
) -> list[Envelope]:
    """Tell the books what has changed about one lender, about one company's lenders, or about all, in the caller's
    transaction. The commands are to be sent after the commit; who does not send them leaves that to the sweeper."""
    rows = await connection.fetch(_TO_TELL, lender_id, company_id)
    envelopes = []
    for row in rows:
        bar = (row["company_id"], row["lender_id"], row["bar"])
        # Who settles at the same time for another cause may have told the book already.
        if not await connection.fetchval(_ASKED if row["is_wanted"] else _TAKEN_BACK, *bar):
            continue
        command_type = BarLender if row["is_wanted"] else UnbarLender
        envelope = Envelope(
            command_id=str(uuid4()),
            company_id=row["company_id"],
            at=at,
            command=command_type(lender_id=row["lender_id"], bar=row["bar"]),
        )
        await record_command(connection, envelope, subject_id=row["lender_id"])
        envelopes.append(envelope)
    return envelopes


async def what_stops(
    connection: AnyConnection, *, lender_id: str, company_id: str
) -> LendingStopped | InConflict | None:
    """What keeps a lender from making a first offer in a book; the identity check apart."""
    row = await connection.fetchrow(
        f"""
        SELECT EXISTS (
                SELECT FROM lending_stop WHERE lender_id = $1 AND bar = 'paused'
                    AND coalesce(company_id = $2, true)) AS is_stopped,
            EXISTS (
                SELECT FROM lending_stop WHERE lender_id = $1 AND bar = 'conflict' AND coalesce(company_id = $2, true))
            OR EXISTS (
                SELECT FROM (SELECT $1::uuid AS lender_id, $2::uuid AS company_id) AS pair {_JOIN_PARTIES}
                WHERE {_IS_CONFLICT}) AS is_in_conflict
        """,
        lender_id,
        company_id,
    )
    assert row is not None
    if row["is_in_conflict"]:
        return InConflict()
    return LendingStopped() if row["is_stopped"] else None


async def is_lender(connection: AnyConnection, party_id: str) -> bool:
    """Whether the party lends."""
    return bool(
        await connection.fetchval(
            "SELECT true FROM party WHERE id = $1 AND kind IN ('lender_person', 'lender_legal')", party_id
        )
    )


def _same_person(one: str, other: str) -> str:
    """SQL: whether two profiles are of one natural person. Nobody is told apart by less than name and day of birth."""
    fields = [f"lower({{0}} #>> '{{{{person,{field}}}}}')" for field in ("first_name", "last_name", "birth_date")]
    both = [", ".join(field.format(profile) for field in fields) for profile in (one, other)]
    return f"(({both[0]}) = ({both[1]}))"


_JOIN_PARTIES = """
    JOIN party lender ON lender.id = pair.lender_id JOIN party company ON company.id = pair.company_id"""

# Who represents the company approves its loans; a namesake born the same day may ask operations to look at it.
_IS_CONFLICT = f"""(
    {_same_person("lender.profile", "company.profile")}
    OR lender.profile #>> '{{entity,registration_number}}' = company.profile #>> '{{entity,registration_number}}'
    OR EXISTS (
        SELECT FROM employee
        WHERE employee.company_id = company.id AND employee.left_on IS NULL
            AND (lower(employee.first_name), lower(employee.last_name), employee.birth_date::text) = (
                lower(lender.profile #>> '{{person,first_name}}'), lower(lender.profile #>> '{{person,last_name}}'),
                lender.profile #>> '{{person,birth_date}}'))
    OR EXISTS (
        SELECT FROM employment JOIN party employed ON employed.id = employment.party_id
        WHERE employment.company_id = company.id AND employment.state IN ('matched', 'confirmed')
            AND {_same_person("lender.profile", "employed.profile")}))"""

_TO_TELL = f"""
    WITH pair AS (
        SELECT DISTINCT lender_id, company_id FROM offer_version
        WHERE ($1::uuid IS NULL OR lender_id = $1) AND ($2::uuid IS NULL OR company_id = $2)
        UNION
        SELECT lender_id, company_id FROM lending_stop
        WHERE company_id IS NOT NULL AND ($1::uuid IS NULL OR lender_id = $1)
            AND ($2::uuid IS NULL OR company_id = $2)
    ), wanted AS (
        SELECT pair.lender_id, pair.company_id, stop.bar FROM pair
        JOIN lending_stop stop ON stop.lender_id = pair.lender_id
            AND (stop.company_id IS NULL OR stop.company_id = pair.company_id)
        UNION
        SELECT pair.lender_id, pair.company_id, 'identity' FROM pair JOIN party ON party.id = pair.lender_id
        WHERE party.kyc_state <> 'accepted'
        UNION
        SELECT pair.lender_id, pair.company_id, 'conflict' FROM pair {_JOIN_PARTIES} WHERE {_IS_CONFLICT}
    ), asked AS (
        SELECT lender_id, company_id, bar FROM lender_bar_asked
        WHERE ($1::uuid IS NULL OR lender_id = $1) AND ($2::uuid IS NULL OR company_id = $2)
    )
    SELECT company_id, lender_id, bar, wanted.is_wanted IS NOT NULL AS is_wanted
    FROM (SELECT *, true AS is_wanted FROM wanted) AS wanted
    FULL JOIN (SELECT *, true AS is_asked FROM asked) AS asked USING (lender_id, company_id, bar)
    WHERE wanted.is_wanted IS NULL OR asked.is_asked IS NULL
    ORDER BY company_id, lender_id, bar
"""

_ASKED = (
    "INSERT INTO lender_bar_asked (company_id, lender_id, bar) VALUES ($1, $2, $3)"
    " ON CONFLICT DO NOTHING RETURNING true"
)

_TAKEN_BACK = "DELETE FROM lender_bar_asked WHERE company_id = $1 AND lender_id = $2 AND bar = $3 RETURNING true"

"""Parties as the payment institution knows them: account, wallet, identity check."""

from datetime import datetime
from typing import Literal

import asyncpg
import msgspec
from piccolo.query.methods.select import Select

from persistence.connection import Pool
from persistence.lender_bars import settle_bars
from persistence.parties import Party
from persistence.table_queries import carry_out, fetch_all, fetch_one

KycState = Literal["not_started", "in_progress", "accepted", "refused"]

LOOKED_AT_A_TIME = 200
"""How many waiting rows of a kind a poll looks at."""


class EnrolledParty(msgspec.Struct, frozen=True, kw_only=True):
    """A party as far as its wallet is concerned. `lemonway_account_id` is None until its account was created."""

    id: str
    kind: Literal["borrower", "lender_person", "lender_legal", "company"]
    wallet_id: str
    lemonway_account_id: str | None
    kyc_state: KycState
    kyc_reason: str | None
    onboarding_id: str | None
    onboarding_url: str | None
    virtual_iban: str | None


async def read_party(pool: Pool, party_id: str) -> EnrolledParty | None:
    """The party of this id, None when there is none."""
    return _party(await fetch_one(pool, _select_party().where(Party.id == party_id)))


async def party_of_wallet(pool: Pool, wallet_id: str) -> EnrolledParty | None:
    """The party that has this wallet, None when nobody has."""
    return _party(await fetch_one(pool, _select_party().where(Party.wallet_id == wallet_id)))


async def parties_in_identity_check(pool: Pool) -> list[EnrolledParty]:
    """Those whose identity check has begun and not ended, oldest first."""
    begun = _select_party().where(Party.kyc_state == "in_progress").order_by(Party.created_at, Party.id)
    rows = await fetch_all(pool, begun.limit(LOOKED_AT_A_TIME))
    return [msgspec.convert(dict(row.items()), EnrolledParty) for row in rows]


async def note_account(pool: Pool, party_id: str, *, lemonway_account_id: str) -> None:
    """Lemonway has opened an account for the party."""
    await carry_out(pool, Party.update({Party.lemonway_account_id: lemonway_account_id}).where(Party.id == party_id))


async def note_onboarding(pool: Pool, party_id: str, *, onboarding_id: str, url: str) -> None:
    """The identity check has begun, at `url`; it never goes back from accepted."""
    await pool.execute(
        """
        UPDATE party SET onboarding_id = $2, onboarding_url = $3, kyc_reason = NULL,
            kyc_state = CASE WHEN kyc_state = 'accepted' THEN kyc_state ELSE 'in_progress' END
        WHERE id = $1
        """,
        party_id,
        onboarding_id,
        url,
    )


async def note_kyc(pool: Pool, party_id: str, state: KycState, *, at: datetime, reason: str | None = None) -> None:
    """How the identity check stands at the business instant `at`, and why it was refused. A lender lends nothing more
    once it is no longer accepted."""
    noted = Party.update({Party.kyc_state: state, Party.kyc_reason: reason}).where(Party.id == party_id)
    async with pool.acquire() as connection, connection.transaction():
        await carry_out(connection, noted)
        await settle_bars(connection, lender_id=party_id, at=at)


async def note_virtual_iban(pool: Pool, party_id: str, iban: str) -> None:
    """Wires to `iban` reach the party's wallet."""
    await carry_out(pool, Party.update({Party.virtual_iban: iban}).where(Party.id == party_id))


def _select_party() -> Select[Party]:
    return Party.select(
        Party.id,
        Party.kind,
        Party.wallet_id,
        Party.lemonway_account_id,
        Party.kyc_state,
        Party.kyc_reason,
        Party.onboarding_id,
        Party.onboarding_url,
        Party.virtual_iban,
    )


def _party(row: asyncpg.Record | None) -> EnrolledParty | None:
    return None if row is None else msgspec.convert(dict(row.items()), EnrolledParty)

"""Mandates on their way to the borrower's signature at the payment institution."""

from datetime import datetime
from typing import Literal

import msgspec

from persistence.connection import Pool
from persistence.identity_checks import LOOKED_AT_A_TIME
from persistence.parties import Mandate
from persistence.table_queries import Changes, carry_out

MandateState = Literal["pending", "signing", "active", "refused", "revoked", "dormant"]


class PartyMandate(msgspec.Struct, frozen=True, kw_only=True):
    """A borrower's mandate with the bank account it debits and the wallet it credits."""

    id: str
    party_id: str
    wallet_id: str
    iban: str
    holder: str
    state: MandateState
    umr: str | None
    lemonway_mandate_id: str | None
    sign_url: str | None


_MANDATE = """
    SELECT mandate.id, mandate.party_id, party.wallet_id, account.iban, account.holder, mandate.state, mandate.umr,
        mandate.lemonway_mandate_id, mandate.sign_url
    FROM mandate JOIN party ON party.id = mandate.party_id JOIN bank_account account ON account.id = bank_account_id"""


async def read_mandate(pool: Pool, mandate_id: str) -> PartyMandate | None:
    """The mandate of this id, None when there is none."""
    row = await pool.fetchrow(f"{_MANDATE} WHERE mandate.id = $1", mandate_id)
    return None if row is None else msgspec.convert(dict(row.items()), PartyMandate)


async def mandates_being_signed(pool: Pool, *, wallet_id: str | None = None) -> list[PartyMandate]:
    """Those that Lemonway has and the borrower has not signed, of one wallet or of all, oldest first."""
    rows = await pool.fetch(
        f"""{_MANDATE} WHERE mandate.state IN ('pending', 'signing') AND mandate.lemonway_mandate_id IS NOT NULL
            AND ($1::text IS NULL OR party.wallet_id = $1)
        ORDER BY mandate.created_at, mandate.id LIMIT $2""",
        wallet_id,
        LOOKED_AT_A_TIME,
    )
    return [msgspec.convert(dict(row.items()), PartyMandate) for row in rows]


async def note_mandate(pool: Pool, mandate_id: str, *, umr: str, lemonway_mandate_id: str) -> None:
    """Lemonway has registered it under these two."""
    changes: Changes = {Mandate.umr: umr, Mandate.lemonway_mandate_id: lemonway_mandate_id}
    await carry_out(pool, Mandate.update(changes).where(Mandate.id == mandate_id))


async def note_signing(pool: Pool, mandate_id: str, *, sign_url: str) -> None:
    """The borrower can sign at `sign_url`."""
    is_open = (Mandate.id == mandate_id) & Mandate.state.is_in(["pending", "signing"])
    await carry_out(pool, Mandate.update({Mandate.state: "signing", Mandate.sign_url: sign_url}).where(is_open))


async def note_mandate_decided(
    pool: Pool, mandate_id: str, state: Literal["active", "refused", "revoked"], *, at: datetime
) -> None:
    """The borrower signed it, or it is lost; `at` is the business instant."""
    await pool.execute(
        """
        UPDATE mandate SET state = $2, signed_at = CASE WHEN $2 = 'active' THEN $3 ELSE signed_at END
        WHERE id = $1 AND state <> $2
        """,
        mandate_id,
        state,
        at,
    )

"""Bank accounts and mandates as their owners add them and look at them."""

from datetime import datetime
from typing import Literal

import msgspec

from persistence.bank_account_checks import BankAccountState
from persistence.connection import AnyConnection, Pool
from persistence.mandate_signing import MandateState
from persistence.parties import Mandate
from persistence.table_queries import fetch_one


class OwnBankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A party's bank account as the party may see it; of the IBAN the last four characters."""

    bank_account_id: str
    holder: str
    iban_last4: str
    state: BankAccountState
    refused_reason: str | None
    usable_from_at: datetime | None


class OwnMandate(msgspec.Struct, frozen=True, kw_only=True):
    """A borrower's mandate; it can be signed at `sign_url` while `signing`."""

    mandate_id: str
    bank_account_id: str
    state: MandateState
    umr: str | None
    sign_url: str | None
    signed_at: datetime | None


class SameBankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The party has this IBAN already, under another id, and it has not been refused there."""

    bank_account_id: str


async def add_bank_account(
    connection: AnyConnection, *, bank_account_id: str, party_id: str, iban: str, holder: str
) -> Literal["new", "known", "id_reused"] | SameBankAccount:
    """Record a bank account, in the caller's transaction. `known`: the very same stands already.

    Nothing is recorded for `id_reused` and SameBankAccount. A refused account can be added again under a new id.
    """
    # Two calls at once would each find that the other's account is not there yet.
    await connection.execute("SELECT FROM party WHERE id = $1 FOR NO KEY UPDATE", party_id)
    same = await connection.fetchval(
        "SELECT id FROM bank_account WHERE party_id = $1 AND iban = $2 AND id <> $3 AND state <> 'refused'",
        party_id,
        iban,
        bank_account_id,
    )
    if same is not None:
        return SameBankAccount(bank_account_id=same)
    is_new = await connection.fetchval(
        "INSERT INTO bank_account (id, party_id, iban, holder) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (id) DO NOTHING RETURNING true",
        bank_account_id,
        party_id,
        iban,
        holder,
    )
    if is_new:
        return "new"
    is_same = await connection.fetchval(
        "SELECT (party_id, iban, holder) = ($2, $3, $4) FROM bank_account WHERE id = $1",
        bank_account_id,
        party_id,
        iban,
        holder,
    )
    return "known" if is_same else "id_reused"


async def own_bank_account(pool: Pool, bank_account_id: str, *, party_id: str) -> OwnBankAccount | None:
    """A party's own bank account, None for anybody else's."""
    row = await pool.fetchrow(
        "SELECT id AS bank_account_id, holder, right(iban, 4) AS iban_last4, state, refused_reason, usable_from_at"
        " FROM bank_account WHERE id = $1 AND party_id = $2",
        bank_account_id,
        party_id,
    )
    return None if row is None else OwnBankAccount(**row)


async def add_mandate(
    connection: AnyConnection, *, mandate_id: str, party_id: str, bank_account_id: str
) -> Literal["new", "known", "id_reused", "bank_account_unknown"]:
    """Record a mandate on one of the party's own bank accounts, in the caller's transaction."""
    is_new = await connection.fetchval(
        "INSERT INTO mandate (id, party_id, bank_account_id)"
        " SELECT $1, $2, id FROM bank_account WHERE id = $3 AND party_id = $2"
        " ON CONFLICT (id) DO NOTHING RETURNING true",
        mandate_id,
        party_id,
        bank_account_id,
    )
    if is_new:
        return "new"
    is_same = await connection.fetchval(
        "SELECT (party_id, bank_account_id) = ($2, $3) FROM mandate WHERE id = $1",
        mandate_id,
        party_id,
        bank_account_id,
    )
    if is_same is None:
        return "bank_account_unknown"
    return "known" if is_same else "id_reused"


async def own_mandate(pool: Pool | AnyConnection, mandate_id: str, *, party_id: str) -> OwnMandate | None:
    """A borrower's own mandate, None for anybody else's."""
    own = Mandate.select(
        Mandate.id.as_alias("mandate_id"),
        Mandate.bank_account_id,
        Mandate.state,
        Mandate.umr,
        Mandate.sign_url,
        Mandate.signed_at,
    ).where((Mandate.id == mandate_id) & (Mandate.party_id == party_id))
    row = await fetch_one(pool, own)
    return None if row is None else OwnMandate(**row)

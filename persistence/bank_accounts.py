"""Bank accounts and mandates as their owners add them and look at them."""

from datetime import datetime
from typing import Literal

import msgspec

from persistence.connection import AnyConnection, Pool
from persistence.enrolments import BankAccountState, KycState, MandateState


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


class OwnWallet(msgspec.Struct, frozen=True, kw_only=True):
    """A party's wallet: the identity check behind it, the IBAN for wires, and its money by bucket (cents)."""

    wallet_id: str
    kyc_state: KycState
    kyc_reason: str | None
    onboarding_url: str | None
    virtual_iban: str | None
    buckets: dict[str, int]


async def add_bank_account(
    connection: AnyConnection, *, bank_account_id: str, party_id: str, iban: str, holder: str
) -> Literal["new", "known", "id_reused"]:
    """Record a bank account, in the caller's transaction. `known`: the very same stands already."""
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
    row = await pool.fetchrow(
        "SELECT id AS mandate_id, bank_account_id, state, umr, sign_url, signed_at FROM mandate"
        " WHERE id = $1 AND party_id = $2",
        mandate_id,
        party_id,
    )
    return None if row is None else OwnMandate(**row)


async def own_wallet(pool: Pool, party_id: str) -> OwnWallet:
    """The wallet of a party that exists; buckets that never held anything are absent."""
    party = await pool.fetchrow(
        "SELECT kind, wallet_id, kyc_state, kyc_reason, onboarding_url, virtual_iban FROM party WHERE id = $1", party_id
    )
    assert party is not None, party_id
    fields = dict(party.items())
    owner_kind = {"lender_person": "lender", "lender_legal": "lender"}.get(fields["kind"], fields.pop("kind"))
    fields.pop("kind", None)
    rows = await pool.fetch(
        "SELECT bucket, balance_cents * normal_side AS cents FROM account WHERE owner_kind = $1 AND owner_id = $2",
        owner_kind,
        party_id,
    )
    return OwnWallet(**fields, buckets={row["bucket"]: row["cents"] for row in rows})


async def read_profile(pool: Pool, party_id: str) -> str:
    """What a party that exists told about itself, as JSON."""
    profile: str = await pool.fetchval("SELECT profile FROM party WHERE id = $1", party_id)
    return profile

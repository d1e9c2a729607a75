"""New parties: people, legal entities and companies, each with its wallet id and access key, whole or not at all."""

from typing import Literal

import asyncpg
import msgspec

from persistence.connection import AnyConnection

PartyKind = Literal["borrower", "lender_person", "lender_legal", "company"]

_ROLES = {
    "borrower": "borrower",
    "lender_person": "lender",
    "lender_legal": "lender",
    "company": "company_admin",
}
_KEY_DIGITS = 12


class NewParty(msgspec.Struct, frozen=True, kw_only=True):
    """A party as it registers. `profile` is JSON: what the payment institution asks for. The key is its own."""

    party_id: str
    kind: PartyKind
    name: str
    profile: str
    key_id: str
    secret_hash: bytes


class NewCompany(msgspec.Struct, frozen=True, kw_only=True):
    """A partner company: its party, and the code that lets its employees in."""

    party: NewParty
    sector: str | None
    code: str


def wallet_id_of(kind: PartyKind, party_id: str) -> str:
    """The wallet id a party has at the payment institution: `b`, `l` or `c`, a dash, 12 hex digits of its id."""
    return f"{kind[0]}-{party_id.replace('-', '')[:_KEY_DIGITS]}"


async def register_party(connection: AnyConnection, new: NewParty) -> Literal["new", "known", "id_reused"]:
    """Insert a party with its key, in the caller's transaction. `known`: the very same stands already.

    `id_reused`: the id is in use by another; the transaction is then to be undone.
    """
    wallet_id = wallet_id_of(new.kind, new.party_id)
    is_new = await connection.fetchval(
        "INSERT INTO party (id, kind, name, profile, wallet_id) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING RETURNING true",
        new.party_id,
        new.kind,
        new.name,
        new.profile,
        wallet_id,
    )
    if not is_new:
        return "known" if await _is_the_same(connection, new) else "id_reused"
    is_own_key = await connection.fetchval(
        "INSERT INTO access_key (key_id, secret_hash, role, party_id) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING true",
        new.key_id,
        new.secret_hash,
        _ROLES[new.kind],
        new.party_id,
    )
    if not is_own_key:
        return "id_reused"
    if _ROLES[new.kind] == "lender":
        await connection.execute("INSERT INTO lender_settings (lender_id) VALUES ($1)", new.party_id)
    return "new"


async def register_company(
    connection: AnyConnection, new: NewCompany
) -> Literal["new", "known", "id_reused", "code_taken"]:
    """Insert a company with its party, key and code, in the caller's transaction, which is to be undone for
    `id_reused` and `code_taken`."""
    outcome = await register_party(connection, new.party)
    if outcome == "known":
        return "known" if await _is_the_same_company(connection, new) else "id_reused"
    if outcome == "id_reused":
        return "id_reused"
    await connection.execute(
        "INSERT INTO company (id, name, sector) VALUES ($1, $2, $3)", new.party.party_id, new.party.name, new.sector
    )
    try:
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO company_code (id, company_id, code) VALUES (gen_random_uuid(), $1, $2)",
                new.party.party_id,
                new.code,
            )
    except asyncpg.UniqueViolationError:
        return "code_taken"
    return "new"


async def _is_the_same(connection: AnyConnection, new: NewParty) -> bool:
    is_same: bool | None = await connection.fetchval(
        """
        SELECT party.kind = $2 AND party.name = $3 AND party.profile = $4::jsonb AND key.secret_hash = $5
        FROM party JOIN access_key key ON key.party_id = party.id AND key.key_id = $6 WHERE party.id = $1
        """,
        new.party_id,
        new.kind,
        new.name,
        new.profile,
        new.secret_hash,
        new.key_id,
    )
    return bool(is_same)


async def _is_the_same_company(connection: AnyConnection, new: NewCompany) -> bool:
    is_same: bool | None = await connection.fetchval(
        """
        SELECT company.sector IS NOT DISTINCT FROM $2 AND EXISTS (
            SELECT FROM company_code WHERE company_id = company.id AND code = $3)
        FROM company WHERE id = $1
        """,
        new.party.party_id,
        new.sector,
        new.code,
    )
    return bool(is_same)

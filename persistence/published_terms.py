"""Versions of companies' terms and credit policies: written first, in force once the book has published them."""

from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from marketplace.book.commands import Envelope, PublishTerms
from marketplace.company_terms import CompanyTerms
from marketplace.loans.affordability import CreditPolicy
from persistence.command_rows import record_command
from persistence.connection import AnyConnection, Pool

_PUBLICATIONS = UUID("3d0b6f52-8c1e-5a94-b7e3-6f4a2d9c1b08")


class TermsTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The version stands, `is_new` or from before. `envelope` is its command, to be sent after the commit."""

    envelope: Envelope
    is_new: bool


class VersionReused(msgspec.Struct, frozen=True, kw_only=True):
    """The version stands with other terms."""


class VersionUnexpected(msgspec.Struct, frozen=True, kw_only=True):
    """Versions follow each other: `expected_version` passes."""

    expected_version: int


class TermsInForce(msgspec.Struct, frozen=True, kw_only=True):
    """What a company offers now."""

    company_id: str
    terms: CompanyTerms
    policy: CreditPolicy


async def publish_terms(
    connection: AnyConnection,
    company_id: str,
    terms: CompanyTerms,
    policy: CreditPolicy,
    *,
    at: datetime,
    party_id: str | None,
) -> TermsTaken | VersionReused | VersionUnexpected:
    """Record a version with the command for its book, in the caller's transaction. The company must exist."""
    await connection.execute("SELECT FROM company WHERE id = $1 FOR NO KEY UPDATE", company_id)
    terms_json = msgspec.json.encode(terms).decode()
    policy_json = msgspec.json.encode(policy).decode()
    known = await connection.fetchrow(
        "SELECT terms = $3::jsonb AND policy = $4::jsonb AS is_same, command_id, at FROM company_terms"
        " WHERE company_id = $1 AND version = $2",
        company_id,
        terms.version,
        terms_json,
        policy_json,
    )
    if known is not None and not known["is_same"]:
        return VersionReused()
    if known is None:
        latest = await connection.fetchval(
            "SELECT coalesce(max(version), 0) FROM company_terms WHERE company_id = $1", company_id
        )
        if terms.version != latest + 1:
            return VersionUnexpected(expected_version=latest + 1)
    command_id = str(uuid5(_PUBLICATIONS, f"{company_id}/{terms.version}"))
    envelope = Envelope(
        command_id=command_id,
        company_id=company_id,
        at=known["at"] if known else at,
        command=PublishTerms(terms=terms),
    )
    if known is not None:
        return TermsTaken(envelope=envelope, is_new=False)
    await connection.execute(
        "INSERT INTO company_terms (company_id, version, terms, policy, command_id, at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        company_id,
        terms.version,
        terms_json,
        policy_json,
        command_id,
        at,
    )
    await record_command(connection, envelope, subject_id=company_id, party_id=party_id, sent_by="caller")
    return TermsTaken(envelope=envelope, is_new=True)


async def terms_in_force(pool: Pool | AnyConnection, company_id: str) -> TermsInForce | None:
    """The terms and policy of the highest version that the company's book has published, None before the first."""
    row = await pool.fetchrow(
        "SELECT terms, policy FROM company_terms WHERE company_id = $1 AND in_force_at IS NOT NULL"
        " ORDER BY version DESC LIMIT 1",
        company_id,
    )
    if row is None:
        return None
    return TermsInForce(
        company_id=company_id,
        terms=msgspec.json.decode(row["terms"], type=CompanyTerms),
        policy=msgspec.json.decode(row["policy"], type=CreditPolicy),
    )

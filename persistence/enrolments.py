"""What the payment institution knows of a party: its account, identity check, bank accounts and mandates, as rows."""

from datetime import datetime
from typing import Literal, TypeVar

import asyncpg
import msgspec

from persistence.connection import Pool

Row = TypeVar("Row")

KycState = Literal["not_started", "in_progress", "accepted", "refused"]
BankAccountState = Literal["checking", "cooling", "active", "refused"]
MandateState = Literal["pending", "signing", "active", "refused", "revoked", "dormant"]


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


class PartyBankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account of a party, and the wallet it belongs to."""

    id: str
    party_id: str
    wallet_id: str
    iban: str
    holder: str
    state: BankAccountState
    lemonway_iban_id: str | None


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


_PARTY = "id, kind, wallet_id, lemonway_account_id, kyc_state, kyc_reason, onboarding_id, onboarding_url, virtual_iban"
_BANK_ACCOUNT = """
    SELECT account.id, account.party_id, party.wallet_id, account.iban, account.holder, account.state,
        account.lemonway_iban_id
    FROM bank_account account JOIN party ON party.id = account.party_id"""
_MANDATE = """
    SELECT mandate.id, mandate.party_id, party.wallet_id, account.iban, account.holder, mandate.state, mandate.umr,
        mandate.lemonway_mandate_id, mandate.sign_url
    FROM mandate JOIN party ON party.id = mandate.party_id JOIN bank_account account ON account.id = bank_account_id"""

AT_A_TIME = 200
"""How many waiting rows a poll looks at."""


# Parties


async def read_party(pool: Pool, party_id: str) -> EnrolledParty | None:
    return _one(await pool.fetchrow(f"SELECT {_PARTY} FROM party WHERE id = $1", party_id), EnrolledParty)


async def party_of_wallet(pool: Pool, wallet_id: str) -> EnrolledParty | None:
    return _one(await pool.fetchrow(f"SELECT {_PARTY} FROM party WHERE wallet_id = $1", wallet_id), EnrolledParty)


async def parties_in_identity_check(pool: Pool) -> list[EnrolledParty]:
    """Those whose identity check has begun and not ended, oldest first."""
    rows = await pool.fetch(
        f"SELECT {_PARTY} FROM party WHERE kyc_state = 'in_progress' ORDER BY created_at, id LIMIT {AT_A_TIME}"
    )
    return [msgspec.convert(dict(row.items()), EnrolledParty) for row in rows]


async def note_account(pool: Pool, party_id: str, *, lemonway_account_id: str) -> None:
    await pool.execute("UPDATE party SET lemonway_account_id = $2 WHERE id = $1", party_id, lemonway_account_id)


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


async def note_kyc(pool: Pool, party_id: str, state: KycState, *, reason: str | None = None) -> None:
    await pool.execute("UPDATE party SET kyc_state = $2, kyc_reason = $3 WHERE id = $1", party_id, state, reason)


async def note_virtual_iban(pool: Pool, party_id: str, iban: str) -> None:
    await pool.execute("UPDATE party SET virtual_iban = $2 WHERE id = $1", party_id, iban)


# Bank accounts


async def read_bank_account(pool: Pool, bank_account_id: str) -> PartyBankAccount | None:
    return _one(await pool.fetchrow(f"{_BANK_ACCOUNT} WHERE account.id = $1", bank_account_id), PartyBankAccount)


async def bank_accounts_being_checked(pool: Pool) -> list[PartyBankAccount]:
    """Those that Lemonway was given and has not decided upon, oldest first."""
    rows = await pool.fetch(
        f"""{_BANK_ACCOUNT} WHERE account.state = 'checking' AND account.lemonway_iban_id IS NOT NULL
        ORDER BY account.created_at, account.id LIMIT {AT_A_TIME}"""
    )
    return [msgspec.convert(dict(row.items()), PartyBankAccount) for row in rows]


async def note_bank_account(
    pool: Pool, bank_account_id: str, *, lemonway_iban_id: str, state: BankAccountState, reason: str | None = None
) -> None:
    await pool.execute(
        "UPDATE bank_account SET lemonway_iban_id = $2, state = $3, refused_reason = $4 WHERE id = $1",
        bank_account_id,
        lemonway_iban_id,
        state,
        reason,
    )


# Mandates


async def read_mandate(pool: Pool, mandate_id: str) -> PartyMandate | None:
    return _one(await pool.fetchrow(f"{_MANDATE} WHERE mandate.id = $1", mandate_id), PartyMandate)


async def mandates_being_signed(pool: Pool, *, wallet_id: str | None = None) -> list[PartyMandate]:
    """Those that Lemonway has and the borrower has not signed, of one wallet or of all, oldest first."""
    rows = await pool.fetch(
        f"""{_MANDATE} WHERE mandate.state IN ('pending', 'signing') AND mandate.lemonway_mandate_id IS NOT NULL
            AND ($1::text IS NULL OR party.wallet_id = $1)
        ORDER BY mandate.created_at, mandate.id LIMIT {AT_A_TIME}""",
        wallet_id,
    )
    return [msgspec.convert(dict(row.items()), PartyMandate) for row in rows]


async def note_mandate(pool: Pool, mandate_id: str, *, umr: str, lemonway_mandate_id: str) -> None:
    await pool.execute(
        "UPDATE mandate SET umr = $2, lemonway_mandate_id = $3 WHERE id = $1", mandate_id, umr, lemonway_mandate_id
    )


async def note_signing(pool: Pool, mandate_id: str, *, sign_url: str) -> None:
    """The borrower can sign at `sign_url`."""
    await pool.execute(
        "UPDATE mandate SET state = 'signing', sign_url = $2 WHERE id = $1 AND state IN ('pending', 'signing')",
        mandate_id,
        sign_url,
    )


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


def _one(row: asyncpg.Record | None, kind: type[Row]) -> Row | None:
    return None if row is None else msgspec.convert(dict(row.items()), kind)

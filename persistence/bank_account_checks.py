"""Bank accounts of parties on their way through the payment institution's check."""

from typing import Literal

import msgspec

from persistence.connection import Pool
from persistence.identity_checks import LOOKED_AT_A_TIME
from persistence.parties import BankAccount
from persistence.table_queries import Changes, carry_out

BankAccountState = Literal["checking", "cooling", "active", "refused"]


class PartyBankAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account of a party, and the wallet it belongs to."""

    id: str
    party_id: str
    wallet_id: str
    iban: str
    holder: str
    state: BankAccountState
    lemonway_iban_id: str | None


_BANK_ACCOUNT = """
    SELECT account.id, account.party_id, party.wallet_id, account.iban, account.holder, account.state,
        account.lemonway_iban_id
    FROM bank_account account JOIN party ON party.id = account.party_id"""


async def read_bank_account(pool: Pool, bank_account_id: str) -> PartyBankAccount | None:
    """The bank account of this id, None when there is none."""
    row = await pool.fetchrow(f"{_BANK_ACCOUNT} WHERE account.id = $1", bank_account_id)
    return None if row is None else msgspec.convert(dict(row.items()), PartyBankAccount)


async def bank_accounts_being_checked(pool: Pool) -> list[PartyBankAccount]:
    """Those that Lemonway was given and has not decided upon, oldest first."""
    rows = await pool.fetch(
        f"""{_BANK_ACCOUNT} WHERE account.state = 'checking' AND account.lemonway_iban_id IS NOT NULL
        ORDER BY account.created_at, account.id LIMIT $1""",
        LOOKED_AT_A_TIME,
    )
    return [msgspec.convert(dict(row.items()), PartyBankAccount) for row in rows]


async def iban_ids_of_others(pool: Pool, account: PartyBankAccount) -> set[str]:
    """Lemonway's numbers of IBANs of the party that stand for other accounts of ours than this one."""
    rows = await pool.fetch(
        "SELECT lemonway_iban_id FROM bank_account WHERE party_id = $1 AND id <> $2 AND lemonway_iban_id IS NOT NULL",
        account.party_id,
        account.id,
    )
    return {row["lemonway_iban_id"] for row in rows}


async def note_bank_account(
    pool: Pool, bank_account_id: str, *, lemonway_iban_id: str, state: BankAccountState, reason: str | None = None
) -> None:
    """How Lemonway's check of it stands, under the number that Lemonway gave it."""
    changes: Changes = {
        BankAccount.lemonway_iban_id: lemonway_iban_id,
        BankAccount.state: state,
        BankAccount.refused_reason: reason,
    }
    await carry_out(pool, BankAccount.update(changes).where(BankAccount.id == bank_account_id))

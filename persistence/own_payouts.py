"""A payout as its owner asks for it and sees it."""

from datetime import datetime
from typing import Literal

import msgspec

from persistence.connection import AnyConnection, Pool
from persistence.loans import Payout
from persistence.payouts import NewPayout, PayoutOutcome, ask_payout
from persistence.table_queries import fetch_one


class OwnPayout(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way to its owner's bank account. `loan_id` names the settled loan that brought it, if one did."""

    payout_id: str
    bank_account_id: str
    loan_id: str | None
    amount_cents: int
    state: Literal["asked", "held", "executed", "refused", "cancelled"]
    refused_reason: str | None
    executed_at: datetime | None


async def ask_own_payout(connection: AnyConnection, new: NewPayout) -> tuple[PayoutOutcome, bool]:
    """Ask for a payout in the caller's transaction; True when it was not asked for before.

    A participant's payouts are asked for one after the other, so that a call made twice at once is one payout.
    """
    await connection.execute("SELECT FROM party WHERE id = $1 FOR NO KEY UPDATE", new.participant_id)
    is_new = not await connection.fetchval("SELECT true FROM payout WHERE id = $1", new.payout_id)
    return await ask_payout(connection, new), is_new


async def own_payout(pool: Pool, payout_id: str, *, participant_id: str) -> OwnPayout | None:
    """A participant's own payout, None for anybody else's."""
    own = Payout.select(
        Payout.id.as_alias("payout_id"),
        Payout.bank_account_id,
        Payout.loan_id,
        Payout.cents.as_alias("amount_cents"),
        Payout.state,
        Payout.refused_reason,
        Payout.executed_at,
    ).where((Payout.id == payout_id) & (Payout.participant_id == participant_id))
    row = await fetch_one(pool, own)
    return None if row is None else OwnPayout(**row)

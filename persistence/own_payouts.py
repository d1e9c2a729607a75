"""A payout as its owner sees it."""

from datetime import datetime
from typing import Literal

import msgspec

from persistence.connection import Pool


class OwnPayout(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way to its owner's bank account. `loan_id` names the settled loan that brought it, if one did."""

    payout_id: str
    bank_account_id: str
    loan_id: str | None
    amount_cents: int
    state: Literal["asked", "held", "executed", "refused", "cancelled"]
    refused_reason: str | None
    executed_at: datetime | None


async def own_payout(pool: Pool, payout_id: str, *, participant_id: str) -> OwnPayout | None:
    """A participant's own payout, None for anybody else's."""
    row = await pool.fetchrow(
        "SELECT id AS payout_id, bank_account_id, loan_id, cents AS amount_cents, state, refused_reason, executed_at"
        " FROM payout WHERE id = $1 AND participant_id = $2",
        payout_id,
        participant_id,
    )
    return None if row is None else OwnPayout(**row)

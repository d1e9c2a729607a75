"""Payouts that nobody has to ask for: what a settled loan returned to a lender, as the lender's payout rule has it."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

import msgspec

from persistence.connection import AnyConnection
from persistence.payouts import NewPayout, open_payout, payable_cents

_PAYOUTS = UUID("71c5e9d3-4b08-5a6f-b2e7-9d1f3a8c0e46")
_PAID_OUT_WITHIN = timedelta(days=7)
"""For so long a settled loan waits for its last receipts, or for a bank account that can be paid."""
_LENT_AGAIN = "the money was lent again"
_KEPT = "the payout rule keeps it in the wallet"


class _Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What a settled loan gave back to a lender that wants it on its bank account."""

    loan_id: str
    lender_id: str
    bank_account_id: str
    cents: int
    keep_cents: int
    """What the lender's payout rule leaves in the wallet."""


async def pay_out_settled(connection: AnyConnection, business_date: date, *, at: datetime) -> int:
    """Pay out to lenders what settled loans have returned, once all of it has reached the wallets; how many payouts.

    Each loan pays each lender once: what it returned in total, at most what is free by now less what the lender's
    payout rule keeps in the wallet. Where that leaves nothing, a refused payout on the record says why.
    """
    payouts = 0
    for returned in await _settled_and_distributed(connection, business_date):
        payable = await payable_cents(connection, "lender", returned.lender_id)
        to_pay = min(returned.cents, max(0, payable - returned.keep_cents))
        new = NewPayout(
            payout_id=str(uuid5(_PAYOUTS, f"{returned.loan_id}/{returned.lender_id}")),
            participant_kind="lender",
            participant_id=returned.lender_id,
            bank_account_id=returned.bank_account_id,
            cents=to_pay or returned.cents,
            at=at,
            loan_id=returned.loan_id,
        )
        if to_pay == 0:
            await _record_nothing_left(connection, new, reason=_KEPT if payable else _LENT_AGAIN)
            continue
        await open_payout(connection, new)
        payouts += 1
    return payouts


async def _settled_and_distributed(connection: AnyConnection, business_date: date) -> list[_Returned]:
    rows = await connection.fetch(
        """
        SELECT share.loan_id, share.participant_id AS lender_id, account.id AS bank_account_id,
            share.principal_paid_cents + share.interest_paid_cents AS cents,
            coalesce(settings.payout_keep_cents, 0) AS keep_cents
        FROM loan
        JOIN loan_share share ON share.loan_id = loan.id
        LEFT JOIN lender_settings settings ON settings.lender_id = share.participant_id
        CROSS JOIN LATERAL (
            SELECT id FROM bank_account
            WHERE party_id = share.participant_id AND state = 'active' AND lemonway_iban_id IS NOT NULL
            ORDER BY id = settings.payout_bank_account_id DESC NULLS LAST, created_at DESC, id LIMIT 1) account
        WHERE loan.state = 'settled' AND loan.settled_on > $1 AND loan.settled_on <= $2
            AND share.participant_kind = 'lender' AND coalesce(settings.payout_every, 'settlement') = 'settlement'
            AND NOT EXISTS (SELECT FROM receipt_share WHERE loan_id = loan.id AND distributed_at IS NULL)
            AND NOT EXISTS (SELECT FROM payout WHERE loan_id = loan.id AND participant_id = share.participant_id)
        ORDER BY share.participant_id, loan.settled_on, loan.id
        """,
        business_date - _PAID_OUT_WITHIN,
        business_date,
    )
    return [msgspec.convert(dict(row.items()), _Returned) for row in rows]


async def _record_nothing_left(connection: AnyConnection, new: NewPayout, *, reason: str) -> None:
    await connection.execute(
        """
        INSERT INTO payout (id, participant_kind, participant_id, loan_id, bank_account_id, cents, at, state,
            refused_reason, decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'refused', $8, $7) ON CONFLICT (id) DO NOTHING
        """,
        new.payout_id,
        new.participant_kind,
        new.participant_id,
        new.loan_id,
        new.bank_account_id,
        new.cents,
        new.at,
        reason,
    )

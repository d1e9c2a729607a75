"""Movements that a bank took back after they were booked: they stop with a person, and are never forgotten."""

from persistence.connection import Pool


async def set_bounced_payout_aside(pool: Pool, *, psp_id: str, reason: str) -> bool:
    """A payment to a bank account came back to the wallet; False when `psp_id` is none of our payments."""
    return bool(
        await pool.fetchval(
            """
            UPDATE payment_instruction SET state = 'review', last_error = $2
            WHERE kind IN ('disburse', 'pay_out') AND psp_id = $1 AND state IN ('done', 'review') RETURNING true
            """,
            psp_id,
            reason,
        )
    )


async def set_returned_collection_aside(pool: Pool, *, money_in_id: str, reason: str) -> bool:
    """The debtor's bank took a collected debit back; False when `money_in_id` is none of our collections."""
    return bool(
        await pool.fetchval(
            """
            UPDATE payment_instruction SET state = 'review', last_error = $2
            WHERE kind = 'collect' AND psp_id = $1 AND state IN ('done', 'review') RETURNING true
            """,
            money_in_id,
            reason,
        )
    )

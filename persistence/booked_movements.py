"""What the books say Lemonway holds and has moved: the side of a reconciliation that is ours."""

import msgspec

from persistence.connection import Pool
from persistence.inbox import RETURN_CATEGORIES
from persistence.instructions import InstructionKind


class BookedMovement(msgspec.Struct, frozen=True, kw_only=True):
    """A movement that is in the books."""

    reference: str
    psp_id: str
    kind: InstructionKind
    debit_wallet: str | None
    credit_wallet: str | None
    cents: int


async def booked_movements(pool: Pool) -> list[BookedMovement]:
    """Every instruction whose money has moved: all that were executed, of collections those that were credited."""
    rows = await pool.fetch(
        """
        SELECT p.reference, p.psp_id, p.kind, p.debit_wallet, p.credit_wallet, p.cents
        FROM payment_instruction p LEFT JOIN collection ON collection.instruction_id = p.id
        WHERE p.executed_at IS NOT NULL AND p.psp_id IS NOT NULL
            AND (p.kind <> 'collect' OR collection.state = 'collected')
        """
    )
    return [msgspec.convert(dict(row.items()), BookedMovement) for row in rows]


async def booked_wires(pool: Pool) -> dict[str, tuple[str, int]]:
    """Wallet and cents of every wire recorded, by Lemonway's number of it."""
    rows = await pool.fetch("SELECT id, wallet_id, cents FROM wire")
    return {row["id"]: (row["wallet_id"], row["cents"]) for row in rows}


async def returns_told(pool: Pool) -> set[str]:
    """Lemonway's numbers of the movements with which banks took something back, as its notifications told us."""
    rows = await pool.fetch(
        "SELECT object_id FROM lemonway_notification WHERE state = 'processed' AND category = ANY($1)",
        RETURN_CATEGORIES,
    )
    return {row["object_id"] for row in rows}


async def booked_wallets(pool: Pool) -> dict[str, int]:
    """What each wallet holds by the ledger, in cents: wallets with an account, and those of all who may move money."""
    rows = await pool.fetch(
        """
        SELECT owner_id AS wallet_id, balance_cents FROM account WHERE owner_kind = 'wallet'
        UNION ALL
        SELECT wallet_id, 0 FROM party WHERE kyc_state = 'accepted'
            AND NOT EXISTS (SELECT FROM account WHERE owner_kind = 'wallet' AND owner_id = party.wallet_id)
        ORDER BY wallet_id
        """
    )
    return {row["wallet_id"]: row["balance_cents"] for row in rows}

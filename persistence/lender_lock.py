"""One lender's settings change one after the other."""

from persistence.connection import AnyConnection


async def hold_lender(connection: AnyConnection, lender_id: str) -> str:
    """Lock the lender's row until the caller's transaction ends; the state of its identity check. The lender exists."""
    kyc_state: str = await connection.fetchval("SELECT kyc_state FROM party WHERE id = $1 FOR NO KEY UPDATE", lender_id)
    return kyc_state

"""A movement that Lemonway executed, in the books: one transaction with everything that follows from it."""

from datetime import date, datetime

from persistence.collections_book import book_submission
from persistence.connection import AnyConnection, Pool
from persistence.distribution import book_distribution, book_gathering
from persistence.funding import book_disbursement, book_fund
from persistence.instructions import Instruction, claim_executed
from persistence.payouts import book_payout
from persistence.reconnection import is_lost_race


async def book_executed(
    pool: Pool, instruction: Instruction, *, psp_id: str, at: datetime, scheduled_on: date | None = None
) -> bool:
    """Record that Lemonway executed `instruction` as movement `psp_id`; False when that was recorded before.

    `at` is the business instant, `scheduled_on` the date that Lemonway gives a collection. Raises
    `asyncpg.IntegrityConstraintViolationError` or LoanContradiction when the books cannot hold it, and then nothing is
    recorded.
    """
    while True:
        try:
            async with pool.acquire() as connection, connection.transaction():
                if not await claim_executed(connection, instruction.id, psp_id=psp_id, executed_at=at):
                    return False
                await _book(connection, instruction, psp_id=psp_id, at=at, scheduled_on=scheduled_on)
                return True
        except Exception as failure:
            if not is_lost_race(failure):
                raise


async def _book(
    connection: AnyConnection, instruction: Instruction, *, psp_id: str, at: datetime, scheduled_on: date | None
) -> None:
    match instruction.kind:
        case "fund":
            await book_fund(connection, instruction, at=at)
        case "disburse":
            await book_disbursement(connection, instruction, at=at)
        case "collect":
            await book_submission(connection, instruction, psp_id=psp_id, at=at, scheduled_on=scheduled_on)
        case "gather":
            await book_gathering(connection, instruction, at=at)
        case "distribute":
            await book_distribution(connection, instruction, at=at)
        case "pay_out":
            await book_payout(connection, instruction, at=at)

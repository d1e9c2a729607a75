"""Direct debits of instalments: which are to be handed in on a day, and that they were."""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

import msgspec

from marketplace.business_days import PARIS, SUBMISSION_CUT_OFF
from marketplace.loans.loan import Loan
from marketplace.loans.loan_collections import NextCollection, next_collection
from marketplace.loans.loan_events import CollectionRequested
from persistence.connection import AnyConnection, Pool
from persistence.instructions import Instruction, NewInstruction, insert_instructions
from persistence.loan_record import RecordedLoan, append_loan_events, lock_loan, note_next_collection

_COLLECTIONS = UUID("3f1d8a52-7c06-5b9e-8d24-a0c4e6f81b35")


class DueToHandIn(msgspec.Struct, frozen=True, kw_only=True):
    """Loans with a debit to hand in, and how many more lack a mandate to debit."""

    loan_ids: list[str]
    without_mandate: int


def hand_in_date(at: datetime) -> date:
    """The business date on which a debit handed in at the instant `at` counts: after the cut-off it is the next day."""
    local = at.astimezone(PARIS)
    return local.date() if local.timetz() < SUBMISSION_CUT_OFF else local.date() + timedelta(days=1)


async def due_to_hand_in(connection: AnyConnection, on_date: date) -> DueToHandIn:
    """What the morning of `on_date` has to look at."""
    rows = await connection.fetch(
        """
        SELECT id, mandate_id IS NULL AS lacks_mandate FROM loan
        WHERE state = 'active' AND needs_person IS NULL AND next_submission_date <= $1 ORDER BY id
        """,
        on_date,
    )
    return DueToHandIn(
        loan_ids=[row["id"] for row in rows if not row["lacks_mandate"]],
        without_mandate=sum(row["lacks_mandate"] for row in rows),
    )


async def request_collection(pool: Pool, loan_id: str, *, on_date: date, at: datetime) -> bool:
    """Ask for the loan's next debit if it has to be handed in on `on_date`; asked for twice, it is asked for once.

    A morning that comes late (`at`) hands in for the first date that can still be reached. Raises LoanContradiction.
    """
    seen_on = max(on_date, hand_in_date(at))
    async with pool.acquire() as connection, connection.transaction():
        recorded = await lock_loan(connection, loan_id)
        upcoming = next_collection(recorded.loan, seen_on)
        if upcoming is None or upcoming.submission_date > seen_on:
            await note_next_collection(connection, loan_id, upcoming)
            return False
        await _request(connection, recorded, upcoming, seen_on, at)
        return True


async def _request(
    connection: AnyConnection, recorded: RecordedLoan, upcoming: NextCollection, on_date: date, at: datetime
) -> None:
    loan = recorded.loan
    collection_id = str(uuid5(_COLLECTIONS, f"{loan.loan_id}/{recorded.event_count + 1}"))
    instruction = await _instruction(connection, loan, collection_id, upcoming, on_date, at)
    await insert_instructions(connection, [instruction])
    await connection.execute(
        """
        INSERT INTO collection (id, loan_id, cents, instalment_numbers, presentation, submission_date, collection_date,
            instruction_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        collection_id,
        loan.loan_id,
        upcoming.amount_cents,
        list(upcoming.instalment_numbers),
        upcoming.presentation,
        upcoming.submission_date,
        upcoming.collection_date,
        instruction.id,
    )
    event = CollectionRequested(
        loan_id=loan.loan_id,
        collection_id=collection_id,
        requested_on=on_date,
        collection_date=upcoming.collection_date,
        amount_cents=upcoming.amount_cents,
        presentation=upcoming.presentation,
    )
    await append_loan_events(connection, recorded, [event], on_date=on_date, at=at)


async def _instruction(
    connection: AnyConnection, loan: Loan, collection_id: str, upcoming: NextCollection, on_date: date, at: datetime
) -> NewInstruction:
    parties = await connection.fetchrow(
        """
        SELECT party.wallet_id, loan.mandate_id FROM loan JOIN party ON party.id = loan.borrower_id WHERE loan.id = $1
        """,
        loan.loan_id,
    )
    assert parties is not None, loan.loan_id
    return NewInstruction(
        kind="collect",
        natural_key=(collection_id,),
        cents=upcoming.amount_cents,
        at=at,
        credit_wallet=parties["wallet_id"],
        mandate_id=parties["mandate_id"],
        collection_date=upcoming.collection_date,
        participant_kind="borrower",
        participant_id=loan.borrower_id,
        loan_id=loan.loan_id,
        collection_id=collection_id,
        business_date=on_date,
    )


async def book_submission(
    connection: AnyConnection, instruction: Instruction, *, psp_id: str, at: datetime, scheduled_on: date | None
) -> None:
    """Lemonway took the debit in; its result comes on its date, which is `scheduled_on` if Lemonway says so."""
    await connection.execute(
        """
        UPDATE collection SET state = 'submitted', money_in_id = $2, submitted_at = $3,
            collection_date = greatest(collection_date, $4)
        WHERE id = $1 AND state = 'planned'
        """,
        instruction.collection_id,
        psp_id,
        at,
        scheduled_on,
    )

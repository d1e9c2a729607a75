"""What became of direct debits: collected and shared out to the cent, or refused."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from marketplace.business_days import business_date_of
from marketplace.chart_of_accounts import ParticipantKind
from marketplace.loans.loan import LoanContradiction, SharePayment, allocate_receipt, apply, is_paid, share_receipt
from marketplace.loans.loan_events import CollectionRefused, InstalmentCollected, LoanEvent, LoanSettled
from marketplace.postings import ReceivedPart, instalment_collected, receipt_allocated
from persistence.connection import AnyConnection, Pool
from persistence.instructions import NewInstruction, insert_instructions
from persistence.ledger import record_entries
from persistence.loan_record import RecordedLoan, append_loan_events, lock_loan


class AwaitedCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A debit whose result is awaited: Lemonway's number of it, and the date on which it is due."""

    collection_id: str
    loan_id: str
    money_in_id: str
    collection_date: date


class _Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """An awaited collection with its loan, both locked until the transaction ends."""

    collection_id: str
    cents: int
    collection_date: date
    borrower_wallet: str
    recorded: RecordedLoan


async def awaited_collections(connection: AnyConnection, until_date: date) -> list[AwaitedCollection]:
    """Debits handed in for dates up to `until_date` whose result nobody has read yet, oldest first.

    Those of loans that wait for a person are left out.
    """
    rows = await connection.fetch(
        """
        SELECT collection.id AS collection_id, loan_id, money_in_id, collection_date
        FROM collection JOIN loan ON loan.id = loan_id
        WHERE collection.state = 'submitted' AND collection_date <= $1 AND loan.needs_person IS NULL
        ORDER BY collection_date, collection.id
        """,
        until_date,
    )
    return [msgspec.convert(dict(row.items()), AwaitedCollection) for row in rows]


async def note_still_pending(connection: AnyConnection, collection_ids: Sequence[str], *, at: datetime) -> None:
    """These debits were looked up at the instant `at`, and their banks had not answered."""
    await connection.execute(
        "UPDATE collection SET read_at = $2 WHERE id = ANY($1::uuid[]) AND state = 'submitted'",
        list(collection_ids),
        at,
    )


async def awaited_collection_of(connection: AnyConnection, money_in_id: str) -> AwaitedCollection | None:
    """The awaited collection behind Lemonway's number of a money-in, None when none of ours awaits it."""
    row = await connection.fetchrow(
        """
        SELECT id AS collection_id, loan_id, money_in_id, collection_date FROM collection
        WHERE money_in_id = $1 AND state = 'submitted'
        """,
        money_in_id,
    )
    return None if row is None else msgspec.convert(dict(row.items()), AwaitedCollection)


async def record_collected(
    pool: Pool, collection_id: str, *, executed_on: date | None, collection_wallet: str, at: datetime
) -> bool:
    """The debit was credited to the borrower's wallet: pay what is due with it, and share it out to the cent.

    `executed_on` is the bank's date, when it says one. False when the result was recorded before. Raises
    LoanContradiction when the loan cannot have received it.
    """
    async with pool.acquire() as connection, connection.transaction():
        awaited = await _lock_awaited(connection, collection_id)
        if awaited is None:
            return False
        loan = awaited.recorded.loan
        # No debit is credited before its date. Two systems whose calendars differ by a day must not make one early.
        collected_on = max(executed_on or awaited.collection_date, awaited.collection_date)
        collected = InstalmentCollected(
            loan_id=loan.loan_id, collection_id=collection_id, collected_on=collected_on, amount_cents=awaited.cents
        )
        allocation = allocate_receipt(loan, awaited.cents, collected_on)
        if allocation.unapplied_cents:
            raise LoanContradiction(f"more than was due by then, {allocation.unapplied_cents} cents over: {collected}")
        events: list[LoanEvent] = [collected]
        if is_paid(apply(loan, collected)):
            events.append(LoanSettled(loan_id=loan.loan_id, settled_on=collected_on))
        await append_loan_events(connection, awaited.recorded, events, on_date=collected_on, at=at)
        await _share_out(connection, awaited, share_receipt(loan, allocation), collection_wallet, at)
        await connection.execute(
            "UPDATE collection SET state = 'collected', result_at = $2 WHERE id = $1", collection_id, at
        )
        return True


async def record_refused(pool: Pool, collection_id: str, *, reason_code: str, at: datetime) -> bool:
    """The bank refused the debit, with its reason code; nothing was received. False when it was recorded before.

    Raises LoanContradiction when the loan awaits no such result.
    """
    async with pool.acquire() as connection, connection.transaction():
        awaited = await _lock_awaited(connection, collection_id)
        if awaited is None:
            return False
        # Known on its date at the earliest to the banks, whenever we come to read it.
        refused_on = min(awaited.collection_date, business_date_of(at))
        refused = CollectionRefused(
            loan_id=awaited.recorded.loan.loan_id,
            collection_id=collection_id,
            refused_on=refused_on,
            reason_code=reason_code,
        )
        await append_loan_events(connection, awaited.recorded, [refused], on_date=refused_on, at=at)
        await connection.execute(
            "UPDATE collection SET state = 'refused', refused_reason = $2, result_at = $3 WHERE id = $1",
            collection_id,
            reason_code,
            at,
        )
        return True


async def _lock_awaited(connection: AnyConnection, collection_id: str) -> _Awaited | None:
    loan_id = await connection.fetchval("SELECT loan_id FROM collection WHERE id = $1", collection_id)
    recorded = await lock_loan(connection, loan_id)
    row = await connection.fetchrow(
        """
        SELECT id AS collection_id, cents, collection_date,
            (SELECT credit_wallet FROM payment_instruction WHERE id = instruction_id) AS borrower_wallet
        FROM collection WHERE id = $1 AND state = 'submitted' FOR NO KEY UPDATE
        """,
        collection_id,
    )
    return None if row is None else _Awaited(recorded=recorded, **dict(row.items()))


async def _share_out(
    connection: AnyConnection,
    awaited: _Awaited,
    payments: Sequence[SharePayment],
    collection_wallet: str,
    at: datetime,
) -> None:
    """Book the receipt, have it gathered into `collection_wallet`, and record each participant's part of it."""
    loan = awaited.recorded.loan
    kinds = await _participant_kinds(connection, loan.loan_id)
    parts = [
        ReceivedPart(
            kind=kinds[payment.participant_id],
            participant_id=payment.participant_id,
            principal_cents=payment.principal_cents,
            interest_cents=payment.interest_cents,
        )
        for payment in payments
    ]
    await record_entries(
        connection,
        [
            instalment_collected(
                collection_id=awaited.collection_id,
                at=at,
                borrower_wallet=awaited.borrower_wallet,
                borrower_id=loan.borrower_id,
                cents=awaited.cents,
            ),
            receipt_allocated(
                loan_id=loan.loan_id,
                event_number=awaited.recorded.event_count + 1,
                at=at,
                borrower_id=loan.borrower_id,
                parts=parts,
            ),
        ],
    )
    gather = NewInstruction(
        kind="gather",
        natural_key=(awaited.collection_id,),
        cents=awaited.cents,
        at=at,
        debit_wallet=awaited.borrower_wallet,
        credit_wallet=collection_wallet,
        loan_id=loan.loan_id,
        collection_id=awaited.collection_id,
    )
    await insert_instructions(connection, [gather])
    await _record_shares(connection, awaited, parts, gather.id)


async def _record_shares(
    connection: AnyConnection, awaited: _Awaited, parts: Sequence[ReceivedPart], gather_instruction_id: str
) -> None:
    await connection.execute(
        """
        INSERT INTO receipt_share (collection_id, participant_kind, participant_id, loan_id, principal_cents,
            interest_cents, gather_instruction_id)
        SELECT $1, part.kind, part.participant_id, $2, part.principal_cents, part.interest_cents, $3
        FROM unnest($4::text[], $5::uuid[], $6::bigint[], $7::bigint[])
            AS part (kind, participant_id, principal_cents, interest_cents)
        """,
        awaited.collection_id,
        awaited.recorded.loan.loan_id,
        gather_instruction_id,
        [part.kind for part in parts],
        [part.participant_id for part in parts],
        [part.principal_cents for part in parts],
        [part.interest_cents for part in parts],
    )


async def _participant_kinds(connection: AnyConnection, loan_id: str) -> dict[str, ParticipantKind]:
    rows = await connection.fetch("SELECT participant_id, participant_kind FROM loan_share WHERE loan_id = $1", loan_id)
    return {row["participant_id"]: row["participant_kind"] for row in rows}

"""A loan's stored events and the rows derived from them: always append, then derive."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from marketplace.loans.loan import Loan, apply, fold
from marketplace.loans.loan_collections import NextCollection, next_collection
from marketplace.loans.loan_events import (
    CollectionRefused,
    CollectionRequested,
    CollectionsResumed,
    InstalmentCollected,
    LoanDisbursed,
    LoanEvent,
    LoanSettled,
    UnappliedCashApplied,
)
from marketplace.loans.schedules import annual_rate, instalment_plan
from persistence import loans as tables
from persistence.connection import AnyConnection, Pool
from persistence.table_queries import Changes, carry_out, fetch_all, fetch_value

_decoder = msgspec.json.Decoder(LoanEvent)
_CONTRADICTION = "contradiction"
"""What `loan.needs_person` says of a loan that was set aside. A person who has mended it empties the column."""


class RecordedLoan(msgspec.Struct, frozen=True, kw_only=True):
    """A loan and how many events it is the fold of."""

    loan: Loan
    event_count: int


async def lock_loan(connection: AnyConnection, loan_id: str) -> RecordedLoan:
    """The loan as its events tell it, locked until the transaction ends: one writer at a time appends to it.

    Raises LoanContradiction when they cannot all have happened.
    """
    found = await connection.fetchval("SELECT true FROM loan WHERE id = $1 FOR NO KEY UPDATE", loan_id)
    assert found, loan_id
    events = await read_loan_events(connection, loan_id)
    return RecordedLoan(loan=fold(events), event_count=len(events))


async def read_loan_events(connection: AnyConnection, loan_id: str) -> list[LoanEvent]:
    """Everything that happened to a loan, in order; empty for an unknown one."""
    recorded = tables.LoanEvent.select(tables.LoanEvent.payload).where(tables.LoanEvent.loan_id == loan_id)
    rows = await fetch_all(connection, recorded.order_by(tables.LoanEvent.number))
    return [_decoder.decode(row["payload"]) for row in rows]


async def record_new_loan(
    connection: AnyConnection,
    event: LoanDisbursed,
    *,
    mandate_id: str | None,
    fill_ids: Sequence[str | None],
    at: datetime,
) -> RecordedLoan:
    """Store a loan that begins with `event`. `fill_ids` are those of its participations, None for the company's own."""
    loan = apply(None, event)
    upcoming = next_collection(loan, event.terms.disbursed_on)
    await _append(connection, loan.loan_id, 1, [event], at)
    await connection.execute(
        """
        INSERT INTO loan (id, request_id, company_id, borrower_id, mandate_id, principal_cents, rate_cbp, months, plan,
            event_count, outstanding_cents, next_collection_date, next_submission_date, disbursed_on)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $6, $10, $11, $12)
        """,
        loan.loan_id,
        loan.request_id,
        loan.company_id,
        loan.borrower_id,
        mandate_id,
        loan.terms.principal_cents,
        loan.rate_cbp,
        loan.terms.count,
        msgspec.json.encode(instalment_plan(loan.terms, annual_rate(loan.rate_cbp))).decode(),
        upcoming and upcoming.collection_date,
        upcoming and upcoming.submission_date,
        loan.terms.disbursed_on,
    )
    await _insert_shares(connection, loan, fill_ids)
    return RecordedLoan(loan=loan, event_count=1)


async def _insert_shares(connection: AnyConnection, loan: Loan, fill_ids: Sequence[str | None]) -> None:
    await connection.executemany(
        """
        INSERT INTO loan_share (loan_id, participant_kind, participant_id, place, fill_id, principal_cents, rate_cbp)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
            (
                loan.loan_id,
                "company" if fill_id is None else "lender",
                share.participant_id,
                place,
                fill_id,
                share.principal_cents,
                share.rate_cbp,
            )
            for place, (share, fill_id) in enumerate(zip(loan.shares, fill_ids, strict=True))
        ],
    )


async def append_loan_events(
    connection: AnyConnection, recorded: RecordedLoan, events: Sequence[LoanEvent], *, on_date: date, at: datetime
) -> RecordedLoan:
    """Append to a locked loan and bring its rows up to date, as seen on the business date `on_date`.

    Raises LoanContradiction for an event that cannot have happened, and then nothing is appended.
    """
    loan = recorded.loan
    for event in events:
        loan = apply(loan, event)
    await _append(connection, loan.loan_id, recorded.event_count + 1, events, at)
    appended = RecordedLoan(loan=loan, event_count=recorded.event_count + len(events))
    await _derive(connection, appended, events, next_collection(loan, on_date))
    return appended


async def set_loan_aside(pool: Pool, loan_id: str) -> None:
    """What is recorded of the loan contradicts itself: nothing of it goes on before a person has looked at it."""
    await carry_out(
        pool, tables.Loan.update({tables.Loan.needs_person: _CONTRADICTION}).where(tables.Loan.id == loan_id)
    )


async def count_loans_set_aside(connection: AnyConnection) -> int:
    """Loans that were set aside, and nobody has released since."""
    set_aside = tables.Loan.count().where(tables.Loan.needs_person == _CONTRADICTION)
    count: int = await fetch_value(connection, set_aside)
    return count


async def note_next_collection(connection: AnyConnection, loan_id: str, upcoming: NextCollection | None) -> None:
    """When the next debit has to be handed in, seen anew although nothing happened to the loan."""
    dates: Changes = {
        tables.Loan.next_collection_date: upcoming and upcoming.collection_date,
        tables.Loan.next_submission_date: upcoming and upcoming.submission_date,
    }
    await carry_out(connection, tables.Loan.update(dates).where(tables.Loan.id == loan_id))


async def _append(
    connection: AnyConnection, loan_id: str, first_number: int, events: Sequence[LoanEvent], at: datetime
) -> None:
    await connection.executemany(
        "INSERT INTO loan_event (loan_id, number, kind, payload, effective_on, at) VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (
                loan_id,
                number,
                event.__struct_config__.tag,
                msgspec.json.encode(event).decode(),
                _effective_on(event),
                at,
            )
            for number, event in enumerate(events, start=first_number)
        ],
    )


async def _derive(
    connection: AnyConnection, recorded: RecordedLoan, events: Sequence[LoanEvent], upcoming: NextCollection | None
) -> None:
    loan = recorded.loan
    collected_cents = sum(event.amount_cents for event in events if isinstance(event, InstalmentCollected))
    await connection.execute(
        """
        UPDATE loan SET state = $2, event_count = $3, outstanding_cents = $4, collected_cents = collected_cents + $5,
            unapplied_cents = $6, needs_person = CASE WHEN needs_person = $11 THEN needs_person ELSE $7 END,
            next_collection_date = $8, next_submission_date = $9, settled_on = $10
        WHERE id = $1
        """,
        loan.loan_id,
        "active" if loan.settled_on is None else "settled",
        recorded.event_count,
        loan.principal_left_cents,
        collected_cents,
        loan.unapplied_cents,
        loan.needs_person,
        upcoming and upcoming.collection_date,
        upcoming and upcoming.submission_date,
        loan.settled_on,
        _CONTRADICTION,
    )
    if collected_cents or any(isinstance(event, UnappliedCashApplied) for event in events):
        await connection.execute(
            """
            UPDATE loan_share SET principal_paid_cents = paid.principal, interest_paid_cents = paid.interest
            FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS paid (place, principal, interest)
            WHERE loan_share.loan_id = $1 AND loan_share.place = paid.place
            """,
            loan.loan_id,
            list(range(len(loan.shares))),
            [share.principal_paid_cents for share in loan.shares],
            [share.interest_paid_cents for share in loan.shares],
        )


def _effective_on(event: LoanEvent) -> date:
    match event:
        case LoanDisbursed():
            return event.terms.disbursed_on
        case CollectionRequested():
            return event.requested_on
        case InstalmentCollected():
            return event.collected_on
        case CollectionRefused():
            return event.refused_on
        case CollectionsResumed():
            return event.resumed_on
        case UnappliedCashApplied():
            return event.applied_on
        case LoanSettled():
            return event.settled_on

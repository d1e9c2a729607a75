"""A borrower's request up to its opening in the book: draft, assessment, opening; and how it stands at any time."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec

from marketplace.allocation.orders import CreditRequest
from marketplace.book.commands import Envelope, OpenRequest
from marketplace.loans.affordability import Assessment, CreditApplication, EmployeeRecord, assess
from marketplace.loans.assessment_reasons import ContractType
from persistence.command_rows import record_command
from persistence.connection import AnyConnection, Pool
from persistence.published_terms import TermsInForce, terms_in_force

_OPENINGS = UUID("b04c7a5e-91d2-5f38-86ea-2c7f0d9b4e13")
_BEFORE_OPENING = ("draft", "assessed", "declined")
_UNDER_WAY = ("opening", "open", "covered", "signed", "funding")


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the borrower writes it. `max_rate_bp` is the highest rate accepted, whatever the terms become.

    `purpose_class` is one of those the company's terms name, from 1.
    """

    request_id: str
    borrower_id: str
    company_id: str
    employment_id: str
    amount_cents: int
    min_amount_cents: int
    months: int
    max_rate_bp: int
    purpose: str
    purpose_class: int
    debit_day: int | None
    accepts_shrink: bool
    other_instalments_cents: int


class RequestStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a request stands in the record. Cover and rate are None before it is covered."""

    request_id: str
    company_id: str
    employment_id: str | None
    state: str
    amount_cents: int
    min_amount_cents: int
    months: int
    max_rate_bp: int
    purpose: str
    purpose_class: int
    debit_day: int | None
    accepts_shrink: bool
    other_instalments_cents: int
    assessment: Assessment | None
    command_id: str | None
    cover_id: str | None
    covered_cents: int | None
    company_cents: int | None
    rate_bp: int | None
    loan_rate_cbp: int | None
    terms_version: int | None
    lender_count: int
    held_cents: int
    mandate_id: str | None
    loan_id: str | None
    created_at: datetime
    expires_at: datetime | None
    accept_until_at: datetime | None
    signed_at: datetime | None
    disbursed_at: datetime | None


class EmploymentMissing(msgspec.Struct, frozen=True, kw_only=True):
    """The employment named is not the borrower's with that company."""


class StateForbids(msgspec.Struct, frozen=True, kw_only=True):
    """The request is in `state`; the step passes only in `allowed`."""

    state: str
    allowed: tuple[str, ...]


class NoTermsInForce(msgspec.Struct, frozen=True, kw_only=True):
    """The company has not published terms yet."""


class KycMissing(msgspec.Struct, frozen=True, kw_only=True):
    """The borrower's identity check is not over."""

    kyc_state: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The opening stands, `is_new` or from before; its command is to be sent after the commit."""

    envelope: Envelope
    is_new: bool


_STATUS = """
    SELECT request.id AS request_id, request.company_id, employment_id, request.state, request.amount_cents,
        min_amount_cents, request.months, max_rate_bp, purpose, purpose_class, debit_day, accepts_shrink, details,
        assessment, request.command_id,
        request.cover_id, covered_cents, request.company_cents, request.rate_bp, request.loan_rate_cbp, terms_version,
        request.mandate_id, loan.id AS loan_id, created_at, expires_at, accept_until_at, signed_at, disbursed_at,
        (SELECT count(DISTINCT lender_id) FROM fill
         WHERE fill.cover_id = request.cover_id AND book_state IN ('taken', 'signed')) AS lender_count,
        coalesce((SELECT sum(cover.amount_cents) FROM cover
         WHERE cover.request_id = request.id AND cover.state = 'proposed' AND is_holding), 0)::bigint AS held_cents
    FROM credit_request request LEFT JOIN loan ON loan.request_id = request.id
    WHERE request.id = $1
"""


async def write_draft(
    connection: AnyConnection, draft: Draft, *, at: datetime
) -> Literal["new", "known", "id_reused"] | EmploymentMissing:
    """Record a draft, in the caller's transaction. `known`: the very same stands already, in whatever state."""
    await connection.execute("SELECT FROM party WHERE id = $1 FOR NO KEY UPDATE", draft.borrower_id)
    details = msgspec.json.encode({"other_instalments_cents": draft.other_instalments_cents}).decode()
    terms = (
        draft.borrower_id,
        draft.company_id,
        draft.employment_id,
        draft.amount_cents,
        draft.min_amount_cents,
        draft.months,
        draft.max_rate_bp,
        draft.purpose,
        draft.purpose_class,
        draft.accepts_shrink,
        draft.debit_day,
        details,
    )
    is_same = await connection.fetchval(
        """
        SELECT (borrower_id, company_id, employment_id, amount_cents, min_amount_cents, months, max_rate_bp, purpose,
            purpose_class, accepts_shrink, details) = ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13::jsonb)
            AND debit_day IS NOT DISTINCT FROM $12
        FROM credit_request WHERE id = $1
        """,
        draft.request_id,
        *terms,
    )
    if is_same is not None:
        return "known" if is_same else "id_reused"
    is_own = await connection.fetchval(
        "SELECT true FROM employment WHERE id = $1 AND party_id = $2 AND company_id = $3",
        draft.employment_id,
        draft.borrower_id,
        draft.company_id,
    )
    if not is_own:
        return EmploymentMissing()
    is_new = await connection.fetchval(
        """
        INSERT INTO credit_request (id, borrower_id, company_id, employment_id, amount_cents, min_amount_cents, months,
            max_rate_bp, purpose, purpose_class, accepts_shrink, debit_day, details, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING RETURNING true
        """,
        draft.request_id,
        *terms,
        at,
    )
    return "new" if is_new else "id_reused"


async def request_status(
    pool: Pool | AnyConnection, request_id: str, *, borrower_id: str | None
) -> RequestStatus | None:
    """A request as it stands; None when absent or not `borrower_id`'s. Without a borrower: anybody's."""
    row = await pool.fetchrow(f"{_STATUS} AND ($2::uuid IS NULL OR request.borrower_id = $2)", request_id, borrower_id)
    if row is None:
        return None
    fields: dict[str, Any] = dict(row.items())
    fields |= msgspec.json.decode(fields.pop("details"))
    assessment = fields.pop("assessment")
    fields["assessment"] = None if assessment is None else msgspec.json.decode(assessment, type=Assessment)
    return RequestStatus(**fields)


async def assess_request(
    connection: AnyConnection, request_id: str, *, borrower_id: str, on_date: date
) -> Assessment | StateForbids | NoTermsInForce | None:
    """Judge a request by the company's policy in force and record the outcome; None for anybody else's request.

    An assessed or declined request may be assessed again until it is opened: the list or the policy may have changed.
    """
    request = await _locked(connection, request_id, borrower_id)
    if request is None:
        return None
    if request.state not in _BEFORE_OPENING:
        return StateForbids(state=request.state, allowed=_BEFORE_OPENING)
    in_force = await terms_in_force(connection, request.company_id)
    if in_force is None:
        return NoTermsInForce()
    assessment = await _judge(connection, request, in_force, borrower_id, on_date)
    await connection.execute(
        "UPDATE credit_request SET state = $2, assessment = $3 WHERE id = $1",
        request_id,
        "assessed" if assessment.is_passed else "declined",
        msgspec.json.encode(assessment).decode(),
    )
    return assessment


async def open_request(
    connection: AnyConnection, request_id: str, *, borrower_id: str, at: datetime, on_date: date
) -> Opened | Assessment | StateForbids | NoTermsInForce | KycMissing | None:
    """Record the command that opens an assessed request in its book, in the caller's transaction.

    The assessment is repeated: what no longer passes is answered as an Assessment with its reasons, and declined.
    """
    request = await _locked(connection, request_id, borrower_id)
    if request is None:
        return None
    if request.command_id is not None:
        at = await connection.fetchval("SELECT at FROM command WHERE id = $1", request.command_id)
        return Opened(envelope=_opening(request, borrower_id, request.command_id, at), is_new=False)
    if request.state != "assessed":
        return StateForbids(state=request.state, allowed=("assessed",))
    kyc_state = await connection.fetchval("SELECT kyc_state FROM party WHERE id = $1", borrower_id)
    if kyc_state != "accepted":
        return KycMissing(kyc_state=kyc_state)
    assessment = await assess_request(connection, request_id, borrower_id=borrower_id, on_date=on_date)
    assert assessment is not None, request_id
    if not isinstance(assessment, Assessment) or not assessment.is_passed:
        return assessment
    envelope = _opening(request, borrower_id, str(uuid5(_OPENINGS, request_id)), at)
    await connection.execute(
        "UPDATE credit_request SET state = 'opening', command_id = $2 WHERE id = $1", request_id, envelope.command_id
    )
    await record_command(connection, envelope, subject_id=request_id, party_id=borrower_id, sent_by="caller")
    return Opened(envelope=envelope, is_new=True)


async def discard_unopened(
    connection: AnyConnection, request_id: str, *, borrower_id: str, at: datetime
) -> Literal["discarded", "opened"] | None:
    """Cancel a request that is in no book yet; `opened` when it is there already. None for anybody else's."""
    request = await _locked(connection, request_id, borrower_id)
    if request is None:
        return None
    if request.state not in _BEFORE_OPENING:
        return "opened"
    await connection.execute(
        "UPDATE credit_request SET state = 'cancelled', closed_at = $2 WHERE id = $1", request_id, at
    )
    return "discarded"


async def bind_mandate(connection: AnyConnection, request_id: str, *, mandate_id: str, bank_account_id: str) -> None:
    """Name, before the signature, the mandate that repays the loan and the bank account that it is paid to."""
    await connection.execute(
        "UPDATE credit_request SET mandate_id = $2, bank_account_id = $3 WHERE id = $1",
        request_id,
        mandate_id,
        bank_account_id,
    )


async def _locked(connection: AnyConnection, request_id: str, borrower_id: str) -> RequestStatus | None:
    await connection.execute("SELECT FROM party WHERE id = $1 FOR NO KEY UPDATE", borrower_id)
    return await request_status(connection, request_id, borrower_id=borrower_id)


async def _judge(
    connection: AnyConnection, request: RequestStatus, in_force: TermsInForce, borrower_id: str, on_date: date
) -> Assessment:
    open_loans: int = await connection.fetchval(
        """
        SELECT (SELECT count(*) FROM loan WHERE borrower_id = $1 AND company_id = $2 AND state = 'active')
            + (SELECT count(*) FROM credit_request WHERE borrower_id = $1 AND company_id = $2 AND id <> $3
               AND state = ANY($4))
        """,
        borrower_id,
        request.company_id,
        request.request_id,
        list(_UNDER_WAY),
    )
    return assess(
        CreditApplication(
            amount_cents=request.amount_cents, term_months=request.months, max_rate_bp=request.max_rate_bp
        ),
        await _employee(connection, request),
        in_force.policy,
        offered_months=sorted(band.months for band in in_force.terms.bands),
        open_loans=open_loans,
        on_date=on_date,
    )


async def _employee(connection: AnyConnection, request: RequestStatus) -> EmployeeRecord | None:
    row = await connection.fetchrow(
        """
        SELECT hired_on, contract_type, contract_ends_on, net_monthly_cents
        FROM employment JOIN employee ON employee.id = employment.employee_id
        WHERE employment.id = $1 AND employment.state IN ('matched', 'confirmed') AND employee.left_on IS NULL
        """,
        request.employment_id,
    )
    if row is None:
        return None
    return EmployeeRecord(
        hired_on=row["hired_on"],
        contract_type=ContractType(row["contract_type"]),
        contract_ends_on=row["contract_ends_on"],
        net_monthly_cents=row["net_monthly_cents"],
        other_instalments_cents=request.other_instalments_cents,
    )


def _opening(request: RequestStatus, borrower_id: str, command_id: str, at: datetime) -> Envelope:
    credit_request = CreditRequest(
        request_id=request.request_id,
        borrower_id=borrower_id,
        amount_cents=request.amount_cents,
        min_amount_cents=request.min_amount_cents,
        months=request.months,
        max_rate_bp=request.max_rate_bp,
        accepts_shrink=request.accepts_shrink,
        purpose_class=request.purpose_class,
    )
    return Envelope(
        command_id=command_id, company_id=request.company_id, at=at, command=OpenRequest(request=credit_request)
    )

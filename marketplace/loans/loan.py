"""A loan as the fold of its events, how a receipt divides over it, and what of it is late on a given day."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

import msgspec

from marketplace.business_days import BusinessCalendar, Shift, shifted
from marketplace.loans.collection_returns import ReturnStep, step_after_refusal
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
from marketplace.loans.loan_shares import share_out
from marketplace.loans.schedules import PlanTerms, annual_rate, instalment_plan
from marketplace.rounding import Rounding, rounded_quotient


class LoanContradiction(Exception):
    """What is recorded of a loan cannot all be true of it. Nothing more may be recorded of it until a person has found
    out what happened; other loans are not concerned."""


class LoanState(StrEnum):
    CURRENT = "current"
    """Nothing payable has been left unpaid."""
    LATE = "late"
    """Something is still unpaid on the day after it was payable."""
    SETTLED = "settled"


class InstalmentDue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An instalment of the plan with what has been paid of it."""

    number: int
    due_date: date
    principal_cents: int
    interest_cents: int
    principal_paid_cents: int = 0
    interest_paid_cents: int = 0

    @property
    def principal_left_cents(self) -> int:
        return self.principal_cents - self.principal_paid_cents

    @property
    def interest_left_cents(self) -> int:
        return self.interest_cents - self.interest_paid_cents

    @property
    def left_cents(self) -> int:
        return self.principal_left_cents + self.interest_left_cents

    @property
    def payable_date(self) -> date:
        """The due date, or the next TARGET day when no direct debit can settle on it. Lateness counts from here."""
        return shifted(self.due_date, Shift.NEXT, BusinessCalendar.TARGET)


class LoanShare(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One participant's part of the loan and what it has had of it."""

    participant_id: str
    principal_cents: int
    rate_cbp: int
    principal_paid_cents: int = 0
    interest_paid_cents: int = 0

    @property
    def principal_left_cents(self) -> int:
        return self.principal_cents - self.principal_paid_cents


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The refusal that decides the next presentation, until money arrives or a person resumes collecting."""

    refused_on: date
    reason_code: str
    presentation: int
    """Which presentation was refused, from 1."""

    @property
    def step(self) -> ReturnStep:
        return step_after_refusal(self.reason_code, self.presentation)


class Loan(msgspec.Struct, frozen=True, kw_only=True):
    loan_id: str
    request_id: str
    borrower_id: str
    company_id: str
    rate_cbp: int
    terms: PlanTerms
    instalments: tuple[InstalmentDue, ...]
    shares: tuple[LoanShare, ...]
    unapplied_cents: int = 0
    """Received from the borrower for what is not due yet."""
    open_collection: CollectionRequested | None = None
    refused: Refused | None = None
    settled_on: date | None = None

    @property
    def principal_left_cents(self) -> int:
        return sum(instalment.principal_left_cents for instalment in self.instalments)

    @property
    def left_cents(self) -> int:
        """Principal and interest that the plan still asks for."""
        return sum(instalment.left_cents for instalment in self.instalments)

    @property
    def next_presentation(self) -> int:
        """Which presentation of the debt the next debit is, from 1."""
        return 1 if self.refused is None else self.refused.presentation + 1

    @property
    def needs_person(self) -> ReturnStep | None:
        """What somebody must do before collecting goes on; none while it goes on by itself."""
        if self.refused is None or self.refused.step is ReturnStep.PRESENT_AGAIN:
            return None
        return self.refused.step


class InstalmentPart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a receipt pays of one instalment."""

    number: int
    interest_cents: int
    principal_cents: int


class ReceiptAllocation(msgspec.Struct, frozen=True):
    """A receipt, and the cash unapplied before it, over the instalments; what is left over stays unapplied."""

    parts: tuple[InstalmentPart, ...]
    unapplied_cents: int

    @property
    def interest_cents(self) -> int:
        return sum(part.interest_cents for part in self.parts)

    @property
    def principal_cents(self) -> int:
        return sum(part.principal_cents for part in self.parts)


class SharePayment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one participant gets of a receipt."""

    participant_id: str
    interest_cents: int
    principal_cents: int


def fold(events: Iterable[LoanEvent]) -> Loan:
    """The loan after all of `events`, the first of which is its disbursement. Raises LoanContradiction, as `apply`."""
    loan: Loan | None = None
    for event in events:
        loan = apply(loan, event)
    if loan is None:
        raise LoanContradiction("a loan without events: each begins with its disbursement")
    return loan


def apply(loan: Loan | None, event: LoanEvent) -> Loan:
    """The loan after `event`. Events are facts: one that cannot have happened to this loan raises LoanContradiction."""
    if isinstance(event, LoanDisbursed):
        _require(loan is None, "it was disbursed before", event)
        return _disbursed(event)
    if loan is None:
        raise LoanContradiction(f"it was never disbursed: {event}")
    _require(loan.loan_id == event.loan_id, f"this is loan {loan.loan_id}", event)
    _require(loan.settled_on is None, "it is settled", event)
    match event:
        case CollectionRequested():
            _require(loan.open_collection is None, "another collection is open", event)
            _require(loan.needs_person is None, "collecting has stopped", event)
            _require(event.presentation == loan.next_presentation, f"{loan.next_presentation} comes next", event)
            _require(event.amount_cents > 0, "nothing is collected", event)
            return msgspec.structs.replace(loan, open_collection=event)
        case InstalmentCollected():
            requested = _closing(loan, event)
            _require(event.amount_cents == requested.amount_cents, "another amount was requested", event)
            closed = msgspec.structs.replace(loan, open_collection=None, refused=None)
            return _received(closed, event.amount_cents, event.collected_on)
        case CollectionRefused():
            requested = _closing(loan, event)
            refused = Refused(
                refused_on=event.refused_on, reason_code=event.reason_code, presentation=requested.presentation
            )
            return msgspec.structs.replace(loan, open_collection=None, refused=refused)
        case CollectionsResumed():
            _require(loan.needs_person is not None, "collecting has not stopped", event)
            return msgspec.structs.replace(loan, refused=None)
        case UnappliedCashApplied():
            return _received(loan, 0, event.applied_on)
        case LoanSettled():
            _require(is_paid(loan), "something is still owed, or on its way", event)
            return msgspec.structs.replace(loan, settled_on=event.settled_on)


def allocate_receipt(loan: Loan, cents: int, on_date: date) -> ReceiptAllocation:
    """How `cents` >= 0 received on `on_date`, with the cash unapplied so far, pay what is due by then.

    Oldest instalment first; of each its interest, then its principal. What is in advance stays unapplied.
    Source: article 1194 of the Italian civil code (interest before principal).
    """
    assert cents >= 0, cents
    available = loan.unapplied_cents + cents
    parts = []
    for instalment in due_instalments(loan, on_date):
        if available == 0:
            break
        interest = min(available, instalment.interest_left_cents)
        principal = min(available - interest, instalment.principal_left_cents)
        available -= interest + principal
        parts.append(InstalmentPart(number=instalment.number, interest_cents=interest, principal_cents=principal))
    return ReceiptAllocation(tuple(parts), available)


def share_receipt(loan: Loan, allocation: ReceiptAllocation) -> tuple[SharePayment, ...]:
    """What each participant gets of an allocated receipt, in the order of the shares; who gets no cent is left out."""
    interest = share_out(
        allocation.interest_cents,
        weights=[share.principal_cents * share.rate_cbp for share in loan.shares],
        paid_cents=[share.interest_paid_cents for share in loan.shares],
    )
    principal = share_out(
        allocation.principal_cents,
        weights=[share.principal_cents for share in loan.shares],
        paid_cents=[share.principal_paid_cents for share in loan.shares],
    )
    return tuple(
        SharePayment(participant_id=share.participant_id, interest_cents=interest_part, principal_cents=principal_part)
        for share, interest_part, principal_part in zip(loan.shares, interest, principal, strict=True)
        if interest_part or principal_part
    )


def due_instalments(loan: Loan, on_date: date) -> list[InstalmentDue]:
    """The instalments with something left to pay that are due on `on_date`, oldest first."""
    return [instalment for instalment in loan.instalments if instalment.left_cents and instalment.due_date <= on_date]


def unapplied_cash_now_due(loan: Loan, on_date: date) -> UnappliedCashApplied | None:
    """The event to record when money received in advance has something to pay on `on_date`."""
    if loan.unapplied_cents == 0 or not due_instalments(loan, on_date):
        return None
    return UnappliedCashApplied(loan_id=loan.loan_id, applied_on=on_date)


def is_paid(loan: Loan) -> bool:
    """Whether nothing is owed any more and no money is on its way or in hand."""
    return loan.left_cents == 0 and loan.open_collection is None and loan.unapplied_cents == 0


def loan_state(loan: Loan, on_date: date) -> LoanState:
    if loan.settled_on is not None:
        return LoanState.SETTLED
    return LoanState.LATE if days_past_due(loan, on_date) else LoanState.CURRENT


def days_past_due(loan: Loan, on_date: date) -> int:
    """Days from the day on which the oldest unpaid instalment was payable to `on_date`; 0 when none is late.

    Source: regulation (EU) 575/2013, article 178, counted from the oldest amount unpaid.
    """
    oldest = next((instalment for instalment in loan.instalments if instalment.left_cents), None)
    return 0 if oldest is None else max(0, (on_date - oldest.payable_date).days)


def overdue_cents(loan: Loan, on_date: date) -> int:
    """What was payable before `on_date` and is still unpaid."""
    return sum(instalment.left_cents for instalment in loan.instalments if instalment.payable_date < on_date)


def _disbursed(event: LoanDisbursed) -> Loan:
    plan = instalment_plan(event.terms, annual_rate(event.rate_cbp))
    _require(
        all(instalment.principal_cents >= 0 for instalment in plan.instalments),
        "its plan repays less than nothing",
        event,
    )
    _check_participations(event)
    return Loan(
        loan_id=event.loan_id,
        request_id=event.request_id,
        borrower_id=event.borrower_id,
        company_id=event.company_id,
        rate_cbp=event.rate_cbp,
        terms=event.terms,
        instalments=tuple(
            InstalmentDue(
                number=instalment.number,
                due_date=instalment.due_date,
                principal_cents=instalment.principal_cents,
                interest_cents=instalment.interest_cents,
            )
            for instalment in plan.instalments
        ),
        shares=tuple(
            LoanShare(
                participant_id=participation.participant_id,
                principal_cents=participation.principal_cents,
                rate_cbp=participation.rate_cbp,
            )
            for participation in event.participations
        ),
    )


def _check_participations(event: LoanDisbursed) -> None:
    """The parts make up the loan: their principals sum to its principal, their rates, so weighted, to its rate."""
    parts, principal_cents = event.participations, event.terms.principal_cents
    _require(all(part.principal_cents > 0 for part in parts), "a part without principal", event)
    _require(len({part.participant_id for part in parts}) == len(parts), "two parts of one participant", event)
    _require(sum(part.principal_cents for part in parts) == principal_cents, "parts that are not the principal", event)
    interest = sum(part.principal_cents * part.rate_cbp for part in parts)
    rate_cbp = rounded_quotient(interest, principal_cents, Rounding.HALF_UP)
    _require(rate_cbp == event.rate_cbp, f"the parts earn {rate_cbp}", event)


def _require(holds: bool, otherwise: str, event: LoanEvent) -> None:
    if not holds:
        raise LoanContradiction(f"{otherwise}: {event}")


def _closing(loan: Loan, event: InstalmentCollected | CollectionRefused) -> CollectionRequested:
    requested = loan.open_collection
    if requested is None or requested.collection_id != event.collection_id:
        raise LoanContradiction(f"the open collection is {requested and requested.collection_id}: {event}")
    return requested


def _received(loan: Loan, cents: int, on_date: date) -> Loan:
    allocation = allocate_receipt(loan, cents, on_date)
    payments = {payment.participant_id: payment for payment in share_receipt(loan, allocation)}
    parts = {part.number: part for part in allocation.parts}
    paid = msgspec.structs.replace(
        loan,
        instalments=tuple(_with_part(instalment, parts.get(instalment.number)) for instalment in loan.instalments),
        shares=tuple(_with_payment(share, payments.get(share.participant_id)) for share in loan.shares),
        unapplied_cents=allocation.unapplied_cents,
    )
    assert sum(share.principal_left_cents for share in paid.shares) == paid.principal_left_cents, paid
    return paid


def _with_part(instalment: InstalmentDue, part: InstalmentPart | None) -> InstalmentDue:
    if part is None:
        return instalment
    return msgspec.structs.replace(
        instalment,
        principal_paid_cents=instalment.principal_paid_cents + part.principal_cents,
        interest_paid_cents=instalment.interest_paid_cents + part.interest_cents,
    )


def _with_payment(share: LoanShare, payment: SharePayment | None) -> LoanShare:
    if payment is None:
        return share
    return msgspec.structs.replace(
        share,
        principal_paid_cents=share.principal_paid_cents + payment.principal_cents,
        interest_paid_cents=share.interest_paid_cents + payment.interest_cents,
    )

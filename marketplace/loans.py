"""A loan as the fold of its events, and what there is to decide about it on a given day."""

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum

import msgspec

from marketplace.business_days import (
    BusinessCalendar,
    Shift,
    add_business_days,
    earliest_collection_date,
    shifted,
    submission_date,
)
from marketplace.collection_returns import RE_PRESENTATION_BUSINESS_DAYS, ReturnStep, step_after_refusal
from marketplace.loan_events import (
    CollectionRefused,
    CollectionRequested,
    CollectionsResumed,
    InstalmentCollected,
    LoanDisbursed,
    LoanEvent,
    LoanSettled,
    UnappliedCashApplied,
)
from marketplace.loan_shares import share_out
from marketplace.rounding import Rounding, rounded_quotient
from marketplace.schedules import PlanTerms, annual_rate, instalment_plan


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


class NextCollection(msgspec.Struct, frozen=True, kw_only=True):
    """The next direct debit of a loan. It is to be handed in on `submission_date`, before the cut-off."""

    collection_date: date
    submission_date: date
    amount_cents: int
    instalment_numbers: tuple[int, ...]
    presentation: int
    needs_notice: bool
    """The borrower must be told amount and date first: they are not those that the plan announced."""


def fold(events: Iterable[LoanEvent]) -> Loan:
    """The loan after all of `events`, the first of which is its disbursement."""
    loan: Loan | None = None
    for event in events:
        loan = apply(loan, event)
    assert loan is not None, "a loan begins with its disbursement"
    return loan


def apply(loan: Loan | None, event: LoanEvent) -> Loan:
    """The loan after `event`. Events are facts: one that cannot have happened to this loan is our own bug."""
    if isinstance(event, LoanDisbursed):
        assert loan is None, event
        return _disbursed(event)
    assert loan is not None, event
    assert loan.loan_id == event.loan_id, (loan.loan_id, event)
    assert loan.settled_on is None, event
    match event:
        case CollectionRequested():
            assert loan.open_collection is None, event
            assert loan.needs_person is None, event
            assert event.presentation == _presentation(loan), event
            assert event.amount_cents > 0, event
            return msgspec.structs.replace(loan, open_collection=event)
        case InstalmentCollected():
            requested = _closing(loan, event.collection_id)
            assert event.amount_cents == requested.amount_cents, (event, requested)
            closed = msgspec.structs.replace(loan, open_collection=None, refused=None)
            return _received(closed, event.amount_cents, event.collected_on)
        case CollectionRefused():
            requested = _closing(loan, event.collection_id)
            refused = Refused(
                refused_on=event.refused_on, reason_code=event.reason_code, presentation=requested.presentation
            )
            return msgspec.structs.replace(loan, open_collection=None, refused=refused)
        case CollectionsResumed():
            assert loan.needs_person is not None, event
            return msgspec.structs.replace(loan, refused=None)
        case UnappliedCashApplied():
            return _received(loan, 0, event.applied_on)
        case LoanSettled():
            assert is_paid(loan), event
            return msgspec.structs.replace(loan, settled_on=event.settled_on)


def allocate_receipt(loan: Loan, cents: int, on_date: date) -> ReceiptAllocation:
    """How `cents` >= 0 received on `on_date`, with the cash unapplied so far, pay what is due by then.

    Oldest instalment first; of each its interest, then its principal. What is in advance stays unapplied.
    Source: article 1194 of the Italian civil code (interest before principal).
    """
    assert cents >= 0, cents
    available = loan.unapplied_cents + cents
    parts = []
    for instalment in _due(loan, on_date):
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


def next_collection(loan: Loan, on_date: date) -> NextCollection | None:
    """The next debit to hand in, seen on `on_date` before the day's cut-off; none while one is open, while a person has
    to act, or when nothing is left to collect.

    An instalment is collected on its due date or the next TARGET day; a debt refused for want of money once more, on
    the fifth TARGET day after the refusal, or together with the next instalment when that comes first. A day that can
    no longer be reached becomes the first that can. Everything unpaid by the day of collection goes into the one debit.
    """
    unpaid = [instalment for instalment in loan.instalments if instalment.left_cents]
    if not unpaid or loan.settled_on or loan.open_collection or loan.needs_person:
        return None
    wanted = unpaid[0].payable_date
    if loan.refused is not None:
        wanted = _re_presentation_date(loan.refused.refused_on, unpaid)
    collection_date = max(wanted, earliest_collection_date(on_date))
    collected = _due(loan, collection_date)
    amount = sum(instalment.left_cents for instalment in collected) - loan.unapplied_cents
    if amount <= 0:
        return None
    first, presentation = collected[0], _presentation(loan)
    is_as_announced = (
        presentation == 1
        and len(collected) == 1
        and collection_date == first.payable_date
        and amount == first.principal_cents + first.interest_cents
    )
    return NextCollection(
        collection_date=collection_date,
        submission_date=submission_date(collection_date),
        amount_cents=amount,
        instalment_numbers=tuple(instalment.number for instalment in collected),
        presentation=presentation,
        needs_notice=not is_as_announced,
    )


def unapplied_cash_now_due(loan: Loan, on_date: date) -> UnappliedCashApplied | None:
    """The event to record when money received in advance has something to pay on `on_date`."""
    if loan.unapplied_cents == 0 or not _due(loan, on_date):
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
    assert all(instalment.principal_cents >= 0 for instalment in plan.instalments), event
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
    assert all(part.principal_cents > 0 for part in parts), event
    assert len({part.participant_id for part in parts}) == len(parts), event
    assert sum(part.principal_cents for part in parts) == principal_cents, event
    interest = sum(part.principal_cents * part.rate_cbp for part in parts)
    assert rounded_quotient(interest, principal_cents, Rounding.HALF_UP) == event.rate_cbp, event


def _closing(loan: Loan, collection_id: str) -> CollectionRequested:
    requested = loan.open_collection
    assert requested is not None, collection_id
    assert requested.collection_id == collection_id, (requested, collection_id)
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


def _due(loan: Loan, on_date: date) -> list[InstalmentDue]:
    """The instalments with something left to pay that are due on `on_date`, oldest first."""
    return [instalment for instalment in loan.instalments if instalment.left_cents and instalment.due_date <= on_date]


def _presentation(loan: Loan) -> int:
    return 1 if loan.refused is None else loan.refused.presentation + 1


def _re_presentation_date(refused_on: date, unpaid: Sequence[InstalmentDue]) -> date:
    latest = add_business_days(refused_on, RE_PRESENTATION_BUSINESS_DAYS, BusinessCalendar.TARGET)
    not_due_yet = (instalment.payable_date for instalment in unpaid if instalment.due_date > refused_on)
    return min(latest, next(not_due_yet, latest))

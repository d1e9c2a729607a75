"""What happened to a loan: the only facts stored about it, from which `marketplace.loans.loan` folds its state.

Amounts are whole euro cents, dates are business dates. How a receipt divides over instalments and participants is not
part of the facts: the fold derives it, so a corrected or backdated event only has to be replayed.
"""

from datetime import date

import msgspec

from marketplace.loans.schedules import PlanTerms


class Participation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One participant's part of a loan: a lender's fill, or the employer's own tranche."""

    participant_id: str
    principal_cents: int
    """> 0; the principals of all participations sum to that of the loan."""
    rate_cbp: int
    """What this part earns. It differs from the rate of the loan only where the employer subsidises its tranche."""


class LoanDisbursed(msgspec.Struct, frozen=True, kw_only=True, tag="loan_disbursed"):
    """The money has reached the borrower's account; the plan runs from here. First event of every loan, and once."""

    loan_id: str
    request_id: str
    borrower_id: str
    company_id: str
    rate_cbp: int
    terms: PlanTerms
    participations: tuple[Participation, ...]
    """One per participant. Their order decides which of two equal fractions of a cent is paid first."""


class CollectionRequested(msgspec.Struct, frozen=True, kw_only=True, tag="collection_requested"):
    """A direct debit was handed in."""

    loan_id: str
    collection_id: str
    requested_on: date
    collection_date: date
    amount_cents: int
    presentation: int
    """1, or 2 when the debt was refused before."""


class InstalmentCollected(msgspec.Struct, frozen=True, kw_only=True, tag="instalment_collected"):
    """The debit was credited, always in full. It may carry overdue instalments besides the one that fell due."""

    loan_id: str
    collection_id: str
    collected_on: date
    amount_cents: int


class CollectionRefused(msgspec.Struct, frozen=True, kw_only=True, tag="collection_refused"):
    """The debit was refused before it was credited: nothing was received."""

    loan_id: str
    collection_id: str
    refused_on: date
    reason_code: str
    """As the bank gave it, for instance AM04."""


class CollectionsResumed(msgspec.Struct, frozen=True, kw_only=True, tag="collections_resumed"):
    """A person has dealt with what stopped the collections; what is overdue may be presented afresh."""

    loan_id: str
    resumed_on: date
    decided_by: str
    note: str


class UnappliedCashApplied(msgspec.Struct, frozen=True, kw_only=True, tag="unapplied_cash_applied"):
    """Money received in advance was used for what has fallen due since."""

    loan_id: str
    applied_on: date


class LoanSettled(msgspec.Struct, frozen=True, kw_only=True, tag="loan_settled"):
    """Everything owed has been paid. Last event of a loan that ends well."""

    loan_id: str
    settled_on: date


LoanEvent = (
    LoanDisbursed
    | CollectionRequested
    | InstalmentCollected
    | CollectionRefused
    | CollectionsResumed
    | UnappliedCashApplied
    | LoanSettled
)
"""Stored as JSON objects whose field `type` is the tag."""

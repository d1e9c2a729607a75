"""A request and its assessment as the borrower sees them: figures, and reasons in the asked language."""

from datetime import datetime
from typing import Literal

import msgspec

from marketplace.explanations.languages import Language
from marketplace.loans.affordability import Assessment
from persistence.requests_desk import RequestStatus


class ReasonView(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is not accepted: the rule, in words, the figure that failed, and what would pass."""

    code: str
    text: str
    actual: int | str | None
    threshold: int | str | None
    would_pass: int | str | None


class AssessmentReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an assessment by the company's policy in force."""

    outcome: Literal["pass", "refuse"]
    instalment_cents: int | None
    reasons: list[ReasonView]


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the record has it. `label` says which truth the cover is: confirmed, then funded. `held_cents` is
    what an open request holds until the rest is found or its time is up."""

    request_id: str
    company_id: str
    employment_id: str | None
    state: str
    label: Literal["confirmed", "funded"] | None
    amount_cents: int
    amount_min_cents: int
    term_months: int
    rate_max_bp: int
    purpose: str
    purpose_class: int
    debit_day: int | None
    covered_cents: int
    missing_cents: int
    held_cents: int
    company_cents: int
    rate_cbp: int | None
    lender_count: int
    terms_version: int | None
    cover_id: str | None
    mandate_id: str | None
    loan_id: str | None
    declined_reasons: list[ReasonView]
    created_at: datetime
    expires_at: datetime | None
    accept_until_at: datetime | None
    signed_at: datetime | None
    disbursed_at: datetime | None


def request_view(status: RequestStatus, language: Language) -> RequestView:
    """A request as its borrower sees it."""
    covered_cents = status.covered_cents or 0
    is_funded = status.state == "disbursed"
    declined = status.assessment if status.state == "declined" else None
    return RequestView(
        request_id=status.request_id,
        company_id=status.company_id,
        employment_id=status.employment_id,
        state=status.state,
        label=None if status.cover_id is None else "funded" if is_funded else "confirmed",
        amount_cents=status.amount_cents,
        amount_min_cents=status.min_amount_cents,
        term_months=status.months,
        rate_max_bp=status.max_rate_bp,
        purpose=status.purpose,
        purpose_class=status.purpose_class,
        debit_day=status.debit_day,
        covered_cents=covered_cents,
        missing_cents=max(0, status.amount_cents - covered_cents),
        held_cents=status.held_cents,
        company_cents=status.company_cents or 0,
        rate_cbp=status.loan_rate_cbp,
        lender_count=status.lender_count,
        terms_version=status.terms_version,
        cover_id=status.cover_id,
        mandate_id=status.mandate_id,
        loan_id=status.loan_id,
        declined_reasons=_reasons(declined, language) if declined else [],
        created_at=status.created_at,
        expires_at=status.expires_at,
        accept_until_at=status.accept_until_at,
        signed_at=status.signed_at,
        disbursed_at=status.disbursed_at,
    )


def assessment_receipt(assessment: Assessment, language: Language) -> AssessmentReceipt:
    """An assessment in the words of the asked language."""
    return AssessmentReceipt(
        outcome="pass" if assessment.is_passed else "refuse",
        instalment_cents=assessment.instalment_cents,
        reasons=_reasons(assessment, language),
    )


def _reasons(assessment: Assessment, language: Language) -> list[ReasonView]:
    return [
        ReasonView(
            code=reason.code.value,
            text=reason.text_it if language == "it" else reason.text_en,
            actual=reason.actual,
            threshold=reason.threshold,
            would_pass=reason.would_pass,
        )
        for reason in assessment.reasons
    ]

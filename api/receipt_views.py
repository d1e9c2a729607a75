"""Fills and receipts as callers see them: a lender's own figures alone, and words for whoever asks."""

from datetime import datetime

import msgspec

from marketplace.allocation.eligibility import Bound
from marketplace.allocation.receipts import CandidateReceipt, Receipt
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_account import own_figure, rounded_for_lenders
from marketplace.explanations.lender_outcomes import Filled, PlanStatus, Shared
from marketplace.explanations.plan_accounts import account_of_plan, outcome_in_plan
from marketplace.explanations.sentences import Sentence
from marketplace.explanations.ticket_round import ProRata
from marketplace.strategies.offer_terms import Tier
from persistence.receipts_desk import FillLabel, FillStatus, JournaledPlan
from persistence.requests_desk import RequestStatus


class FillView(msgspec.Struct, frozen=True, kw_only=True):
    """A lender's part of a loan. `rate_cbp` is what it earns. The request's amount is rounded to 100 euro.

    `label` says which truth the amount is: `matched`, planned by the book; `held`, promised by the lender's purse to a
    request that is not covered yet; `confirmed`, promised to a cover; `funded`, lent; `released`, free again.
    """

    fill_id: str
    request_id: str
    company_id: str
    company_name: str
    offer_id: str
    strategy_id: str
    label: FillLabel
    amount_cents: int
    ask_bp: int | None
    rate_cbp: int
    term_months: int
    request_amount_rounded_cents: int
    proposed_at: datetime
    covered_at: datetime | None


class FillList(msgspec.Struct, frozen=True, kw_only=True):
    """Fills, those of the newest covers first; `next_cursor` is None on the last page."""

    items: list[FillView]
    next_cursor: str | None


class KeysView(msgspec.Struct, frozen=True, kw_only=True):
    """A lender's own place in the ticket round: last rationed, then waiting since, then arrival of its offer."""

    last_rationed: int
    waiting_since_at: datetime
    offer_sequence: int


class SecondRoundView(msgspec.Struct, frozen=True, kw_only=True):
    """How a rest was shared: rest × `room_cents` ÷ rooms, one cent more for the largest fractions. Rest and rooms are
    rounded to 100 euro, so that nobody works out from them what the request asks for."""

    rest_rounded_cents: int
    room_cents: int
    rooms_rounded_cents: int
    has_extra_cent: bool


class AllocationView(msgspec.Struct, frozen=True, kw_only=True):
    """How the amount came about: `ticket_cents` + `share_cents` − `cut_cents`, of a capacity that `bound_by` limited.

    `second_round` is None where nothing had to be shared: everybody gave all they could. What the largest part of the
    loan bounds is rounded to 100 euro: the terms say what part of the request it is.
    """

    price_bp: int
    tier: Tier
    capacity_cents: int
    bound_by: Bound
    keys: KeysView
    ticket_cents: int
    share_cents: int
    cut_cents: int
    second_round: SecondRoundView | None


class FillReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Why a fill has its amount, in figures and in words. `hash` is that of the journal's entry `book_sequence`.

    `allocation` is None for an amount that was promised by an earlier plan and kept as it was.
    """

    fill: FillView
    status: PlanStatus
    allocation: AllocationView | None
    terms_version: int
    shard: str
    book_sequence: int
    hash: str
    decided_at: datetime
    steps: tuple[Sentence, ...]


class RequestReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request stands where it does, in words: for its borrower, or every step for operations.

    `shard`, `book_sequence` and `hash` name the journal's entry that holds the plan; without one, an open request is
    told what the rule finds for it now, and any other its state alone.
    """

    request_id: str
    state: str
    status: PlanStatus | None
    terms_version: int | None
    shard: str | None
    book_sequence: int | None
    hash: str | None
    decided_at: datetime | None
    steps: tuple[Sentence, ...]


def request_receipt(
    status: RequestStatus,
    kept: PlanStatus | None,
    receipt: Receipt | None,
    steps: tuple[Sentence, ...],
    plan: JournaledPlan | None,
) -> RequestReceipt:
    """A request with the words for it; `plan` is the recorded one they tell of, if they tell of one."""
    return RequestReceipt(
        request_id=status.request_id,
        state=status.state,
        status=kept,
        terms_version=None if receipt is None else receipt.terms_version,
        shard=None if plan is None else plan.shard,
        book_sequence=None if plan is None else plan.seq,
        hash=None if plan is None else plan.hash,
        decided_at=None if receipt is None else receipt.decided_at,
        steps=steps,
    )


def _status_of(fill: FillStatus, plan: JournaledPlan, *, is_lifted: bool) -> PlanStatus:
    if fill.label == "released":
        return "lifted" if is_lifted else "released"
    return "holding" if plan.plan.is_holding else "covered"


def _candidate_of(fill: FillStatus, receipt: Receipt) -> CandidateReceipt | None:
    """The fill's offer as the receipt has it; None where the plan kept a promise that the walk did not repeat."""
    candidates = (candidate for bucket in receipt.buckets for candidate in bucket.candidates)
    return next((candidate for candidate in candidates if candidate.offer_id == fill.offer_id), None)


def fill_view(fill: FillStatus, receipt: Receipt) -> FillView:
    """A fill as its lender sees it."""
    candidate = _candidate_of(fill, receipt)
    return FillView(
        fill_id=fill.fill_id,
        request_id=fill.request_id,
        company_id=fill.company_id,
        company_name=fill.company_name,
        offer_id=fill.offer_id,
        strategy_id=fill.strategy_id,
        label=fill.label,
        amount_cents=fill.cents,
        ask_bp=None if candidate is None else candidate.ask_bp,
        rate_cbp=100 * fill.rate_bp,
        term_months=fill.months,
        request_amount_rounded_cents=rounded_for_lenders(receipt.request.amount_cents),
        proposed_at=fill.proposed_at,
        covered_at=fill.covered_at,
    )


def fill_receipt(
    fill: FillStatus, plan: JournaledPlan, language: Language, *, is_lifted: bool, for_operations: bool
) -> FillReceipt:
    """Why a fill has its amount: for its lender, or every step of the plan for operations. `is_lifted`: the lender
    itself took it back."""
    receipt = plan.plan.receipt
    status = _status_of(fill, plan, is_lifted=is_lifted)
    outcome = outcome_in_plan(plan.plan, fill.lender_id, status=status)
    candidate = _candidate_of(fill, receipt)
    reader = "operations" if for_operations else f"lender:{fill.lender_id}"
    return FillReceipt(
        fill=fill_view(fill, receipt),
        status=status,
        allocation=_allocation(outcome, candidate) if isinstance(outcome, Filled) and candidate is not None else None,
        terms_version=receipt.terms_version,
        shard=plan.shard,
        book_sequence=plan.seq,
        hash=plan.hash,
        decided_at=plan.at,
        steps=account_of_plan(plan.plan, reader, language, status=status),
    )


def _allocation(outcome: Filled, candidate: CandidateReceipt) -> AllocationView:
    last_rationed, waiting_since_at, offer_sequence = candidate.place
    return AllocationView(
        price_bp=outcome.price_bp,
        tier=outcome.tier,
        capacity_cents=max(own_figure(outcome, outcome.capacity_cents), outcome.cents + outcome.cut_cents),
        bound_by=outcome.bound_by,
        keys=KeysView(last_rationed=last_rationed, waiting_since_at=waiting_since_at, offer_sequence=offer_sequence),
        ticket_cents=outcome.ticket_cents,
        share_cents=outcome.cents + outcome.cut_cents - outcome.ticket_cents,
        cut_cents=outcome.cut_cents,
        second_round=_second_round(outcome, outcome.how.pro_rata) if isinstance(outcome.how, Shared) else None,
    )


def _second_round(outcome: Filled, share: ProRata | None) -> SecondRoundView | None:
    if share is None:
        return None
    return SecondRoundView(
        rest_rounded_cents=rounded_for_lenders(share.rest_cents),
        room_cents=own_figure(outcome, share.room_cents),
        rooms_rounded_cents=rounded_for_lenders(share.rooms_cents),
        has_extra_cent=share.has_extra_cent,
    )

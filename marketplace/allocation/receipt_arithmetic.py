"""A plan computed again from its receipt alone: what makes a receipt a proof."""

from collections.abc import Iterator

import msgspec

from marketplace.allocation.bucket_walk import BucketWalk
from marketplace.allocation.buckets import Bucket
from marketplace.allocation.company_money import loan_rate_cbp
from marketplace.allocation.receipts import BucketReceipt, DustPath, Receipt


class RecomputedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures on a receipt lead to. `filled_cents` are the lenders' parts by offer; `amount_cents`, `rate_bp`
    and `loan_rate_cbp` are None unless the loan is funded."""

    amount_cents: int | None
    company_cents: int
    rate_bp: int | None
    loan_rate_cbp: int | None
    dust: DustPath
    filled_cents: dict[str, int]


def recompute(receipt: Receipt) -> RecomputedPlan:
    """Walk again over the capacities, tickets and places on the receipt, with no look at the book or at the result."""
    company = receipt.company
    walk = BucketWalk(
        _buckets(receipt),
        need_cents=receipt.planned_amount_cents - company.tranche_cents,
        ticket_cents=receipt.ticket_cents,
        max_lenders=receipt.max_lenders,
        backstop_left_cents=company.budget_left_cents if company.mode == "backstop" else 0,
        shrinkable_cents=receipt.shrinkable_cents,
    )
    if receipt.is_rate_possible():
        walk.run()
    is_funded = walk.need_cents == 0 and receipt.outcome == "covered"
    amount_cents = receipt.planned_amount_cents - walk.shrunk_cents
    rate_bp = receipt.floor_bp if walk.rate_bp is None else walk.rate_bp
    return RecomputedPlan(
        amount_cents=amount_cents if is_funded else None,
        company_cents=company.tranche_cents + walk.backstop_cents,
        rate_bp=rate_bp if is_funded else None,
        loan_rate_cbp=None
        if not is_funded or rate_bp is None
        else loan_rate_cbp(
            clearing_bp=rate_bp,
            subsidised_bp=company.subsidised_rate_bp,
            tranche_cents=company.tranche_cents,
            amount_cents=amount_cents,
        ),
        dust="none" if walk.dust is None else walk.dust.path,
        filled_cents={candidate.offer_id: cents for candidate, cents in walk.fills},
    )


def differences(receipt: Receipt) -> tuple[str, ...]:
    """Where a receipt contradicts its own figures, in words for operations; empty when it holds."""
    again = recompute(receipt)
    told = RecomputedPlan(
        amount_cents=receipt.reached_cents if receipt.outcome == "covered" else None,
        company_cents=receipt.company.tranche_cents + receipt.company.backstop_cents,
        rate_bp=receipt.rate_bp,
        loan_rate_cbp=receipt.loan_rate_cbp,
        dust="none" if receipt.dust is None else receipt.dust.path,
        filled_cents={
            candidate.offer_id: candidate.filled_cents
            for bucket in receipt.buckets
            for candidate in bucket.candidates
            if candidate.filled_cents > 0
        },
    )
    return tuple(
        f"{field}: {getattr(told, field)} on the receipt, {getattr(again, field)} by its figures"
        for field in RecomputedPlan.__struct_fields__
        if getattr(told, field) != getattr(again, field)
    )


def _buckets(receipt: Receipt) -> Iterator[Bucket]:
    for bucket in receipt.buckets:
        yield _bucket(bucket, receipt.ticket_cents)


def _bucket(bucket: BucketReceipt, ticket_cents: int) -> Bucket:
    candidates = (msgspec.structs.replace(candidate, filled_cents=0) for candidate in bucket.candidates)
    return Bucket(bucket.price_bp, bucket.tier, candidates, ticket_cents=ticket_cents, obstacles={})

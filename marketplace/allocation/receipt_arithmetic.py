"""A plan computed again from its receipt alone: what makes a receipt a proof."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from marketplace.allocation.bucket_walk import BucketWalk
from marketplace.allocation.buckets import Bucket
from marketplace.allocation.company_money import backstop_left_cents, loan_rate_cbp
from marketplace.allocation.receipt_consistency import contradictions
from marketplace.allocation.receipts import BucketReceipt, DustPath, RationingReceipt, Receipt, Treatment


class BucketArithmetic(msgspec.Struct, frozen=True):
    """What became of a bucket on a receipt, and the figures of its rationing."""

    need_cents: int
    treatment: Treatment
    rationing: RationingReceipt | None


class RecomputedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures on a receipt lead to. `filled_cents` are the lenders' parts by offer; `amount_cents`, `rate_bp`
    and `loan_rate_cbp` are None unless the loan is funded. Of a last gap of `dust_cents`, `cuts_cents` were shaved."""

    amount_cents: int | None
    company_cents: int
    rate_bp: int | None
    loan_rate_cbp: int | None
    dust: DustPath
    dust_cents: int
    cuts_cents: tuple[int, ...]
    filled_cents: dict[str, int]
    buckets: tuple[BucketArithmetic, ...]


def recompute(receipt: Receipt) -> RecomputedPlan:
    """Walk again over the capacities, tickets and places on the receipt, with no look at the book or at the result."""
    company = receipt.company
    walk = BucketWalk(
        _buckets(receipt),
        need_cents=receipt.planned_amount_cents - company.tranche_cents,
        ticket_cents=receipt.ticket_cents,
        max_lenders=receipt.max_lenders,
        backstop_left_cents=backstop_left_cents(company.mode, company.budget_left_cents, company.tranche_cents),
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
        dust_cents=0 if walk.dust is None else walk.dust.missing_cents,
        cuts_cents=() if walk.dust is None else walk.dust.cuts_cents,
        filled_cents={candidate.offer_id: cents for candidate, cents in walk.fills},
        buckets=_arithmetic(walk.bucket_receipts()),
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
        dust_cents=0 if receipt.dust is None else receipt.dust.missing_cents,
        cuts_cents=() if receipt.dust is None else receipt.dust.cuts_cents,
        filled_cents={
            candidate.offer_id: candidate.filled_cents
            for bucket in receipt.buckets
            for candidate in bucket.candidates
            if candidate.filled_cents > 0
        },
        buckets=_arithmetic(receipt.buckets),
    )
    return (
        *_differing("", told, again, but="buckets"),
        *_differing_buckets(told.buckets, again.buckets),
        *contradictions(receipt),
    )


def _differing(path: str, told: msgspec.Struct, again: msgspec.Struct, *, but: str = "") -> Iterator[str]:
    for field in told.__struct_fields__:
        on_receipt, by_figures = getattr(told, field), getattr(again, field)
        if field != but and on_receipt != by_figures:
            yield f"{path}{field}: {on_receipt} on the receipt, {by_figures} by its figures"


def _differing_buckets(told: Sequence[BucketArithmetic], again: Sequence[BucketArithmetic]) -> Iterator[str]:
    for number, (on_receipt, by_figures) in enumerate(zip(told, again, strict=False), start=1):
        yield from _differing(f"bucket {number}, ", on_receipt, by_figures)
    if len(told) != len(again):
        yield f"buckets: {len(told)} on the receipt, {len(again)} by its figures"


def _arithmetic(buckets: Iterable[BucketReceipt]) -> tuple[BucketArithmetic, ...]:
    return tuple(BucketArithmetic(bucket.need_cents, bucket.treatment, bucket.rationing) for bucket in buckets)


def _buckets(receipt: Receipt) -> Iterator[Bucket]:
    for bucket in receipt.buckets:
        yield _bucket(bucket, receipt.ticket_cents)


def _bucket(bucket: BucketReceipt, ticket_cents: int) -> Bucket:
    candidates = (msgspec.structs.replace(candidate, filled_cents=0) for candidate in bucket.candidates)
    return Bucket(bucket.price_bp, bucket.tier, candidates, ticket_cents=ticket_cents, obstacles={})

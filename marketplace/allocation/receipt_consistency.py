"""What the figures of a receipt say of each other, apart from the walk: bounds, caps, company money, guarantee."""

from collections.abc import Iterator
from itertools import pairwise

from marketplace.allocation.company_money import tranche_cents
from marketplace.allocation.guarantee import head_room_cents, is_within_limit
from marketplace.allocation.receipts import BucketReceipt, CandidateReceipt, GateReceipt, Receipt
from marketplace.company_terms import CompanyMoney, GuaranteeTerms


def contradictions(receipt: Receipt) -> Iterator[str]:
    """Every figure that cannot stand beside another of the receipt, in words for operations."""
    yield from _amount_contradictions(receipt)
    yield from _rate_contradictions(receipt)
    yield from _company_contradictions(receipt)
    for number, bucket in enumerate(receipt.buckets, start=1):
        yield from _bucket_contradictions(receipt, bucket, f"bucket {number}")
    for number, (before, bucket) in enumerate(pairwise(receipt.buckets), start=2):
        if (before.price_bp, before.tier) >= (bucket.price_bp, bucket.tier):
            yield f"bucket {number}: {_level(bucket)} stands behind {_level(before)}"
    if receipt.gate is not None:
        yield from _gate_contradictions(receipt, receipt.gate)
    elif receipt.outcome == "guarantee":
        yield "outcome: guarantee, but nothing is said of a guarantee"


def _amount_contradictions(receipt: Receipt) -> Iterator[str]:
    request, planned_cents = receipt.request, receipt.planned_amount_cents
    if not 0 < request.min_amount_cents <= request.amount_cents:
        yield f"request.min_amount_cents: {request.min_amount_cents} of {request.amount_cents}"
    if not 0 < planned_cents <= request.amount_cents:
        yield f"planned_amount_cents: {planned_cents} of {request.amount_cents} asked for"
    if planned_cents < request.min_amount_cents:
        yield f"planned_amount_cents: {planned_cents}, at least {request.min_amount_cents} are asked for"
    if not 0 <= receipt.reached_cents <= planned_cents:
        yield f"reached_cents: {receipt.reached_cents} of {planned_cents} planned"
    most_cents = receipt.ticket_cents - 1 if request.accepts_shrink else 0
    if not 0 <= receipt.shrinkable_cents <= most_cents:
        yield f"shrinkable_cents: {receipt.shrinkable_cents}, at most {most_cents}"
    put_together_cents = receipt.company.tranche_cents + receipt.company.backstop_cents + _filled_cents(receipt)
    if receipt.reached_cents != put_together_cents:
        yield f"reached_cents: {receipt.reached_cents}, put together {put_together_cents}"


def _rate_contradictions(receipt: Receipt) -> Iterator[str]:
    floor_bp, ceiling_bp = receipt.floor_bp, receipt.ceiling_bp
    if floor_bp is None or ceiling_bp is None:
        if floor_bp is not None or ceiling_bp is not None:
            yield f"ceiling_bp: {ceiling_bp} beside a floor of {floor_bp}"
        return
    if ceiling_bp > receipt.request.max_rate_bp:
        yield f"ceiling_bp: {ceiling_bp}, above {receipt.request.max_rate_bp} that the borrower accepts"
    if receipt.is_rate_possible() and ceiling_bp < floor_bp:
        yield f"ceiling_bp: {ceiling_bp}, below the floor {floor_bp}"
    if receipt.rate_bp is not None and not floor_bp <= receipt.rate_bp <= ceiling_bp:
        yield f"rate_bp: {receipt.rate_bp} outside {floor_bp} to {ceiling_bp}"


def _company_contradictions(receipt: Receipt) -> Iterator[str]:
    company = receipt.company
    if company.tranche_cents + company.backstop_cents > max(0, company.budget_left_cents):
        yield (
            f"company: a tranche of {company.tranche_cents} and a backstop of {company.backstop_cents} out of "
            f"{company.budget_left_cents}"
        )
    if company.mode == "backstop":
        return  # At expiry it carries a part of its own choice, instead of a gap.
    if company.backstop_cents > 0:
        yield f"company.backstop_cents: {company.backstop_cents} in mode {company.mode}"
    due_cents = 0
    if receipt.is_rate_possible():
        due_cents = tranche_cents(
            CompanyMoney(mode=company.mode, share_bp=company.share_bp),
            amount_cents=receipt.planned_amount_cents,
            budget_left_cents=company.budget_left_cents,
            ticket_cents=receipt.ticket_cents,
        )
    if company.tranche_cents != due_cents:
        yield f"company.tranche_cents: {company.tranche_cents}, by mode and budget {due_cents}"


def _bucket_contradictions(receipt: Receipt, bucket: BucketReceipt, where: str) -> Iterator[str]:
    floor_bp, ceiling_bp = receipt.floor_bp, receipt.ceiling_bp
    if floor_bp is None or ceiling_bp is None or not floor_bp <= bucket.price_bp <= ceiling_bp:
        yield f"{where}: a price of {bucket.price_bp} outside {floor_bp} to {ceiling_bp}"
        return
    for candidate in bucket.candidates:
        price_bp = max(candidate.ask_bp, floor_bp)
        if price_bp != bucket.price_bp:
            yield f"{where}, {candidate.offer_id}: asks {candidate.ask_bp}, priced at {bucket.price_bp}"
        yield from _candidate_contradictions(receipt, candidate, f"{where}, {candidate.offer_id}")
    for before, candidate in pairwise(bucket.candidates):
        if before.place > candidate.place:
            yield f"{where}, {candidate.offer_id}: stands behind {before.offer_id}, which waits less long"


def _candidate_contradictions(receipt: Receipt, candidate: CandidateReceipt, where: str) -> Iterator[str]:
    minimum_cents, capacity_cents = candidate.minimum_cents, candidate.capacity_cents
    if not receipt.ticket_cents <= minimum_cents <= capacity_cents:
        yield f"{where}: from {minimum_cents} to {capacity_cents}, with a ticket of {receipt.ticket_cents}"
    cap_cents = receipt.share_cap_cents
    if cap_cents is not None and capacity_cents > cap_cents:
        yield f"{where}: up to {capacity_cents}, above the largest share {cap_cents}"
    if candidate.bound_by == "share" and capacity_cents != cap_cents:
        yield f"{where}: up to {capacity_cents} by the largest share, which is {cap_cents}"


def _gate_contradictions(receipt: Receipt, gate: GateReceipt) -> Iterator[str]:
    guarantee = GuaranteeTerms(rate_bp=gate.rate_bp, limit_cents=gate.limit_cents, coverage_bp=gate.coverage_bp)
    head_room = head_room_cents(guarantee, guaranteed_cents=gate.guaranteed_cents)
    if gate.head_room_cents != head_room:
        yield f"gate.head_room_cents: {gate.head_room_cents}, by its figures {head_room}"
    whole_cents, filled_cents = gate.whole_lender_cents, _filled_cents(receipt)
    is_passed = whole_cents == 0 or is_within_limit(guarantee, guaranteed_cents=gate.guaranteed_cents + whole_cents)
    if is_passed != (gate.answer == "passed"):
        yield f"gate.answer: {gate.answer}, by its figures {'passed' if is_passed else 'not passed'}"
    if (receipt.outcome == "guarantee") != (gate.answer == "waits"):
        yield f"gate.answer: {gate.answer}, with the outcome {receipt.outcome}"
    if gate.answer == "cut":
        if head_room is not None and filled_cents > head_room:
            yield f"gate.answer: cut to {filled_cents} of lenders' money, above the room of {head_room}"
    elif filled_cents != whole_cents:
        yield f"gate.whole_lender_cents: {whole_cents}, lenders put in {filled_cents}"


def _level(bucket: BucketReceipt) -> str:
    return f"{bucket.price_bp // 100}.{bucket.price_bp % 100:02} % {bucket.tier}"


def _filled_cents(receipt: Receipt) -> int:
    return sum(candidate.filled_cents for bucket in receipt.buckets for candidate in bucket.candidates)

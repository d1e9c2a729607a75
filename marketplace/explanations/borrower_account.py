"""A plan as its borrower is told of it: what was found at which rates, why this rate, what is missing and would help.

The borrower learns how many lenders there are at each rate, and of none who it is.
"""

from collections.abc import Iterator

from marketplace.allocation.receipts import Receipt
from marketplace.book.book_events import PlannedCover
from marketplace.explanations.borrower_texts import BORROWER_TEXTS
from marketplace.explanations.figures import Count, LoanRate, Money, Rate
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_outcomes import filled_count
from marketplace.explanations.sentences import Sentence, Step, say, step


def borrower_account(receipt: Receipt, language: Language) -> tuple[Sentence, ...]:
    """What the borrower is told of a plan for its request, in words."""
    return say(borrower_steps(receipt), BORROWER_TEXTS, language)


def borrower_account_of_plan(plan: PlannedCover, language: Language) -> tuple[Sentence, ...]:
    """The same of a recorded plan: of a hold, all that is held, whichever walk it came from."""
    return say(_held(plan), BORROWER_TEXTS, language) if plan.is_holding else borrower_account(plan.receipt, language)


def borrower_account_without_plan(state: str, language: Language) -> tuple[Sentence, ...]:
    """What the borrower is told of a request in `state` that no plan stands for; `paused` is an open one whose book is
    stopped."""
    code = f"state-{state}"
    return say([step(code if code in BORROWER_TEXTS else "state-open")], BORROWER_TEXTS, language)


def borrower_steps(receipt: Receipt) -> tuple[Step, ...]:
    """The sentences for the borrower, the answer first."""
    request = receipt.request
    if receipt.floor_bp is None or receipt.ceiling_bp is None:
        return step("term-not-offered", months=Count(request.months)), step("help-other-term")
    if receipt.floor_bp > receipt.ceiling_bp:
        floor = Rate(receipt.floor_bp)
        figures = {"max": Rate(request.max_rate_bp), "floor": floor}
        return step("below-floor", **figures), step("help-accept-floor", floor=floor)
    match receipt.outcome:
        case "covered":
            return tuple(_covered(receipt))
        case "guarantee":
            return tuple(_awaiting_guarantee(receipt))
        case "uncovered":
            return tuple(_gathering(receipt, receipt.ceiling_bp))


def _held(plan: PlannedCover) -> Iterator[Step]:
    asked_cents = plan.receipt.request.amount_cents
    figures = {
        "held": Money(plan.amount_cents),
        "asked": Money(asked_cents),
        "missing": Money(asked_cents - plan.amount_cents),
    }
    yield step("holding", **figures)
    if plan.company_cents:
        yield step("company", cents=Money(plan.company_cents))
    if plan.legs:
        yield step("lenders", count=Count(len(plan.legs)), cents=Money(sum(leg.cents for leg in plan.legs)))
    yield step("help-hold")
    yield step("help-wait")


def _covered(receipt: Receipt) -> Iterator[Step]:
    asked_cents, amount_cents = receipt.request.amount_cents, receipt.reached_cents
    figures = {"amount": Money(amount_cents), "asked": Money(asked_cents)}
    yield step("covered" if amount_cents == asked_cents else "covered-less", **figures)
    yield from _found(receipt)
    if receipt.gate is not None and receipt.gate.answer == "cut" and receipt.gate.head_room_cents is not None:
        yield step("guarantee-cut", head_room=Money(receipt.gate.head_room_cents))
    if receipt.dust is not None:
        yield step(f"dust-{receipt.dust.path}", missing=Money(receipt.dust.missing_cents))
    assert receipt.rate_bp is not None, receipt
    assert receipt.loan_rate_cbp is not None, receipt
    yield step("rate", rate=LoanRate(receipt.loan_rate_cbp))
    if not filled_count(receipt.buckets):
        yield step("why-company")
    else:
        yield step("why-floor" if receipt.rate_bp == receipt.floor_bp else "why-highest")
    subsidised_bp = receipt.company.subsidised_rate_bp
    if subsidised_bp is not None and receipt.company.tranche_cents:
        yield step("subsidised", subsidised=Rate(subsidised_bp), clearing=Rate(receipt.rate_bp))
    yield step("accepted-up-to", max=Rate(receipt.request.max_rate_bp))


def _awaiting_guarantee(receipt: Receipt) -> Iterator[Step]:
    gate = receipt.gate
    assert gate is not None, receipt
    assert gate.head_room_cents is not None, gate
    yield step("awaiting-guarantee")
    figures = {
        "lenders": Money(gate.whole_lender_cents),
        "head_room": Money(gate.head_room_cents),
        "short": Money(gate.whole_lender_cents - gate.head_room_cents),
    }
    yield step("guarantee-short", **figures)
    yield step("help-repayments")
    if gate.head_room_cents >= receipt.ticket_cents:
        yield step("help-smaller")


def _gathering(receipt: Receipt, ceiling_bp: int) -> Iterator[Step]:
    request, reached_cents = receipt.request, receipt.reached_cents
    figures = {
        "reached": Money(reached_cents),
        "asked": Money(request.amount_cents),
        "missing": Money(request.amount_cents - reached_cents),
    }
    yield step("gathering", **figures)
    yield from _found(receipt)
    lenders = filled_count(receipt.buckets)
    if not lenders:
        yield step("nobody")
    if lenders >= receipt.max_lenders:
        yield step("lenders-complete", max=Count(receipt.max_lenders))
    elif ceiling_bp < request.max_rate_bp:
        yield step("help-company-cap", ceiling=Rate(ceiling_bp))
    else:
        yield step("help-rate", max=Rate(request.max_rate_bp))
    if 0 < reached_cents < request.min_amount_cents:
        yield step("help-accept-less", reached=Money(reached_cents))
    yield step("help-wait")


def _found(receipt: Receipt) -> Iterator[Step]:
    """Where the money comes from: the company, then the lenders rate by rate."""
    company_cents = receipt.company.tranche_cents + receipt.company.backstop_cents
    if company_cents:
        yield step("company", cents=Money(company_cents))
    for price_bp in sorted({bucket.price_bp for bucket in receipt.buckets}):
        filled_cents = [
            candidate.filled_cents
            for bucket in receipt.buckets
            if bucket.price_bp == price_bp
            for candidate in bucket.candidates
            if candidate.filled_cents
        ]
        if filled_cents:
            lenders, cents = Count(len(filled_cents)), Money(sum(filled_cents))
            yield step("level", count=lenders, rate=Rate(price_bp), cents=cents)

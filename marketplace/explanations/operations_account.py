"""A plan as operations are shown it: every step of the rule with its figures, in the order in which it was taken."""

from collections.abc import Iterator
from datetime import UTC

from marketplace.allocation.guarantee import used_cents
from marketplace.allocation.receipts import BucketReceipt, CandidateReceipt, GateReceipt, Receipt
from marketplace.book.book_events import PlannedCover
from marketplace.company_terms import GuaranteeTerms
from marketplace.explanations.figures import Count, ExactShare, LoanRate, Money, Name, Rate
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_outcomes import filled_count
from marketplace.explanations.operations_texts import BOUND_WORDS, MODE_WORDS, OBSTACLE_WORDS, OPERATIONS_TEXTS
from marketplace.explanations.sentences import Sentence, Step, say, step
from marketplace.explanations.ticket_round import TicketTurn, is_rationed_by_places, ticket_turns


def operations_account(receipt: Receipt, language: Language) -> tuple[Sentence, ...]:
    """Every step of a plan, in words. Lenders stand with their ids."""
    return say(operations_steps(receipt), OPERATIONS_TEXTS, language)


def operations_account_of_plan(plan: PlannedCover, language: Language) -> tuple[Sentence, ...]:
    """The same of a recorded plan; of a hold also what it holds, which keeps what lenders promised before."""
    return say((*operations_steps(plan.receipt), *_hold(plan)), OPERATIONS_TEXTS, language)


def operations_steps(receipt: Receipt) -> tuple[Step, ...]:
    """Every step of a plan in the order in which the rule takes them."""
    return (*_given(receipt), *_walk(receipt), *_dust(receipt), *_gate(receipt.gate), _outcome(receipt))


def _given(receipt: Receipt) -> Iterator[Step]:
    request, company = receipt.request, receipt.company
    yield step(
        "request",
        sequence=Count(receipt.sequence),
        request=Name(request.request_id),
        amount=Money(request.amount_cents),
        min=Money(request.min_amount_cents),
        months=Count(request.months),
        max_rate=Rate(request.max_rate_bp),
        version=Count(receipt.terms_version),
    )
    if receipt.floor_bp is None or receipt.ceiling_bp is None:
        yield step("no-band")
        return
    yield step(
        "limits",
        floor=Rate(receipt.floor_bp),
        ceiling=Rate(receipt.ceiling_bp),
        ticket=Money(receipt.ticket_cents),
        max=Count(receipt.max_lenders),
    )
    if receipt.share_cap_cents is not None:
        yield step("share-cap", share=Money(receipt.share_cap_cents))
    if receipt.planned_amount_cents != request.amount_cents:
        yield step("planned", planned=Money(receipt.planned_amount_cents))
    if company.mode != "none":
        yield step(
            "company-money",
            mode=MODE_WORDS[company.mode],
            budget=Money(company.budget_left_cents),
            tranche=Money(company.tranche_cents),
            backstop=Money(company.backstop_cents),
        )
    if company.subsidised_rate_bp is not None:
        yield step("subsidised-rate", rate=Rate(company.subsidised_rate_bp))


def _walk(receipt: Receipt) -> Iterator[Step]:
    lenders_room = receipt.max_lenders
    for bucket in receipt.buckets:
        yield from _bucket(bucket, lenders_room)
        lenders_room -= filled_count([bucket])
    if receipt.ceiling_bp is not None:
        yield step("behind", ceiling=Rate(receipt.ceiling_bp))


def _bucket(bucket: BucketReceipt, lenders_room: int) -> Iterator[Step]:
    is_by_places = bucket.treatment == "rationed" and is_rationed_by_places(bucket)
    yield step(
        "bucket-rationed-by-places" if is_by_places else f"bucket-{bucket.treatment}",
        price=Rate(bucket.price_bp),
        tier=Name(bucket.tier),
        need=Money(bucket.need_cents),
    )
    turns: dict[str, TicketTurn] = {}
    if bucket.rationing is not None:
        rationing = bucket.rationing
        yield step(
            "rationing",
            quantity=Money(rationing.quantity_cents),
            tickets=Money(rationing.tickets_cents),
            rest=Money(rationing.rest_cents),
            rooms=Money(rationing.rooms_cents),
            carried=Money(rationing.carried_cents),
        )
        turns = {turn.candidate.offer_id: turn for turn in ticket_turns(bucket, lenders_room=lenders_room)}
    for number, candidate in enumerate(bucket.candidates, start=1):
        yield from _candidate(number, candidate, turns.get(candidate.offer_id))
    if bucket.is_rest_untouched:
        yield step("rest-untouched")
    for obstacle, count in sorted(bucket.obstacles.items()):
        yield step("obstacle", count=Count(count), why=OBSTACLE_WORDS[obstacle])


def _candidate(number: int, candidate: CandidateReceipt, turn: TicketTurn | None) -> Iterator[Step]:
    yield step(
        "candidate",
        number=Count(number),
        lender=Name(candidate.lender_id),
        offer=Name(candidate.offer_id),
        ask=Rate(candidate.ask_bp),
        capacity=Money(candidate.capacity_cents),
        bound=BOUND_WORDS[candidate.bound_by],
        ticket=Money(candidate.minimum_cents),
        filled=Money(candidate.filled_cents),
    )
    last_rationed, since_at, sequence = candidate.place
    yield step(
        "candidate-place",
        last_rationed=Count(last_rationed),
        since=Name(f"{since_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"),
        sequence=Count(sequence),
    )
    if turn is None:
        return
    if not turn.has_ticket:
        yield step("candidate-skipped", left=Money(turn.left_cents), places=Count(turn.places_left))
    elif turn.pro_rata is not None:
        share = turn.pro_rata
        yield step(
            "candidate-share",
            rest=Money(share.rest_cents),
            room=Money(share.room_cents),
            rooms=Money(share.rooms_cents),
            exact=ExactShare(share.rest_cents, share.room_cents, share.rooms_cents),
            share=Money(share.share_cents),
        )


def _dust(receipt: Receipt) -> Iterator[Step]:
    if receipt.dust is None:
        return
    yield step(f"dust-{receipt.dust.path}", missing=Money(receipt.dust.missing_cents))
    for number, cut_cents in enumerate(receipt.dust.cuts_cents, start=1):
        yield step("cut", number=Count(number), cut=Money(cut_cents))


def _gate(gate: GateReceipt | None) -> Iterator[Step]:
    if gate is None:
        return
    terms = GuaranteeTerms(rate_bp=gate.rate_bp, limit_cents=gate.limit_cents, coverage_bp=gate.coverage_bp)
    together_cents = gate.guaranteed_cents + gate.whole_lender_cents
    yield step(
        "gate",
        rate=Rate(gate.rate_bp),
        coverage=Rate(gate.coverage_bp),
        guaranteed=Money(gate.guaranteed_cents),
        lenders=Money(gate.whole_lender_cents),
        used=Money(used_cents(terms, guaranteed_cents=together_cents)),
        limit=Money(gate.limit_cents),
    )
    if gate.head_room_cents is not None:
        yield step("head-room", head_room=Money(gate.head_room_cents))
    yield step(f"gate-{gate.answer}")


def _outcome(receipt: Receipt) -> Step:
    reached = {"reached": Money(receipt.reached_cents)}
    if receipt.outcome == "covered":
        assert receipt.rate_bp is not None, receipt
        assert receipt.loan_rate_cbp is not None, receipt
        return step("covered", **reached, rate=Rate(receipt.rate_bp), loan_rate=LoanRate(receipt.loan_rate_cbp))
    if receipt.outcome == "guarantee":
        return step("guarantee", **reached)
    return step("uncovered", **reached, missing=Money(receipt.planned_amount_cents - receipt.reached_cents))


def _hold(plan: PlannedCover) -> Iterator[Step]:
    if not plan.is_holding:
        return
    missing_cents = plan.receipt.request.amount_cents - plan.amount_cents
    yield step("hold", held=Money(plan.amount_cents), missing=Money(missing_cents))
    for leg in plan.legs:
        code = "hold-new" if leg.kept_fill_id is None else "hold-kept"
        yield step(code, lender=Name(leg.lender_id), offer=Name(leg.offer_id), cents=Money(leg.cents))

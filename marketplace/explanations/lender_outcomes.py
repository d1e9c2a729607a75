"""What a plan means to one lender: one of a closed set of outcomes, reasoned from the receipt and the lender's offers.

An offer that the receipt lists has its outcome in it. Any other was not touched by the walk, or could not lend: its
outcome follows from the offer's own price, tier and verdict, and from where the walk ended.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from marketplace.allocation.eligibility import Bound, Obstacle
from marketplace.allocation.orders import LenderOffer
from marketplace.allocation.receipts import BucketReceipt, CandidateReceipt, DustPath, Receipt
from marketplace.book.book_events import PlannedCover
from marketplace.explanations.ticket_round import ProRata, is_rationed_by_places, ticket_turns
from marketplace.strategies.offer_terms import Tier

PlanStatus = Literal["covered", "holding", "uncovered", "guarantee", "released", "lifted"]
"""What became of a plan: a loan; kept short until more money comes; nothing, because money for it is missing; nothing,
because the guarantee has no room; given back, after it had been promised; given back because the lender itself took it
back."""


class InFull(msgspec.Struct, frozen=True):
    """Everybody in the bucket was filled to capacity."""


class Shared(msgspec.Struct, frozen=True):
    """The bucket was rationed: a ticket, then a part of the rest; None where the rest filled every room whole.
    `is_by_places`: not because it offered too much, but because it had more lenders than places."""

    pro_rata: ProRata | None
    is_by_places: bool = False


class TicketMade(msgspec.Struct, frozen=True):
    """The ticket was made by shaving others: only `gap_cents` were missing, less than it."""

    gap_cents: int


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """The plan gives the offer `cents`, `cut_cents` having been shaved off; `status` says what that came to. `rate_bp`
    is what it earns, which differs from the loan's own rate (None before there is a loan) when the company's part is
    subsidised; `is_floor_rate` when no lower one was possible."""

    ask_bp: int
    price_bp: int
    tier: Tier
    rate_bp: int
    loan_rate_cbp: int | None
    is_floor_rate: bool
    capacity_cents: int
    bound_by: Bound
    ticket_cents: int
    cents: int
    cut_cents: int
    how: InFull | Shared | TicketMade
    status: PlanStatus


class KeptFromBefore(msgspec.Struct, frozen=True, kw_only=True):
    """The offer's part of the plan was promised to the request before, and is kept as it was: the receipt, which tells
    of new money alone, does not give it."""

    cents: int
    rate_bp: int
    loan_rate_cbp: int
    is_floor_rate: bool
    status: PlanStatus


class TicketTooLarge(msgspec.Struct, frozen=True, kw_only=True):
    """At its turn less was left than its ticket, which is all it gives where `is_whole`. It keeps its place."""

    price_bp: int
    tier: Tier
    ticket_cents: int
    left_cents: int
    is_whole: bool


class TicketsUsedUp(msgspec.Struct, frozen=True, kw_only=True):
    """The tickets of its bucket went to offers that wait longer. It keeps its place."""

    price_bp: int
    tier: Tier


class LendersComplete(msgspec.Struct, frozen=True, kw_only=True):
    """The loan had its `max_lenders` lenders before its turn."""

    max_lenders: int


class TicketAboveGap(msgspec.Struct, frozen=True, kw_only=True):
    """Before its bucket `gap_cents` were missing, less than its ticket, which is all it gives where `is_whole`.
    `closed_by` is how the gap was closed without it, `none` where a bucket behind gave of it, `nobody` where none did.
    """

    ticket_cents: int
    gap_cents: int
    closed_by: DustPath | Literal["nobody"]
    is_whole: bool


class PriceNotReached(msgspec.Struct, frozen=True, kw_only=True):
    """The loan was complete with offers up to `reached_bp`, cheaper than this one."""

    price_bp: int
    reached_bp: int


class TierNotReached(msgspec.Struct, frozen=True, kw_only=True):
    """The loan was complete at the offer's price with more preferred tiers, down to `reached_tier`."""

    price_bp: int
    tier: Tier
    reached_tier: Tier


class AboveCeiling(msgspec.Struct, frozen=True, kw_only=True):
    """The offer asks more than the highest rate this loan can have."""

    ask_bp: int
    ceiling_bp: int


class NotAdmitted(msgspec.Struct, frozen=True, kw_only=True):
    """The offer cannot lend to this request, whatever is missing. A cap (`Bound`) as obstacle leaves less than
    `ticket_cents`."""

    obstacle: Obstacle
    ticket_cents: int
    months: int


class CompanyFundedAll(msgspec.Struct, frozen=True):
    """The company's own money made the whole loan."""


class NoCommonRate(msgspec.Struct, frozen=True):
    """No rate suits both the company's terms and the borrower, so no offer was asked."""


class NotListed(msgspec.Struct, frozen=True):
    """The receipt does not list the lender, and of its offers nothing else is known."""


LenderOutcome = (
    Filled
    | KeptFromBefore
    | TicketTooLarge
    | TicketsUsedUp
    | LendersComplete
    | TicketAboveGap
    | PriceNotReached
    | TierNotReached
    | AboveCeiling
    | NotAdmitted
    | CompanyFundedAll
    | NoCommonRate
    | NotListed
)


class JudgedOffer(msgspec.Struct, frozen=True):
    """An offer of the lender as the book had it before the plan, judged for the plan's request: its ticket there, and
    what stood in its way (None: it could lend)."""

    offer: LenderOffer
    ticket_cents: int
    obstacle: Obstacle | None


def lender_outcome(
    receipt: Receipt, lender_id: str, offers: Sequence[JudgedOffer] = (), *, status: PlanStatus | None = None
) -> LenderOutcome:
    """What the plan of `receipt` means to a lender with these `offers` in the book.

    Without offers only what the receipt lists can be told. Of several, the one that came nearest to lending speaks.
    `status` is what became of the plan, where that is known better than from the receipt alone.
    """
    places = (
        (index, candidate)
        for index, bucket in enumerate(receipt.buckets)
        for candidate in bucket.candidates
        if candidate.lender_id == lender_id
    )
    listed = max(places, key=lambda place: place[1].filled_cents, default=None)
    if listed is not None:
        return _listed(receipt, *listed, status or receipt.outcome)
    if receipt.floor_bp is None or receipt.ceiling_bp is None or receipt.floor_bp > receipt.ceiling_bp:
        return NoCommonRate()
    if not offers:
        return NotListed()
    eligible = [judged for judged in offers if judged.obstacle is None]
    if not eligible:
        return _not_admitted(receipt, min(offers, key=lambda judged: judged.offer.strategy_rank))
    nearest = min(eligible, key=lambda judged: (_price_bp(receipt, judged.offer), judged.offer.tier))
    return _untouched(receipt, nearest)


def fill_outcome(plan: PlannedCover, lender_id: str, *, status: PlanStatus) -> LenderOutcome:
    """What a recorded plan means to a lender that has a part in it."""
    outcome = lender_outcome(plan.receipt, lender_id, status=status)
    (leg,) = (leg for leg in plan.legs if leg.lender_id == lender_id)
    if isinstance(outcome, Filled) and outcome.cents == leg.cents:
        return outcome
    return KeptFromBefore(
        cents=leg.cents,
        rate_bp=plan.rate_bp,
        loan_rate_cbp=plan.loan_rate_cbp,
        is_floor_rate=plan.rate_bp == plan.receipt.floor_bp,
        status=status,
    )


def filled_count(buckets: Sequence[BucketReceipt]) -> int:
    """How many lenders the buckets gave something."""
    return sum(candidate.filled_cents > 0 for bucket in buckets for candidate in bucket.candidates)


def reached_rate_bp(receipt: Receipt) -> int | None:
    """The price of the last bucket that gives something: the loan's clearing rate, unless the company made it all."""
    prices = (bucket.price_bp for bucket in receipt.buckets if filled_count([bucket]))
    return max(prices, default=None)


def _listed(receipt: Receipt, index: int, candidate: CandidateReceipt, status: PlanStatus) -> LenderOutcome:
    bucket = receipt.buckets[index]
    if candidate.filled_cents > 0:
        return _filled(receipt, index, candidate, status)
    if bucket.treatment != "rationed":
        is_whole = candidate.minimum_cents == candidate.capacity_cents
        return _above_gap(receipt, index, ticket_cents=candidate.minimum_cents, is_whole=is_whole)
    lenders_room = receipt.max_lenders - filled_count(receipt.buckets[:index])
    turn = next(turn for turn in ticket_turns(bucket, lenders_room=lenders_room) if turn.candidate == candidate)
    if turn.places_left == 0:
        return LendersComplete(max_lenders=receipt.max_lenders)
    if turn.left_cents < receipt.ticket_cents:
        return TicketsUsedUp(price_bp=bucket.price_bp, tier=bucket.tier)
    return TicketTooLarge(
        price_bp=bucket.price_bp,
        tier=bucket.tier,
        ticket_cents=candidate.minimum_cents,
        left_cents=turn.left_cents,
        is_whole=candidate.minimum_cents == candidate.capacity_cents,
    )


def _above_gap(receipt: Receipt, index: int, *, ticket_cents: int, is_whole: bool) -> TicketAboveGap:
    bucket = receipt.buckets[index]
    closed_by: DustPath | Literal["nobody"]
    if receipt.dust is None or bucket.treatment == "no-ticket-fits":
        closed_by, gap_cents = "none" if filled_count(receipt.buckets[index + 1 :]) else "nobody", bucket.need_cents
    else:
        closed_by, gap_cents = receipt.dust.path, receipt.dust.missing_cents
    return TicketAboveGap(ticket_cents=ticket_cents, gap_cents=gap_cents, closed_by=closed_by, is_whole=is_whole)


def _filled(receipt: Receipt, index: int, candidate: CandidateReceipt, status: PlanStatus) -> Filled:
    bucket, before_cut_cents = receipt.buckets[index], candidate.filled_cents
    how: InFull | Shared | TicketMade
    if bucket.treatment == "full":
        how, before_cut_cents = InFull(), candidate.capacity_cents
    elif bucket.treatment == "rationed":
        lenders_room = receipt.max_lenders - filled_count(receipt.buckets[:index])
        turn = next(turn for turn in ticket_turns(bucket, lenders_room=lenders_room) if turn.candidate == candidate)
        how, before_cut_cents = Shared(turn.pro_rata, is_rationed_by_places(bucket)), candidate.capacity_cents
        if turn.pro_rata is not None:
            before_cut_cents = candidate.minimum_cents + turn.pro_rata.share_cents
    else:
        how = TicketMade(gap_cents=bucket.need_cents)
    rate_bp = reached_rate_bp(receipt)
    assert rate_bp is not None, candidate
    return Filled(
        ask_bp=candidate.ask_bp,
        price_bp=bucket.price_bp,
        tier=bucket.tier,
        rate_bp=rate_bp,
        loan_rate_cbp=receipt.loan_rate_cbp,
        is_floor_rate=rate_bp == receipt.floor_bp,
        capacity_cents=candidate.capacity_cents,
        bound_by=candidate.bound_by,
        ticket_cents=candidate.minimum_cents,
        cents=candidate.filled_cents,
        cut_cents=before_cut_cents - candidate.filled_cents,
        how=how,
        status=status,
    )


def _not_admitted(receipt: Receipt, judged: JudgedOffer) -> LenderOutcome:
    assert judged.obstacle is not None, judged
    ask_bp = judged.offer.ask_for(receipt.request.months)
    if judged.obstacle == "rate":
        assert ask_bp is not None, judged
        assert receipt.ceiling_bp is not None, judged
        return AboveCeiling(ask_bp=ask_bp, ceiling_bp=receipt.ceiling_bp)
    return NotAdmitted(obstacle=judged.obstacle, ticket_cents=judged.ticket_cents, months=receipt.request.months)


def _price_bp(receipt: Receipt, offer: LenderOffer) -> int:
    ask_bp = offer.ask_for(receipt.request.months)
    assert ask_bp is not None, offer
    assert receipt.floor_bp is not None, receipt
    return max(ask_bp, receipt.floor_bp)


def _untouched(receipt: Receipt, judged: JudgedOffer) -> LenderOutcome:
    """An eligible offer that the walk did not come to."""
    price_bp, tier = _price_bp(receipt, judged.offer), judged.offer.tier
    lenders = 0
    for index, bucket in enumerate(receipt.buckets):
        if (bucket.price_bp, bucket.tier) == (price_bp, tier):
            if not bucket.is_rest_untouched:
                return NotListed()  # every offer that stood there is listed: this one stood elsewhere, or not at all
            if bucket.treatment != "rationed":
                is_whole = judged.offer.is_all_or_none
                return _above_gap(receipt, index, ticket_cents=judged.ticket_cents, is_whole=is_whole)
            lenders += filled_count([bucket])
            if lenders == receipt.max_lenders:
                return LendersComplete(max_lenders=receipt.max_lenders)
            return TicketsUsedUp(price_bp=price_bp, tier=tier)
        lenders += filled_count([bucket])
    if lenders >= receipt.max_lenders:
        return LendersComplete(max_lenders=receipt.max_lenders)
    reached_bp = reached_rate_bp(receipt)
    if reached_bp is None:
        return CompanyFundedAll() if receipt.outcome == "covered" else NotListed()
    if price_bp > reached_bp:
        return PriceNotReached(price_bp=price_bp, reached_bp=reached_bp)
    reached_tiers = [
        bucket.tier for bucket in receipt.buckets if bucket.price_bp == reached_bp and filled_count([bucket])
    ]
    if price_bp == reached_bp and tier > max(reached_tiers):
        return TierNotReached(price_bp=price_bp, tier=tier, reached_tier=max(reached_tiers))
    return NotListed()

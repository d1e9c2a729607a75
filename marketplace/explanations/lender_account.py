"""A lender's outcome as sentences: which are said, in which order, with which figures."""

from marketplace.allocation.receipts import Receipt
from marketplace.explanations.figures import Count, LoanRate, Money, Name, Rate
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_outcomes import (
    AboveCeiling,
    CompanyFundedAll,
    Filled,
    InFull,
    KeptFromBefore,
    LenderOutcome,
    LendersComplete,
    NoCommonRate,
    NotAdmitted,
    NotListed,
    PriceNotReached,
    Shared,
    TicketAboveGap,
    TicketMade,
    TicketsUsedUp,
    TicketTooLarge,
    TierNotReached,
)
from marketplace.explanations.lender_texts import LENDER_TEXTS
from marketplace.explanations.sentences import Sentence, Step, say, step
from marketplace.explanations.ticket_round import ProRata

PRIVATE_TO_CENTS = 10_000
"""A lender sees a request's amount rounded to this."""


def lender_account(receipt: Receipt, outcome: LenderOutcome, language: Language) -> tuple[Sentence, ...]:
    """What a lender is told of a plan, in words. Of the request it learns the rounded amount and the term alone."""
    return say(lender_steps(receipt, outcome), LENDER_TEXTS, language)


def rounded_for_lenders(amount_cents: int) -> int:
    """The amount of a request as lenders may see it: to the nearest 100 euro, half up, at least 100 euro."""
    rounded_cents = (amount_cents + PRIVATE_TO_CENTS // 2) // PRIVATE_TO_CENTS * PRIVATE_TO_CENTS
    return max(PRIVATE_TO_CENTS, rounded_cents)


def own_figure(outcome: Filled, cents: int) -> int:
    """What the offer could give, or still could, as its lender may see it: rounded where the largest part of the loan
    bounds it, because the terms say what part of the request's amount that is."""
    return rounded_for_lenders(cents) if outcome.bound_by == "share" else cents


def lender_steps(receipt: Receipt, outcome: LenderOutcome) -> tuple[Step, ...]:
    """The sentences of an outcome, the answer first."""
    amount_cents = rounded_for_lenders(receipt.request.amount_cents)
    loan = step("loan", amount=Money(amount_cents), months=Count(receipt.request.months))
    if isinstance(outcome, Filled):
        return (*_headline(outcome), loan, *_filled_steps(outcome))
    if isinstance(outcome, KeptFromBefore):
        rate = (_rate_step(outcome),) if outcome.status == "covered" else ()
        return (*_headline(outcome), loan, step("kept-from-before"), *rate)
    return (step("got-nothing"), loan, *_nothing_steps(outcome))


def _headline(outcome: Filled | KeptFromBefore) -> tuple[Step, ...]:
    cents = Money(outcome.cents)
    match outcome.status:
        case "covered":
            return (step("got", cents=cents),)
        case "holding":
            return step("held", cents=cents), step("held-until")
        case "uncovered" | "guarantee" | "released" | "lifted":
            return step("would-have-lent", cents=cents), step(f"not-lent-{outcome.status}")


def _filled_steps(outcome: Filled) -> list[Step]:
    price, tier = Rate(outcome.price_bp), Name(outcome.tier)
    steps = [step("bucket", price=price, tier=tier)]
    if outcome.ask_bp < outcome.price_bp:
        steps.append(step("raised-to-floor", ask=Rate(outcome.ask_bp), floor=price))
    # The largest part of the loan is told without its figure: the terms say what part of the request's amount it is.
    capacity = {} if outcome.bound_by == "share" else {"capacity": Money(outcome.capacity_cents)}
    steps.append(step(f"bound-{outcome.bound_by}", **capacity))
    match outcome.how:
        case InFull():
            if outcome.status in ("covered", "holding"):
                steps.append(step("in-full"))
        case Shared(pro_rata=pro_rata):
            steps += _rounds(outcome, pro_rata)
        case TicketMade():
            steps.append(step("ticket-made", ticket=Money(outcome.ticket_cents)))
    if outcome.cut_cents:
        figures = {"cut": Money(outcome.cut_cents), "before": Money(outcome.cents + outcome.cut_cents)}
        steps.append(step("shaved", **figures, cents=Money(outcome.cents)))
    if outcome.status == "covered":
        steps.append(_rate_step(outcome))
        if outcome.ask_bp == outcome.price_bp < outcome.rate_bp:
            steps.append(step("rate-above-ask", ask=Rate(outcome.ask_bp)))
        steps.append(step("others-nothing"))
        if isinstance(outcome.how, Shared):
            steps.append(step("rotated"))
    return steps


def _rate_step(outcome: Filled | KeptFromBefore) -> Step:
    """What the lender earns and why; beside it the loan's own rate, where the company lends its part for less."""
    why, rate = "floor" if outcome.is_floor_rate else "highest", Rate(outcome.rate_bp)
    assert outcome.loan_rate_cbp is not None, outcome
    if outcome.loan_rate_cbp == 100 * outcome.rate_bp:
        return step(f"rate-{why}", rate=rate)
    return step(f"earned-{why}", rate=rate, loan_rate=LoanRate(outcome.loan_rate_cbp))


def _rounds(outcome: Filled, pro_rata: ProRata | None) -> list[Step]:
    ticket = Money(outcome.ticket_cents)
    assert isinstance(outcome.how, Shared), outcome
    reason = "rationed-by-places" if outcome.how.is_by_places else "rationed"
    steps = [step(reason), step("ticket", ticket=ticket)]
    if pro_rata is None:
        return [*steps, step("rooms-filled")]
    if pro_rata.room_cents == 0:
        return [*steps, step("no-room")]
    share = Money(pro_rata.share_cents)
    steps.append(
        step(
            "share",
            rest=Money(rounded_for_lenders(pro_rata.rest_cents)),
            rooms=Money(rounded_for_lenders(pro_rata.rooms_cents)),
            room=Money(own_figure(outcome, pro_rata.room_cents)),
            share=share,
        )
    )
    if not pro_rata.is_whole:
        steps.append(step("extra-cent" if pro_rata.has_extra_cent else "no-extra-cent"))
    together = Money(outcome.ticket_cents + pro_rata.share_cents)
    return [*steps, step("together", ticket=ticket, share=share, sum=together)]


def _whole(ticket_cents: int, is_whole: bool) -> tuple[Step, ...]:
    """That an offer gives its ticket or nothing, where that is so."""
    return (step("whole-or-nothing", ticket=Money(ticket_cents)),) if is_whole else ()


def _nothing_steps(outcome: LenderOutcome) -> tuple[Step, ...]:
    match outcome:
        case TicketTooLarge(price_bp=price_bp, tier=tier, ticket_cents=ticket_cents, is_whole=is_whole):
            return (
                step("bucket", price=Rate(price_bp), tier=Name(tier)),
                step("ticket-too-large", ticket=Money(ticket_cents)),
                *_whole(ticket_cents, is_whole),
                step("keeps-place"),
            )
        case TicketsUsedUp(price_bp=price_bp, tier=tier):
            bucket = step("bucket", price=Rate(price_bp), tier=Name(tier))
            return bucket, step("tickets-used-up"), step("keeps-place")
        case LendersComplete(max_lenders=max_lenders):
            return step("lenders-complete", max=Count(max_lenders)), step("keeps-place")
        case TicketAboveGap(ticket_cents=ticket_cents, closed_by=closed_by, is_whole=is_whole):
            gap = step("ticket-above-gap", ticket=Money(ticket_cents))
            return gap, *_whole(ticket_cents, is_whole), step(f"gap-{closed_by}"), step("keeps-place")
        case PriceNotReached(price_bp=price_bp, reached_bp=reached_bp):
            return step("price-not-reached", price=Rate(price_bp), reached=Rate(reached_bp)), step("ask-less")
        case TierNotReached(price_bp=price_bp, tier=tier, reached_tier=reached_tier):
            reached = Name(reached_tier)
            not_reached = step("tier-not-reached", price=Rate(price_bp), tier=Name(tier), reached=reached)
            return not_reached, step("prefer-more")
        case AboveCeiling(ask_bp=ask_bp, ceiling_bp=ceiling_bp):
            return (step("above-ceiling", ask=Rate(ask_bp), ceiling=Rate(ceiling_bp)),)
        case NotAdmitted(obstacle=obstacle, ticket_cents=ticket_cents, months=months):
            return (step(f"obstacle-{obstacle}", ticket=Money(ticket_cents), months=Count(months)),)
        case CompanyFundedAll():
            return (step("company-funded-all"),)
        case NoCommonRate():
            return (step("no-common-rate"),)
        case NotListed():
            return (step("not-listed"),)
        case Filled() | KeptFromBefore():
            raise AssertionError(outcome)

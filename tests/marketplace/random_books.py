"""Random small books in which every path of the rule is likely: few prices, tight caps, needs near a ticket's edge.

They are made from a `random.Random`, so the same book comes from a seed (fast, for campaigns) or from Hypothesis, which
shrinks what fails.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from marketplace.allocation.book_file import (
    BandEntry,
    BookFile,
    CompanyMoneyEntry,
    GuaranteeEntry,
    LenderEntry,
    OfferEntry,
    RequestEntry,
    TermsEntry,
)
from marketplace.allocation.eligibility import NOTHING_PROMISED, OwnPromises
from marketplace.allocation.matching import BookFigures
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.company_terms import CompanyMode, CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from marketplace.strategies.offer_terms import NO_FILTERS, OfferFilters, TermAsk, Tier
from tests.marketplace.book_notation import CASH_SINCE_AT, NOW_AT

NEXT_MONTH_IN_ROME_AT = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
TICK = timedelta(milliseconds=200)
TICKET_CENTS = 10
LENDER_IDS = tuple(f"L{number}" for number in range(1, 9))
ASKS_BP = (390, 400, 410, 420)
TIERS: tuple[Tier, ...] = ("A", "B", "C")
MODES: tuple[CompanyMode, ...] = ("none", "first", "share", "backstop")


class PlanInput(msgspec.Struct, frozen=True, kw_only=True):
    request: CreditRequest
    offers: tuple[LenderOffer, ...]
    standings: dict[str, LenderStanding]
    terms: CompanyTerms
    figures: BookFigures
    own: OwnPromises


def is_rare(rng: Random) -> bool:
    return rng.randint(1, 10) == 10


def random_plan_input(rng: Random) -> PlanInput:
    lender_ids = [rng.choice(LENDER_IDS) for _ in range(rng.randint(1, 10))]
    offers = tuple(random_offer(rng, f"O{number}", lender_id) for number, lender_id in enumerate(lender_ids))
    standings = {offer.lender_id: random_standing(rng, offer.lender_id, offers) for offer in offers}
    terms = random_terms(rng)
    return PlanInput(
        request=random_request(rng, "R1", terms, offers, standings),
        offers=offers,
        standings=standings,
        terms=terms,
        figures=BookFigures(
            guaranteed_cents=rng.randint(0, 300),
            budget_left_cents=rng.randint(0, 120),
            exposures={rng.choice(LENDER_IDS): rng.randint(1, 50)} if is_rare(rng) else {},
            sequence=rng.randint(3, 5),
            now_at=rng.choice((NOW_AT, NOW_AT, NEXT_MONTH_IN_ROME_AT)),
            staging_tick=rng.choice((timedelta(0), TICK)),
            company_arrears_bp=rng.randint(0, 100),
            lifted_lender_ids=frozenset(rng.sample(LENDER_IDS, 1)) if is_rare(rng) else frozenset(),
        ),
        own=random_promises(rng, offers) if is_rare(rng) else NOTHING_PROMISED,
    )


def random_standing(rng: Random, lender_id: str, offers: Sequence[LenderOffer] = ()) -> LenderStanding:
    free_cents = rng.randint(0, 120)
    endings = ("", "/24m", "/12m", "/2026-11", "/2026-12")
    keys = [f"{offer.strategy_id}{ending}" for offer in offers if offer.lender_id == lender_id for ending in endings]
    return LenderStanding(
        lender_id=lender_id,
        free_cents=free_cents,
        cash_since_at=CASH_SINCE_AT + timedelta(hours=rng.randint(0, 1)),
        last_rationed=rng.randint(0, 2),
        lent_here_cents=rng.randint(0, 40),
        rooms={key: rng.randint(0, 80) for key in keys if is_rare(rng)},
        bars=tuple(rng.sample(("paused", "identity", "conflict"), rng.randint(1, 2))) if is_rare(rng) else (),
        fresh_cents=rng.randint(0, free_cents) if is_rare(rng) else 0,
        fresh_at=NOW_AT - rng.randint(0, 2) * TICK,
    )


def random_offer(rng: Random, offer_id: str, lender_id: str) -> LenderOffer:
    return LenderOffer(
        offer_id=offer_id,
        lender_id=lender_id,
        strategy_id=f"S-{offer_id}",
        sequence=rng.randint(1, 4),
        ask_bp=rng.choice(ASKS_BP),
        tier=rng.choice(TIERS),
        months=(12,) if is_rare(rng) else (12, 24),
        min_ticket_cents=rng.choice((0, TICKET_CENTS, TICKET_CENTS, rng.randint(0, 50))),
        per_request_cents=random_cap(rng),
        per_borrower_cents=random_cap(rng),
        per_company_cents=random_cap(rng),
        strategy_rank=rng.randint(1, 2),
        asks_by_term=random_asks(rng),
        floating_asks=random_asks(rng),
        is_all_or_none=is_rare(rng),
        filters=random_filters(rng) if is_rare(rng) else NO_FILTERS,
        is_paused=is_rare(rng) and is_rare(rng),
        raised_at=CASH_SINCE_AT + timedelta(minutes=rng.choice((-30, 30, 90))) if is_rare(rng) else None,
    )


def random_cap(rng: Random) -> int | None:
    return rng.randint(0, 80) if is_rare(rng) else None


def random_asks(rng: Random) -> tuple[TermAsk, ...]:
    return (TermAsk(months=rng.choice((12, 24)), ask_bp=rng.choice(ASKS_BP)),) if is_rare(rng) else ()


def random_filters(rng: Random) -> OfferFilters:
    """One condition, mostly: of several the first that is not met would hide the others."""
    conditions: list[dict[str, Any]] = [
        {"min_guarantee_bp": rng.choice((0, 333, 1_000))},
        {"guarantee_modes": rng.choice((("pool-first-loss",), ("per-loan-share",)))},
        {"min_gauge_bp": rng.choice((0, 2_000, 5_000, 10_000))},
        {"max_arrears_bp": rng.randint(0, 100)},
        {"purpose_classes": rng.choice(((1,), (2, 3)))},
    ]
    chosen = rng.sample(conditions, rng.choice((1, 1, 2)))
    return OfferFilters(**{name: value for condition in chosen for name, value in condition.items()})


def random_promises(rng: Random, offers: Sequence[LenderOffer]) -> OwnPromises:
    """What some lenders hold for the request already: a purse may have promised less than the plan reserved."""
    promising = rng.sample(offers, rng.randint(1, min(3, len(offers))))
    reserved = {offer.lender_id: rng.randint(1, 60) for offer in promising}
    return OwnPromises(
        promised={lender_id: rng.randint(1, cents) for lender_id, cents in reserved.items()},
        strategies={offer.lender_id: offer.strategy_id for offer in promising},
        reserved=reserved,
    )


def random_terms(rng: Random) -> CompanyTerms:
    floor_bp = rng.choice(ASKS_BP)
    mode = rng.choice(MODES)
    return CompanyTerms(
        version=1,
        bands=(
            RateBand(months=24, floor_bp=floor_bp, cap_bp=max(floor_bp, rng.choice((floor_bp, 420, 430)))),
            RateBand(months=12, floor_bp=rng.choice(ASKS_BP), cap_bp=430),
        ),
        ticket_cents=TICKET_CENTS,
        max_lenders=rng.choice((100, 100, rng.randint(1, 4))),
        max_share_bp=rng.choice((None, None, None, rng.choice((2_000, 3_333, 5_000)))),
        company_money=CompanyMoney(
            mode=mode,
            share_bp=rng.randint(0, 10_000),
            rate_bp=rng.choice((None, rng.randint(0, 390))) if mode in ("first", "share") else None,
        ),
        guarantee=rng.choice((None, random_guarantee(rng))),
    )


def random_guarantee(rng: Random) -> GuaranteeTerms:
    return GuaranteeTerms(
        rate_bp=rng.choice((0, 333, 1_000, 10_000)),
        limit_cents=rng.randint(0, 120),
        coverage_bp=rng.choice((0, 10_000, 12_500)),
        mode=rng.choice(("pool-first-loss", "per-loan-share")),
    )


def random_request(
    rng: Random,
    request_id: str,
    terms: CompanyTerms,
    offers: Sequence[LenderOffer],
    standings: dict[str, LenderStanding],
) -> CreditRequest:
    """A request that leaves a gap of about a ticket after the cheapest few offers have given what cash they have."""
    cheapest = sorted(offers, key=lambda offer: (max(offer.ask_bp, terms.bands[0].floor_bp), offer.tier))
    within_reach = sum(standings[offer.lender_id].free_cents for offer in cheapest[: rng.randint(0, len(cheapest))])
    amount_cents = max(1, within_reach + rng.randint(-2 * TICKET_CENTS, 2 * TICKET_CENTS))
    return CreditRequest(
        request_id=request_id,
        borrower_id=rng.choice(LENDER_IDS) if is_rare(rng) else "nobody",
        amount_cents=amount_cents,
        min_amount_cents=rng.choice((amount_cents, rng.randint(1, amount_cents))),
        months=36 if is_rare(rng) and is_rare(rng) else 24,
        max_rate_bp=rng.choice(ASKS_BP) if is_rare(rng) else 430,
        accepts_shrink=rng.choice((True, False)),
        purpose_class=rng.randint(1, 3),
        approval_sequence=rng.randint(1, 5),
    )


def random_book_file(rng: Random) -> BookFile:
    """A book of a few requests over lenders who have one offer each."""
    lender_ids = LENDER_IDS[: rng.randint(1, len(LENDER_IDS))]
    standings = {lender_id: random_standing(rng, lender_id) for lender_id in lender_ids}
    offers = tuple(random_offer(rng, f"O{number}", lender_id) for number, lender_id in enumerate(lender_ids))
    terms = random_terms(rng)
    return BookFile(
        now=CASH_SINCE_AT + timedelta(days=1),
        company="ALFA",
        sequence=rng.randint(1, 5),
        terms=random_terms_entry(rng, terms),
        lenders=tuple(
            LenderEntry(
                id=standing.lender_id,
                free_cents=3 * standing.free_cents,
                cash_since=standing.cash_since_at,
                last_rationed=standing.last_rationed,
            )
            for standing in standings.values()
        ),
        offers=tuple(
            OfferEntry(
                id=offer.offer_id,
                lender=offer.lender_id,
                sequence=offer.sequence,
                ask_bp=offer.ask_bp,
                tier=offer.tier,
                months=offer.months,
                min_ticket_cents=offer.min_ticket_cents,
                per_request_cents=offer.per_request_cents,
                per_company_room_cents=offer.per_company_cents,
            )
            for offer in offers
        ),
        requests=tuple(
            random_request_entry(rng, f"R{number}", terms, offers, standings) for number in range(rng.randint(1, 6))
        ),
    )


def random_terms_entry(rng: Random, terms: CompanyTerms) -> TermsEntry:
    guarantee = terms.guarantee
    return TermsEntry(
        ticket_cents=terms.ticket_cents,
        max_lenders=terms.max_lenders,
        max_share_bp=terms.max_share_bp,
        bands=tuple(BandEntry(months=band.months, floor_bp=band.floor_bp, cap_bp=band.cap_bp) for band in terms.bands),
        company_money=CompanyMoneyEntry(
            mode=terms.company_money.mode, budget_cents=rng.randint(0, 120), share_bp=terms.company_money.share_bp
        ),
        guarantee=None
        if guarantee is None
        else GuaranteeEntry(
            rate_bp=guarantee.rate_bp,
            limit_cents=guarantee.limit_cents,
            coverage_bp=guarantee.coverage_bp,
            guaranteed_cents=rng.randint(0, 300),
        ),
    )


def random_request_entry(
    rng: Random,
    request_id: str,
    terms: CompanyTerms,
    offers: Sequence[LenderOffer],
    standings: dict[str, LenderStanding],
) -> RequestEntry:
    request = random_request(rng, request_id, terms, offers, standings)
    return RequestEntry(
        id=request_id,
        borrower=request.borrower_id,
        amount_cents=request.amount_cents,
        min_amount_cents=request.min_amount_cents,
        months=terms.bands[0].months,
        max_rate_bp=request.max_rate_bp,
        accepts_shrink=request.accepts_shrink,
        purpose_class=request.purpose_class,
        approval_sequence=request.approval_sequence,
    )

"""The same orders for everybody: lenders' offers and borrowers' requests, in our words and as plain limit orders."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from marketplace.allocation.orders import NO_ROOMS, CreditRequest, LenderOffer, LenderStanding
from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from marketplace.strategies.offer_terms import OfferFilters, TermAsk, Tier
from tests.benchmarks.crossing_orders import CrossingOrder

MONTHS = 24
FLOOR_BP = 425
CAP_BP = 600
LOWEST_ASK_BP = 400
ASK_STEP_BP = 25
TICKET_CENTS = 1_000
FEWEST_LENDERS, MOST_LENDERS = 20, 90
"""How many average offers a request is as large as; the tickets of a rationed bucket add some lenders to that."""
MOST_CASH_CENTS = 20_000
DEPTH = 1.5
"""Before each request the book holds so many times its amount."""
STARTED_AT = datetime(2026, 1, 5, 8, tzinfo=UTC)

TERMS = CompanyTerms(
    version=1,
    bands=(RateBand(months=MONTHS, floor_bp=FLOOR_BP, cap_bp=CAP_BP),),
    ticket_cents=TICKET_CENTS,
    max_lenders=100,
    max_share_bp=2_000,
    company_money=CompanyMoney(mode="share", budget_cents=10**12, share_bp=500),
    guarantee=GuaranteeTerms(rate_bp=1_000, limit_cents=10**12),
)
"""Every part of the rule is at work: a band, a tranche of the company's, a guarantee, a cap per lender and loan."""
POSTED_TERMS = msgspec.structs.replace(TERMS, bands=(RateBand(months=MONTHS, floor_bp=CAP_BP, cap_bp=CAP_BP),))
"""The same with one rate for all, as most companies begin: every ask falls into the three buckets of this price."""


class Offering(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An offer and what its lender's purse shows as it arrives."""

    offer: LenderOffer
    standing: LenderStanding


LendingOrder = Offering | CreditRequest


def lending_orders(count: int, *, seed: int) -> Sequence[LendingOrder]:
    """`count` arrivals: offers until the book holds enough for some lenders, then a request that they cover, and on."""
    choose = random.Random(seed)
    arrivals: list[LendingOrder] = []
    at_rest_cents = 0
    wanted = _request(choose, 1)
    while len(arrivals) < count:
        if at_rest_cents < DEPTH * wanted.amount_cents:
            offering = random_offering(choose, sequence=len(arrivals) + 1)
            at_rest_cents += offering.standing.free_cents
            arrivals.append(offering)
        else:
            arrivals.append(wanted)
            at_rest_cents -= wanted.amount_cents
            wanted = _request(choose, wanted.approval_sequence + 1)
    return arrivals


def as_crossing_orders(arrivals: Sequence[LendingOrder]) -> Sequence[CrossingOrder]:
    """The same stream as a plain book takes it: an offer sells its cash at its ask, a request buys at its limit."""
    return [
        CrossingOrder(order_id, True, arrival.max_rate_bp, arrival.amount_cents)
        if isinstance(arrival, CreditRequest)
        else CrossingOrder(order_id, False, arrival.offer.ask_bp, arrival.standing.free_cents)
        for order_id, arrival in enumerate(arrivals, start=1)
    ]


def random_offering(choose: random.Random, *, sequence: int) -> Offering:
    """An offer of a lender of its own, as lenders make them: some with caps, budgets, conditions, asks by term."""
    lender_id, offer_id, strategy_id = (random_id(choose) for _ in range(3))
    free_cents = choose.randrange(2 * TICKET_CENTS, MOST_CASH_CENTS)
    tier: Tier = choose.choices(("A", "B", "C"), weights=(2, 3, 5))[0]
    return Offering(
        offer=LenderOffer(
            offer_id=offer_id,
            lender_id=lender_id,
            strategy_id=strategy_id,
            sequence=sequence,
            ask_bp=random_ask_bp(choose),
            tier=tier,
            months=(12, MONTHS, 36) if choose.random() < 0.95 else (12, 36),
            min_ticket_cents=choose.choice((TICKET_CENTS, TICKET_CENTS, TICKET_CENTS, 2 * TICKET_CENTS)),
            per_request_cents=choose.choice((None, None, MOST_CASH_CENTS // 2)),
            per_borrower_cents=choose.choice((None, None, MOST_CASH_CENTS)),
            per_company_cents=choose.choice((None, None, None, 10 * MOST_CASH_CENTS)),
            asks_by_term=(TermAsk(months=MONTHS, ask_bp=random_ask_bp(choose)),) if choose.random() < 0.1 else (),
            is_all_or_none=choose.random() < 0.02,
            filters=OfferFilters(min_guarantee_bp=500, max_arrears_bp=500) if choose.random() < 0.1 else OfferFilters(),
        ),
        standing=LenderStanding(
            lender_id=lender_id,
            free_cents=free_cents,
            cash_since_at=STARTED_AT + timedelta(seconds=choose.randrange(10**6)),
            rooms={strategy_id: 2 * MOST_CASH_CENTS} if choose.random() < 0.2 else NO_ROOMS,
        ),
    )


def random_ask_bp(choose: random.Random) -> int:
    return choose.randrange(LOWEST_ASK_BP, CAP_BP + 1, ASK_STEP_BP)


def random_id(choose: random.Random) -> str:
    return str(UUID(int=choose.getrandbits(128), version=4))


def requests(count: int, *, amount_cents: int, seed: int) -> Iterator[CreditRequest]:
    """Requests of one amount, each of another borrower."""
    choose = random.Random(seed)
    return (_request_of(choose, sequence, amount_cents) for sequence in range(1, count + 1))


def _request(choose: random.Random, sequence: int) -> CreditRequest:
    lenders = choose.randint(FEWEST_LENDERS, MOST_LENDERS)
    return _request_of(choose, sequence, lenders * (MOST_CASH_CENTS // 2))


def _request_of(choose: random.Random, sequence: int, amount_cents: int) -> CreditRequest:
    return CreditRequest(
        request_id=random_id(choose),
        borrower_id=random_id(choose),
        amount_cents=amount_cents,
        min_amount_cents=amount_cents,
        months=MONTHS,
        max_rate_bp=CAP_BP,
        accepts_shrink=True,
        approval_sequence=sequence,
    )

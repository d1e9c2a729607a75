"""What each command costs the index of resting offers, by how many offers rest there.

The work of a command is the same at every size: the hundred lenders of a cover stand before the rest of the book at
rates of their own, and what a cover takes is put back. So whatever grows is the price of the book's size alone.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial

import msgspec

from marketplace.allocation.matching import CoverPlan, plan_cover_from
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.allocation.receipts import encode_receipt
from marketplace.strategies.offer_terms import Tier
from tests.benchmarks.book_commands import BOOK_COMMANDS, BOOK_COVER, book_command_times
from tests.benchmarks.lending_book import NOW_AT, LendingBook
from tests.benchmarks.lending_stream import (
    CAP_BP,
    FLOOR_BP,
    MONTHS,
    POSTED_TERMS,
    STARTED_AT,
    TERMS,
    TICKET_CENTS,
    Offering,
    random_id,
    random_offering,
    requests,
)
from tests.benchmarks.processor_time import CallTimes, time_calls

LENDERS = 100
NEAREST_ASKS_BP = tuple(range(FLOOR_BP + 5, FLOOR_BP + 30, 5))
TIERS: tuple[Tier, ...] = ("A", "B", "C")
BEFORE_LAST_BUCKET = 5
"""Lenders in each of the nearest buckets; whoever is left of the hundred stands in the last one."""
FARTHER_BP = FLOOR_BP + 30
RATIONED_CENTS = 2 * TICKET_CENTS
"""What each lender of the last bucket gets on average, of twice that."""
LOOK_UP = "limit: look up in a dict and a sorted list"
"""What no index can avoid; it grows by more than log n, too, once a book no longer fits the processor's caches."""
PLACE, WITHDRAW, RESTAND = "place an offer", "withdraw an offer", "restand: new cash"
COVER_BAND, COVER_POSTED, TAKE = "plan and receipt, band", "plan and receipt, posted rate", "taking a cover's money"
COPY, NEW_TERMS = "copy for a dry run", "new terms, another floor"
COMMANDS = (LOOK_UP, PLACE, WITHDRAW, RESTAND, COVER_BAND, COVER_POSTED, TAKE, COPY, NEW_TERMS, *BOOK_COMMANDS)
COVERS = (COVER_BAND, COVER_POSTED, TAKE, BOOK_COVER)
COPIES = 3


class CommandCost(msgspec.Struct, frozen=True, kw_only=True):
    """A command's processor time in a book of `offers` resting offers."""

    command: str
    offers: int
    times: CallTimes

    @property
    def place(self) -> int:
        """Where the command stands in a table."""
        return COMMANDS.index(self.command)


def growth(cost: CommandCost, smallest: CommandCost) -> float:
    """How many times the median of the smallest book this one is, over how many times its log n: above 1 is faster."""
    times = cost.times.p50_ns / max(1, smallest.times.p50_ns)
    return times / (math.log(cost.offers) / math.log(smallest.offers))


def command_costs(offers: int, *, calls: int) -> Iterator[CommandCost]:
    """Time every command `calls` times on a book of `offers` resting offers: a hundred, or a thousand and more."""
    choose = random.Random(offers)
    nearest = nearest_offerings(choose)
    offerings = [*nearest, *(_farther(choose, LENDERS + number) for number in range(1, offers - LENDERS + 1))]
    book = LendingBook(offerings, TERMS)
    newcomers = [_farther(choose, offers + number) for number in range(1, calls + 1)]
    paid = [choose.choice(offerings).standing for _ in range(calls)]
    amount_cents = amount_of_hundred(nearest)

    def cost(command: str, timed: Iterable[Callable[[], object]]) -> CommandCost:
        return CommandCost(command=command, offers=offers, times=time_calls(timed))

    yield cost(LOOK_UP, _look_ups(choose, offerings, calls))
    yield cost(PLACE, (partial(book.add, newcomer) for newcomer in newcomers))
    choose.shuffle(newcomers)
    yield cost(WITHDRAW, (partial(book.resting.withdraw, newcomer.offer.offer_id) for newcomer in newcomers))
    yield cost(RESTAND, (partial(book.resting.restand, _richer(choose, standing)) for standing in paid))
    for standing in paid:
        book.resting.restand(standing)
    yield cost(COVER_BAND, _plans(book, calls, amount_cents))
    yield cost(TAKE, _takes(book, calls, amount_cents))
    yield cost(COPY, [book.resting.copy] * COPIES)
    yield cost(NEW_TERMS, (partial(book.put_in_force, terms) for terms in (POSTED_TERMS, TERMS, POSTED_TERMS)))
    yield cost(COVER_POSTED, _plans(book, calls, amount_cents))
    del book
    richer = [_richer(choose, standing) for standing in paid]
    wanted = requests(1 + calls, amount_cents=amount_cents, seed=3)
    for command, times in book_command_times(offerings, newcomers, richer, wanted):
        yield CommandCost(command=command, offers=offers, times=times)


def nearest_offerings(choose: random.Random) -> list[Offering]:
    """The hundred that a cover of the band takes: five in each of fourteen buckets, the others in the fifteenth."""
    buckets = [(ask_bp, tier) for ask_bp in NEAREST_ASKS_BP for tier in TIERS]
    places = [bucket for bucket in buckets[:-1] for _ in range(BEFORE_LAST_BUCKET)]
    places += [buckets[-1]] * (LENDERS - len(places))
    return [_plain_offering(choose, ask_bp, tier, number) for number, (ask_bp, tier) in enumerate(places, start=1)]


def amount_of_hundred(nearest: Sequence[Offering]) -> int:
    """A loan that fills the nearest buckets and leaves the last one tickets and as much again, beside the company."""
    in_full = sum(one.standing.free_cents for one in nearest[: BEFORE_LAST_BUCKET * (len(NEAREST_ASKS_BP) * 3 - 1)])
    rationed = RATIONED_CENTS * (LENDERS - BEFORE_LAST_BUCKET * (len(NEAREST_ASKS_BP) * 3 - 1))
    return (in_full + rationed) * 10_000 // (10_000 - TERMS.company_money.share_bp)


def plan_and_record(book: LendingBook, request: CreditRequest) -> bytes:
    """A decision as it is made and written down: the plan and the bytes of its receipt."""
    outcome = plan_cover_from(book.resting, request, book.terms, figures=book.figures(request))
    assert isinstance(outcome, CoverPlan), outcome
    assert len(outcome.legs) == LENDERS, len(outcome.legs)
    return encode_receipt(outcome.receipt)


def _look_ups(choose: random.Random, offerings: Sequence[Offering], count: int) -> Iterator[Callable[[], object]]:
    by_id = {offering.offer.offer_id: offering for offering in offerings}
    keys = sorted(choose.getrandbits(60) for _ in offerings)
    asked = [(choose.choice(offerings).offer.offer_id, choose.getrandbits(60)) for _ in range(count)]
    return (partial(_look_up, by_id, keys, offer_id, key) for offer_id, key in asked)


def _look_up(by_id: Mapping[str, Offering], keys: Sequence[int], offer_id: str, key: int) -> tuple[Offering, int]:
    return by_id[offer_id], bisect_left(keys, key)


def _plans(book: LendingBook, count: int, amount_cents: int) -> Iterator[Callable[[], object]]:
    return (partial(plan_and_record, book, request) for request in requests(count, amount_cents=amount_cents, seed=1))


def _takes(book: LendingBook, count: int, amount_cents: int) -> Iterator[Callable[[], object]]:
    before: list[LenderStanding] = []
    for request in requests(count, amount_cents=amount_cents, seed=2):
        figures = book.figures(request)
        cover = plan_cover_from(book.resting, request, book.terms, figures=figures)
        assert isinstance(cover, CoverPlan), cover
        before = [book.resting.standing(leg.lender_id) for leg in cover.legs]
        yield partial(book.take, request, cover, figures)
        for standing in before:
            book.resting.restand(standing)


def _plain_offering(choose: random.Random, ask_bp: int, tier: Tier, sequence: int) -> Offering:
    lender_id = random_id(choose)
    return Offering(
        offer=LenderOffer(
            offer_id=random_id(choose),
            lender_id=lender_id,
            strategy_id=random_id(choose),
            sequence=sequence,
            ask_bp=ask_bp,
            tier=tier,
            months=(12, MONTHS, 36),
            min_ticket_cents=TICKET_CENTS,
            per_borrower_cents=10 * RATIONED_CENTS,
        ),
        standing=LenderStanding(
            lender_id=lender_id,
            free_cents=2 * RATIONED_CENTS,
            cash_since_at=STARTED_AT + timedelta(seconds=choose.randrange(10**6)),
        ),
    )


def _farther(choose: random.Random, sequence: int) -> Offering:
    offering = random_offering(choose, sequence=sequence)
    # Every other lender asks the same, as where a rate is posted: one level of the book grows as the book does.
    ask_bp = CAP_BP if choose.random() < 0.5 else choose.randrange(FARTHER_BP, CAP_BP, 5)
    offer = msgspec.structs.replace(offering.offer, ask_bp=ask_bp, asks_by_term=())
    return Offering(offer=offer, standing=offering.standing)


def _richer(choose: random.Random, standing: LenderStanding) -> LenderStanding:
    return LenderStanding(
        lender_id=standing.lender_id,
        free_cents=standing.free_cents + choose.randrange(TICKET_CENTS),
        cash_since_at=NOW_AT - timedelta(seconds=choose.randrange(10**6)),
    )

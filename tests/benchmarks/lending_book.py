"""Our side of the comparison: the whole allocation rule on a stream of offers and requests, receipts included."""

import gc
import hashlib
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from marketplace.allocation.matching import BookFigures, CoverPlan, PlannedLeg, plan_cover_from
from marketplace.allocation.orders import CreditRequest, LenderStanding
from marketplace.allocation.receipts import encode_receipt
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import CompanyTerms
from marketplace.strategies.strategy_limits import limit_keys
from tests.benchmarks.lending_stream import STARTED_AT, TERMS, LendingOrder, Offering, lending_orders

NOW_AT = STARTED_AT + timedelta(days=30)


class LendingRun(msgspec.Struct, kw_only=True):
    """What a stream came to. Times are the processor's; deciding and writing receipts are parts of the total."""

    covers: int = 0
    uncovered: int = 0
    fills: int = 0
    planning_s: float = 0.0
    encoding_s: float = 0.0
    total_s: float = 0.0
    receipts: list[bytes] = []

    def digest(self) -> str:
        """Hex SHA-256 over all receipts in order."""
        return hashlib.sha256(b"\n".join(self.receipts)).hexdigest()


class LendingBook:
    """An index of resting offers and the figures around it; a cover takes its money before the next request is met."""

    def __init__(self, offerings: Iterable[Offering], terms: CompanyTerms) -> None:
        offerings = tuple(offerings)
        self.resting = RestingOffers(
            (offering.offer for offering in offerings),
            {offering.standing.lender_id: offering.standing for offering in offerings},
        )
        self._guaranteed_cents = 0
        self._covers = 0
        self.put_in_force(terms)

    def put_in_force(self, terms: CompanyTerms) -> None:
        """Plan under `terms` from now on; the index is put in the order they need at once, as a walk would do."""
        self.terms = terms
        self.resting.arrange(terms, NOW_AT)

    def figures(self) -> BookFigures:
        return BookFigures(
            guaranteed_cents=self._guaranteed_cents,
            budget_left_cents=self.terms.company_money.budget_cents,
            exposures={},
            sequence=self._covers,
            now_at=NOW_AT,
        )

    def add(self, offering: Offering) -> None:
        self.resting.restand(offering.standing)
        self.resting.place(offering.offer)

    def take(self, request: CreditRequest, cover: CoverPlan) -> list[LenderStanding]:
        """Lower what the lenders of a cover can still lend, and return how they stood before."""
        self._covers += 1
        self._guaranteed_cents += cover.amount_cents - cover.company_cents
        rotated = frozenset(cover.rotated_lender_ids)
        key_endings = limit_keys("", request.months, NOW_AT)
        before = [self.resting.standing(leg.lender_id) for leg in cover.legs]
        self.resting.restand_all(
            LenderStanding(
                lender_id=leg.lender_id,
                free_cents=standing.free_cents - leg.cents,
                cash_since_at=standing.cash_since_at,
                last_rationed=self._covers if leg.lender_id in rotated else standing.last_rationed,
                lent_here_cents=standing.lent_here_cents + leg.cents,
                rooms=_lowered(standing.rooms, leg, key_endings) if standing.rooms else standing.rooms,
            )
            for leg, standing in zip(cover.legs, before, strict=True)
        )
        return before


def _lowered(rooms: Mapping[str, int], leg: PlannedLeg, key_endings: Sequence[str]) -> dict[str, int]:
    lowered = dict(rooms)
    for ending in key_endings:
        if leg.strategy_id + ending in lowered:
            lowered[leg.strategy_id + ending] -= leg.cents
    return lowered


def run_stream(arrivals: Sequence[LendingOrder], terms: CompanyTerms) -> LendingRun:
    """Let offers come to rest, and requests be planned, recorded and take their money, as they arrive."""
    run, book = LendingRun(), LendingBook((), terms)
    gc.collect()
    started_s = time.process_time()
    for arrival in arrivals:
        if isinstance(arrival, Offering):
            book.add(arrival)
            continue
        before_s = time.process_time()
        outcome = plan_cover_from(book.resting, arrival, book.terms, figures=book.figures())
        planned_s = time.process_time()
        run.receipts.append(encode_receipt(outcome.receipt))
        run.encoding_s += time.process_time() - planned_s
        run.planning_s += planned_s - before_s
        if isinstance(outcome, CoverPlan):
            run.covers += 1
            run.fills += len(outcome.legs)
            book.take(arrival, outcome)
        else:
            run.uncovered += 1
    run.total_s = time.process_time() - started_s
    return run


if __name__ == "__main__":
    # A process of its own hashes text differently; its receipts must be the same bytes all the same.
    count, seed = map(int, sys.argv[1:])
    print(run_stream(lending_orders(count, seed=seed), TERMS).digest())

"""Our side of the comparison: the whole allocation rule on a stream of offers and requests, receipts included."""

import gc
import hashlib
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec

from marketplace.allocation.matching import BookFigures, CoverPlan, plan_cover_from
from marketplace.allocation.orders import CreditRequest
from marketplace.allocation.receipts import encode_receipt
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.allocation.running_figures import RunningFigures
from marketplace.company_terms import CompanyTerms
from tests.benchmarks.lending_stream import STARTED_AT, TERMS, LendingOrder, Offering, lending_orders

NOW_AT = STARTED_AT + timedelta(days=30)
_START = BookFigures(
    guaranteed_cents=0,
    budget_left_cents=TERMS.company_money.budget_cents,
    exposures={},
    sequence=1,
    now_at=NOW_AT,
)


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
        self._running = RunningFigures(self.resting, terms, _START)
        self.put_in_force(terms)

    @property
    def terms(self) -> CompanyTerms:
        """The terms in force."""
        return self._running.terms

    def put_in_force(self, terms: CompanyTerms) -> None:
        """Plan under `terms` from now on; the index is put in the order they need at once, as a walk would do."""
        self._running.terms = terms
        self.resting.arrange(terms, NOW_AT)

    def figures(self, request: CreditRequest) -> BookFigures:
        """What the request is planned on now."""
        return self._running.figures_of(request)

    def add(self, offering: Offering) -> None:
        """Let an offer come to rest."""
        self.resting.restand(offering.standing)
        self.resting.place(offering.offer)

    def take(self, request: CreditRequest, cover: CoverPlan, figures: BookFigures) -> None:
        """Lower what the lenders of a cover can still lend, and all other figures, by what it takes."""
        self._running.take(request, cover, figures)


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
        figures = book.figures(arrival)
        outcome = plan_cover_from(book.resting, arrival, book.terms, figures=figures)
        planned_s = time.process_time()
        run.receipts.append(encode_receipt(outcome.receipt))
        run.encoding_s += time.process_time() - planned_s
        run.planning_s += planned_s - before_s
        if isinstance(outcome, CoverPlan):
            run.covers += 1
            run.fills += len(outcome.legs)
            book.take(arrival, outcome, figures)
        else:
            run.uncovered += 1
    run.total_s = time.process_time() - started_s
    return run


if __name__ == "__main__":
    # A process of its own hashes text differently; its receipts must be the same bytes all the same.
    count, seed = map(int, sys.argv[1:])
    print(run_stream(lending_orders(count, seed=seed), TERMS).digest())

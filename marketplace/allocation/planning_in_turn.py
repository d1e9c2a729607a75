"""Planning all the requests of a book, one after the other, on figures that each cover lowers for the next."""

from collections.abc import Iterable, Iterator, Mapping

from marketplace.allocation.matching import BookFigures, CoverPlan, Uncovered
from marketplace.allocation.orders import CreditRequest
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.allocation.running_figures import RunningFigures
from marketplace.company_terms import CompanyTerms


def plan_in_turn(
    requests: Iterable[CreditRequest],
    resting: RestingOffers,
    terms: CompanyTerms,
    figures: BookFigures,
    *,
    exposures: Mapping[str, Mapping[str, int]] | None = None,
) -> Iterator[tuple[CreditRequest, CoverPlan | Uncovered]]:
    """Plan every request in book order; a cover takes what it uses before the next request is looked at.

    `resting` is given away, `exposures` are by borrower and lender: see `RunningFigures`.
    """
    running = RunningFigures(resting, terms, figures, exposures=exposures)
    for request in sorted(requests, key=CreditRequest.book_order):
        yield request, running.plan(request)

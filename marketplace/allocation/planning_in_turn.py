"""Planning all the requests of a book, one after the other, on figures that each cover lowers for the next."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from marketplace.allocation.matching import BookFigures, CoverPlan, PlannedLeg, Uncovered, plan_cover_from
from marketplace.allocation.orders import CreditRequest, LenderStanding
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import CompanyTerms
from marketplace.strategies.strategy_limits import limit_keys


def plan_in_turn(
    requests: Iterable[CreditRequest],
    resting: RestingOffers,
    terms: CompanyTerms,
    figures: BookFigures,
    *,
    exposures: Mapping[str, Mapping[str, int]] | None = None,
) -> Iterator[tuple[CreditRequest, CoverPlan | Uncovered]]:
    """Plan every request in book order; a cover takes what it uses before the next request is looked at.

    It takes lenders' cash, limits, caps and places from `resting`, which the caller gives away (hand over a copy of a
    book that lives on), and budget, head-room and a sequence number from `figures`. `exposures` are what each lender
    has with each borrower, by borrower; those of `figures`, which are one borrower's, are not read.
    """
    with_borrower = {borrower_id: dict(lent) for borrower_id, lent in (exposures or {}).items()}
    for request in sorted(requests, key=CreditRequest.book_order):
        lent = with_borrower.setdefault(request.borrower_id, {})
        figures = msgspec.structs.replace(figures, exposures=lent)
        outcome = plan_cover_from(resting, request, terms, figures=figures)
        if isinstance(outcome, CoverPlan):
            resting.restand_all(standings_after(resting, request, outcome, figures))
            for leg in outcome.legs:
                lent[leg.lender_id] = lent.get(leg.lender_id, 0) + leg.cents
            figures = msgspec.structs.replace(
                figures,
                guaranteed_cents=figures.guaranteed_cents + outcome.amount_cents - outcome.company_cents,
                budget_left_cents=figures.budget_left_cents - outcome.company_cents,
                sequence=figures.sequence + 1,
            )
        yield request, outcome


def standings_after(
    resting: RestingOffers, request: CreditRequest, cover: CoverPlan, figures: BookFigures
) -> list[LenderStanding]:
    """What the lenders of a cover have left: less cash, less room under their limits, and a place at the back of the
    ticket round for those filled in a rationed bucket."""
    rotated = set(cover.rotated_lender_ids)
    key_endings = limit_keys("", request.months, figures.now_at)
    after = []
    for leg in cover.legs:
        standing = resting.standing(leg.lender_id)
        free_cents = standing.free_cents - leg.cents
        after.append(
            LenderStanding(
                lender_id=leg.lender_id,
                free_cents=free_cents,
                cash_since_at=standing.cash_since_at,
                last_rationed=figures.sequence if leg.lender_id in rotated else standing.last_rationed,
                lent_here_cents=standing.lent_here_cents + leg.cents,
                rooms=_rooms_after(standing.rooms, leg, key_endings) if standing.rooms else standing.rooms,
                bars=standing.bars,
                fresh_cents=min(standing.fresh_cents, free_cents),
                fresh_at=standing.fresh_at,
            )
        )
    return after


def _rooms_after(rooms: Mapping[str, int], leg: PlannedLeg, key_endings: Sequence[str]) -> Mapping[str, int]:
    after = dict(rooms)
    for ending in key_endings:
        if (key := leg.strategy_id + ending) in after:
            after[key] -= leg.cents
    return after

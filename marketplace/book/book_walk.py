"""The allocation rule applied to a book as it stands, for one of its requests."""

from collections.abc import Sequence

from marketplace.allocation.eligibility import NOTHING_PROMISED, OwnPromises
from marketplace.allocation.matching import BookFigures, CoverPlan, Uncovered, plan_cover_from
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.covers import Cover, Promise
from marketplace.book.order_book import OrderBook


def walk(
    book: OrderBook, booked: BookedRequest, *, own: Cover | None = None, promises: Sequence[Promise] = ()
) -> CoverPlan | Uncovered:
    """The rule on the book's present figures; what `own`, the request's cover, reserves is put back first, and
    `promises`, what purses hold for it, count as free."""
    assert book.terms is not None
    return plan_cover_from(
        book.lenders.resting,
        booked.request,
        book.terms,
        figures=figures_for(book, booked, own=own),
        own=own_promises(own, promises),
    )


def figures_for(book: OrderBook, booked: BookedRequest, *, own: Cover | None) -> BookFigures:
    """What the rule needs to know of the book beside its offers; without what `own` reserves of company money and
    guarantee."""
    assert book.now_at is not None
    reserved_cents = 0 if own is None else sum(own.reserved_cents().values())
    return BookFigures(
        guaranteed_cents=book.guaranteed_cents - reserved_cents,
        budget_left_cents=book.budget_cents + (0 if own is None else own.plan.company_cents),
        exposures=book.exposures.get(booked.request.borrower_id, {}),
        sequence=book.covers_completed,
        now_at=book.now_at,
        staging_tick=book.staging_tick,
        company_arrears_bp=book.arrears_bp,
        lifted_lender_ids=frozenset(booked.lifted_lender_ids),
    )


def own_promises(own: Cover | None, promises: Sequence[Promise]) -> OwnPromises:
    """What a request's own cover holds and reserves, per lender."""
    if own is None:
        return NOTHING_PROMISED
    return OwnPromises(
        promised={promise.lender_id: promise.cents for promise in promises},
        strategies={promise.lender_id: promise.strategy_id for promise in promises},
        reserved=own.reserved_cents(),
    )

"""A book as it stood before one entry of its journal, and what that says of a lender the entry does not name."""

from marketplace.allocation.matching import eligibility_for
from marketplace.book.book_events import CoverAmended
from marketplace.book.book_walk import figures_for, own_promises
from marketplace.book.journal import decode_book_record
from marketplace.book.order_book import OrderBook
from marketplace.explanations.judged_offers import judged_offers
from marketplace.explanations.lender_outcomes import JudgedOffer
from persistence.connection import AnyConnection
from persistence.receipts_desk import JournaledPlan

_READ_AT_A_TIME = 500


async def book_before(connection: AnyConnection, *, company_id: str, shard: str, seq: int) -> OrderBook:
    """The company's book, folded from its recorded journal up to the entry before `seq`."""
    book = OrderBook(company_id, shard)
    async with connection.transaction(readonly=True):
        entries = connection.cursor(
            "SELECT seq, payload FROM journal_event WHERE company_id = $1 AND shard = $2 AND seq < $3 ORDER BY seq",
            company_id,
            shard,
            seq,
            prefetch=_READ_AT_A_TIME,
        )
        async for entry in entries:
            book.apply(decode_book_record(entry["payload"]), entry["seq"])
    return book


async def lenders_before(connection: AnyConnection, plan: JournaledPlan) -> tuple[str, ...]:
    """The lenders that had an offer in the plan's book when it was made, and those it gives a part, in order."""
    book = await book_before(connection, company_id=plan.company_id, shard=plan.shard, seq=plan.seq)
    with_offer = {offer.lender_id for offer in book.lenders.offers.values()}
    return tuple(sorted(with_offer | {leg.lender_id for leg in plan.plan.legs}))


async def offers_before(connection: AnyConnection, plan: JournaledPlan, lender_id: str) -> tuple[JudgedOffer, ...]:
    """A lender's offers as the plan found them, judged for its request; none when it had no offer in the book."""
    book = await book_before(connection, company_id=plan.company_id, shard=plan.shard, seq=plan.seq)
    resting = book.lenders.resting
    offers = resting.offers_of(lender_id)
    booked = book.requests[plan.request_id]
    assert book.terms is not None, plan
    band = book.terms.band(booked.request.months)
    if not offers or band is None:
        return ()
    own = book.covers[plan.cover_id] if isinstance(plan.event, CoverAmended) else None
    eligibility = eligibility_for(
        booked.request,
        book.terms,
        band,
        figures=figures_for(book, booked, own=own),
        own=own_promises(own, () if own is None else own.promises()),
        share_cap_cents=plan.plan.receipt.share_cap_cents,
    )
    return judged_offers(eligibility, offers, resting.standing(lender_id))

"""All the requests of a book, one after the other, by the slow and plain twin of the rule."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from marketplace.allocation.book_file import BookFile
from marketplace.allocation.eligibility import OwnPromises
from marketplace.allocation.matching import BookFigures
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.company_terms import CompanyTerms
from tests.marketplace.naive_matching import NaiveCover, NaiveRest, naive_plan


def naive_in_turn(
    requests: Iterable[CreditRequest],
    offers: Sequence[LenderOffer],
    standings: Mapping[str, LenderStanding],
    terms: CompanyTerms,
    figures: BookFigures,
    exposures: Mapping[str, Mapping[str, int]],
) -> list[tuple[str, NaiveCover | NaiveRest]]:
    """Every request in book order, each cover using up money, limits, caps, head-room and places before the next."""
    left = {
        lender_id: msgspec.to_builtins(standing, builtin_types=(datetime,)) for lender_id, standing in standings.items()
    }
    strategies = {offer.offer_id: offer.strategy_id for offer in offers}
    month = figures.now_at.astimezone(ZoneInfo("Europe/Rome")).strftime("%Y-%m")
    lent = {borrower_id: dict(to_borrower) for borrower_id, to_borrower in exposures.items()}
    guaranteed, budget, sequence = figures.guaranteed_cents, figures.budget_left_cents, figures.sequence
    outcomes: list[tuple[str, NaiveCover | NaiveRest]] = []
    for request in sorted(requests, key=lambda one: (one.purpose_class, one.approval_sequence, one.request_id)):
        planned = naive_plan(
            request,
            offers,
            {lender_id: msgspec.convert(standing, LenderStanding) for lender_id, standing in left.items()},
            terms,
            msgspec.structs.replace(
                figures,
                guaranteed_cents=guaranteed,
                budget_left_cents=budget,
                sequence=sequence,
                exposures=lent.get(request.borrower_id, {}),
            ),
            OwnPromises({}, {}, {}),
        )
        outcomes.append((request.request_id, planned))
        if isinstance(planned, NaiveRest):
            continue
        for lender_id, offer_id, cents in planned.fills:
            purse = left[lender_id]
            purse["free_cents"] -= cents
            purse["fresh_cents"] = min(purse["fresh_cents"], purse["free_cents"])
            purse["lent_here_cents"] += cents
            for ending in ("", f"/{request.months}m", f"/{month}"):
                if strategies[offer_id] + ending in purse["rooms"]:
                    purse["rooms"][strategies[offer_id] + ending] -= cents
            if lender_id in planned.rotated:
                purse["last_rationed"] = sequence
            to_borrower = lent.setdefault(request.borrower_id, {})
            to_borrower[lender_id] = to_borrower.get(lender_id, 0) + cents
            guaranteed += cents
        budget -= planned.company_cents
        sequence += 1
    return outcomes


def naive_book(book: BookFile) -> dict[str, Any]:
    """Every request of a book file in book order, each cover taking its money before the next is looked at."""
    terms = book.company_terms()
    free = {lender.id: lender.free_cents for lender in book.lenders}
    last = {lender.id: lender.last_rationed for lender in book.lenders}
    room = {offer.lender: offer.per_company_room_cents for offer in book.offers}
    budget = book.terms.company_money.budget_cents
    guaranteed = book.terms.guarantee.guaranteed_cents if book.terms.guarantee else 0
    sequence = book.sequence
    covers, resting = [], []
    for entry in sorted(book.requests, key=lambda entry: (entry.purpose_class, entry.approval_sequence, entry.id)):
        planned = naive_plan(
            CreditRequest(
                request_id=entry.id,
                borrower_id=entry.borrower,
                **{
                    name: getattr(entry, name)
                    for name in ("amount_cents", "min_amount_cents", "months", "max_rate_bp", "accepts_shrink")
                },
            ),
            [
                LenderOffer(
                    offer_id=offer.id,
                    lender_id=offer.lender,
                    strategy_id="",
                    sequence=offer.sequence,
                    ask_bp=offer.ask_bp,
                    tier=offer.tier,
                    months=offer.months,
                    min_ticket_cents=offer.min_ticket_cents,
                    per_request_cents=offer.per_request_cents,
                    per_company_cents=room[offer.lender],
                )
                for offer in book.offers
            ],
            {
                lender.id: LenderStanding(
                    lender_id=lender.id,
                    free_cents=free[lender.id],
                    cash_since_at=lender.cash_since,
                    last_rationed=last[lender.id],
                )
                for lender in book.lenders
            },
            terms,
            BookFigures(
                guaranteed_cents=guaranteed, budget_left_cents=budget, exposures={}, sequence=sequence, now_at=book.now
            ),
            OwnPromises({}, {}, {}),
        )
        if isinstance(planned, NaiveRest):
            resting.append({"request": entry.id, "reason": planned.reason, "coverable_cents": planned.coverable_cents})
            continue
        for lender, _, cents in planned.fills:
            free[lender] -= cents
            guaranteed += cents
            company_room = room[lender]
            room[lender] = None if company_room is None else company_room - cents
        for lender in planned.rotated:
            last[lender] = sequence
        budget -= planned.company_cents
        sequence += 1
        covers.append(
            {
                "request": entry.id,
                "rate_bp": planned.rate_bp,
                "amount_cents": planned.amount_cents,
                "company_cents": planned.company_cents,
                "dust": planned.dust,
                "fills": [
                    {"lender": lender, "offer": offer, "amount_cents": cents} for lender, offer, cents in planned.fills
                ],
            }
        )
    return {"covers": covers, "resting": resting}

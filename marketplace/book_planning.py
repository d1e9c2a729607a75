"""Planning every request of a book file in turn, and the answer in kind."""

from collections.abc import Iterator
from datetime import UTC
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from marketplace.book_file import BookFile
from marketplace.matching import CoverPlan, Uncovered, plan_cover_from
from marketplace.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.receipts import DustPath, Receipt
from marketplace.resting_offers import RestingOffers


class FillAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One lender's part of a cover."""

    lender: str
    offer: str
    amount_cents: int


class CoverAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is covered, its fills in order of filling. `company_cents` is tranche and backstop."""

    request: str
    rate_bp: int
    amount_cents: int
    company_cents: int
    dust: DustPath
    fills: tuple[FillAnswer, ...]
    receipt: Receipt | UnsetType = UNSET


class RestingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A request that stays in the book, and how much company and lenders could have put together."""

    request: str
    reason: Literal["uncovered", "guarantee"]
    coverable_cents: int
    receipt: Receipt | UnsetType = UNSET


class BookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Covered and resting requests, each in book order."""

    covers: tuple[CoverAnswer, ...]
    resting: tuple[RestingAnswer, ...]


_encoder = msgspec.json.Encoder(order="deterministic")


def plan_book(book: BookFile, *, with_receipts: bool = False) -> BookAnswer:
    """Plan every request in book order; a cover takes its money before the next request is looked at.

    `with_receipts` adds to each answer the reasoning behind it.
    """
    covers, resting = [], []
    for request, outcome in _outcomes(book):
        receipt = outcome.receipt if with_receipts else UNSET
        if isinstance(outcome, CoverPlan):
            covers.append(_cover_answer(request, outcome, receipt))
        else:
            resting.append(
                RestingAnswer(
                    request=request.request_id,
                    reason=outcome.reason,
                    coverable_cents=outcome.coverable_cents,
                    receipt=receipt,
                )
            )
    return BookAnswer(covers=tuple(covers), resting=tuple(resting))


def encode_answer(answer: BookAnswer) -> bytes:
    """The answer as one line of JSON; equal answers give equal bytes."""
    return _encoder.encode(answer)


def _outcomes(book: BookFile) -> Iterator[tuple[CreditRequest, CoverPlan | Uncovered]]:
    terms = book.company_terms()
    resting = _resting_offers(book)
    sequence = book.sequence
    budget_left_cents = book.terms.company_money.budget_cents
    guaranteed_cents = 0 if book.terms.guarantee is None else book.terms.guarantee.guaranteed_cents
    for request in sorted(_requests(book), key=CreditRequest.book_order):
        outcome = plan_cover_from(
            resting,
            request,
            terms,
            guaranteed_cents=guaranteed_cents,
            company_budget_left_cents=budget_left_cents,
            sequence=sequence,
        )
        if isinstance(outcome, CoverPlan):
            _take_money(resting, outcome, sequence)
            budget_left_cents -= outcome.company_cents
            guaranteed_cents += outcome.amount_cents - outcome.company_cents
            sequence += 1
        yield request, outcome


def _take_money(resting: RestingOffers, cover: CoverPlan, sequence: int) -> None:
    """Lower what each lender of a cover can still lend, and send the rationed ones to the back of the ticket round."""
    for leg in cover.legs:
        standing = resting.standing(leg.lender_id)
        is_rotated = leg.lender_id in cover.rotated_lender_ids
        resting.restand(
            msgspec.structs.replace(
                standing,
                free_cents=standing.free_cents - leg.cents,
                last_rationed=sequence if is_rotated else standing.last_rationed,
            )
        )
        (offer,) = resting.offers_of(leg.lender_id)
        if offer.per_company_room_cents is not None:
            room_cents = offer.per_company_room_cents - leg.cents
            resting.place(msgspec.structs.replace(offer, per_company_room_cents=room_cents))


def _cover_answer(request: CreditRequest, cover: CoverPlan, receipt: Receipt | UnsetType) -> CoverAnswer:
    return CoverAnswer(
        request=request.request_id,
        rate_bp=cover.rate_bp,
        amount_cents=cover.amount_cents,
        company_cents=cover.company_cents,
        dust=cover.dust,
        fills=tuple(FillAnswer(lender=leg.lender_id, offer=leg.offer_id, amount_cents=leg.cents) for leg in cover.legs),
        receipt=receipt,
    )


def _resting_offers(book: BookFile) -> RestingOffers:
    return RestingOffers(
        (
            LenderOffer(
                offer_id=offer.id,
                lender_id=offer.lender,
                strategy_id=offer.id,
                sequence=offer.sequence,
                ask_bp=offer.ask_bp,
                tier=offer.tier,
                months=offer.months,
                min_ticket_cents=offer.min_ticket_cents,
                per_request_cents=offer.per_request_cents,
                per_company_room_cents=offer.per_company_room_cents,
            )
            for offer in book.offers
        ),
        {
            lender.id: LenderStanding(
                lender_id=lender.id,
                free_cents=lender.free_cents,
                cash_since_at=lender.cash_since.astimezone(UTC),
                last_rationed=lender.last_rationed,
            )
            for lender in book.lenders
        },
    )


def _requests(book: BookFile) -> Iterator[CreditRequest]:
    for request in book.requests:
        yield CreditRequest(
            request_id=request.id,
            borrower_id=request.borrower,
            amount_cents=request.amount_cents,
            min_amount_cents=request.min_amount_cents,
            months=request.months,
            max_rate_bp=request.max_rate_bp,
            accepts_shrink=request.accepts_shrink,
            purpose_class=request.purpose_class,
            approval_sequence=request.approval_sequence,
        )

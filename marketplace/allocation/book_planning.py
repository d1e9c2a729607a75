"""Planning every request of a book file in turn, and the answer in kind."""

from collections.abc import Iterator
from datetime import UTC
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from marketplace.allocation.book_file import BookFile
from marketplace.allocation.matching import BookFigures, CoverPlan, Uncovered
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.allocation.planning_in_turn import plan_in_turn
from marketplace.allocation.receipt_arithmetic import differences
from marketplace.allocation.receipts import DustPath, Receipt
from marketplace.allocation.resting_offers import RestingOffers


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

    `with_receipts` adds to each answer the reasoning behind it, by which it has been computed once more.
    """
    covers, resting = [], []
    for request, outcome in _outcomes(book):
        receipt = _proven(outcome.receipt) if with_receipts else UNSET
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
    figures = BookFigures(
        guaranteed_cents=0 if book.terms.guarantee is None else book.terms.guarantee.guaranteed_cents,
        budget_left_cents=book.terms.company_money.budget_cents,
        exposures={},
        sequence=book.sequence,
        now_at=book.now.astimezone(UTC),
    )
    return plan_in_turn(_requests(book), resting_offers_of(book), book.company_terms(), figures)


def _proven(receipt: Receipt) -> Receipt:
    contradictions = differences(receipt)
    assert not contradictions, contradictions
    return receipt


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


def resting_offers_of(book: BookFile) -> RestingOffers:
    """The offers of a book file with their lenders, before any of its requests is planned."""
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
                # Nothing of what the lender has lent here is told, but what is left of its cap.
                per_company_cents=offer.per_company_room_cents,
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

"""Every plan of a book file in words: for each request its borrower, every lender of the book, and operations."""

from collections import Counter
from collections.abc import Iterator

import msgspec
from msgspec import UnsetType

from marketplace.allocation.book_file import BookFile
from marketplace.allocation.book_planning import BookAnswer, resting_offers_of
from marketplace.allocation.matching import BookFigures, eligibility_for
from marketplace.allocation.orders import LenderStanding
from marketplace.allocation.receipts import Receipt
from marketplace.explanations.borrower_account import borrower_account
from marketplace.explanations.judged_offers import judged_offers
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_account import lender_account
from marketplace.explanations.lender_outcomes import JudgedOffer, LenderOutcome, lender_outcome
from marketplace.explanations.operations_account import operations_account
from marketplace.explanations.sentences import Sentence


class LenderAccount(msgspec.Struct, frozen=True):
    """What one lender of the book is told of a plan."""

    lender_id: str
    outcome: LenderOutcome
    sentences: tuple[Sentence, ...]


class RequestAccount(msgspec.Struct, frozen=True):
    """A request's plan in words, for everybody it concerns."""

    receipt: Receipt
    borrower: tuple[Sentence, ...]
    lenders: tuple[LenderAccount, ...]
    operations: tuple[Sentence, ...]


class BookBefore:
    """The lenders of a book file as each of its plans found them: what earlier covers took is gone."""

    def __init__(self, book: BookFile) -> None:
        self._book = book
        self._terms = book.company_terms()
        self._resting = resting_offers_of(book)
        self._lent_cents: Counter[str] = Counter()

    def lender_ids(self) -> list[str]:
        """The lenders with an offer, in the order of the file."""
        return [lender.id for lender in self._book.lenders if self._resting.offers_of(lender.id)]

    def judged(self, receipt: Receipt, lender_id: str) -> tuple[JudgedOffer, ...]:
        """The lender's offers, judged for the request of the receipt."""
        band = self._terms.band(receipt.request.months)
        if band is None:
            return ()
        figures = BookFigures(
            guaranteed_cents=0 if receipt.gate is None else receipt.gate.guaranteed_cents,
            budget_left_cents=receipt.company.budget_left_cents,
            exposures={},
            sequence=receipt.sequence,
            now_at=receipt.decided_at,
        )
        eligibility = eligibility_for(
            receipt.request, self._terms, band, figures=figures, share_cap_cents=receipt.share_cap_cents
        )
        return judged_offers(eligibility, self._resting.offers_of(lender_id), self._standing(lender_id))

    def take(self, receipt: Receipt) -> None:
        """Go on to the plan after a covered one."""
        for bucket in receipt.buckets:
            for candidate in bucket.candidates:
                self._lent_cents[candidate.lender_id] += candidate.filled_cents

    def _standing(self, lender_id: str) -> LenderStanding:
        standing, lent_cents = self._resting.standing(lender_id), self._lent_cents[lender_id]
        return msgspec.structs.replace(
            standing,
            free_cents=standing.free_cents - lent_cents,
            lent_here_cents=standing.lent_here_cents + lent_cents,
        )


def receipts_of(answer: BookAnswer) -> list[Receipt]:
    """The receipts of an answer that was asked for with them, in the order in which the book served its requests."""
    given = (*(cover.receipt for cover in answer.covers), *(resting.receipt for resting in answer.resting))
    receipts = [receipt for receipt in given if not isinstance(receipt, UnsetType)]
    return sorted(receipts, key=lambda receipt: receipt.request.book_order())


def book_accounts(book: BookFile, answer: BookAnswer, language: Language) -> Iterator[RequestAccount]:
    """The plans of `answer`, which was made of `book` with receipts, in words."""
    before = BookBefore(book)
    for receipt in receipts_of(answer):
        lenders = []
        for lender_id in before.lender_ids():
            outcome = lender_outcome(receipt, lender_id, before.judged(receipt, lender_id))
            lenders.append(LenderAccount(lender_id, outcome, lender_account(receipt, outcome, language)))
        yield RequestAccount(
            receipt,
            borrower=borrower_account(receipt, language),
            lenders=tuple(lenders),
            operations=operations_account(receipt, language),
        )
        if receipt.outcome == "covered":
            before.take(receipt)

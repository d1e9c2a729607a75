"""A plan of a small book, in the words of whoever asks: what the tests of explanations read."""

from marketplace.allocation.matching import BookFigures, CoverPlan, Uncovered, eligibility_for
from marketplace.allocation.orders import CreditRequest
from marketplace.company_terms import CompanyTerms
from marketplace.explanations.judged_offers import judged_offers
from marketplace.explanations.languages import Language
from marketplace.explanations.lender_account import lender_account
from marketplace.explanations.lender_outcomes import JudgedOffer, LenderOutcome, lender_outcome
from tests.marketplace.book_notation import NOW_AT, Book, plan


class ExplainedPlan:
    """The plan for one request, with the book it was made of."""

    def __init__(
        self, request: CreditRequest, book: Book, terms: CompanyTerms, *, budget: str = "0", guaranteed: str = "0"
    ) -> None:
        self.plan: CoverPlan | Uncovered = plan(request, book, terms, budget=budget, guaranteed=guaranteed)
        self._request, self._book, self._terms = request, book, terms

    def outcome(self, lender_id: str) -> LenderOutcome:
        return lender_outcome(self.plan.receipt, lender_id, self.judged(lender_id))

    def judged(self, lender_id: str) -> tuple[JudgedOffer, ...]:
        band = self._terms.band(self._request.months)
        assert band is not None
        eligibility = eligibility_for(
            self._request,
            self._terms,
            band,
            figures=BookFigures(guaranteed_cents=0, budget_left_cents=0, exposures={}, sequence=900, now_at=NOW_AT),
            share_cap_cents=self.plan.receipt.share_cap_cents,
        )
        offers = tuple(offer for offer in self._book.offers if offer.lender_id == lender_id)
        return judged_offers(eligibility, offers, self._book.standings[lender_id])

    def told(self, lender_id: str, language: Language = "en") -> list[str]:
        """What the lender reads; no-break spaces are shown as spaces."""
        sentences = lender_account(self.plan.receipt, self.outcome(lender_id), language)
        return [sentence.text.replace("\u00a0", " ") for sentence in sentences]

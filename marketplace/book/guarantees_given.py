"""What new terms may not take back: the guarantee that lenders lent under."""

from collections.abc import Iterator

from marketplace.allocation.guarantee import used_cents
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import WHOLE_BP, CompanyTerms, GuaranteeTerms, TermsProblem


def standing_problems(book: OrderBook, terms: CompanyTerms) -> tuple[TermsProblem, ...]:
    """Every way in which `terms` would weaken the guarantee while lenders' principal stands under it, or promise more
    than its limit holds; empty when there is none."""
    guarantee, present = terms.guarantee, None if book.terms is None else book.terms.guarantee
    if present is None or book.outstanding_cents == 0:
        return ()
    if guarantee is None:
        return (TermsProblem(field="guarantee", given="none", accepted="a guarantee while loans stand under it"),)
    return tuple(_weaknesses(book, guarantee, present))


def _weaknesses(book: OrderBook, guarantee: GuaranteeTerms, present: GuaranteeTerms) -> Iterator[TermsProblem]:
    for field in ("rate_bp", "coverage_bp"):
        given, least = getattr(guarantee, field), getattr(present, field)
        if given < least:
            yield _problem(field, given, f"{least} or more while loans stand under it")
    for field in ("mode", "base"):
        given, kept = getattr(guarantee, field), getattr(present, field)
        if given != kept:
            yield _problem(field, given, f"{kept} while loans stand under it")
    in_use_cents = used_cents(guarantee, guaranteed_cents=book.guaranteed_cents_under(guarantee))
    needed_cents = -(-in_use_cents * guarantee.coverage_bp // WHOLE_BP)
    if guarantee.limit_cents < needed_cents:
        yield _problem("limit_cents", guarantee.limit_cents, f"{needed_cents} or more")


def _problem(field: str, given: object, accepted: str) -> TermsProblem:
    return TermsProblem(field=f"guarantee.{field}", given=str(given), accepted=accepted)

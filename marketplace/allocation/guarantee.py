"""The company's guarantee: how much of it a body of loans uses and how much room is left."""

from marketplace.company_terms import WHOLE_BP, GuaranteeTerms


def used_cents(guarantee: GuaranteeTerms, *, guaranteed_cents: int) -> int:
    """The guaranteed part of `guaranteed_cents` of lenders' principal, rounded up to the cent."""
    return -(-guarantee.rate_bp * guaranteed_cents // WHOLE_BP)


def is_within_limit(guarantee: GuaranteeTerms, *, guaranteed_cents: int) -> bool:
    """Whether the limit covers what `guaranteed_cents` of lenders' principal use, as many times as agreed."""
    used = used_cents(guarantee, guaranteed_cents=guaranteed_cents)
    return used * guarantee.coverage_bp <= guarantee.limit_cents * WHOLE_BP


def head_room_cents(guarantee: GuaranteeTerms, *, guaranteed_cents: int) -> int | None:
    """The most lenders' principal that may be added to `guaranteed_cents`; None when nothing bounds it."""
    if guarantee.rate_bp == 0 or guarantee.coverage_bp == 0:
        return None
    usable_cents = guarantee.limit_cents * WHOLE_BP // guarantee.coverage_bp
    return max(0, usable_cents * WHOLE_BP // guarantee.rate_bp - guaranteed_cents)


def has_unused(guarantee: GuaranteeTerms, *, guaranteed_cents: int, least_bp: int) -> bool:
    """Whether at least `least_bp` of the limit is unused; a limit of nothing has nothing unused."""
    if guarantee.limit_cents == 0:
        return least_bp == 0
    used = used_cents(guarantee, guaranteed_cents=guaranteed_cents)
    return guarantee.limit_cents * WHOLE_BP - used * guarantee.coverage_bp >= least_bp * guarantee.limit_cents

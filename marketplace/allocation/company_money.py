"""The company's own tranche of a loan: how much it takes before the lenders, and what that does to the rate."""

from marketplace.company_terms import WHOLE_BP, CompanyMode, CompanyMoney


def tranche_cents(money: CompanyMoney, *, amount_cents: int, budget_left_cents: int, ticket_cents: int) -> int:
    """What a first or share tranche takes of a loan of `amount_cents` before any lender is asked, 0 to the amount.

    The lenders are left either nothing or at least one ticket: the tranche is cut where it would leave less.
    """
    if money.mode == "first":
        wanted_cents = amount_cents
    elif money.mode == "share":
        wanted_cents = amount_cents * money.share_bp // WHOLE_BP
    else:
        return 0
    taken_cents = min(wanted_cents, budget_left_cents)
    if 0 < amount_cents - taken_cents < ticket_cents:
        return max(0, amount_cents - ticket_cents)
    return taken_cents


def backstop_left_cents(mode: CompanyMode, budget_left_cents: int, tranche_cents: int) -> int:
    """What a company in backstop mode may close a last gap with: its budget, less what it carries already."""
    return budget_left_cents - tranche_cents if mode == "backstop" else 0


def loan_rate_cbp(*, clearing_bp: int, subsidised_bp: int | None, tranche_cents: int, amount_cents: int) -> int:
    """The rate of the whole loan in hundredths of a basis point.

    The average of the tranche at its subsidised rate and the rest at the clearing rate, weighted by cents, rounded half
    up. Without a subsidy it is the clearing rate.
    """
    if subsidised_bp is None:
        return clearing_bp * 100
    bp_cents = subsidised_bp * tranche_cents + clearing_bp * (amount_cents - tranche_cents)
    return (2 * 100 * bp_cents + amount_cents) // (2 * amount_cents)

"""Reads and prints the small tables in which tests show a book.

A header, then one offer a line; money in euro, asks in basis points, `-` for no cap:

    lender  ask  tier  cash    ticket  last
    L1      400  A     600.00  10.00   3

`last` is the sequence at which the lender was last filled in a rationed bucket. A column stands only where it
matters: tier B, a ticket of 10 euro, 24 months and no cap go without saying. Offers are numbered O1, O2…
in order of arrival.
"""

from datetime import UTC, datetime

import msgspec

from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from marketplace.matching import CoverPlan, Uncovered, plan_cover
from marketplace.offer_terms import Tier
from marketplace.orders import CreditRequest, LenderOffer, LenderStanding

CASH_SINCE_AT = datetime(2026, 11, 1, 8, tzinfo=UTC)


class Book(msgspec.Struct, frozen=True):
    offers: tuple[LenderOffer, ...]
    standings: dict[str, LenderStanding]


def cents(euro: str) -> int:
    """`1,234.50` is 123450; whole euro may leave the decimals out."""
    whole, _, decimals = euro.replace(",", "").partition(".")
    return int(whole) * 100 + int(decimals.ljust(2, "0"))


def euro(amount_cents: int) -> str:
    return f"{amount_cents // 100:,}.{amount_cents % 100:02d}"


def read_book(table: str) -> Book:
    header, *lines = (line.split() for line in table.strip().splitlines())
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    return Book(
        offers=tuple(_offer(row, sequence) for sequence, row in enumerate(rows, start=1)),
        standings={row["lender"]: _standing(row) for row in rows},
    )


def _offer(row: dict[str, str], sequence: int) -> LenderOffer:
    return LenderOffer(
        offer_id=f"O{sequence}",
        lender_id=row["lender"],
        strategy_id=f"S{sequence}",
        sequence=sequence,
        ask_bp=int(row["ask"]),
        tier=msgspec.convert(row.get("tier", "B"), type=Tier),
        months=tuple(int(months) for months in row.get("months", "24").split("/")),
        min_ticket_cents=cents(row.get("ticket", "10")),
        per_request_cents=_cap(row, "per-request"),
        per_borrower_cents=_cap(row, "per-borrower"),
        per_company_room_cents=_cap(row, "company-room"),
        strategy_room_cents=_cap(row, "strategy-room"),
        strategy_rank=int(row.get("rank", "1")),
        is_active=row.get("active", "yes") == "yes",
    )


def _cap(row: dict[str, str], column: str) -> int | None:
    return None if row.get(column, "-") == "-" else cents(row[column])


def _standing(row: dict[str, str]) -> LenderStanding:
    return LenderStanding(
        lender_id=row["lender"],
        free_cents=cents(row["cash"]),
        cash_since_at=CASH_SINCE_AT,
        last_rationed=int(row.get("last", "0")),
    )


def a_request(
    amount: str,
    *,
    at_least: str | None = None,
    max_rate_bp: int = 10_000,
    accepts_shrink: bool = False,
    borrower_id: str = "borrower",
    months: int = 24,
) -> CreditRequest:
    """A request of `amount` euro that takes no less unless `at_least` says so."""
    return CreditRequest(
        request_id="R1",
        borrower_id=borrower_id,
        amount_cents=cents(amount),
        min_amount_cents=cents(at_least or amount),
        months=months,
        max_rate_bp=max_rate_bp,
        accepts_shrink=accepts_shrink,
    )


def some_terms(
    *,
    floor_bp: int = 500,
    cap_bp: int = 500,
    max_lenders: int = 100,
    max_share_bp: int | None = None,
    company: CompanyMoney | None = None,
    guarantee: GuaranteeTerms | None = None,
) -> CompanyTerms:
    """Terms for 24 months, without share cap, company money or guarantee unless given."""
    return CompanyTerms(
        version=1,
        bands=(RateBand(months=24, floor_bp=floor_bp, cap_bp=cap_bp),),
        max_lenders=max_lenders,
        max_share_bp=max_share_bp,
        company_money=company or CompanyMoney(),
        guarantee=guarantee,
    )


def as_text(plan: CoverPlan | Uncovered) -> str:
    """`L1 600.00, L2 400.00 at 500` and then what else there is to say, or why the request stays."""
    fills = ", ".join(f"{leg.lender_id} {euro(leg.cents)}" for leg in plan.legs)
    if isinstance(plan, Uncovered):
        return f"{plan.reason}: {euro(plan.coverable_cents)} coverable"
    company = [f"company {euro(plan.company_cents)}"] if plan.company_cents else []
    dust = [plan.dust] if plan.dust != "none" else []
    return "; ".join([*company, *([fills] if fills else []), *dust]) + f" at {plan.rate_bp}"


ONE_RICH_LENDER = read_book("""
    lender  ask  cash
    L1      500  20,000
""")


def plan(
    request: CreditRequest,
    book: Book,
    terms: CompanyTerms,
    *,
    budget: str = "0",
    guaranteed: str = "0",
    promised: dict[str, int] | None = None,
    exposures: dict[str, int] | None = None,
) -> CoverPlan | Uncovered:
    return plan_cover(
        request,
        book.offers,
        book.standings,
        terms,
        cents(guaranteed),
        cents(budget),
        promised or {},
        exposures=exposures or {},
        sequence=900,
    )


def covered(outcome: CoverPlan | Uncovered) -> CoverPlan:
    assert isinstance(outcome, CoverPlan), as_text(outcome)
    return outcome

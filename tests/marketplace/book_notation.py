"""Reads and prints the small tables in which tests show a book.

A header, then one offer a line; money in euro, asks in basis points, `-` for no cap:

    lender  ask  tier  cash    ticket  last
    L1      400  A     600.00  10.00   3

`last` is the sequence at which the lender was last filled in a rationed bucket; `budget`, `term-limit` and `pace` are
what limits of the purse still allow; `fresh` is the part of the cash that has only just come. A column stands only
where it matters: tier B, a ticket of 10 euro, 24 months and no cap go without saying. Offers are numbered O1, O2… in
order of arrival, their strategies S1, S2…
"""

from datetime import UTC, datetime, timedelta

import msgspec

from marketplace.allocation.eligibility import OwnPromises
from marketplace.allocation.matching import BookFigures, CoverPlan, Uncovered, plan_cover_from
from marketplace.allocation.orders import Bar, CreditRequest, LenderOffer, LenderStanding
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from marketplace.strategies.offer_terms import Tier

CASH_SINCE_AT = datetime(2026, 11, 1, 8, tzinfo=UTC)
NOW_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


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
        standings=_standings(rows),
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
        per_company_cents=_cap(row, "per-company"),
        strategy_rank=int(row.get("rank", "1")),
        is_all_or_none=row.get("all-or-none") == "yes",
        is_paused=row.get("paused") == "yes",
    )


def _cap(row: dict[str, str], column: str) -> int | None:
    return None if row.get(column, "-") == "-" else cents(row[column])


def _standings(rows: list[dict[str, str]]) -> dict[str, LenderStanding]:
    """One of each lender; several lines of a lender say the same of it, but for the limits of their own strategies."""
    rooms: dict[str, dict[str, int]] = {}
    for sequence, row in enumerate(rows, start=1):
        endings = {"budget": "", "term-limit": "/24m", "pace": "/2026-11"}
        given = {f"S{sequence}{ending}": _cap(row, column) for column, ending in endings.items()}
        left = {key: room for key, room in given.items() if room is not None}
        rooms[row["lender"]] = {**rooms.get(row["lender"], {}), **left}
    return {
        row["lender"]: LenderStanding(
            lender_id=row["lender"],
            free_cents=cents(row["cash"]),
            cash_since_at=CASH_SINCE_AT,
            last_rationed=int(row.get("last", "0")),
            lent_here_cents=cents(row.get("lent", "0")),
            rooms=rooms[row["lender"]],
            bars=() if row.get("bar", "-") == "-" else (msgspec.convert(row["bar"], type=Bar),),
            fresh_cents=cents(row.get("fresh", "0")),
            fresh_at=NOW_AT if "fresh" in row else None,
        )
        for row in rows
    }


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
    promised: dict[str, str] | None = None,
    strategies: dict[str, str] | None = None,
    exposures: dict[str, str] | None = None,
    now_at: datetime = NOW_AT,
    staging_tick: timedelta = timedelta(0),
    arrears_bp: int = 0,
) -> CoverPlan | Uncovered:
    """The plan; what is `promised` to the request's own cover (euro by lender) is also what it reserves."""
    promised_cents = {lender_id: cents(amount) for lender_id, amount in (promised or {}).items()}
    return plan_cover_from(
        RestingOffers(book.offers, book.standings),
        request,
        terms,
        figures=BookFigures(
            guaranteed_cents=cents(guaranteed),
            budget_left_cents=cents(budget),
            exposures={lender_id: cents(amount) for lender_id, amount in (exposures or {}).items()},
            sequence=900,
            now_at=now_at,
            staging_tick=staging_tick,
            company_arrears_bp=arrears_bp,
        ),
        own=OwnPromises(promised_cents, strategies or {}, promised_cents),
    )


def covered(outcome: CoverPlan | Uncovered) -> CoverPlan:
    assert isinstance(outcome, CoverPlan), as_text(outcome)
    return outcome

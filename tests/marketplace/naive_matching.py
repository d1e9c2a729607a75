"""The allocation rule written down as slowly and plainly as its text: the twin that the real one is compared with.

It looks at every offer of the book, computes every share as a fraction, and finds the loan a guarantee has room for by
trying one cent less at a time. It shares no code with the product beyond the structs that carry the figures.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

from marketplace.allocation.eligibility import OwnPromises
from marketplace.allocation.matching import BookFigures
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.company_terms import CompanyTerms
from tests.marketplace.naive_eligibility import naive_ask, naive_eligible


class NaiveCover(NamedTuple):
    rate_bp: int
    loan_rate_cbp: int
    amount_cents: int
    company_cents: int
    fills: list[tuple[str, str, int]]  # lender, offer, cents
    dust: str
    rotated: list[str]


class NaiveRest(NamedTuple):
    reason: str
    coverable_cents: int
    rate_bp: int | None
    fills: list[tuple[str, str, int]]


def naive_plan(
    request: CreditRequest,
    offers: Iterable[LenderOffer],
    standings: Mapping[str, LenderStanding],
    terms: CompanyTerms,
    figures: BookFigures,
    own: OwnPromises,
) -> NaiveCover | NaiveRest:
    guaranteed_cents, budget_left_cents = figures.guaranteed_cents, figures.budget_left_cents
    bands = {band.months: (band.floor_bp, band.cap_bp) for band in terms.bands}
    if request.months not in bands or bands[request.months][0] > request.max_rate_bp:
        return NaiveRest("uncovered", 0, None, [])
    floor_bp = bands[request.months][0]

    def attempt(amount: int, may_shrink_by: int) -> dict[str, Any]:
        tranche = naive_tranche(terms, amount, budget_left_cents)
        book = [
            {"price": max(naive_ask(offer, request.months), floor_bp), "tier": offer.tier, "c": c, "m": m,
             "offer": offer, "order": order}
            for offer, c, m, order in naive_eligible(request, amount, offers, standings, terms, figures, own)
        ]  # fmt: skip
        backstop = budget_left_cents if terms.company_money.mode == "backstop" else 0
        walked = naive_walk(book, amount - tranche, terms.ticket_cents, terms.max_lenders, backstop, may_shrink_by)
        return {**walked, "tranche": tranche, "amount": amount}

    def lenders_part(result: dict[str, Any]) -> int:
        return sum(fill["cents"] for fill in result["fills"])

    def passes_gate(lender_cents: int) -> bool:
        if terms.guarantee is None or lender_cents == 0:
            return True
        used = ceil(Fraction(terms.guarantee.rate_bp * (guaranteed_cents + lender_cents), 10_000))
        return used * Fraction(terms.guarantee.coverage_bp, 10_000) <= terms.guarantee.limit_cents

    def as_fills(result: dict[str, Any]) -> list[tuple[str, str, int]]:
        return [(fill["offer"].lender_id, fill["offer"].offer_id, fill["cents"]) for fill in result["fills"]]

    def as_rest(reason: str, result: dict[str, Any]) -> NaiveRest:
        coverable_cents = result["tranche"] + result["backstop"] + lenders_part(result)
        rate_bp = max((fill["price"] for fill in result["fills"]), default=None)
        return NaiveRest(reason, coverable_cents, rate_bp, as_fills(result))

    def as_cover(result: dict[str, Any]) -> NaiveCover:
        rate_bp = max((fill["price"] for fill in result["fills"]), default=floor_bp)
        amount = result["amount"] - result["shrunk"]
        tranche_rate_bp = rate_bp if terms.company_money.rate_bp is None else terms.company_money.rate_bp
        mean_bp = Fraction(tranche_rate_bp * result["tranche"] + rate_bp * (amount - result["tranche"]), amount)
        return NaiveCover(
            rate_bp=rate_bp,
            loan_rate_cbp=floor(mean_bp * 100 + Fraction(1, 2)),
            amount_cents=amount,
            company_cents=result["tranche"] + result["backstop"],
            fills=as_fills(result),
            dust=result["dust"],
            rotated=result["rotated"],
        )

    whole = attempt(request.amount_cents, terms.ticket_cents - 1 if request.accepts_shrink else 0)
    if not whole["covered"]:
        return as_rest("uncovered", whole)
    if passes_gate(lenders_part(whole)):
        return as_cover(whole)
    for amount in range(request.amount_cents - 1, request.min_amount_cents - 1, -1):
        if passes_gate(amount - naive_tranche(terms, amount, budget_left_cents)):
            may_shrink_by = min(terms.ticket_cents - 1, amount - request.min_amount_cents)
            smaller = attempt(amount, may_shrink_by if request.accepts_shrink else 0)
            if smaller["covered"]:
                return as_cover(smaller)
            break
    return as_rest("guarantee", whole)


def naive_tranche(terms: CompanyTerms, amount: int, budget_left_cents: int) -> int:
    """Step 7."""
    mode = terms.company_money.mode
    if mode == "first":
        tranche = min(budget_left_cents, amount)
    elif mode == "share":
        tranche = min(budget_left_cents, floor(Fraction(amount * terms.company_money.share_bp, 10_000)))
    else:
        tranche = 0
    while tranche > 0 and 0 < amount - tranche < terms.ticket_cents:
        tranche -= 1
    return tranche


def naive_walk(
    book: list[dict[str, Any]],
    need: int,
    ticket: int,
    max_lenders: int,
    backstop_budget: int,
    may_shrink_by: int,
) -> dict[str, Any]:
    """Steps 1 to 6 over candidates with price, tier, c, m and order."""
    keys = sorted({(one["price"], one["tier"]) for one in book})
    fills: list[dict[str, Any]] = []
    rotated: list[str] = []
    d = need

    def closed(dust: str, backstop: int = 0, shrunk: int = 0) -> dict[str, Any]:
        return {
            "covered": True, "fills": fills, "rotated": rotated, "dust": dust, "backstop": backstop, "shrunk": shrunk
        }  # fmt: skip

    for key in keys:
        if d == 0 or len(fills) == max_lenders:
            break
        members = sorted((one for one in book if (one["price"], one["tier"]) == key), key=lambda one: one["order"])
        if any(one["m"] <= d for one in members):
            given, is_rationed = naive_bucket(members, d, max_lenders - len(fills))
            fills += [{**one, "cents": cents} for one, cents in given]
            if is_rationed:
                rotated += [one["offer"].lender_id for one, _ in given]
            d -= sum(cents for _, cents in given)
            continue
        if not fills:
            continue
        if d < ticket and d <= backstop_budget:
            return closed("backstop", backstop=d)
        reached = max(fill["price"] for fill in fills)
        if key[0] > reached and d <= may_shrink_by:
            return closed("shrunk", shrunk=d)
        newcomer = members[0]
        excess = [fill["cents"] - fill["m"] for fill in fills]
        to_cut = newcomer["m"] - d
        if to_cut <= sum(excess):
            cuts = naive_split(to_cut, excess)
            for fill, cut in zip(fills, cuts, strict=True):
                fill["cents"] -= cut
            fills.append({**newcomer, "cents": newcomer["m"]})
            return closed("shaved")
    if d == 0:
        return closed("none")
    if fills and d < ticket and d <= backstop_budget:
        return closed("backstop", backstop=d)
    return {"covered": False, "fills": fills, "rotated": [], "dust": "none", "backstop": 0, "shrunk": 0}


def naive_bucket(
    members: list[dict[str, Any]], q: int, room_for_lenders: int
) -> tuple[list[tuple[dict[str, Any], int]], bool]:
    """Steps 3 and 4: who of one bucket gets what of q, and whether it was rationed."""
    if sum(one["c"] for one in members) <= q and len(members) <= room_for_lenders:
        return [(one, one["c"]) for one in members], False
    ticketed: list[dict[str, Any]] = []
    for one in members:
        if len(ticketed) < room_for_lenders and sum(other["m"] for other in ticketed) + one["m"] <= q:
            ticketed.append(one)
    rooms = [one["c"] - one["m"] for one in ticketed]
    rest = min(q - sum(one["m"] for one in ticketed), sum(rooms))
    shares = naive_split(rest, rooms)
    return [(one, one["m"] + share) for one, share in zip(ticketed, shares, strict=True)], True


def naive_split(cents: int, rooms: list[int]) -> list[int]:
    """Pro-rata by room: floors, then single cents to the largest fractions, the earlier first."""
    if cents == 0:
        return [0] * len(rooms)
    exact = [Fraction(cents * room, sum(rooms)) for room in rooms]
    parts = [floor(share) for share in exact]
    while sum(parts) < cents:
        neediest = max(range(len(parts)), key=lambda index: (exact[index] - parts[index], -index))
        parts[neediest] += 1
    return parts

"""The allocation rule written down as slowly and plainly as its text: the twin that the real one is compared with.

It looks at every offer of the book, computes every share as a fraction, and finds the loan a guarantee has room for by
trying one cent less at a time. It shares no code with the product beyond the structs that carry the figures.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from marketplace.allocation.book_file import BookFile
from marketplace.allocation.eligibility import OwnPromises
from marketplace.allocation.matching import BookFigures
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.company_terms import CompanyTerms


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


class NaiveCapacity(NamedTuple):
    c: int
    m: int
    bound: str
    place: tuple[int, datetime, int]


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


def naive_ask(offer: LenderOffer, months: int) -> int:
    """The ask for a term: its own, else the floating one, else the general one."""
    asks = dict.fromkeys(offer.months, offer.ask_bp)
    asks |= {ask.months: ask.ask_bp for ask in reversed(offer.floating_asks)}
    asks |= {ask.months: ask.ask_bp for ask in reversed(offer.asks_by_term)}
    return asks[months]


def naive_judgment(
    request: CreditRequest,
    amount: int,
    offer: LenderOffer,
    standing: LenderStanding,
    terms: CompanyTerms,
    figures: BookFigures,
    own: OwnPromises,
) -> NaiveCapacity | str:
    """What the offer could lend to the request (whichever of its lender's offers speaks), or what keeps it out."""
    cap_bp = {band.months: band.cap_bp for band in terms.bands}[request.months]
    obstacles = {
        "is-borrower": offer.lender_id == request.borrower_id,
        "lifted": offer.lender_id in figures.lifted_lender_ids,
        "offer-paused": offer.is_paused,
        "lender-paused": "paused" in standing.bars,
        "identity": "identity" in standing.bars,
        "conflict": "conflict" in standing.bars,
        "term": request.months not in offer.months,
        "rate": request.months in offer.months
        and naive_ask(offer, request.months) > min(request.max_rate_bp, cap_bp),
        **naive_unmet_conditions(request, offer, terms, figures),
    }  # fmt: skip
    for obstacle, stands in obstacles.items():
        if stands:
            return obstacle

    mine = own.promised.get(offer.lender_id, 0)
    mine_reserved = own.reserved.get(offer.lender_id, 0)
    ticks_behind = {"A": 0, "B": 1, "C": 2}[offer.tier]
    cash = {"cash": standing.free_cents + mine}
    if standing.fresh_cents and standing.fresh_at is not None:
        age = figures.now_at - standing.fresh_at
        if age < ticks_behind * figures.staging_tick:
            cash = {"staged-cash": standing.free_cents - standing.fresh_cents + mine}
    month = figures.now_at.astimezone(ZoneInfo("Europe/Rome")).strftime("%Y-%m")
    caps: dict[str, int | None] = {
        **cash,
        "budget": standing.rooms.get(offer.strategy_id),
        "term-limit": standing.rooms.get(f"{offer.strategy_id}/{request.months}m"),
        "pace": standing.rooms.get(f"{offer.strategy_id}/{month}"),
        "per-request": offer.per_request_cents,
        "per-borrower": offer.per_borrower_cents,
        "per-company": offer.per_company_cents,
        "share": None if terms.max_share_bp is None else floor(Fraction(amount * terms.max_share_bp, 10_000)),
    }
    put_back = {
        "per-borrower": mine_reserved - figures.exposures.get(offer.lender_id, 0),
        "per-company": mine_reserved - standing.lent_here_cents,
    }
    if own.strategies.get(offer.lender_id) == offer.strategy_id:
        put_back |= {"budget": mine, "term-limit": mine, "pace": mine}
    rooms = {name: cap + put_back.get(name, 0) for name, cap in caps.items() if cap is not None}
    c = min(rooms.values())
    bound = next(name for name, room in rooms.items() if room == c)
    m = max(terms.ticket_cents, offer.min_ticket_cents)
    if c < m:
        return bound
    waiting_since = max(standing.cash_since_at, offer.raised_at or standing.cash_since_at)
    place = (standing.last_rationed, waiting_since, offer.sequence)
    return NaiveCapacity(c, c if offer.is_all_or_none else m, bound, place)


def naive_unmet_conditions(
    request: CreditRequest, offer: LenderOffer, terms: CompanyTerms, figures: BookFigures
) -> dict[str, bool]:
    wants, guarantee = offer.filters, terms.guarantee
    rate = guarantee.rate_bp if guarantee else 0
    unused = Fraction(0)
    if guarantee and guarantee.limit_cents > 0:
        used = ceil(Fraction(guarantee.rate_bp * figures.guaranteed_cents, 10_000))
        unused = 1 - used * Fraction(guarantee.coverage_bp, 10_000) / guarantee.limit_cents
    has_gauge = guarantee is not None and (guarantee.limit_cents > 0 or wants.min_gauge_bp == 0)
    return {
        "guarantee-rate": wants.min_guarantee_bp is not None and rate < wants.min_guarantee_bp,
        "guarantee-mode": len(wants.guarantee_modes) > 0
        and (guarantee is None or guarantee.mode not in wants.guarantee_modes),
        "guarantee-gauge": wants.min_gauge_bp is not None
        and not (has_gauge and unused >= Fraction(wants.min_gauge_bp, 10_000)),
        "arrears": wants.max_arrears_bp is not None and figures.company_arrears_bp > wants.max_arrears_bp,
        "purpose": len(wants.purpose_classes) > 0 and request.purpose_class not in wants.purpose_classes,
    }


def naive_eligible(
    request: CreditRequest,
    amount: int,
    offers: Iterable[LenderOffer],
    standings: Mapping[str, LenderStanding],
    terms: CompanyTerms,
    figures: BookFigures,
    own: OwnPromises,
) -> list[tuple[LenderOffer, int, int, Any]]:
    """Capacity c, ticket m and place of every eligible offer, one offer per lender."""
    speaking: dict[str, tuple[Any, tuple[LenderOffer, int, int, Any]]] = {}
    for offer in offers:
        standing = standings[offer.lender_id]
        judged = naive_judgment(request, amount, offer, standing, terms, figures, own)
        rank = (offer.strategy_rank, offer.sequence, offer.offer_id)
        is_heard = offer.lender_id not in speaking or rank < speaking[offer.lender_id][0]
        if isinstance(judged, NaiveCapacity) and is_heard:
            order = (*judged.place, offer.lender_id)
            speaking[offer.lender_id] = (rank, (offer, judged.c, judged.m, order))
    return [entry for _, entry in speaking.values()]


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


def naive_in_turn(
    requests: Iterable[CreditRequest],
    offers: Sequence[LenderOffer],
    standings: Mapping[str, LenderStanding],
    terms: CompanyTerms,
    figures: BookFigures,
    exposures: Mapping[str, Mapping[str, int]],
) -> list[tuple[str, NaiveCover | NaiveRest]]:
    """Every request in book order, each cover using up money, limits, caps, head-room and places before the next."""
    left = {
        lender_id: msgspec.to_builtins(standing, builtin_types=(datetime,)) for lender_id, standing in standings.items()
    }
    strategies = {offer.offer_id: offer.strategy_id for offer in offers}
    month = figures.now_at.astimezone(ZoneInfo("Europe/Rome")).strftime("%Y-%m")
    lent = {borrower_id: dict(to_borrower) for borrower_id, to_borrower in exposures.items()}
    guaranteed, budget, sequence = figures.guaranteed_cents, figures.budget_left_cents, figures.sequence
    outcomes: list[tuple[str, NaiveCover | NaiveRest]] = []
    for request in sorted(requests, key=lambda one: (one.purpose_class, one.approval_sequence, one.request_id)):
        planned = naive_plan(
            request,
            offers,
            {lender_id: msgspec.convert(standing, LenderStanding) for lender_id, standing in left.items()},
            terms,
            msgspec.structs.replace(
                figures,
                guaranteed_cents=guaranteed,
                budget_left_cents=budget,
                sequence=sequence,
                exposures=lent.get(request.borrower_id, {}),
            ),
            OwnPromises({}, {}, {}),
        )
        outcomes.append((request.request_id, planned))
        if isinstance(planned, NaiveRest):
            continue
        for lender_id, offer_id, cents in planned.fills:
            purse = left[lender_id]
            purse["free_cents"] -= cents
            purse["fresh_cents"] = min(purse["fresh_cents"], purse["free_cents"])
            purse["lent_here_cents"] += cents
            for ending in ("", f"/{request.months}m", f"/{month}"):
                if strategies[offer_id] + ending in purse["rooms"]:
                    purse["rooms"][strategies[offer_id] + ending] -= cents
            if lender_id in planned.rotated:
                purse["last_rationed"] = sequence
            to_borrower = lent.setdefault(request.borrower_id, {})
            to_borrower[lender_id] = to_borrower.get(lender_id, 0) + cents
            guaranteed += cents
        budget -= planned.company_cents
        sequence += 1
    return outcomes


def naive_book(book: BookFile) -> dict[str, Any]:
    """Every request of a book file in book order, each cover taking its money before the next is looked at."""
    terms = book.company_terms()
    free = {lender.id: lender.free_cents for lender in book.lenders}
    last = {lender.id: lender.last_rationed for lender in book.lenders}
    room = {offer.lender: offer.per_company_room_cents for offer in book.offers}
    budget = book.terms.company_money.budget_cents
    guaranteed = book.terms.guarantee.guaranteed_cents if book.terms.guarantee else 0
    sequence = book.sequence
    covers, resting = [], []
    for entry in sorted(book.requests, key=lambda entry: (entry.purpose_class, entry.approval_sequence, entry.id)):
        planned = naive_plan(
            CreditRequest(
                request_id=entry.id,
                borrower_id=entry.borrower,
                **{
                    name: getattr(entry, name)
                    for name in ("amount_cents", "min_amount_cents", "months", "max_rate_bp", "accepts_shrink")
                },
            ),
            [
                LenderOffer(
                    offer_id=offer.id,
                    lender_id=offer.lender,
                    strategy_id="",
                    sequence=offer.sequence,
                    ask_bp=offer.ask_bp,
                    tier=offer.tier,
                    months=offer.months,
                    min_ticket_cents=offer.min_ticket_cents,
                    per_request_cents=offer.per_request_cents,
                    per_company_cents=room[offer.lender],
                )
                for offer in book.offers
            ],
            {
                lender.id: LenderStanding(
                    lender_id=lender.id,
                    free_cents=free[lender.id],
                    cash_since_at=lender.cash_since,
                    last_rationed=last[lender.id],
                )
                for lender in book.lenders
            },
            terms,
            BookFigures(
                guaranteed_cents=guaranteed, budget_left_cents=budget, exposures={}, sequence=sequence, now_at=book.now
            ),
            OwnPromises({}, {}, {}),
        )
        if isinstance(planned, NaiveRest):
            resting.append({"request": entry.id, "reason": planned.reason, "coverable_cents": planned.coverable_cents})
            continue
        for lender, _, cents in planned.fills:
            free[lender] -= cents
            guaranteed += cents
            company_room = room[lender]
            room[lender] = None if company_room is None else company_room - cents
        for lender in planned.rotated:
            last[lender] = sequence
        budget -= planned.company_cents
        sequence += 1
        covers.append(
            {
                "request": entry.id,
                "rate_bp": planned.rate_bp,
                "amount_cents": planned.amount_cents,
                "company_cents": planned.company_cents,
                "dust": planned.dust,
                "fills": [
                    {"lender": lender, "offer": offer, "amount_cents": cents} for lender, offer, cents in planned.fills
                ],
            }
        )
    return {"covers": covers, "resting": resting}

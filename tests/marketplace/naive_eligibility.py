"""Who may lend to a request and how much, as slowly and plainly as the rule's text: the eligibility of the twin."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from marketplace.allocation.eligibility import OwnPromises
from marketplace.allocation.matching import BookFigures
from marketplace.allocation.orders import CreditRequest, LenderOffer, LenderStanding
from marketplace.company_terms import CompanyTerms


class NaiveCapacity(NamedTuple):
    c: int
    m: int
    bound: str
    place: tuple[int, datetime, int]


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

"""What single caps leave of a lender's money, in cents: the parts of a capacity, for whoever needs one by itself.

A walk works out whole capacities (`Eligibility`); views and forecasts ask for these.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from marketplace.allocation.orders import LenderOffer, LenderStanding
from marketplace.strategies.offer_terms import Tier

_TICKS_BEHIND: Mapping[Tier, int] = {"A": 0, "B": 1, "C": 2}


def seen_at(fresh_at: datetime, tier: Tier, staging_tick: timedelta) -> datetime:
    """When a book of the tier sees money that came at `fresh_at`: each tier a tick after the one before it."""
    return fresh_at + _TICKS_BEHIND[tier] * staging_tick


def least_room_cents(rooms: Mapping[str, int], keys: Iterable[str]) -> int | None:
    """The least that the limits of `keys` leave, below 0 where one is overdrawn; None where none of them is limited."""
    return min((rooms[key] for key in keys if key in rooms), default=None)


def company_room_cents(offer: LenderOffer, lent_here_cents: int) -> int | None:
    """What the offer's cap per company leaves beside what its lender has lent in this book: below 0 where the cap was
    lowered under that; None without a cap."""
    return None if offer.per_company_cents is None else offer.per_company_cents - lent_here_cents


def loan_cap_cents(offer: LenderOffer) -> int | None:
    """The most the offer lends to one loan of a person its lender has not lent to yet; None for no cap."""
    caps = [cap for cap in (offer.per_request_cents, offer.per_borrower_cents) if cap is not None]
    return min(caps, default=None)


def least_ticket_cents(offer: LenderOffer, ticket_cents: int) -> int:
    """The least the offer lends to one loan of a book whose ticket is `ticket_cents`."""
    return offer.min_ticket_cents if offer.min_ticket_cents > ticket_cents else ticket_cents


def seen_cash_cents(standing: LenderStanding, tier: Tier, *, now_at: datetime, staging_tick: timedelta) -> int:
    """What of a lender's free cash a book of the tier sees by now: fresh cash comes to it in its turn."""
    if standing.fresh_cents <= 0 or staging_tick <= timedelta(0):
        return standing.free_cents
    assert standing.fresh_at is not None, standing.lender_id
    is_staged = now_at < seen_at(standing.fresh_at, tier, staging_tick)
    return standing.free_cents - standing.fresh_cents if is_staged else standing.free_cents

"""What a lender would lend under other settings, beside what it may expect under its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from marketplace.allocation.orders import LenderOffer
from marketplace.book.book_events import Standing
from marketplace.book.book_lenders import is_raised
from marketplace.forecasts.lending_forecasts import (
    ForecastBasis,
    LendingForecast,
    NotEnoughData,
    forecast_basis,
    lending_forecast,
    present_offers,
)
from marketplace.forecasts.market_history import LiveBook


class OfferChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would be set otherwise in a strategy's offers: in one company's book, or in all where `company_id` is None.

    A field left out stays as it is; null as a cap lifts it. `ask_bp` is one fixed rate for all terms (basis points),
    caps are cents.
    """

    company_id: str | None = None
    ask_bp: int | msgspec.UnsetType = msgspec.UNSET
    months: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    min_ticket_cents: int | msgspec.UnsetType = msgspec.UNSET
    per_request_cents: int | msgspec.UnsetType | None = msgspec.UNSET
    per_borrower_cents: int | msgspec.UnsetType | None = msgspec.UNSET
    per_company_cents: int | msgspec.UnsetType | None = msgspec.UNSET


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """The forecast under the present settings and under the changed ones.

    `restarts` names the companies in whose books the waiting time of the offer would start again, because it would ask
    for more or offer more.
    """

    present: LendingForecast | NotEnoughData
    changed: LendingForecast | NotEnoughData
    restarts: tuple[str, ...]


class WhatIfBasis(msgspec.Struct, frozen=True, kw_only=True):
    """What both forecasts are made of, apart from the books."""

    present: ForecastBasis
    changed: ForecastBasis
    restarts: tuple[str, ...]


def what_if_basis(
    books: Sequence[LiveBook],
    strategy_id: str,
    change: OfferChange,
    *,
    standing: Standing,
    now_at: datetime,
    paces: Mapping[str, int] | None = None,
) -> WhatIfBasis:
    """What is needed for both forecasts of one strategy; arguments as in `forecast_basis`."""
    changed: dict[str, tuple[LenderOffer, ...]] = {}
    restarts = []
    for live in books:
        company_id = live.book.company_id
        offers = []
        for offer in present_offers(live.book, standing.lender_id):
            other = offer
            if offer.strategy_id == strategy_id and change.company_id in (None, company_id):
                other = changed_offer(offer, change, now_at)
                if is_raised(offer, other):
                    restarts.append(company_id)
            offers.append(other)
        changed[company_id] = tuple(offers)
    return WhatIfBasis(
        present=forecast_basis(books, strategy_id, standing=standing, now_at=now_at, paces=paces),
        changed=forecast_basis(books, strategy_id, standing=standing, now_at=now_at, paces=paces, offers=changed),
        restarts=tuple(restarts),
    )


def what_if(basis: WhatIfBasis) -> WhatIf:
    """Both forecasts, played through the same scenarios."""
    return WhatIf(
        present=lending_forecast(basis.present),
        changed=lending_forecast(basis.changed),
        restarts=basis.restarts,
    )


def changed_offer(offer: LenderOffer, change: OfferChange, at: datetime) -> LenderOffer:
    """The offer as the book would have it after the change: what is raised starts its waiting time anew."""
    fields = {
        field: value
        for field, value in msgspec.structs.asdict(change).items()
        if field != "company_id" and value is not msgspec.UNSET
    }
    if change.ask_bp is not msgspec.UNSET:
        fields |= {"asks_by_term": (), "floating": None, "floating_asks": ()}
    other = msgspec.structs.replace(offer, **fields)
    return msgspec.structs.replace(other, raised_at=at) if is_raised(offer, other) else other

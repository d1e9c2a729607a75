"""Forecasts for both sides: a lender's idle money, time to fill and what-if; an employee's likely rate and wait."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from api.body_fields import CENTS_MAX, BasisPoints, Months, PositiveCents
from api.callers import Role
from api.dependencies import Forecasts, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import FieldError, Problem
from marketplace.forecasts.idle_money import IdlePart
from marketplace.forecasts.lending_forecasts import LendingForecast, NotEnoughData, PastOfBook
from marketplace.forecasts.outlooks import Outlook
from marketplace.forecasts.what_if import OfferChange
from marketplace.strategies.strategy_settings import SMALLEST_TICKET_CENTS

_OWN = allow(Role.LENDER, Role.OPERATOR, objects=Objects.OWN_IN_QUERY)

Terms = Annotated[tuple[Months, ...], msgspec.Meta(min_length=1, max_length=20)]
TicketCents = Annotated[int, msgspec.Meta(ge=SMALLEST_TICKET_CENTS, le=CENTS_MAX)]
AmountCents = Annotated[int, QueryParameter(ge=1, le=CENTS_MAX, description="Euro cents, at least 1.")]
TermMonths = Annotated[int, QueryParameter(ge=1, le=120, description="Whole months.")]


class IdleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The free money of the strategy's lender (the reserve included) by what holds each part back: `binding` sums to
    `free_cents`. `request_count` requests were looked at: those that wait and those covered in the last 24 hours."""

    strategy_id: UUID
    as_of_at: datetime
    free_cents: int
    request_count: int
    binding: tuple[IdlePart, ...]


class ForecastAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """When the strategy's money will be lent: by `wait_p50_s` all of it in half of the cases, by `wait_p90_s` in nine
    of ten; null where that is not within the horizon, or not enough is known (`forecast.state`). `past` is what
    happened lately in the books of its offers."""

    strategy_id: UUID
    as_of_at: datetime
    wait_p50_s: int | None
    wait_p90_s: int | None
    forecast: LendingForecast | NotEnoughData
    past: tuple[PastOfBook, ...]


class WhatIfBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would be set otherwise, in the offer to one company or (`company_id` null) in all; a field left out stays.

    A cap of null is no cap.
    """

    company_id: UUID | None = None
    rate_floor_bp: BasisPoints | UnsetType = UNSET
    terms: Terms | UnsetType = UNSET
    ticket_min_cents: TicketCents | UnsetType = UNSET
    per_request_cents: PositiveCents | UnsetType | None = UNSET
    per_borrower_cents: PositiveCents | UnsetType | None = UNSET
    per_company_cents: PositiveCents | UnsetType | None = UNSET

    def change(self) -> OfferChange:
        """The same in the words of a book."""
        return OfferChange(
            company_id=None if self.company_id is None else str(self.company_id),
            ask_bp=self.rate_floor_bp,
            months=UNSET if self.terms is UNSET else tuple(sorted(set(self.terms))),
            min_ticket_cents=self.ticket_min_cents,
            per_request_cents=self.per_request_cents,
            per_borrower_cents=self.per_borrower_cents,
            per_company_cents=self.per_company_cents,
        )


class WhatIfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The forecast as things are and as they would be. `restarts` are the companies where the offer's waiting time
    would begin again, because it would ask for more or offer more."""

    strategy_id: UUID
    as_of_at: datetime
    present: LendingForecast | NotEnoughData
    changed: LendingForecast | NotEnoughData
    restarts: tuple[str, ...]


class OutlookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request would meet. `wait_p50_s` and `wait_p90_s` run to the payment, without the time to sign; null where
    that is not within the horizon, or not enough is known (`outlook.until_paid.state`)."""

    company_id: UUID
    as_of_at: datetime
    depth_cents: int
    wait_p50_s: int | None
    wait_p90_s: int | None
    outlook: Outlook


class ForecastController(Controller):
    path = "/strategies/{strategy_id:uuid}"
    tags = ("Forecasts",)

    @get("/idle", operation_id="ExplainIdleMoney", opt=_OWN)
    async def idle(
        self, strategy_id: FromPath[UUID], caller: SignedIn, clock: MarketClock, forecasts: Forecasts
    ) -> IdleAnswer:
        """Why the money is idle, by the constraint that binds, from the live books."""
        now_at = clock.now()
        idle = await forecasts.idle(str(strategy_id), caller, now_at=now_at)
        return IdleAnswer(
            strategy_id=strategy_id,
            as_of_at=now_at,
            free_cents=idle.free_cents,
            request_count=idle.request_count,
            binding=idle.parts,
        )

    @get("/forecast", operation_id="ForecastLending", opt=_OWN)
    async def forecast(
        self, strategy_id: FromPath[UUID], caller: SignedIn, clock: MarketClock, forecasts: Forecasts
    ) -> ForecastAnswer:
        """When the money will be lent, with a band that holds 8 of 10 cases. Not a promise."""
        now_at = clock.now()
        forecast, past = await forecasts.forecast(str(strategy_id), caller, now_at=now_at)
        wait = None if isinstance(forecast, NotEnoughData) else forecast.all_lent
        return ForecastAnswer(
            strategy_id=strategy_id,
            as_of_at=now_at,
            wait_p50_s=None if wait is None else wait.p50_s,
            wait_p90_s=None if wait is None else wait.p90_s,
            forecast=forecast,
            past=tuple(past),
        )

    @post("/what-if", operation_id="AskWhatIf", status_code=200, opt=_OWN)
    async def what_if(
        self,
        strategy_id: FromPath[UUID],
        data: JSONBody[WhatIfBody],
        caller: SignedIn,
        clock: MarketClock,
        forecasts: Forecasts,
    ) -> WhatIfAnswer:
        """What would be lent in 7 and 30 days under other settings, beside the present ones. Nothing is changed."""
        now_at = clock.now()
        change = data.change()
        if change == OfferChange(company_id=change.company_id):
            nothing = FieldError(pointer="", rule="missing-field", detail="name at least one setting")
            raise Problem("invalid-body", "Say what would be set otherwise.", errors=[nothing])
        asked = await forecasts.what_if(str(strategy_id), change, caller, now_at=now_at)
        return WhatIfAnswer(
            strategy_id=strategy_id,
            as_of_at=now_at,
            present=asked.present,
            changed=asked.changed,
            restarts=asked.restarts,
        )


class OutlookController(Controller):
    path = "/companies/{company_id:uuid}/outlook"
    tags = ("Forecasts",)

    @get(
        operation_id="GetOutlook",
        opt=allow(Role.BORROWER, Role.OPERATOR, objects=Objects.OWN_IN_QUERY),
    )
    async def outlook(
        self,
        company_id: FromPath[UUID],
        caller: SignedIn,
        clock: MarketClock,
        forecasts: Forecasts,
        amount_cents: AmountCents,
        term_months: TermMonths,
    ) -> OutlookAnswer:
        """The likely rate, the depth of the book and the time to the money, for an employee of the company."""
        now_at = clock.now()
        outlook = await forecasts.outlook(
            str(company_id), caller, amount_cents=amount_cents, months=term_months, now_at=now_at
        )
        paid = outlook.until_paid
        wait = None if isinstance(paid, NotEnoughData) else paid.wait
        return OutlookAnswer(
            company_id=company_id,
            as_of_at=now_at,
            depth_cents=outlook.depth_cents,
            wait_p50_s=None if wait is None else wait.p50_s,
            wait_p90_s=None if wait is None else wait.p90_s,
            outlook=outlook,
        )

"""A lender's standing offers in companies' books."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, put
from litestar.params import FromPath, JSONBody

from api.body_fields import BasisPoints, Months, PositiveCents, WaitS
from api.callers import Role
from api.command_desk import CommandReceipt, id_reused
from api.dependencies import Commands, Database, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import Problem, not_found
from marketplace.offer_terms import OfferTerms, Tier
from persistence.offers_desk import (
    CompanyUnknown,
    KycNotAccepted,
    NotTheLendersStrategy,
    OfferIdReused,
    OfferTaken,
    TierAFull,
    place_offer,
    withdraw_offer,
)
from persistence.strategies import own_strategy


class OfferBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An offer made from a strategy: the lowest rate accepted, the terms in months, and how much at most to whom."""

    strategy_id: UUID
    rate_floor_bp: BasisPoints
    tier: Tier
    terms: Annotated[tuple[Months, ...], msgspec.Meta(min_length=1, max_length=20)]
    ticket_min_cents: PositiveCents = 1_000
    per_request_cents: PositiveCents | None = None
    per_borrower_cents: PositiveCents | None = None
    per_company_cents: PositiveCents | None = None


class OfferController(Controller):
    path = "/companies/{company_id:uuid}/offers"
    tags = ("Offers",)

    @put(
        "/{offer_id:uuid}",
        operation_id="PlaceOffer",
        status_code=201,
        opt=allow(Role.LENDER, objects=Objects.CREATES_OWN),
    )
    async def place_offer(
        self,
        company_id: FromPath[UUID],
        offer_id: FromPath[UUID],
        data: JSONBody[OfferBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[CommandReceipt]:
        """Place an offer in a company's book. What it covers arrives on the book's feed."""
        strategy = await own_strategy(pool, str(data.strategy_id), lender_id=caller.own_id)
        if strategy is None:
            not_found("strategy")
        offer = OfferTerms(
            offer_id=str(offer_id),
            lender_id=caller.own_id,
            strategy_id=str(data.strategy_id),
            ask_bp=data.rate_floor_bp,
            tier=data.tier,
            months=tuple(sorted(set(data.terms))),
            min_ticket_cents=data.ticket_min_cents,
            per_request_cents=data.per_request_cents,
            per_borrower_cents=data.per_borrower_cents,
            per_company_cents=data.per_company_cents,
            strategy_rank=strategy.priority,
        )
        async with pool.acquire() as connection, connection.transaction():
            outcome = await place_offer(connection, str(company_id), offer, at=clock.now())
        match outcome:
            case OfferTaken(envelope=envelope, is_new=is_new):
                return await commands.answer(envelope, wait_s=wait_s, is_new=is_new, decided_status=201)
            case OfferIdReused():
                raise id_reused("offer")
            case TierAFull(used=used, limit=limit):
                raise Problem(
                    "tier-a-full", "Move one of the preferred companies to tier B first.", used=used, limit=limit
                )
            case KycNotAccepted(kyc_state=state):
                raise Problem(
                    "kyc-incomplete", "First the identity check must be complete.", state=state, next_step="kyc"
                )
            case NotTheLendersStrategy():
                not_found("strategy")
            case CompanyUnknown():
                not_found("company")

    @delete(
        "/{offer_id:uuid}",
        operation_id="WithdrawOffer",
        status_code=200,
        opt=allow(Role.LENDER, objects=Objects.OWN_IN_QUERY),
    )
    async def withdraw_offer(
        self,
        company_id: FromPath[UUID],
        offer_id: FromPath[UUID],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[CommandReceipt]:
        """Take an offer out of the book. What it has promised to a cover stays promised."""
        async with pool.acquire() as connection, connection.transaction():
            outcome = await withdraw_offer(
                connection, str(company_id), str(offer_id), lender_id=caller.own_id, at=clock.now()
            )
        if outcome is None:
            not_found("offer")
        return await commands.answer(outcome.envelope, wait_s=wait_s, is_new=outcome.is_new)

"""A lender's standing offers in companies' books."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, patch, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from api.body_fields import WaitS
from api.callers import Role
from api.command_desk import CommandReceipt, id_reused, key_reused
from api.dependencies import Commands, Database, MarketClock, SignedIn
from api.field_errors import settings_refused
from api.guards import Objects, allow
from api.idempotency_keys import IdempotencyKey
from api.problems import Problem, kyc_incomplete, not_found, strategy_closed
from api.versions import IfMatch, seen_version, version_is_another
from marketplace.strategies.offer_terms import Tier
from marketplace.strategies.strategy_offers import OfferPlace, OfferWish
from persistence.lender_bars import InConflict, LendingStopped
from persistence.offer_versions import OwnOffer, own_offers, present_offer
from persistence.offers_desk import (
    ChangeOutcome,
    CompanyExcluded,
    CompanyUnknown,
    KycNotAccepted,
    NotTheLendersStrategy,
    OfferIdReused,
    OfferOutcome,
    OfferTaken,
    TierAFull,
    WishRefused,
    change_offer,
    place_offer,
    withdraw_offer,
)
from persistence.strategies import ChangeIdReused, StrategyClosed, VersionIsAnother

_OFFER = "/companies/{company_id:uuid}/offers/{offer_id:uuid}"
_OWN = allow(Role.LENDER, objects=Objects.OWN_IN_QUERY)


class OfferBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An offer made from a strategy. What is left out is as the strategy says: lowest rate, terms, ticket, caps."""

    strategy_id: UUID
    tier: Tier
    rate_floor_bp: int | None = None
    terms: tuple[int, ...] = ()
    ticket_min_cents: int | None = None
    per_request_cents: int | None = None
    per_borrower_cents: int | None = None
    per_company_cents: int | None = None

    def wish(self) -> OfferWish:
        """What is said here of the book."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return OfferWish(**{**fields, "strategy_id": str(self.strategy_id), "terms": _in_order(self.terms)})


class OfferPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes of an offer; what is left out stays, null leaves it to the strategy again."""

    tier: Tier | UnsetType = UNSET
    rate_floor_bp: int | UnsetType | None = UNSET
    terms: tuple[int, ...] | UnsetType = UNSET
    ticket_min_cents: int | UnsetType | None = UNSET
    per_request_cents: int | UnsetType | None = UNSET
    per_borrower_cents: int | UnsetType | None = UNSET
    per_company_cents: int | UnsetType | None = UNSET
    is_paused: bool | UnsetType = UNSET

    def changed(self, wish: OfferWish) -> OfferWish:
        """`wish` with what is given here."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        given: dict[str, Any] = {name: value for name, value in fields.items() if value is not UNSET}
        if self.terms is not UNSET:
            given["terms"] = _in_order(self.terms)
        return msgspec.structs.replace(wish, **given)


class OfferController(Controller):
    tags = ("Offers",)

    @get("/offers", operation_id="ListOffers", opt=allow(Role.LENDER, objects=Objects.THE_CALLER))
    async def list_offers(
        self, caller: SignedIn, pool: Database, limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50
    ) -> list[OwnOffer]:
        """One's own offers, the newest first, each with its version and with the caps in cents that its book knows."""
        return await own_offers(pool, caller.own_id, limit=limit)

    @put(
        _OFFER,
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
        place = OfferPlace(offer_id=str(offer_id), lender_id=caller.own_id, company_id=str(company_id))
        async with pool.acquire() as connection, connection.transaction():
            outcome = await place_offer(connection, place, data.wish(), at=clock.now())
        taken = _taken(outcome)
        return await commands.answer(taken.envelope, wait_s=wait_s, is_new=taken.is_new, decided_status=201)

    @patch(_OFFER, operation_id="ChangeOffer", status_code=200, opt=_OWN)
    async def change_offer(
        self,
        company_id: FromPath[UUID],
        offer_id: FromPath[UUID],
        data: JSONBody[OfferPatch],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
        wait_s: WaitS = 0,
    ) -> Response[CommandReceipt]:
        """Change what is given. The offer keeps its place; a higher rate or cap starts its waiting time anew."""
        async with pool.acquire() as connection, connection.transaction():
            present = await present_offer(
                connection, str(offer_id), company_id=str(company_id), lender_id=caller.own_id
            )
            if present is None:
                not_found("offer")
            outcome = await change_offer(
                connection,
                str(company_id),
                str(offer_id),
                lender_id=caller.own_id,
                change=data.changed,
                of_version=seen_version(if_match),
                change_id=None if idempotency_key is None else str(idempotency_key),
                at=clock.now(),
            )
        taken = _taken(outcome)
        return await commands.answer(taken.envelope, wait_s=wait_s, is_new=taken.is_new)

    @delete(_OFFER, operation_id="WithdrawOffer", status_code=200, opt=_OWN)
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


def tier_a_full(full: TierAFull) -> Problem:
    """The answer to one preferred company too many, with those of which one must go."""
    return Problem(
        "tier-a-full",
        "Move one of the preferred companies to tier B first.",
        used=len(full.company_ids),
        limit=full.limit,
        company_ids=full.company_ids,
    )


def _taken(outcome: OfferOutcome | ChangeOutcome | None) -> OfferTaken:
    match outcome:
        case OfferTaken():
            return outcome
        case OfferIdReused():
            raise id_reused("offer")
        case TierAFull():
            raise tier_a_full(outcome)
        case WishRefused(problems=problems):
            raise settings_refused(problems)
        case KycNotAccepted(kyc_state=state):
            raise kyc_incomplete(state)
        case LendingStopped():
            raise Problem(
                "wrong-state", "All your lending is paused. Resume it first.", state="paused", allowed=["open"]
            )
        case InConflict():
            raise Problem(
                "conflict-of-interest", "Who decides on a company's loans, or works there, does not lend in its book."
            )
        case CompanyExcluded():
            raise Problem(
                "wrong-state",
                "You have excluded this company. Put it in a tier first.",
                state="excluded",
                allowed=["A", "B", "C"],
            )
        case StrategyClosed():
            raise strategy_closed()
        case VersionIsAnother(present_version=present_version):
            raise version_is_another(present_version)
        case ChangeIdReused():
            raise key_reused("change")
        case NotTheLendersStrategy():
            not_found("strategy")
        case CompanyUnknown():
            not_found("company")
        case None:
            not_found("offer")


def _in_order(terms: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(terms)))

"""How much a lender prefers a company, or that it never lends there."""

from typing import Literal
from uuid import UUID

import msgspec
from litestar import Controller, get, put
from litestar.params import FromPath, JSONBody

from api.body_fields import WaitS
from api.callers import Role
from api.dependencies import Commands, Database, MarketClock, SignedIn
from api.guards import Objects, allow
from api.offers import tier_a_full
from api.problems import not_found
from marketplace.book.commands import Envelope
from persistence.offers_desk import CompanyUnknown, Preference, TierAFull, exclude_company, prefer_company, preferences


class PreferenceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tier of a company, or that it is excluded."""

    tier: Literal["A", "B", "C", "excluded"]


class PreferenceReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The preference stands. `command_ids` are those that change or withdraw the offers in the company's book."""

    company_id: UUID
    tier: Literal["A", "B", "C", "excluded"]
    command_ids: tuple[str, ...]


class PreferenceController(Controller):
    tags = ("Lender",)

    @get("/preferences", operation_id="ListPreferences", opt=allow(Role.LENDER, objects=Objects.THE_CALLER))
    async def list_preferences(self, caller: SignedIn, pool: Database) -> list[Preference]:
        """Companies where one has offers, each with its tier, and those that one excluded."""
        async with pool.acquire() as connection:
            return await preferences(connection, caller.own_id)

    @put(
        "/preferences/{company_id:uuid}",
        operation_id="SetPreference",
        status_code=200,
        opt=allow(Role.LENDER, objects=Objects.THE_CALLER),
    )
    async def set_preference(
        self,
        company_id: FromPath[UUID],
        data: JSONBody[PreferenceBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> PreferenceReceipt:
        """Put a company in a tier, which moves the offers there and keeps their places, or exclude it, which withdraws
        them and refuses new ones."""
        outcome: list[Envelope] | CompanyUnknown | TierAFull
        async with pool.acquire() as connection, connection.transaction():
            if data.tier == "excluded":
                outcome = await exclude_company(connection, str(company_id), lender_id=caller.own_id, at=clock.now())
            else:
                outcome = await prefer_company(
                    connection, str(company_id), lender_id=caller.own_id, tier=data.tier, at=clock.now()
                )
        match outcome:
            case CompanyUnknown():
                not_found("company")
            case TierAFull():
                raise tier_a_full(outcome)
            case envelopes:
                await commands.hand_in_all(envelopes, wait_s=wait_s)
                return PreferenceReceipt(
                    company_id=company_id,
                    tier=data.tier,
                    command_ids=tuple(envelope.command_id for envelope in envelopes),
                )

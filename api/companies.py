"""Partner companies: created by operations, seen by everybody as cards, administered by their own people."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, put
from litestar.params import FromPath, JSONBody, QueryParameter

from api.access_keys import Secret, key_id_of, secret_digest
from api.body_fields import CompanyCode, Name, PositiveCents, WaitS
from api.callers import Role
from api.command_desk import CommandReceipt, id_reused
from api.dependencies import Commands, Database, MarketClock, SignedIn
from api.guards import Objects, allow, anybody
from api.problems import Problem, not_found
from api.profiles import Entity, Person, Profile, profile_json
from api.replays import created
from persistence.company_cards import CompanyCard, company_card, company_cards, company_exists
from persistence.company_grants import CompanyLacksMoney, GrantIdReused, grant_budget
from persistence.registrations import NewCompany, NewParty, register_company, wallet_id_of


class CompanyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A company with the person who represents it, its first code, and its administrator's secret."""

    entity: Entity
    representative: Person
    sector: Name | None = None
    code: CompanyCode
    secret: Secret


class CompanyReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The company stands; its administrator's key is `blk_<key_id>_<secret>`."""

    company_id: UUID
    name: str
    wallet_id: str
    key_id: str


class GrantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money to be set aside for the company's own tranches."""

    cents: PositiveCents


class CompanyController(Controller):
    tags = ("Companies",)

    @put(
        "/ops/companies/{company_id:uuid}",
        operation_id="CreateCompany",
        status_code=201,
        opt=allow(Role.OPERATOR, objects=Objects.NONE),
    )
    async def create_company(
        self, company_id: FromPath[UUID], data: JSONBody[CompanyBody], pool: Database
    ) -> Response[CompanyReceipt]:
        """Create a partner company with its code. Repeating the call is safe."""
        party = NewParty(
            party_id=str(company_id),
            kind="company",
            name=data.entity.name,
            profile=profile_json(Profile(person=data.representative, entity=data.entity)),
            key_id=key_id_of(str(company_id)),
            secret_hash=secret_digest(data.secret),
        )
        async with pool.acquire() as connection, connection.transaction():
            outcome = await register_company(connection, NewCompany(party=party, sector=data.sector, code=data.code))
            if outcome == "id_reused":
                raise id_reused("company")
            if outcome == "code_taken":
                raise Problem("id-reused", "The code belongs to another company. Choose another one.", field="code")
        receipt = CompanyReceipt(
            company_id=company_id,
            name=party.name,
            wallet_id=wallet_id_of("company", party.party_id),
            key_id=party.key_id,
        )
        return created(receipt, is_new=outcome == "new")

    @get("/companies", operation_id="ListCompanies", opt=anybody())
    async def list_companies(
        self, pool: Database, limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50
    ) -> list[CompanyCard]:
        """Partner companies by name, with the rates of their terms in force."""
        return await company_cards(pool, limit=limit)

    @get("/companies/{company_id:uuid}", operation_id="GetCompany", opt=anybody())
    async def get_company(self, company_id: FromPath[UUID], pool: Database) -> CompanyCard:
        """One company's card."""
        card = await company_card(pool, str(company_id))
        return card or not_found("company")

    @put(
        "/companies/{company_id:uuid}/funding/{grant_id:uuid}",
        operation_id="GrantBudget",
        status_code=201,
        opt=allow(Role.COMPANY, Role.OPERATOR, objects=Objects.OWN_COMPANY_IN_PATH),
    )
    async def grant_budget(
        self,
        company_id: FromPath[UUID],
        grant_id: FromPath[UUID],
        data: JSONBody[GrantBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[CommandReceipt]:
        """Set the company's free money aside for its own tranches. Only its own book spends it."""
        if not await company_exists(pool, str(company_id)):
            not_found("company")
        async with pool.acquire() as connection, connection.transaction():
            outcome = await grant_budget(
                connection, str(company_id), str(grant_id), data.cents, at=clock.now(), party_id=caller.party_id
            )
        match outcome:
            case GrantIdReused():
                raise id_reused("grant")
            case CompanyLacksMoney(free_cents=free_cents, asked_cents=asked_cents):
                raise Problem(
                    "insufficient-funds",
                    "The company has less free money than that.",
                    free_cents=free_cents,
                    asked_cents=asked_cents,
                )
        return await commands.answer(outcome.envelope, wait_s=wait_s, is_new=outcome.is_new, decided_status=201)

"""How an employee comes in: the company code, then the claim to be on that company's list."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post, put
from litestar.params import FromPath, JSONBody

from api.body_fields import TaxCode
from api.callers import Role
from api.command_desk import id_reused
from api.dependencies import Database, JobsRedis, MarketClock, SignedIn
from api.expiring_tokens import issue_token, read_token
from api.guards import Objects, allow, anybody
from api.problems import Problem, not_found
from api.replays import created
from api.throttling import FAILED_CODE_CHECKS, address_of, give_turn_back, take_turn
from persistence.employments import (
    CodeNotUsable,
    Employment,
    EmploymentIdReused,
    LiveCode,
    NewEmployment,
    claim_employment,
    find_live_code,
    own_employment,
)
from persistence.published_terms import terms_in_force

CHECK_TOKEN_S = 30 * 60
_CHECKED_CODE = "code-check"


class CodeCheckBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code as the employee typed or pasted it."""

    code: Annotated[str, msgspec.Meta(max_length=200)]


class RequestLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What may be asked for at this company."""

    amount_min_cents: int
    amount_max_cents: int
    terms: list[int]


class CodeCheckReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The company behind a code. The token proves for half an hour that the code was known."""

    company_id: str
    name: str
    site: str | None
    limits: RequestLimits | None
    check_token: str


class EmploymentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the borrower claims to be on the company's list."""

    check_token: Annotated[str, msgspec.Meta(max_length=100)]
    tax_code: TaxCode
    birth_date: date | None = None


class EmploymentController(Controller):
    tags = ("Employments",)

    @post("/company-code-checks", operation_id="CheckCompanyCode", status_code=200, opt=anybody())
    async def check_code(
        self,
        data: JSONBody[CodeCheckBody],
        request: Request[Any, Any, Any],
        pool: Database,
        clock: MarketClock,
        jobs_redis: JobsRedis,
    ) -> CodeCheckReceipt:
        """Whose code this is. Whatever is wrong with a code, the answer is one and the same.

        After ten wrong codes from one address in an hour it is 429.
        """
        who = address_of(request)
        await take_turn(jobs_redis, FAILED_CODE_CHECKS, who)
        code = await find_live_code(pool, data.code, at=clock.now())
        if code is None:
            raise _code_refused()
        await give_turn_back(jobs_redis, FAILED_CODE_CHECKS, who)
        in_force = await terms_in_force(pool, code.company_id)
        limits = None
        if in_force is not None:
            limits = RequestLimits(
                amount_min_cents=in_force.policy.amount_min_cents,
                amount_max_cents=in_force.policy.amount_max_cents,
                terms=sorted(band.months for band in in_force.terms.bands),
            )
        return CodeCheckReceipt(
            company_id=code.company_id,
            name=code.company_name,
            site=code.site,
            limits=limits,
            check_token=await issue_token(jobs_redis, _CHECKED_CODE, code, valid_s=CHECK_TOKEN_S),
        )

    @put(
        "/employments/{employment_id:uuid}",
        operation_id="ClaimEmployment",
        status_code=201,
        opt=allow(Role.BORROWER, objects=Objects.CREATES_OWN),
    )
    async def claim_employment(
        self,
        employment_id: FromPath[UUID],
        data: JSONBody[EmploymentBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        jobs_redis: JobsRedis,
    ) -> Response[Employment]:
        """Claim to be an employee. Found on the list: `matched`; otherwise the company's people decide."""
        # Not used up by reading: the same claim may be sent again.
        code = await read_token(jobs_redis, _CHECKED_CODE, data.check_token, LiveCode)
        if code is None:
            raise _code_refused()
        claim = NewEmployment(
            employment_id=str(employment_id),
            party_id=caller.own_id,
            company_id=code.company_id,
            code_id=code.code_id,
            tax_code=data.tax_code,
            birth_date=data.birth_date,
        )
        async with pool.acquire() as connection, connection.transaction():
            outcome = await claim_employment(connection, claim, at=clock.now())
        match outcome:
            case CodeNotUsable():
                raise _code_refused()
            case EmploymentIdReused():
                raise id_reused("employment")
            case (employment, is_new):
                return created(employment, is_new=is_new)

    @get(
        "/employments/{employment_id:uuid}",
        operation_id="GetEmployment",
        opt=allow(Role.BORROWER, objects=Objects.OWN_IN_QUERY),
    )
    async def get_employment(self, employment_id: FromPath[UUID], caller: SignedIn, pool: Database) -> Employment:
        """How one's own claim stands."""
        employment = await own_employment(pool, str(employment_id), party_id=caller.own_id)
        return employment or not_found("employment")


def _code_refused() -> Problem:
    return Problem("company-code-refused", "The code is not valid or has expired. Ask the personnel office for it.")

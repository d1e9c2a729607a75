"""A borrower's request: draft, assessment, opening in the book, cancellation, signature."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK

from api.body_fields import BasisPoints, Cents, DebitDay, Months, PositiveCents, PurposeClass, Text, WaitS
from api.business_dates import business_date
from api.callers import Role
from api.command_desk import CommandDesk, CommandReceipt, id_reused
from api.dependencies import AskedLanguage, Commands, Database, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import FieldError, Problem, kyc_incomplete, not_found
from api.replays import created
from api.request_views import AssessmentReceipt, RequestView, assessment_receipt, request_view
from marketplace.loans.affordability import Assessment
from persistence.bank_accounts import own_mandate
from persistence.connection import AnyConnection
from persistence.request_closings import (
    ClosedOtherwise,
    ClosingOutcome,
    CoverIsAnother,
    NotClosable,
    RequestClosed,
    TooLateToSign,
    close_request,
)
from persistence.requests_desk import (
    Draft,
    EmploymentMissing,
    KycMissing,
    NoTermsInForce,
    Opened,
    StateForbids,
    assess_request,
    bind_mandate,
    discard_unopened,
    open_request,
    request_status,
    write_draft,
)

_OWN = allow(Role.BORROWER, objects=Objects.OWN_IN_QUERY)


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for. `rate_max_bp` is the highest rate accepted, whatever the company's terms become meanwhile."""

    company_id: UUID
    employment_id: UUID
    amount_cents: PositiveCents
    amount_min_cents: PositiveCents | None = None
    term_months: Months
    rate_max_bp: BasisPoints
    purpose: Text = ""
    purpose_class: PurposeClass = 1
    debit_day: DebitDay | None = None
    is_shrink_allowed: bool = False
    other_instalments_cents: Cents = 0


class SignatureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cover that the borrower saw and signs, and the active mandate that repays the loan."""

    cover_id: Annotated[str, msgspec.Meta(max_length=60)]
    mandate_id: UUID


class RequestController(Controller):
    path = "/requests/{request_id:uuid}"
    tags = ("Requests",)

    @put(
        operation_id="WriteRequest",
        status_code=201,
        opt=allow(Role.BORROWER, objects=Objects.CREATES_OWN),
    )
    async def write_request(
        self,
        request_id: FromPath[UUID],
        data: JSONBody[RequestBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        language: AskedLanguage,
    ) -> Response[RequestView]:
        """Write a draft. It is assessed and opened by calls of their own."""
        if data.amount_min_cents is not None and data.amount_min_cents > data.amount_cents:
            wrong = FieldError(pointer="/amount_min_cents", rule="range", detail="must not be above amount_cents")
            raise Problem("invalid-body", f"amount_min_cents: {wrong.detail}", errors=[wrong])
        async with pool.acquire() as connection, connection.transaction():
            outcome = await write_draft(connection, _draft(request_id, data, caller.own_id), at=clock.now())
        if isinstance(outcome, EmploymentMissing):
            not_found("employment with this company")
        if outcome == "id_reused":
            raise id_reused("request")
        status = await request_status(pool, str(request_id), borrower_id=caller.own_id)
        assert status is not None, request_id
        return created(request_view(status, language), is_new=outcome == "new")

    @get(
        operation_id="GetRequest",
        opt=allow(Role.BORROWER, Role.OPERATOR, objects=Objects.OWN_IN_QUERY),
    )
    async def get_request(
        self, request_id: FromPath[UUID], caller: SignedIn, pool: Database, language: AskedLanguage
    ) -> RequestView:
        """How a request stands."""
        borrower_id = None if caller.is_operator else caller.own_id
        status = await request_status(pool, str(request_id), borrower_id=borrower_id)
        return request_view(status or not_found("request"), language)

    @post("/assessment", operation_id="AssessRequest", status_code=HTTP_200_OK, opt=_OWN)
    async def assess_request(
        self, request_id: FromPath[UUID], caller: SignedIn, pool: Database, clock: MarketClock, language: AskedLanguage
    ) -> AssessmentReceipt:
        """Assess a request by the company's policy in force. Every reason is told at once."""
        async with pool.acquire() as connection, connection.transaction():
            outcome = await assess_request(
                connection, str(request_id), borrower_id=caller.own_id, on_date=business_date(clock)
            )
        match outcome:
            case Assessment():
                return assessment_receipt(outcome, language)
            case StateForbids(state=state, allowed=allowed):
                raise _wrong_state(state, allowed)
            case NoTermsInForce():
                raise Problem("wrong-state", "The company has not published terms yet.", state="no-terms", allowed=[])
            case None:
                not_found("request")

    @post("/opening", operation_id="OpenRequest", status_code=HTTP_200_OK, opt=_OWN)
    async def open_request(
        self,
        request_id: FromPath[UUID],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        language: AskedLanguage,
        wait_s: WaitS = 0,
    ) -> Response[CommandReceipt]:
        """Open an assessed request in the company's book. It is assessed once more; a second call changes nothing."""
        async with pool.acquire() as connection, connection.transaction():
            outcome = await open_request(
                connection,
                str(request_id),
                borrower_id=caller.own_id,
                at=clock.now(),
                on_date=business_date(clock),
            )
        match outcome:
            case Opened(envelope=envelope, is_new=is_new):
                return await commands.answer(envelope, wait_s=wait_s, is_new=is_new)
            case Assessment():
                reasons = assessment_receipt(outcome, language).reasons
                raise Problem("not-eligible", "The request no longer meets the policy.", reasons=reasons)
            case StateForbids(state=state, allowed=allowed):
                raise _wrong_state(state, allowed)
            case KycMissing(kyc_state=state):
                raise kyc_incomplete(state)
            case NoTermsInForce():
                raise Problem("wrong-state", "The company has not published terms yet.", state="no-terms", allowed=[])
            case None:
                not_found("request")

    @post("/cancellation", operation_id="CancelRequest", status_code=HTTP_200_OK, opt=_OWN)
    async def cancel_request(
        self,
        request_id: FromPath[UUID],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[Any]:
        """Withdraw a request that is not signed. Nothing is owed; a cover it has is given back to its lenders."""
        async with pool.acquire() as connection, connection.transaction():
            discarded = await discard_unopened(connection, str(request_id), borrower_id=caller.own_id, at=clock.now())
            if discarded is None:
                not_found("request")
            if discarded == "discarded":
                return Response(None, status_code=204)
            outcome = await close_request(
                connection, request_id=str(request_id), kind="cancel", at=clock.now(), party_id=caller.own_id
            )
        return await _answer_closing(commands, outcome, wait_s)

    @post("/signature", operation_id="SignRequest", status_code=HTTP_200_OK, opt=_OWN)
    async def sign_request(
        self,
        request_id: FromPath[UUID],
        data: JSONBody[SignatureBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[Any]:
        """Sign a covered request. The money then moves from the lenders' wallets to the borrower's bank account."""
        async with pool.acquire() as connection, connection.transaction():
            status = await request_status(connection, str(request_id), borrower_id=caller.own_id)
            if status is None:
                not_found("request")
            if status.signed_at is None:
                await _bind_active_mandate(connection, str(request_id), str(data.mandate_id), caller.own_id)
            outcome = await close_request(
                connection,
                request_id=str(request_id),
                kind="sign",
                at=clock.now(),
                cover_id=data.cover_id,
                party_id=caller.own_id,
            )
            if not isinstance(outcome, RequestClosed):
                raise _closing_refused(outcome)
        return await _answer_closing(commands, outcome, wait_s)


def _draft(request_id: UUID, data: RequestBody, borrower_id: str) -> Draft:
    return Draft(
        request_id=str(request_id),
        borrower_id=borrower_id,
        company_id=str(data.company_id),
        employment_id=str(data.employment_id),
        amount_cents=data.amount_cents,
        min_amount_cents=data.amount_min_cents or data.amount_cents,
        months=data.term_months,
        max_rate_bp=data.rate_max_bp,
        purpose=data.purpose,
        debit_day=data.debit_day,
        purpose_class=data.purpose_class,
        accepts_shrink=data.is_shrink_allowed,
        other_instalments_cents=data.other_instalments_cents,
    )


async def _bind_active_mandate(connection: AnyConnection, request_id: str, mandate_id: str, borrower_id: str) -> None:
    mandate = await own_mandate(connection, mandate_id, party_id=borrower_id)
    if mandate is None:
        not_found("mandate")
    if mandate.state != "active":
        raise Problem(
            "mandate-not-active", "Sign the direct debit mandate first.", state=mandate.state, next_step="mandate"
        )
    await bind_mandate(connection, request_id, mandate_id=mandate_id, bank_account_id=mandate.bank_account_id)


async def _answer_closing(
    commands: CommandDesk, outcome: ClosingOutcome | None, wait_s: int
) -> Response[CommandReceipt]:
    if isinstance(outcome, RequestClosed):
        return await commands.answer(outcome.envelope, wait_s=wait_s, is_new=True)
    if outcome is None:
        not_found("request")
    raise _closing_refused(outcome)


def _closing_refused(outcome: ClosingOutcome | None) -> Problem:
    match outcome:
        case ClosedOtherwise(kind=kind):
            closed = {"sign": "signed", "cancel": "cancelled", "lapse": "lapsed"}[kind]
            return _wrong_state(closed, ())
        case NotClosable(state=state, allowed=allowed):
            return _wrong_state(state, allowed)
        case CoverIsAnother(cover_id=cover_id):
            return Problem("wrong-state", "The cover is no longer the one you saw.", cover_id=cover_id)
        case TooLateToSign(accept_until_at=until):
            return Problem("wrong-state", "The time to sign is over.", state="lapsed", until_at=until)
        case _:
            raise AssertionError(outcome)


def _wrong_state(state: str, allowed: tuple[str, ...]) -> Problem:
    return Problem("wrong-state", f"The request is {state}.", state=state, allowed=allowed)

"""Online Onboarding's paths, each handed to the operation that carries it out."""

from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, QueryParameter

from lemonway.simulator import onboarding
from lemonway.simulator.desk import Answer, AnyRequest, DeskDependency
from lemonway.simulator.hosted_pages import KYC_PAGE


def _hosted_page(request: AnyRequest) -> str:
    return str(request.base_url).rstrip("/") + KYC_PAGE + "/"


@post("/accounts/individual")
async def create_individual(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.onboarding(request, onboarding.create_individual, status=201)


@post("/accounts/legal-entity")
async def create_legal_entity(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.onboarding(request, onboarding.create_legal_entity, status=201)


@get("/accounts/{account_id:str}")
async def get_account(request: AnyRequest, desk: DeskDependency, account_id: FromPath[str]) -> Answer:
    return await desk.onboarding(
        request, lambda store, _: onboarding.account_json(onboarding.account(store, account_id))
    )


@get("/accounts")
async def list_accounts(
    request: AnyRequest,
    desk: DeskDependency,
    page: Annotated[int, QueryParameter(ge=1)] = 1,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
) -> Answer:
    return await desk.onboarding(request, lambda store, _: onboarding.list_accounts(store, page=page, limit=limit))


@post("/onboardings/individual")
async def start_individual(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.onboarding(
        request,
        lambda store, body: onboarding.start_onboarding(store, body, _hosted_page(request), account_type="INDIVIDUAL"),
        status=201,
    )


@post("/onboardings/company")
async def start_company(request: AnyRequest, desk: DeskDependency) -> Answer:
    return await desk.onboarding(
        request,
        lambda store, body: onboarding.start_onboarding(
            store, body, _hosted_page(request), account_type="LEGAL_ENTITY"
        ),
        status=201,
    )


@get("/onboardings/{onboarding_id:str}/resume")
async def resume(request: AnyRequest, desk: DeskDependency, onboarding_id: FromPath[str]) -> Answer:
    return await desk.onboarding(
        request, lambda store, _: onboarding.resume_onboarding(store, onboarding_id, _hosted_page(request))
    )


ONBOARDING_ROUTES = [
    create_individual,
    create_legal_entity,
    get_account,
    list_accounts,
    start_individual,
    start_company,
    resume,
]

"""The hosted pages to which a person is sent: the identity check, and the signature of a mandate."""

from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template

from lemonway.simulator import mandates, onboarding
from lemonway.simulator.addresses import SIGNING_PATH
from lemonway.simulator.desk import AnyRequest, DeskDependency
from lemonway.simulator.page_texts import texts_for

KYC_PAGE = "/hosted/kyc"


class KycForm(msgspec.Struct, frozen=True):
    outcome: Literal["accepted", "rejected"]


class SigningForm(msgspec.Struct, frozen=True):
    outcome: Literal["signed", "failed"]


@get(KYC_PAGE + "/{onboarding_id:str}")
async def show_kyc_page(request: AnyRequest, desk: DeskDependency, onboarding_id: FromPath[str]) -> Template:
    """Where a person would show a document and their face. Here they choose how it ends."""
    row = onboarding.onboarding(desk.store, onboarding_id)
    return Template("kyc.html.j2", context={"t": texts_for(request), "account": row})


@post(KYC_PAGE + "/{onboarding_id:str}")
async def decide_kyc(
    request: AnyRequest,
    desk: DeskDependency,
    onboarding_id: FromPath[str],
    data: URLEncodedBody[KycForm],
) -> Redirect:
    row = onboarding.onboarding(desk.store, onboarding_id)
    with desk.transaction(request):
        onboarding.decide_onboarding(desk.store, row["id"], data.outcome)
    return Redirect(row["redirect_url"] or f"{KYC_PAGE}/{onboarding_id}", status_code=303)


@get(SIGNING_PATH)
async def show_signing_page(
    request: AnyRequest, desk: DeskDependency, signing_token: Annotated[str, QueryParameter(name="signingtoken")]
) -> Template:
    """`WEBKIT_URL?signingtoken=<token>`: where a person would type the code of a text message."""
    mandate = mandates.mandate_to_sign(desk.store, signing_token)
    return Template("signing.html.j2", context={"t": texts_for(request), "token": signing_token, "mandate": mandate})


@post(SIGNING_PATH)
async def decide_signature(
    request: AnyRequest,
    desk: DeskDependency,
    signing_token: Annotated[str, QueryParameter(name="signingtoken")],
    data: URLEncodedBody[SigningForm],
) -> Redirect:
    with desk.transaction(request):
        address = mandates.sign_by_page(desk.store, signing_token, data.outcome)
    return Redirect(address, status_code=303)


HOSTED_PAGES = [show_kyc_page, decide_kyc, show_signing_page, decide_signature]

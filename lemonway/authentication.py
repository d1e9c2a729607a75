"""The bearer token: obtained with the API key, kept while it lives, renewed once when Lemonway says 401.

While a bearer is alive Lemonway answers every request for one with the same bearer, so it is asked for once per
process and kept (docs/lemonway_facts.md §1).
"""

import asyncio
from collections.abc import AsyncGenerator
from http import HTTPStatus

import httpx

from lemonway.answers import Answer, decode, read_answer
from lemonway.errors import LemonwayAccessDenied
from lemonway.messages import AnswerBody

_EXPIRY_MARGIN_S = 60


class _Bearer(AnswerBody, frozen=True, kw_only=True):
    access_token: str
    expires_in: int


class BearerAuthentication(httpx.Auth):
    """Puts the bearer on every request. A request answered 401 is sent once more with a fresh one.

    Sending again is safe even for money: 401 means that Lemonway turned the call away at the door.
    """

    requires_response_body = False

    def __init__(self, *, token_url: str, api_key: str) -> None:
        self._token_url = token_url
        self._api_key = api_key
        self._bearer: str | None = None
        self._expires_at_s = 0.0
        self._renewal = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        bearer = self._bearer
        if bearer is None or asyncio.get_running_loop().time() >= self._expires_at_s:
            async with self._renewal:
                # Another call may have renewed it while this one waited.
                if self._bearer is None or self._bearer == bearer:
                    self._keep(await _read((yield self._token_request())))
            bearer = self._bearer
        request.headers["Authorization"] = f"Bearer {bearer}"
        response = yield request
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        async with self._renewal:
            if self._bearer == bearer:
                self._keep(await _read((yield self._token_request())))
        request.headers["Authorization"] = f"Bearer {self._bearer}"
        yield request

    def _token_request(self) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._token_url,
            headers={"Authorization": f"Basic {self._api_key}", "Accept": "application/json;charset=UTF-8"},
            data={"Grant_type": "client_credentials"},
        )

    def _keep(self, answer: Answer) -> None:
        folded = {key.replace("_", ""): value for key, value in read_answer(answer).items()}
        if "accesstoken" not in folded:
            raise LemonwayAccessDenied(http_status=answer.http_status, code=None, message="no bearer in the answer")
        bearer = decode(folded, _Bearer, answer)
        self._bearer = bearer.access_token
        lifetime_s = max(bearer.expires_in - _EXPIRY_MARGIN_S, 1)
        self._expires_at_s = asyncio.get_running_loop().time() + lifetime_s


async def _read(response: httpx.Response) -> Answer:
    return Answer(http_status=response.status_code, body=await response.aread())

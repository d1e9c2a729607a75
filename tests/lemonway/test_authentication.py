"""One bearer for all calls: obtained once, renewed once."""

import asyncio
from http import HTTPStatus

import httpx
import pytest

from lemonway.authentication import BearerAuthentication
from lemonway.errors import LemonwayAccessDenied, LemonwayUnreachable

TOKEN_URL = "https://lemonway.example/oauth/api/v1/oauth/token"


class TokenServer:
    """Issues numbered bearers and takes only the newest."""

    def __init__(self, *, expires_in: int = 7_776_000) -> None:
        self.expires_in = expires_in
        self.issued = 0
        self.calls = 0
        self.token_requests: list[httpx.Request] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if str(request.url) == TOKEN_URL:
            self.token_requests.append(request)
            self.issued += 1
            content = {"access_token": f"bearer-{self.issued}", "token_type": "Bearer", "expires_in": self.expires_in}
            return httpx.Response(200, json=content)
        self.calls += 1
        is_newest = request.headers["Authorization"] == f"Bearer bearer-{self.issued}"
        return httpx.Response(200 if is_newest else 401, json={"call": self.calls})

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.MockTransport(self.answer),
            auth=BearerAuthentication(token_url=TOKEN_URL, api_key="the-key"),
            base_url="https://lemonway.example",
        )


async def test_calls_at_the_same_time_share_one_bearer() -> None:
    server = TokenServer()
    async with server.client() as http:
        answers = await asyncio.gather(*(http.get("/v2/p2p") for _ in range(10)))

    assert [answer.status_code for answer in answers] == [200] * 10
    (request,) = server.token_requests
    assert request.headers["Authorization"] == "Basic the-key"
    assert request.content == b"Grant_type=client_credentials"


async def test_calls_refused_together_renew_the_bearer_once_and_are_all_repeated_once() -> None:
    server = TokenServer()
    async with server.client() as http:
        await http.get("/v2/p2p")
        server.issued += 1  # the bearer in use is now an old one
        answers = await asyncio.gather(*(http.get("/v2/p2p") for _ in range(5)))

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(server.token_requests) == 2
    assert server.calls == 1 + 2 * 5


async def test_a_bearer_about_to_expire_is_replaced_before_it_is_used() -> None:
    server = TokenServer(expires_in=1)
    async with server.client() as http:
        await http.get("/v2/p2p")
        await asyncio.sleep(1.1)
        answer = await http.get("/v2/p2p")

    assert answer.status_code == 200
    assert (len(server.token_requests), server.calls) == (2, 2)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (HTTPStatus.UNAUTHORIZED, LemonwayAccessDenied),
        (HTTPStatus.OK, LemonwayAccessDenied),
        (HTTPStatus.BAD_GATEWAY, LemonwayUnreachable),
    ],
)
async def test_without_a_bearer_no_call_is_sent(status: HTTPStatus, error: type[Exception]) -> None:
    paths: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(status, json={})

    authentication = BearerAuthentication(token_url=TOKEN_URL, api_key="the-key")
    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse), auth=authentication) as http:
        with pytest.raises(error):
            await http.post("https://lemonway.example/v2/p2p")

    assert paths == ["/oauth/api/v1/oauth/token"]

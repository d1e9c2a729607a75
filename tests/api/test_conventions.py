"""What holds for every call: strict input, problem documents, headers."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar.routes import HTTPRoute

from tests.api.running_gateway import RunningGateway, a_person, id_of, secret_of

REGISTRATION = {"kind": "borrower", "person": a_person("eva"), "secret": secret_of("eva")}
PATH = f"/registrations/{id_of('eva')}"


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, object]:
    """The answer is the problem document of that slug; the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = answer.json()
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == status
    assert document["instance"] == answer.request.url.path
    assert document["request_id"] == answer.headers["request-id"]
    assert {"title", "detail"} <= document.keys()
    return document


@pytest.mark.parametrize(
    ("change", "pointer", "rule"),
    [
        pytest.param({"nickname": "E"}, "", "unknown-field", id="an unknown field"),
        pytest.param({"kind": None}, "/kind", "type", id="null where a value is needed"),
        pytest.param({"kind": "company"}, "/kind", "value", id="a word that is not one of the list"),
        pytest.param({"secret": "short"}, "/secret", "pattern", id="a secret that is too short"),
        pytest.param(
            {"person": a_person("eva") | {"birth_date": "yesterday"}}, "/person/birth_date", "value", id="no date"
        ),
        pytest.param(
            {"person": a_person("eva") | {"age": 35}}, "/person", "unknown-field", id="an unknown inner field"
        ),
        pytest.param(
            {"person": a_person("eva") | {"first_name": "Ev\x00a"}},
            "/person/first_name",
            "pattern",
            id="a NUL in a text",
        ),
    ],
)
async def test_a_body_that_is_not_as_declared_is_refused_with_its_place(
    gateway: RunningGateway, change: dict[str, object], pointer: str, rule: str
) -> None:
    answer = await gateway.nobody.put(PATH, REGISTRATION | change)

    document = assert_problem(answer, 422, "invalid-body")
    errors: Any = document["errors"]
    assert [(error["pointer"], error["rule"]) for error in errors] == [(pointer, rule)]
    assert await gateway.pool.fetchval("SELECT count(*) FROM party") == 0


@pytest.mark.parametrize("given", ['"100"', "100.0", "1e2", "true", "null", "[100]"])
async def test_a_number_is_a_number_and_nothing_that_looks_like_one(gateway: RunningGateway, given: str) -> None:
    await gateway.add_company("alfa")
    path = f"/companies/{id_of('alfa')}/funding/{id_of('grant')}"

    answer = await gateway.operator.http.put(
        path, content=f'{{"cents": {given}}}', headers={"Content-Type": "application/json"}
    )

    assert_problem(answer, 422, "invalid-body")


@pytest.mark.parametrize(
    ("content_type", "status", "slug"),
    [
        ("application/json", 201, None),
        ("application/json; charset=utf-8", 201, None),
        ("application/json; charset=latin-1", 415, "unsupported-media-type"),
        ("text/plain", 415, "unsupported-media-type"),
        ("application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        ("", 415, "unsupported-media-type"),
    ],
)
async def test_a_body_must_say_that_it_is_json(
    gateway: RunningGateway, content_type: str, status: int, slug: str | None
) -> None:
    answer = await gateway.nobody.call("PUT", PATH, REGISTRATION, Content_Type=content_type)

    assert answer.status_code == status
    if slug is not None:
        assert_problem(answer, status, slug)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe"])
async def test_what_is_no_json_is_malformed(gateway: RunningGateway, body: bytes) -> None:
    answer = await gateway.nobody.http.put(PATH, content=body, headers={"Content-Type": "application/json"})

    assert_problem(answer, 400, "malformed-request")


async def test_a_body_where_none_is_expected_is_refused(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada")

    assert_problem(await ada.post("/kyc/sessions", {"url": "x"}), 400, "malformed-request")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?limit=10&colour=blue", "colour"),
        ("?limit=10&limit=20", "limit"),
        ("?limit=0", "limit"),
        ("?limit=x", "limit"),
    ],
)
async def test_query_parameters_are_known_given_once_and_within_range(
    gateway: RunningGateway, query: str, parameter: str
) -> None:
    document = assert_problem(await gateway.nobody.get(f"/companies{query}"), 400, "invalid-parameter")

    assert document["parameter"] == parameter


async def test_a_body_above_the_limit_is_refused_before_it_is_read(gateway: RunningGateway) -> None:
    answer = await gateway.nobody.put(PATH, REGISTRATION | {"kind": "x" * 70_000})

    assert_problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("path", ["/nothing", "/requests", "/requests/not-an-id", "/companies/1"])
async def test_an_address_that_is_none_is_not_found(gateway: RunningGateway, path: str) -> None:
    assert_problem(await gateway.operator.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fills/{}"),
        ("GET", "/fills/{}/receipt"),
        ("DELETE", "/fills/{}"),
        ("PUT", "/ops/switches/{}"),
        ("PUT", f"/ops/books/{id_of('alfa')}/bars/{id_of('ada')}/{{}}"),
        ("DELETE", f"/ops/books/{id_of('alfa')}/bars/{id_of('ada')}/{{}}"),
    ],
)
async def test_a_path_with_a_character_that_no_one_types_is_refused(
    gateway: RunningGateway, method: str, path: str
) -> None:
    door = await gateway.add_lender("ada") if method == "DELETE" and "fills" in path else gateway.operator
    body: object = {} if method == "PUT" else None

    document = assert_problem(await door.call(method, path.format("%00x"), body), 400, "invalid-parameter")

    assert str(document["detail"]).endswith(": control characters are not accepted")


async def test_no_address_with_a_text_in_it_fails_on_a_nul(gateway: RunningGateway) -> None:
    asked = 0
    for route in gateway.app.routes:
        if not isinstance(route, HTTPRoute) or ":str}" not in route.path:
            continue
        path = re.sub(r"\{\w+:str\}", "%00", re.sub(r"\{\w+:uuid\}", id_of("x"), route.path))
        for method in route.methods - {"OPTIONS"}:
            answer = await gateway.operator.http.request(method, f"{gateway.url}{path}")
            asked += 1

            assert 400 <= answer.status_code < 500, (method, path, answer.text)
    assert asked >= 8


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "DELETE"])
async def test_a_method_that_a_path_does_not_have_is_not_allowed(gateway: RunningGateway, method: str) -> None:
    answer = await gateway.nobody.call(method, "/statistics")

    assert answer.status_code == 405


async def test_every_answer_carries_its_id_and_the_business_date(gateway: RunningGateway) -> None:
    named = await gateway.nobody.call("GET", "/clock", Request_Id="0190c0de-0000-7000-8000-000000000001")
    unnamed = await gateway.nobody.get("/nothing")

    assert named.headers["request-id"] == "0190c0de-0000-7000-8000-000000000001"
    assert UUID(unnamed.headers["request-id"])
    assert named.headers["business-date"] == unnamed.headers["business-date"] == "2026-01-12"


async def test_a_request_id_that_is_none_is_replaced(gateway: RunningGateway) -> None:
    answer = await gateway.nobody.call("GET", "/clock", Request_Id="<script>")

    assert UUID(answer.headers["request-id"])


async def test_every_answer_keeps_browsers_strict(gateway: RunningGateway) -> None:
    answer = await gateway.nobody.get("/clock")

    headers = {name: answer.headers[name] for name in answer.headers if name not in ("date", "request-id")}
    assert headers == {
        "content-type": "application/json",
        "content-length": headers["content-length"],
        "business-date": "2026-01-12",
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }


async def test_a_page_may_load_only_its_own_files_and_its_own_socket(gateway: RunningGateway) -> None:
    answer = await gateway.nobody.http.get(f"{gateway.url}/")

    host = gateway.url.removeprefix("http://")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self' ws://{host}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert "access-control-allow-origin" not in answer.headers


async def test_a_host_that_is_none_does_not_get_into_the_content_policy(gateway: RunningGateway) -> None:
    answer = await gateway.nobody.http.get(f"{gateway.url}/", headers={"Host": "x; script-src *"})

    assert "script-src *" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer blk_x",
        "Bearer blk_x_y",
        "Basic Og==",
        f"Bearer blk_{'0' * 32}_{'s' * 50}",
        "Bearer blk_operator_x",
    ],
)
async def test_a_key_that_is_not_valid_is_refused_even_where_none_is_needed(
    gateway: RunningGateway, authorization: str
) -> None:
    answer = await gateway.nobody.call("GET", "/clock", Authorization=authorization)

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_works_until_it_is_revoked(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada")
    before = await ada.get("/wallet")
    await gateway.pool.execute("UPDATE access_key SET revoked_at = now()")
    after = await ada.get("/wallet")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_the_record_keeps_no_secret(gateway: RunningGateway) -> None:
    await gateway.add_lender("ada")

    stored = await gateway.pool.fetch(
        "SELECT to_jsonb(access_key) FROM access_key UNION ALL SELECT to_jsonb(party) FROM party"
    )

    assert len(stored) == 2
    assert not any(secret_of("ada") in row[0] for row in stored)

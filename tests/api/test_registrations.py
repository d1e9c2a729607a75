"""Registration: once for each id, with a key of one's own from the first moment."""

from typing import Any

from tests.api.running_gateway import ADDRESS, RunningGateway, a_person, id_of, secret_of
from tests.api.test_conventions import assert_problem

ADA = f"/registrations/{id_of('ada')}"
BODY: dict[str, Any] = {"kind": "lender_person", "person": a_person("ada"), "secret": secret_of("ada")}


async def test_the_same_registration_again_is_the_same(gateway: RunningGateway) -> None:
    first = await gateway.nobody.put(ADA, BODY)
    again = await gateway.nobody.put(ADA, BODY)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json() == again.json()
    assert first.json()["key_id"] == id_of("ada").replace("-", "")
    assert (await gateway.door("ada").get("/kyc")).json()["state"] == "not_started"


async def test_an_id_in_use_is_refused_to_whoever_has_another_secret_or_name(gateway: RunningGateway) -> None:
    await gateway.nobody.put(ADA, BODY)

    for change in ({"secret": secret_of("eve")}, {"person": a_person("eve")}, {"kind": "borrower"}):
        assert_problem(await gateway.nobody.put(ADA, BODY | change), 409, "id-reused")
    assert await gateway.pool.fetchval("SELECT count(*) FROM party") == 1


async def test_a_legal_lender_names_its_entity_and_nobody_else_does(gateway: RunningGateway) -> None:
    entity = {"name": "Gamma S.r.l.", "registration_number": "01234567890", "address": ADDRESS}

    legal = await gateway.nobody.put(ADA, BODY | {"kind": "lender_legal", "entity": entity})
    without = await gateway.nobody.put(f"/registrations/{id_of('x')}", BODY | {"kind": "lender_legal"})
    person = await gateway.nobody.put(f"/registrations/{id_of('y')}", BODY | {"entity": entity})

    assert legal.json()["name"] == "Gamma S.r.l."
    assert_problem(without, 422, "invalid-body")
    assert_problem(person, 422, "invalid-body")


async def test_a_borrower_needs_a_mobile_phone_to_sign_with(gateway: RunningGateway) -> None:
    person = {name: value for name, value in a_person("carla").items() if name != "phone"}

    borrower = await gateway.nobody.put(ADA, BODY | {"kind": "borrower", "person": person})
    lender = await gateway.nobody.put(ADA, BODY | {"person": person})

    errors: Any = assert_problem(borrower, 422, "invalid-body")["errors"]
    assert [error["pointer"] for error in errors] == ["/person/phone"]
    assert lender.status_code == 201


async def test_a_secret_that_somebody_else_has_tells_nothing(gateway: RunningGateway) -> None:
    await gateway.nobody.put(ADA, BODY)

    bob = await gateway.nobody.put(f"/registrations/{id_of('bob')}", BODY | {"person": a_person("bob")})

    assert bob.status_code == 201
    assert (await gateway.nobody.put(f"/registrations/{id_of('bob')}", BODY | {"person": a_person("bob")})).is_success

"""Parties at the payment institution: every step goes to its (simulated) host and is read back from there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.bank_accounts import is_iban
from lemonway.connection import Lemonway
from lemonway.jobs.enrolment import Enrolment
from persistence.identity_checks import read_party
from persistence.mandate_signing import read_mandate
from tests.actors.book_examples import SetClock
from tests.api.running_gateway import IBAN, RunningGateway, id_of, running_gateway
from tests.api.test_conventions import assert_problem
from tests.lemonway.running_simulator import RunningSimulator, running_simulator, settings_for, simulator_connection

MANDATE = f"/mandates/{id_of('mandate')}"
BANK_ACCOUNT = f"/bank-accounts/{id_of('account')}"


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[RunningSimulator]:
    async with running_simulator(settings_for(tmp_path)) as running:
        yield running


@pytest.fixture
async def institution_gateway(
    simulator: RunningSimulator, database_url: str, books_redis_url: str, jobs_redis_url: str
) -> AsyncIterator[RunningGateway]:
    """A gateway whose payment institution answers."""
    async with running_gateway(
        database_url=database_url,
        book_redis_url=books_redis_url,
        jobs_redis_url=jobs_redis_url,
        lemonway=simulator_connection(simulator.url),
    ) as running:
        yield running


class Institution:
    """What the payments process does when the institution tells that something has changed: read it back."""

    def __init__(self, gateway: RunningGateway, simulator: RunningSimulator) -> None:
        self._pool = gateway.pool
        self._simulator = simulator
        lemonway = Lemonway(directkit=simulator.directkit, onboarding=simulator.onboarding)
        self._enrolment = Enrolment(pool=self._pool, lemonway=lemonway, clock=SetClock(), webkit_url="https://x")

    async def accept(self, name: str) -> None:
        party = await read_party(self._pool, id_of(name))
        assert party is not None
        await self._simulator.post(f"/kyc/{party.wallet_id}", outcome="accepted")
        assert await self._enrolment.check_identity(party) == "accepted"

    async def sign(self, mandate_id: str) -> None:
        mandate = await read_mandate(self._pool, mandate_id)
        assert mandate is not None
        await self._simulator.post(f"/mandates/{mandate.lemonway_mandate_id}/signature", outcome="signed")
        await self._enrolment.check_mandate(mandate)


async def test_a_borrower_gets_from_registration_to_a_signed_mandate(
    institution_gateway: RunningGateway, simulator: RunningSimulator
) -> None:
    gateway, institution = institution_gateway, Institution(institution_gateway, simulator)
    carla = await gateway.add_borrower("carla", is_accepted=False)

    early = await carla.put(BANK_ACCOUNT, {"iban": IBAN, "holder": "Carla Rossi"})
    check = (await carla.post("/kyc/sessions")).json()
    resumed = (await carla.post("/kyc/sessions")).json()
    await institution.accept("carla")
    after = (await carla.get("/kyc")).json()
    account = await carla.put(BANK_ACCOUNT, {"iban": "it60 x054 2811 1010 0000 0123 456", "holder": "Carla Rossi"})
    mandate = await carla.put(MANDATE, {"bank_account_id": id_of("account")})
    again = await carla.put(MANDATE, {"bank_account_id": id_of("account")})
    await institution.sign(id_of("mandate"))

    assert_problem(early, 409, "kyc-incomplete")
    assert (check["state"], resumed["state"]) == ("in_progress", "in_progress")
    assert check["url"].startswith("http")
    assert after == {"state": "accepted", "reason": None, "url": None}
    assert (account.status_code, account.json()["iban_last4"]) == (201, "3456")
    assert (mandate.status_code, mandate.json()["state"]) == (201, "signing")
    assert mandate.json()["sign_url"].startswith("https://webkit.example?signingtoken=")
    assert (again.status_code, again.json()["sign_url"]) == (200, mandate.json()["sign_url"])
    assert (await carla.get(MANDATE)).json()["state"] == "active"


async def test_a_lender_gets_an_iban_to_wire_to_and_keeps_it(
    institution_gateway: RunningGateway, simulator: RunningSimulator
) -> None:
    ada = await institution_gateway.add_lender("ada", is_accepted=False)
    assert_problem(await ada.post("/wallet/virtual-iban"), 409, "kyc-incomplete")
    await ada.post("/kyc/sessions")
    await Institution(institution_gateway, simulator).accept("ada")

    first = (await ada.post("/wallet/virtual-iban")).json()["iban"]
    second = (await ada.post("/wallet/virtual-iban")).json()["iban"]

    assert first == second
    assert is_iban(first)
    wallet = (await ada.get("/wallet")).json()
    assert (wallet["state"], wallet["iban"], wallet["free_cents"]) == ("accepted", first, 0)


async def test_a_company_is_checked_as_a_legal_entity(
    institution_gateway: RunningGateway, simulator: RunningSimulator
) -> None:
    alfa = await institution_gateway.add_company("alfa")

    check = (await alfa.post("/kyc/sessions")).json()
    await Institution(institution_gateway, simulator).accept("alfa")

    assert check["state"] == "in_progress"
    assert (await alfa.get("/kyc")).json()["state"] == "accepted"


async def test_an_institution_that_does_not_answer_is_told_as_such(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada", is_accepted=False)

    answer = await ada.post("/kyc/sessions")

    assert assert_problem(answer, 502, "payments-unavailable")["retry_after_s"] == 5
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    "iban", ["IT60X0542811101000000123457", "IT60", "", "XX" + "0" * 20, "IT60X05428111010000001234567890123456789"]
)
async def test_an_iban_whose_check_digits_do_not_fit_is_refused(gateway: RunningGateway, iban: str) -> None:
    ada = await gateway.add_lender("ada")

    assert_problem(await ada.put(BANK_ACCOUNT, {"iban": iban, "holder": "Ada Rossi"}), 422, "iban-refused")
    assert await gateway.pool.fetchval("SELECT count(*) FROM bank_account") == 0


async def test_an_account_s_iban_is_never_shown_whole(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada")
    await gateway.pool.execute(
        "INSERT INTO bank_account (id, party_id, iban, holder) VALUES ($1, $2, $3, 'Ada')",
        id_of("account"),
        id_of("ada"),
        IBAN,
    )

    answer = await ada.get(BANK_ACCOUNT)

    assert answer.json()["iban_last4"] == IBAN[-4:]
    assert IBAN not in answer.text


async def test_a_mandate_needs_a_bank_account_of_one_s_own(gateway: RunningGateway) -> None:
    carla = await gateway.add_borrower("carla")

    answer = await carla.put(MANDATE, {"bank_account_id": id_of("account of somebody")})

    assert_problem(answer, 404, "not-found")


async def test_the_same_iban_under_a_second_id_is_refused_and_not_kept(
    institution_gateway: RunningGateway, simulator: RunningSimulator
) -> None:
    ada = await institution_gateway.add_lender("ada", is_accepted=False)
    await ada.post("/kyc/sessions")
    await Institution(institution_gateway, simulator).accept("ada")
    await ada.put(BANK_ACCOUNT, {"iban": IBAN, "holder": "Ada Rossi"})
    second = f"/bank-accounts/{id_of('second account')}"

    answer = await ada.put(second, {"iban": IBAN, "holder": "Ada Rossi"})

    assert assert_problem(answer, 409, "id-reused")["bank_account_id"] == id_of("account")
    assert (await ada.get(second)).status_code == 404
    other = await ada.put(second, {"iban": "DE89370400440532013000", "holder": "Ada Rossi"})
    assert other.status_code == 201


async def test_an_iban_that_was_refused_can_be_tried_again(
    institution_gateway: RunningGateway, simulator: RunningSimulator
) -> None:
    ada = await institution_gateway.add_lender("ada", is_accepted=False)
    await ada.post("/kyc/sessions")
    await Institution(institution_gateway, simulator).accept("ada")

    refused = await ada.put(BANK_ACCOUNT, {"iban": IBAN, "holder": "Somebody Else"})
    second = await ada.put(f"/bank-accounts/{id_of('second account')}", {"iban": IBAN, "holder": "Ada Rossi"})

    assert refused.json()["state"] == "refused"
    assert (second.status_code, second.json()["state"]) == (201, "active")
    assert (await ada.get(BANK_ACCOUNT)).json()["state"] == "refused"

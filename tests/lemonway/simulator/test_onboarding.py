"""Opening an account: hosted identity check, its outcomes, and the wallet that exists only afterwards."""

import httpx
import pytest

from lemonway.errors import Duplicate, InvalidRequest, LemonwayRefusal, MandateNotUsable, NotFound
from lemonway.onboarding_messages import Individual, LegalEntity
from tests.lemonway.running_simulator import ADA_BIC, ADA_IBAN, RunningSimulator, a_person

REDIRECT = "https://blulend.example/done"
ACME = LegalEntity(name="Acme S.p.A.", type="COMPANY", registration_number="01234567890", registration_country="IT")


async def test_a_wallet_exists_once_its_owner_was_accepted_and_not_before(simulator: RunningSimulator) -> None:
    account = await simulator.onboarding.create_individual(a_person("Ada"), profile="LENDER", wallet_id="ada")
    started = await simulator.onboarding.start_individual(account.id, redirect_url=REDIRECT)
    assert (account.status, account.profile_status) == ("CREATED", "AWAITING_INFORMATION")
    assert started.url.startswith(simulator.url)
    with pytest.raises(NotFound):
        await simulator.directkit.get_account("ada")

    await simulator.post("/kyc/ada", outcome="accepted")

    wallet = await simulator.directkit.get_account("ada")
    assert (wallet.status, wallet.balance_cents, wallet.is_blocked) == (6, 0, False)
    assert (wallet.firstname, wallet.lastname, wallet.internal_id) == ("Ada", "Rossi", 13)
    opened = await simulator.onboarding.get_account(account.id)
    assert (opened.status, opened.onboarding_id) == ("ACCEPTED", started.onboarding_id)
    assert opened.profiles is not None
    assert [profile.status for profile in opened.profiles] == ["ACCEPTED"]


async def test_every_step_of_an_accepted_account_is_notified_in_order(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada")

    await simulator.quiet()

    about_the_account = [hint for hint in simulator.webhooks.hints if hint.category in (49, 50, 52)]
    assert [(hint.category, hint.status) for hint in about_the_account] == [
        (50, "1"),
        (49, "1"),
        (49, "3"),
        (50, "2"),
        (52, "1"),
    ]
    (wallet_status,) = simulator.webhooks.about(8)
    assert (wallet_status.wallet_id, wallet_status.internal_id, wallet_status.status) == ("ada", "13", "6")


async def test_a_company_is_opened_with_the_person_who_represents_it(simulator: RunningSimulator) -> None:
    account = await simulator.onboarding.create_legal_entity(
        ACME, a_person("Carla"), profile="LENDER", wallet_id="acme"
    )
    await simulator.onboarding.start_company(account.id, ACME, a_person("Carla"), redirect_url=REDIRECT)
    await simulator.post(f"/kyc/{account.id}", outcome="accepted")

    wallet = await simulator.directkit.get_account("acme")

    assert wallet.company is not None
    assert (wallet.company.name, wallet.account_type, wallet.lastname) == ("Acme S.p.A.", 1, "Rossi")


async def test_a_rejected_check_can_be_resumed_and_a_denied_one_is_final(simulator: RunningSimulator) -> None:
    account = await simulator.onboarding.create_individual(a_person("Ada"), profile="LENDER", wallet_id="ada")
    started = await simulator.onboarding.start_individual(account.id, redirect_url=REDIRECT)
    await simulator.post("/kyc/ada", outcome="rejected")

    assert await simulator.onboarding.resume(started.onboarding_id) == started.url
    await simulator.post("/kyc/ada", outcome="denied")

    denied = await simulator.onboarding.get_account(account.id)
    accepted_after_all = await simulator.control.post("/kyc/ada", json={"outcome": "accepted"})
    assert denied.status == "DENIED"
    assert accepted_after_all.status_code == 409
    with pytest.raises(NotFound):
        await simulator.directkit.get_account("ada")


async def test_the_hosted_page_ends_the_check_and_sends_the_person_back(simulator: RunningSimulator) -> None:
    account = await simulator.onboarding.create_individual(a_person("Ada"), profile="LENDER", wallet_id="ada")
    started = await simulator.onboarding.start_individual(account.id, redirect_url=REDIRECT)

    async with httpx.AsyncClient() as browser:
        page = await browser.get(started.url, headers={"Accept-Language": "it-IT"})
        answer = await browser.post(started.url, data={"outcome": "accepted"})

    assert "Verifica d'identità" in page.text.replace("&#39;", "'")
    assert (answer.status_code, answer.headers["location"]) == (303, REDIRECT)
    assert (await simulator.directkit.get_account("ada")).status == 6


async def test_repeating_an_outcome_changes_nothing(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=5_00)

    await simulator.post("/kyc/ada", outcome="accepted")

    assert await simulator.balances() == {"ada": 5_00}


async def test_an_onboarding_starts_once(simulator: RunningSimulator) -> None:
    account = await simulator.onboarding.create_individual(a_person("Ada"), profile="LENDER", wallet_id="ada")
    await simulator.onboarding.start_individual(account.id, redirect_url=REDIRECT)

    with pytest.raises(Duplicate):
        await simulator.onboarding.start_individual(account.id, redirect_url=REDIRECT)


@pytest.mark.parametrize(
    ("second", "wallet_id"),
    [
        pytest.param(a_person("Bob"), "ada", id="the wallet id of another"),
        pytest.param(a_person("Ada"), "ada-2", id="the same person again"),
    ],
)
async def test_an_account_is_opened_once_per_wallet_and_person_and_can_be_found(
    simulator: RunningSimulator, second: Individual, wallet_id: str
) -> None:
    first = await simulator.onboarding.create_individual(a_person("Ada"), profile="LENDER", wallet_id="ada")

    with pytest.raises(Duplicate):
        await simulator.onboarding.create_individual(second, profile="LENDER", wallet_id=wallet_id)

    found = await simulator.onboarding.find_by_wallet("ada")
    assert found is not None
    assert found.id == first.id
    assert await simulator.onboarding.find_by_wallet("nobody") is None


async def test_a_profile_that_does_not_exist_is_refused(simulator: RunningSimulator) -> None:
    with pytest.raises(InvalidRequest):
        await simulator.onboarding.create_individual(a_person("Ada"), profile="BANKER", wallet_id="ada")


async def test_the_legacy_way_of_opening_accounts_is_gone(simulator: RunningSimulator) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.post(simulator.url + "/directkitrest/v2/accounts/individual", json={})

    assert response.status_code == 410


async def test_a_mandate_is_signed_on_the_hosted_page_and_the_return_address_is_called(
    simulator: RunningSimulator,
) -> None:
    await simulator.open_wallet("Ada")
    mandate = await simulator.directkit.create_mandate(
        wallet_id="ada",
        holder="Ada Rossi",
        iban=ADA_IBAN,
        bic=ADA_BIC,
        street="Via Roma 1",
        post_code="20121",
        city="Milano",
    )
    token = await simulator.directkit.start_mandate_signature(
        wallet_id="ada", mandate_id=mandate.id, return_url=simulator.url + "/health", error_url=REDIRECT
    )
    page = f"{simulator.url}/webkit?signingtoken={token}"

    async with httpx.AsyncClient() as browser:
        shown = await browser.get(page)
        answer = await browser.post(page, data={"outcome": "signed"})

    assert ADA_IBAN in shown.text
    assert (answer.status_code, answer.headers["location"]) == (303, simulator.url + "/health")
    (signed,) = await simulator.directkit.list_mandates("ada")
    assert signed.status == 5
    (document,) = await simulator.directkit.list_documents("ada")
    assert (document.type, document.status) == (21, 2)
    with pytest.raises(MandateNotUsable) as refused:
        await simulator.directkit.start_mandate_signature(
            wallet_id="ada", mandate_id=mandate.id, return_url=REDIRECT, error_url=REDIRECT
        )
    assert refused.value.code == 258


async def test_a_signature_needs_a_mobile_number(simulator: RunningSimulator) -> None:
    person = a_person("Ada")
    without_phone = Individual(
        first_name=person.first_name,
        last_name=person.last_name,
        birth_date=person.birth_date,
        birth_country=person.birth_country,
        email=person.email,
        nationalities=person.nationalities,
        address=person.address,
    )
    account = await simulator.onboarding.create_individual(without_phone, profile="LENDER", wallet_id="ada")
    await simulator.onboarding.start_individual(account.id, redirect_url=REDIRECT)
    await simulator.post("/kyc/ada", outcome="accepted")

    with pytest.raises(LemonwayRefusal) as refused:
        await simulator.signed_mandate("ada")

    assert refused.value.code == 249

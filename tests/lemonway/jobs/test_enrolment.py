"""A party at Lemonway: every step may be repeated, also when the answer to it was lost."""

from typing import Any

import pytest

from lemonway.errors import LemonwayUnreachable
from lemonway.jobs.enrolment import DebtorAddress, Enrolment, HostedCheck, unique_mandate_reference
from lemonway.onboarding_messages import LegalEntity, OnboardingAddress
from persistence.bank_account_checks import PartyBankAccount, read_bank_account
from persistence.identity_checks import EnrolledParty, read_party
from persistence.mandate_signing import PartyMandate, read_mandate
from tests.lemonway.jobs.paying_market import WEBKIT_URL, PayingMarket
from tests.lemonway.running_simulator import ADA_IBAN, a_person
from tests.persistence.signed_market import id_of

ADDRESS = DebtorAddress(street="Via Roma 1", post_code="20121", city="Milano", country="ITALY")
REDIRECT = "https://blulend.example/done"


class NewParties:
    """Parties that have registered here and are not at Lemonway yet."""

    def __init__(self, market: PayingMarket) -> None:
        self.market = market
        self.enrolment = Enrolment(
            pool=market.pool, lemonway=market.lemonway, clock=market.clock, webkit_url=WEBKIT_URL
        )

    async def register(self, name: str, kind: str = "lender_person") -> None:
        await self.market.pool.execute(
            "INSERT INTO party (id, kind, name, wallet_id) VALUES ($1, $2, $3, $3)", id_of(name), kind, name
        )

    async def party(self, name: str) -> EnrolledParty:
        party = await read_party(self.market.pool, id_of(name))
        assert party is not None
        return party

    async def enrol(self, name: str) -> HostedCheck:
        person = a_person(name.capitalize())
        return await self.enrolment.enrol_person(await self.party(name), person, redirect_url=REDIRECT)

    async def accepted(self, name: str, kind: str = "lender_person") -> EnrolledParty:
        await self.register(name, kind)
        await self.enrol(name)
        await self.market.simulator.post(f"/kyc/{name}", outcome="accepted")
        await self.enrolment.check_identity(await self.party(name))
        return await self.party(name)

    async def bank_account(self, name: str) -> PartyBankAccount:
        await self.market.pool.execute(
            "INSERT INTO bank_account (id, party_id, iban, holder) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            id_of(f"account of {name}"),
            id_of(name),
            ADA_IBAN,
            f"{name.capitalize()} Rossi",
        )
        account = await read_bank_account(self.market.pool, id_of(f"account of {name}"))
        assert account is not None
        return account

    async def mandate(self, name: str) -> PartyMandate:
        account = await self.bank_account(name)
        await self.market.pool.execute(
            "INSERT INTO mandate (id, party_id, bank_account_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            id_of(f"mandate of {name}"),
            id_of(name),
            account.id,
        )
        mandate = await read_mandate(self.market.pool, id_of(f"mandate of {name}"))
        assert mandate is not None
        return mandate

    async def start_mandate(self, name: str) -> str | None:
        return await self.enrolment.start_mandate(
            await self.mandate(name), address=ADDRESS, return_url=REDIRECT, error_url=REDIRECT, mobile="393331234567"
        )

    async def lose_one_answer(self, endpoint: str) -> None:
        await self.market.simulator.post("/faults", id=endpoint, endpoint=endpoint, mode="lost_reply")


@pytest.fixture
def parties(market: PayingMarket) -> NewParties:
    return NewParties(market)


async def test_a_person_is_sent_to_the_identity_check_and_accepted_there(parties: NewParties) -> None:
    await parties.register("ada")

    check = await parties.enrol("ada")

    assert check.state == "in_progress"
    assert check.url is not None
    assert (await parties.party("ada")).onboarding_url == check.url
    await parties.market.simulator.post("/kyc/ada", outcome="accepted")
    async with parties.market.paying():
        await parties.market.quiet()
    assert (await parties.party("ada")).kyc_state == "accepted"


async def test_enrolling_again_goes_on_with_the_same_check(parties: NewParties) -> None:
    await parties.register("ada")
    await parties.enrol("ada")
    first = await parties.party("ada")

    await parties.enrol("ada")

    again = await parties.party("ada")
    assert (again.lemonway_account_id, again.onboarding_id) == (first.lemonway_account_id, first.onboarding_id)


@pytest.mark.parametrize("endpoint", ["POST /accounts/individual", "POST /onboardings/individual"])
async def test_after_a_lost_answer_what_lemonway_has_is_adopted(parties: NewParties, endpoint: str) -> None:
    await parties.register("ada")
    await parties.lose_one_answer(endpoint)
    with pytest.raises(LemonwayUnreachable):
        await parties.enrol("ada")

    check = await parties.enrol("ada")

    assert check.state == "in_progress"
    assert (await parties.party("ada")).lemonway_account_id is not None


async def test_a_company_is_enrolled_with_the_person_who_represents_it(parties: NewParties) -> None:
    await parties.register("alfa", "company")
    company = LegalEntity(
        name="Alfa Meccanica",
        type="COMPANY",
        registration_number="01234567890",
        registration_country="IT",
        address=OnboardingAddress(country="IT", city="Milano"),
    )

    check = await parties.enrolment.enrol_company(
        await parties.party("alfa"), company, a_person("Paola"), redirect_url=REDIRECT
    )

    assert check.state == "in_progress"


async def test_a_person_who_was_denied_is_refused_with_the_reason(parties: NewParties) -> None:
    await parties.register("ada")
    await parties.enrol("ada")
    await parties.market.simulator.post("/kyc/ada", outcome="denied")

    assert await parties.enrolment.check_identity(await parties.party("ada")) == "refused"
    assert (await parties.party("ada")).kyc_reason == "denied"


async def test_a_lost_notification_of_the_identity_check_is_made_good_by_looking(parties: NewParties) -> None:
    await parties.register("ada")
    await parties.enrol("ada")
    await parties.market.simulator.post("/kyc/ada", outcome="accepted")
    await parties.market.lose_notifications()

    async def is_accepted() -> bool:
        return (await parties.party("ada")).kyc_state == "accepted"

    async with parties.market.paying():
        await parties.market.until(is_accepted)


async def test_the_virtual_iban_is_made_once(parties: NewParties) -> None:
    ada = await parties.accepted("ada")
    await parties.lose_one_answer("POST /v2/moneyins/bankwire/iban/create")
    with pytest.raises(LemonwayUnreachable):
        await parties.enrolment.virtual_iban(ada)

    iban = await parties.enrolment.virtual_iban(ada)

    assert iban == await parties.enrolment.virtual_iban(await parties.party("ada"))
    assert len(await ibans_of(parties, "ada")) == 1


async def test_a_bank_account_is_registered_once_and_active(parties: NewParties) -> None:
    await parties.accepted("ada")
    await parties.lose_one_answer("POST /v2/moneyouts/iban")
    with pytest.raises(LemonwayUnreachable):
        await parties.enrolment.register_bank_account(await parties.bank_account("ada"))

    assert await parties.enrolment.register_bank_account(await parties.bank_account("ada")) == "active"
    assert len(await ibans_of(parties, "ada")) == 1


@pytest.mark.parametrize(("outcome", "state"), [("accepted", "active"), ("rejected", "refused")])
async def test_a_bank_account_that_lemonway_checks_is_followed_until_it_is_decided(
    parties: NewParties, outcome: str, state: str
) -> None:
    await parties.accepted("ada")
    await parties.market.simulator.post("/settings", iban_validation="manual")
    assert await parties.enrolment.register_bank_account(await parties.bank_account("ada")) == "checking"
    iban_id = (await parties.bank_account("ada")).lemonway_iban_id
    await parties.market.simulator.post(f"/ibans/{iban_id}", outcome=outcome)

    async def is_decided() -> bool:
        return (await parties.bank_account("ada")).state == state

    async with parties.market.paying():
        await parties.market.until(is_decided)


async def ibans_of(parties: NewParties, wallet_id: str) -> list[Any]:
    return list(await parties.market.simulator.directkit.list_ibans(wallet_id))


async def test_a_mandate_is_signed_on_the_hosted_page_and_can_then_be_debited(parties: NewParties) -> None:
    await parties.accepted("elena", "borrower")

    sign_url = await parties.start_mandate("elena")

    assert sign_url is not None
    assert sign_url.startswith(f"{WEBKIT_URL}?signingtoken=")
    mandate = await parties.mandate("elena")
    assert (mandate.state, mandate.umr) == ("signing", unique_mandate_reference(mandate.id))
    await parties.market.simulator.post(f"/mandates/{mandate.lemonway_mandate_id}/signature", outcome="signed")
    async with parties.market.paying():
        await parties.market.quiet()
    assert (await parties.mandate("elena")).state == "active"


@pytest.mark.parametrize("endpoint", ["POST /v2/moneyins/sdd/mandate", "POST /v2/accounts/*/signinit"])
async def test_a_mandate_whose_answer_was_lost_is_not_made_twice(parties: NewParties, endpoint: str) -> None:
    await parties.accepted("elena", "borrower")
    await parties.lose_one_answer(endpoint)
    with pytest.raises(LemonwayUnreachable):
        await parties.start_mandate("elena")

    assert await parties.start_mandate("elena") is not None
    assert len(await parties.market.simulator.directkit.list_mandates("elena")) == 1


async def test_a_signature_of_which_nobody_told_is_found_by_looking(parties: NewParties) -> None:
    await parties.accepted("elena", "borrower")
    await parties.start_mandate("elena")
    mandate = await parties.mandate("elena")
    await parties.market.simulator.post(f"/mandates/{mandate.lemonway_mandate_id}/signature", outcome="rejected")
    await parties.market.lose_notifications()

    async def is_refused() -> bool:
        return (await parties.mandate("elena")).state == "refused"

    async with parties.market.paying():
        await parties.market.until(is_refused)


def test_a_mandate_reference_fits_the_rule_book() -> None:
    """At most 35 characters. Source: EPC016-06, AT-01."""
    reference = unique_mandate_reference("0190c0de-0000-7000-8000-000000000020")

    assert reference == "BL0190C0DE000070008000000000000020"
    assert len(reference) <= 35

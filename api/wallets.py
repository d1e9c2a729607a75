"""A party at the payment institution: identity check, wallet, IBAN for wires, bank accounts, mandates."""

import re
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post, put

from api.body_fields import Name
from api.callers import Role
from api.command_desk import id_reused
from api.dependencies import Database, Enrolments, SignedIn
from api.guards import Objects, allow
from api.problems import Problem, not_found
from api.profiles import Profile, individual, legal_entity, read_profile_json
from api.replays import created
from lemonway.jobs.enrolment import DebtorAddress
from persistence.bank_accounts import (
    OwnBankAccount,
    OwnMandate,
    OwnWallet,
    add_bank_account,
    add_mandate,
    own_bank_account,
    own_mandate,
    own_wallet,
    read_profile,
)
from persistence.connection import Pool
from persistence.enrolments import EnrolledParty, read_bank_account, read_mandate, read_party

_OWNERS = allow(Role.BORROWER, Role.LENDER, Role.COMPANY, objects=Objects.OWN_IN_QUERY)
_ADDS_OWN = allow(Role.BORROWER, Role.LENDER, Role.COMPANY, objects=Objects.CREATES_OWN)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


class KycReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """How the identity check stands; while it is in progress it goes on at `url`."""

    state: str
    reason: str | None
    url: str | None


class VirtualIbanReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The IBAN on which the wallet receives wires."""

    iban: str


class BankAccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account of one's own. Spaces in the IBAN are left out."""

    iban: Annotated[str, msgspec.Meta(max_length=50)]
    holder: Name


class MandateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bank account that the mandate allows to debit."""

    bank_account_id: UUID


class WalletController(Controller):
    tags = ("Wallet",)

    @get("/kyc", operation_id="GetKyc", opt=_OWNERS)
    async def get_kyc(self, caller: SignedIn, pool: Database) -> KycReceipt:
        """How one's own identity check stands."""
        wallet = await own_wallet(pool, caller.own_id)
        url = wallet.onboarding_url if wallet.kyc_state == "in_progress" else None
        return KycReceipt(state=wallet.kyc_state, reason=wallet.kyc_reason, url=url)

    @post("/kyc/sessions", operation_id="StartKyc", status_code=200, opt=_OWNERS)
    async def start_kyc(
        self, caller: SignedIn, pool: Database, enrolment: Enrolments, request: Request[Any, Any, Any]
    ) -> KycReceipt:
        """Open the account at the payment institution and begin, or go on with, the identity check."""
        party = await _party(pool, caller.own_id)
        profile = await _profile(pool, party.id)
        here = _origin(request)
        if profile.entity is None:
            check = await enrolment.enrol_person(party, individual(profile.person), redirect_url=here)
        else:
            check = await enrolment.enrol_company(
                party, legal_entity(profile.entity), individual(profile.person), redirect_url=here
            )
        return KycReceipt(state=check.state, reason=party.kyc_reason, url=check.url)

    @get("/wallet", operation_id="GetWallet", opt=_OWNERS)
    async def get_wallet(self, caller: SignedIn, pool: Database) -> OwnWallet:
        """One's own wallet, its money by bucket."""
        return await own_wallet(pool, caller.own_id)

    @post("/wallet/virtual-iban", operation_id="CreateVirtualIban", status_code=200, opt=_OWNERS)
    async def create_virtual_iban(self, caller: SignedIn, pool: Database, enrolment: Enrolments) -> VirtualIbanReceipt:
        """The IBAN to wire money to. It is made at the first call."""
        party = await _accepted_party(pool, caller.own_id)
        return VirtualIbanReceipt(iban=await enrolment.virtual_iban(party))

    @put("/bank-accounts/{bank_account_id:uuid}", operation_id="AddBankAccount", status_code=201, opt=_ADDS_OWN)
    async def add_bank_account(
        self, bank_account_id: UUID, data: BankAccountBody, caller: SignedIn, pool: Database, enrolment: Enrolments
    ) -> Response[OwnBankAccount]:
        """Add a bank account to be paid to, or to be debited."""
        iban = data.iban.replace(" ", "").upper()
        if not is_iban(iban):
            raise Problem("iban-refused", "The check digits of the IBAN do not fit.", reason="check-digits")
        await _accepted_party(pool, caller.own_id)
        async with pool.acquire() as connection, connection.transaction():
            outcome = await add_bank_account(
                connection,
                bank_account_id=str(bank_account_id),
                party_id=caller.own_id,
                iban=iban,
                holder=data.holder,
            )
        if outcome == "id_reused":
            raise id_reused("bank account")
        account = await read_bank_account(pool, str(bank_account_id))
        assert account is not None, bank_account_id
        if account.lemonway_iban_id is None:
            await enrolment.register_bank_account(account)
        return created(await _bank_account(pool, bank_account_id, caller.own_id), is_new=outcome == "new")

    @get("/bank-accounts/{bank_account_id:uuid}", operation_id="GetBankAccount", opt=_OWNERS)
    async def get_bank_account(self, bank_account_id: UUID, caller: SignedIn, pool: Database) -> OwnBankAccount:
        """How one's own bank account stands."""
        return await _bank_account(pool, bank_account_id, caller.own_id)

    @put(
        "/mandates/{mandate_id:uuid}",
        operation_id="CreateMandate",
        status_code=201,
        opt=allow(Role.BORROWER, objects=Objects.CREATES_OWN),
    )
    async def create_mandate(
        self,
        mandate_id: UUID,
        data: MandateBody,
        caller: SignedIn,
        pool: Database,
        enrolment: Enrolments,
        request: Request[Any, Any, Any],
    ) -> Response[OwnMandate]:
        """Create the direct debit mandate. It is signed at `sign_url`, on the payment institution's own page."""
        await _accepted_party(pool, caller.own_id)
        async with pool.acquire() as connection, connection.transaction():
            outcome = await add_mandate(
                connection,
                mandate_id=str(mandate_id),
                party_id=caller.own_id,
                bank_account_id=str(data.bank_account_id),
            )
        if outcome == "bank_account_unknown":
            not_found("bank account")
        if outcome == "id_reused":
            raise id_reused("mandate")
        await self._start_signing(pool, enrolment, str(mandate_id), _origin(request))
        return created(await _mandate(pool, mandate_id, caller.own_id), is_new=outcome == "new")

    @get(
        "/mandates/{mandate_id:uuid}",
        operation_id="GetMandate",
        opt=allow(Role.BORROWER, objects=Objects.OWN_IN_QUERY),
    )
    async def get_mandate(self, mandate_id: UUID, caller: SignedIn, pool: Database) -> OwnMandate:
        """How one's own mandate stands."""
        return await _mandate(pool, mandate_id, caller.own_id)

    async def _start_signing(self, pool: Pool, enrolment: Enrolments, mandate_id: str, here: str) -> None:
        mandate = await read_mandate(pool, mandate_id)
        assert mandate is not None, mandate_id
        if mandate.state not in ("pending", "signing") or mandate.sign_url is not None:
            return
        person = (await _profile(pool, mandate.party_id)).person
        await enrolment.start_mandate(
            mandate,
            address=DebtorAddress(
                street=person.address.street,
                post_code=person.address.postcode,
                city=person.address.city,
                country="ITALY" if person.address.country == "IT" else person.address.country,
            ),
            return_url=here,
            error_url=here,
            mobile=person.phone,
        )


def is_iban(iban: str) -> bool:
    """Whether the check digits of an IBAN without spaces fit (ISO 13616: modulo 97 is 1)."""
    if not _IBAN.fullmatch(iban):
        return False
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return int(digits) % 97 == 1


async def _party(pool: Pool, party_id: str) -> EnrolledParty:
    party = await read_party(pool, party_id)
    assert party is not None, party_id
    return party


async def _accepted_party(pool: Pool, party_id: str) -> EnrolledParty:
    party = await _party(pool, party_id)
    if party.kyc_state != "accepted":
        raise Problem(
            "kyc-incomplete", "First the identity check must be complete.", state=party.kyc_state, next_step="kyc"
        )
    return party


async def _profile(pool: Pool, party_id: str) -> Profile:
    return read_profile_json(await read_profile(pool, party_id))


async def _bank_account(pool: Pool, bank_account_id: UUID, party_id: str) -> OwnBankAccount:
    account = await own_bank_account(pool, str(bank_account_id), party_id=party_id)
    return account or not_found("bank account")


async def _mandate(pool: Pool, mandate_id: UUID, party_id: str) -> OwnMandate:
    mandate = await own_mandate(pool, str(mandate_id), party_id=party_id)
    return mandate or not_found("mandate")


def _origin(request: Request[Any, Any, Any]) -> str:
    """Where the payment institution's pages send people back to: this site's own address."""
    return f"{request.base_url.scheme}://{request.base_url.netloc}/"

"""Bank accounts of one's own, to be paid to or debited, and a borrower's direct debit mandates."""

import re
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, put
from litestar.params import FromPath, JSONBody

from api.body_fields import Name
from api.callers import Role
from api.command_desk import id_reused
from api.dependencies import Database, Enrolments, SignedIn
from api.enrolled_parties import accepted_party, own_address, party_profile
from api.guards import Objects, allow
from api.problems import Problem, not_found
from api.replays import created
from lemonway.jobs.enrolment import DebtorAddress, Enrolment
from lemonway.translation import country_on_mandate
from persistence.bank_account_checks import read_bank_account
from persistence.bank_accounts import (
    OwnBankAccount,
    OwnMandate,
    SameBankAccount,
    add_bank_account,
    add_mandate,
    own_bank_account,
    own_mandate,
)
from persistence.connection import Pool
from persistence.mandate_signing import read_mandate

_OWNERS = allow(Role.BORROWER, Role.LENDER, Role.COMPANY, objects=Objects.OWN_IN_QUERY)
_ADDS_OWN = allow(Role.BORROWER, Role.LENDER, Role.COMPANY, objects=Objects.CREATES_OWN)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


class BankAccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account of one's own. Spaces in the IBAN are left out."""

    iban: Annotated[str, msgspec.Meta(max_length=50)]
    holder: Name


class MandateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bank account that the mandate allows to debit."""

    bank_account_id: UUID


class BankAccountController(Controller):
    tags = ("Bank accounts",)

    @put("/bank-accounts/{bank_account_id:uuid}", operation_id="AddBankAccount", status_code=201, opt=_ADDS_OWN)
    async def add_bank_account(
        self,
        bank_account_id: FromPath[UUID],
        data: JSONBody[BankAccountBody],
        caller: SignedIn,
        pool: Database,
        enrolment: Enrolments,
    ) -> Response[OwnBankAccount]:
        """Add a bank account to be paid to, or to be debited."""
        iban = data.iban.replace(" ", "").upper()
        if not is_iban(iban):
            raise Problem("iban-refused", "The check digits of the IBAN do not fit.", reason="check-digits")
        await accepted_party(pool, caller.own_id)
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
        if isinstance(outcome, SameBankAccount):
            raise Problem(
                "id-reused",
                "You have added this IBAN already, under another id.",
                bank_account_id=outcome.bank_account_id,
            )
        account = await read_bank_account(pool, str(bank_account_id))
        assert account is not None, bank_account_id
        if account.lemonway_iban_id is None:
            await enrolment.register_bank_account(account)
        return created(await _bank_account(pool, bank_account_id, caller.own_id), is_new=outcome == "new")

    @get("/bank-accounts/{bank_account_id:uuid}", operation_id="GetBankAccount", opt=_OWNERS)
    async def get_bank_account(
        self, bank_account_id: FromPath[UUID], caller: SignedIn, pool: Database
    ) -> OwnBankAccount:
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
        mandate_id: FromPath[UUID],
        data: JSONBody[MandateBody],
        caller: SignedIn,
        pool: Database,
        enrolment: Enrolments,
        request: Request[Any, Any, Any],
    ) -> Response[OwnMandate]:
        """Create the direct debit mandate. It is signed at `sign_url`, on the payment institution's own page."""
        await accepted_party(pool, caller.own_id)
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
        await self._start_signing(pool, enrolment, str(mandate_id), own_address(request))
        return created(await _mandate(pool, mandate_id, caller.own_id), is_new=outcome == "new")

    @get(
        "/mandates/{mandate_id:uuid}",
        operation_id="GetMandate",
        opt=allow(Role.BORROWER, objects=Objects.OWN_IN_QUERY),
    )
    async def get_mandate(self, mandate_id: FromPath[UUID], caller: SignedIn, pool: Database) -> OwnMandate:
        """How one's own mandate stands."""
        return await _mandate(pool, mandate_id, caller.own_id)

    async def _start_signing(self, pool: Pool, enrolment: Enrolment, mandate_id: str, here: str) -> None:
        mandate = await read_mandate(pool, mandate_id)
        assert mandate is not None, mandate_id
        if mandate.state not in ("pending", "signing") or mandate.sign_url is not None:
            return
        person = (await party_profile(pool, mandate.party_id)).person
        await enrolment.start_mandate(
            mandate,
            address=DebtorAddress(
                street=person.address.street,
                post_code=person.address.postcode,
                city=person.address.city,
                country=country_on_mandate(person.address.country),
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


async def _bank_account(pool: Pool, bank_account_id: UUID, party_id: str) -> OwnBankAccount:
    account = await own_bank_account(pool, str(bank_account_id), party_id=party_id)
    return account or not_found("bank account")


async def _mandate(pool: Pool, mandate_id: UUID, party_id: str) -> OwnMandate:
    mandate = await own_mandate(pool, str(mandate_id), party_id=party_id)
    return mandate or not_found("mandate")

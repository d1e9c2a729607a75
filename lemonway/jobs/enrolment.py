"""What a party needs at Lemonway before money can move: account, identity check, IBAN for wires, bank account, mandate.

Every step may be repeated, also after a lost answer: what Lemonway has already is looked up and adopted, never made
twice. Nothing is believed until it is read back, so each `check_…` can be asked by anybody who has reason to.
"""

from collections.abc import Awaitable, Callable

import msgspec

from lemonway.connection import Lemonway
from lemonway.errors import Duplicate, NotFound
from lemonway.messages import Mandate
from lemonway.onboarding_messages import Individual, LegalEntity, OpenedAccount, StartedOnboarding
from lemonway.statuses import (
    IbanStatus,
    IbanType,
    MandateStatus,
    mandate_can_be_debited,
    wallet_can_move_money,
)
from marketplace.ports import Clock
from persistence.bank_account_checks import (
    BankAccountState,
    PartyBankAccount,
    iban_ids_of_others,
    note_bank_account,
)
from persistence.connection import Pool
from persistence.identity_checks import (
    EnrolledParty,
    KycState,
    note_account,
    note_kyc,
    note_onboarding,
    note_virtual_iban,
)
from persistence.mandate_signing import PartyMandate, note_mandate, note_mandate_decided, note_signing

_LENDER, _PROJECT_HOLDER = "LENDER", "PROJECT_HOLDER"
_BIC_NOT_PROVIDED = "NOTPROVIDED"
"""What ISO 20022 writes for a bank that the IBAN alone names; Lemonway's field is mandatory."""
_IBAN_STATES: dict[int, BankAccountState] = {
    IbanStatus.ACTIVATED: "active",
    IbanStatus.REJECTED_BY_BANK: "refused",
    IbanStatus.REJECTED_NO_OWNER: "refused",
    IbanStatus.DEACTIVATED: "refused",
    IbanStatus.REJECTED: "refused",
}


class DebtorAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the holder of a debited account lives, as the mandate prints it (`translation.country_on_mandate`)."""

    street: str
    post_code: str
    city: str
    country: str


class HostedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How far the identity check is, and where the person goes on with it; no address once it is over."""

    state: KycState
    url: str | None


class Enrolment:
    """Brings parties to Lemonway. `webkit_url` is the hosted page on which mandates are signed."""

    def __init__(self, *, pool: Pool, lemonway: Lemonway, clock: Clock, webkit_url: str) -> None:
        self._pool = pool
        self._directkit = lemonway.directkit
        self._onboarding = lemonway.onboarding
        self._clock = clock
        self._webkit_url = webkit_url

    # Account and identity check

    async def enrol_person(self, party: EnrolledParty, individual: Individual, *, redirect_url: str) -> HostedCheck:
        """Open a person's account with our wallet id and start the identity check. Raises a LemonwayError."""
        profile = _PROJECT_HOLDER if party.kind == "borrower" else _LENDER
        return await self._enrol(
            party,
            lambda: self._onboarding.create_individual(individual, profile=profile, wallet_id=party.wallet_id),
            lambda account_id: self._onboarding.start_individual(
                account_id, redirect_url=redirect_url, individual=individual
            ),
        )

    async def enrol_company(
        self, party: EnrolledParty, legal_entity: LegalEntity, representative: Individual, *, redirect_url: str
    ) -> HostedCheck:
        """The same for a company, with the person who represents it."""
        return await self._enrol(
            party,
            lambda: self._onboarding.create_legal_entity(
                legal_entity, representative, profile=_LENDER, wallet_id=party.wallet_id
            ),
            lambda account_id: self._onboarding.start_company(
                account_id, legal_entity, representative, redirect_url=redirect_url
            ),
        )

    async def _enrol(
        self,
        party: EnrolledParty,
        open_account: Callable[[], Awaitable[OpenedAccount]],
        start_check: Callable[[str], Awaitable[StartedOnboarding]],
    ) -> HostedCheck:
        if party.kyc_state in ("accepted", "refused"):
            return HostedCheck(state=party.kyc_state, url=None)
        account_id = party.lemonway_account_id
        if account_id is None:
            try:
                account_id = (await open_account()).id
            except Duplicate as known:
                account_id = await self._account_already_open(party, known)
            await note_account(self._pool, party.id, lemonway_account_id=account_id)
        try:
            started = await start_check(account_id)
        except Duplicate as begun:
            return await self._resume(party, account_id, begun)
        return await self._keep_onboarding(party, started.onboarding_id, started.url)

    async def _account_already_open(self, party: EnrolledParty, known: Duplicate) -> str:
        account = await self._onboarding.find_by_wallet(party.wallet_id)
        if account is None:
            # The person is a customer of this platform already, under another wallet: not ours to decide.
            raise known
        return account.id

    async def _resume(self, party: EnrolledParty, account_id: str, begun: Duplicate) -> HostedCheck:
        state = await self._read_kyc(party, account_id)
        if state in ("accepted", "refused"):
            return HostedCheck(state=state, url=None)
        account = await self._onboarding.get_account(account_id)
        if account.onboarding_id is None:
            raise begun
        url = await self._onboarding.resume(account.onboarding_id)
        return await self._keep_onboarding(party, account.onboarding_id, url)

    async def _keep_onboarding(self, party: EnrolledParty, onboarding_id: str, url: str) -> HostedCheck:
        await note_onboarding(self._pool, party.id, onboarding_id=onboarding_id, url=url)
        return HostedCheck(state="in_progress", url=url)

    async def check_identity(self, party: EnrolledParty) -> KycState:
        """Read how the identity check stands and record it."""
        if party.lemonway_account_id is None:
            return party.kyc_state
        return await self._read_kyc(party, party.lemonway_account_id)

    async def _read_kyc(self, party: EnrolledParty, account_id: str) -> KycState:
        account = await self._onboarding.get_account(account_id)
        state, reason = party.kyc_state, None
        if account.status == "ACCEPTED" and await self._wallet_is_open(party.wallet_id):
            state = "accepted"
        elif account.status in ("DENIED", "BLOCKED"):
            state, reason = "refused", account.status.lower()
        elif any(profile.status == "REJECTED" for profile in account.profiles or ()):
            reason = "information_to_correct"
        if (state, reason) != (party.kyc_state, party.kyc_reason):
            await note_kyc(self._pool, party.id, state, at=self._clock.now(), reason=reason)
        return state

    async def _wallet_is_open(self, wallet_id: str) -> bool:
        try:
            wallet = await self._directkit.get_account(wallet_id)
        except NotFound:
            return False
        return wallet_can_move_money(wallet.status, is_blocked=wallet.is_blocked)

    # Bank accounts

    async def virtual_iban(self, party: EnrolledParty) -> str:
        """The IBAN on which the party's wallet receives wires; made when there is none."""
        if party.virtual_iban is not None:
            return party.virtual_iban
        known = [
            account.iban
            for account in await self._directkit.list_ibans(party.wallet_id)
            if account.type == IbanType.VIRTUAL and account.status != IbanStatus.DEACTIVATED and account.iban
        ]
        iban = known[0] if known else (await self._directkit.create_virtual_iban(party.wallet_id)).iban
        await note_virtual_iban(self._pool, party.id, iban)
        return iban

    async def register_bank_account(self, account: PartyBankAccount) -> BankAccountState:
        """Link the party's own bank account to its wallet, so that it can be paid."""
        state = await self.check_bank_account(account)
        if state is not None:
            return state
        registered = await self._directkit.register_payout_iban(
            account.wallet_id, holder=account.holder, iban=account.iban
        )
        return await self._keep_bank_account(account, registered.iban_id, registered.status)

    async def check_bank_account(self, account: PartyBankAccount) -> BankAccountState | None:
        """Read how the bank account stands and record it; None when Lemonway does not know it."""
        # One that was refused before stands for its own account of ours: this is another try.
        others = await iban_ids_of_others(self._pool, account)
        for known in await self._directkit.list_ibans(account.wallet_id):
            if str(known.id) in others:
                continue
            if known.type == IbanType.PAYOUT and _same_iban(known.iban, account.iban):
                return await self._keep_bank_account(account, known.id, known.status)
        return None

    async def _keep_bank_account(self, account: PartyBankAccount, iban_id: int, status: int) -> BankAccountState:
        state = _IBAN_STATES.get(status, "checking")
        reason = IbanStatus(status).name.lower() if state == "refused" else None
        await note_bank_account(self._pool, account.id, lemonway_iban_id=str(iban_id), state=state, reason=reason)
        return state

    # Mandates

    async def start_mandate(
        self, mandate: PartyMandate, *, address: DebtorAddress, return_url: str, error_url: str, mobile: str | None
    ) -> str | None:
        """Make the mandate and have the borrower sign it; the address of the signing page, None once it is decided."""
        found = await self._find_mandate(mandate)
        if found is None:
            found = await self._directkit.create_mandate(
                wallet_id=mandate.wallet_id,
                holder=mandate.holder,
                iban=mandate.iban,
                bic=_BIC_NOT_PROVIDED,
                street=address.street,
                post_code=address.post_code,
                city=address.city,
                country=address.country,
                unique_mandate_reference=unique_mandate_reference(mandate.id),
            )
        umr = found.unique_mandate_reference or unique_mandate_reference(mandate.id)
        await note_mandate(self._pool, mandate.id, umr=umr, lemonway_mandate_id=str(found.id))
        if found.status != MandateStatus.PENDING:
            await self._keep_mandate(mandate, found)
            return None
        token = await self._directkit.start_mandate_signature(
            wallet_id=mandate.wallet_id,
            mandate_id=found.id,
            return_url=return_url,
            error_url=error_url,
            mobile_number=mobile,
        )
        sign_url = f"{self._webkit_url}?signingtoken={token}"
        await note_signing(self._pool, mandate.id, sign_url=sign_url)
        return sign_url

    async def check_mandate(self, mandate: PartyMandate) -> None:
        """Read how the mandate stands and record it."""
        found = await self._find_mandate(mandate)
        if found is not None:
            await self._keep_mandate(mandate, found)

    async def _find_mandate(self, mandate: PartyMandate) -> Mandate | None:
        wanted = mandate.umr or unique_mandate_reference(mandate.id)
        for found in await self._directkit.list_mandates(mandate.wallet_id):
            if str(found.id) == mandate.lemonway_mandate_id or found.unique_mandate_reference == wanted:
                return found
        return None

    async def _keep_mandate(self, mandate: PartyMandate, found: Mandate) -> None:
        if mandate_can_be_debited(found.status):
            await note_mandate_decided(self._pool, mandate.id, "active", at=self._clock.now())
        elif found.status == MandateStatus.REJECTED:
            await note_mandate_decided(self._pool, mandate.id, "refused", at=self._clock.now())
        elif found.status == MandateStatus.DISABLED:
            await note_mandate_decided(self._pool, mandate.id, "revoked", at=self._clock.now())


def unique_mandate_reference(mandate_id: str) -> str:
    """The reference we give a mandate, so that it is found again after a lost answer: at most 35 characters."""
    return f"BL{mandate_id.replace('-', '').upper()}"


def _same_iban(theirs: str | None, ours: str) -> bool:
    return theirs is not None and theirs.replace(" ", "").upper() == ours.replace(" ", "").upper()

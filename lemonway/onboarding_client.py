"""Online Onboarding: opening an account and starting the identity check, on a host of its own.

The only way to open accounts in Italy since July 2025 (docs/lemonway_facts.md §4). A wallet exists only once the
account is ACCEPTED; until then DirectKit answers NotFound (147).
"""

from lemonway.answers import Folded, decode, read_answer, unreadable
from lemonway.messages import RequestBody
from lemonway.onboarding_messages import (
    CompanyOnboardingBody,
    Individual,
    IndividualAccountBody,
    IndividualOnboardingBody,
    LegalEntity,
    LegalEntityAccountBody,
    OnboardingAccount,
    OpenedAccount,
    StartedOnboarding,
)
from lemonway.transport import Transport

_ACTIVITY = "CROWDLENDING"
_PAGE_SIZE = 100
_ID_KEYS = ("onboardingid", "id")
_URL_KEYS = ("onboardingurl", "url", "redirecturl", "resumeurl")


class OnlineOnboarding:
    """Accounts before they have a wallet."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create_individual(self, individual: Individual, *, profile: str, wallet_id: str) -> OpenedAccount:
        """Open an account for a person. `profile` is LENDER or PROJECT_HOLDER; `wallet_id` is ours to choose.

        Raises Duplicate when the wallet id or the person is known already: see `find_by_wallet`.
        """
        body = IndividualAccountBody(individual=individual, profile=profile, activity=_ACTIVITY, wallet_id=wallet_id)
        return await self._open("/accounts/individual", body)

    async def create_legal_entity(
        self, legal_entity: LegalEntity, legal_representative: Individual, *, profile: str, wallet_id: str
    ) -> OpenedAccount:
        """Open an account for a company, with the person who represents it. Errors as for a person."""
        body = LegalEntityAccountBody(
            legal_entity=legal_entity,
            legal_representative=legal_representative,
            profile=profile,
            activity=_ACTIVITY,
            wallet_id=wallet_id,
        )
        return await self._open("/accounts/legal-entity", body)

    async def start_individual(
        self, account_id: str, *, redirect_url: str, individual: Individual | None = None
    ) -> StartedOnboarding:
        """Start a person's identity check; raises Duplicate when it was started before (then `resume`)."""
        body = IndividualOnboardingBody(account_id=account_id, redirect_url=redirect_url, individual=individual)
        return await self._start("/onboardings/individual", body)

    async def start_company(
        self,
        account_id: str,
        legal_entity: LegalEntity,
        legal_representative: Individual,
        *,
        redirect_url: str,
        ultimate_beneficial_owners: tuple[Individual, ...] = (),
    ) -> StartedOnboarding:
        """Start a company's check; raises Duplicate when it was started before (then `resume`)."""
        body = CompanyOnboardingBody(
            account_id=account_id,
            redirect_url=redirect_url,
            legal_entity=legal_entity,
            legal_representative=legal_representative,
            ubos=ultimate_beneficial_owners,
        )
        return await self._start("/onboardings/company", body)

    async def resume(self, onboarding_id: str) -> str:
        """A fresh address of the hosted page for a check that was not finished."""
        answer = await self._transport.read(f"/onboardings/{onboarding_id}/resume")
        return decode(_first_of(read_answer(answer), _URL_KEYS), str, answer)

    async def get_account(self, account_id: str) -> OnboardingAccount:
        """An account by Lemonway's UUID, with profiles, requirements and restrictions."""
        answer = await self._transport.read(f"/accounts/{account_id}")
        return decode(read_answer(answer), OnboardingAccount, answer)

    async def find_by_wallet(self, wallet_id: str) -> OnboardingAccount | None:
        """The account we opened for that wallet id, None when there is none: the look-up after a lost answer.

        Lemonway documents no filter, so the pages are read until the wallet turns up.
        """
        page = 1
        while True:
            answer = await self._transport.read("/accounts", {"walletId": wallet_id, "page": page, "limit": _PAGE_SIZE})
            folded = read_answer(answer)
            listed = folded.get("value", folded.get("accounts", folded.get("data")))
            if not isinstance(listed, list):
                raise unreadable("no list of accounts in the answer", answer, None)
            for item in listed:
                account = decode(item, OnboardingAccount, answer)
                if _owns(account, wallet_id):
                    return account
            if len(listed) < _PAGE_SIZE:
                return None
            page += 1

    async def _open(self, path: str, body: RequestBody) -> OpenedAccount:
        answer = await self._transport.write("POST", path, body)
        return decode(read_answer(answer), OpenedAccount, answer)

    async def _start(self, path: str, body: RequestBody) -> StartedOnboarding:
        answer = await self._transport.write("POST", path, body)
        folded = read_answer(answer)
        started = {"onboardingid": _first_of(folded, _ID_KEYS), "url": _first_of(folded, _URL_KEYS)}
        return decode(started, StartedOnboarding, answer)


def _first_of(folded: Folded, keys: tuple[str, ...]) -> object:
    return next((folded[key] for key in keys if folded.get(key)), None)


def _owns(account: OnboardingAccount, wallet_id: str) -> bool:
    wallets = [wallet for profile in account.profiles or [] for wallet in profile.wallets or []]
    return any(wallet_id in (wallet.wallet_id, wallet.id) for wallet in wallets)

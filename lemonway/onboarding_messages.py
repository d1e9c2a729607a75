"""Requests and answers of Online Onboarding: ISO alpha-2 countries, E.164 phones, ISO dates, UUID ids.

Another host than DirectKit, with forms of its own; spelling and reading follow the same two rules as messages.py.
"""

from lemonway.messages import AnswerBody, RequestBody


class OnboardingAddress(RequestBody, frozen=True, kw_only=True):
    country: str
    street: str | None = None
    complement: str | None = None
    postcode: str | None = None
    city: str | None = None


class Individual(RequestBody, frozen=True, kw_only=True):
    first_name: str
    last_name: str
    birth_date: str
    birth_country: str
    email: str
    nationalities: list[str]
    address: OnboardingAddress
    birth_city: str | None = None
    phone_number: str | None = None


class LegalEntity(RequestBody, frozen=True, kw_only=True):
    """`type` picks the onboarding: COMPANY, ASSOCIATION or SOLE_TRADER. `activity_code` is a NACE code."""

    name: str
    type: str
    registration_number: str
    registration_country: str
    registration_date: str | None = None
    address: OnboardingAddress | None = None
    activity_code: str | None = None


class IndividualAccountBody(RequestBody, frozen=True, kw_only=True):
    individual: Individual
    profile: str
    activity: str
    wallet_id: str


class LegalEntityAccountBody(RequestBody, frozen=True, kw_only=True):
    legal_entity: LegalEntity
    legal_representative: Individual
    profile: str
    activity: str
    wallet_id: str


class IndividualOnboardingBody(RequestBody, frozen=True, kw_only=True):
    account_id: str
    redirect_url: str
    individual: Individual | None = None


class CompanyOnboardingBody(RequestBody, frozen=True, kw_only=True):
    account_id: str
    redirect_url: str
    legal_entity: LegalEntity
    legal_representative: Individual
    ubos: tuple[Individual, ...] = ()


class OpenedAccount(AnswerBody, frozen=True, kw_only=True):
    """An account just created; `id` is Lemonway's UUID, not the wallet id."""

    id: str
    status: str
    profile_status: str | None = None


class StartedOnboarding(AnswerBody, frozen=True, kw_only=True):
    """Where to send the person. The names of both keys are not published: every plausible one is read."""

    onboarding_id: str
    url: str


class OnboardingWallet(AnswerBody, frozen=True, kw_only=True):
    """`wallet_id` is the id DirectKit knows, the one we chose; some pages print it as `id`."""

    id: str | None = None
    wallet_id: str | None = None


class OnboardingProfile(AnswerBody, frozen=True, kw_only=True):
    id: str | None = None
    profile: str | None = None
    status: str | None = None
    wallets: list[OnboardingWallet] | None = None


class OnboardingRequirement(AnswerBody, frozen=True, kw_only=True):
    id: str | None = None
    type: str | None = None
    due_date: str | None = None
    status: str | None = None


class OnboardingRestriction(AnswerBody, frozen=True, kw_only=True):
    id: str | None = None
    category: str | None = None
    reason: str | None = None
    activated_at: str | None = None


class OnboardingAccount(AnswerBody, frozen=True, kw_only=True):
    """An account as Online Onboarding sees it."""

    id: str
    status: str
    onboarding_id: str | None = None
    type: str | None = None
    profiles: list[OnboardingProfile] | None = None
    requirements: list[OnboardingRequirement] | None = None
    restrictions: list[OnboardingRestriction] | None = None

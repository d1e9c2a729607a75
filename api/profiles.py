"""What people and companies tell about themselves: what the payment institution's onboarding asks for, no more."""

from datetime import date
from typing import Annotated

import msgspec

from api.body_fields import CountryCode, Email, Name
from lemonway.onboarding_messages import Individual, LegalEntity, OnboardingAddress

Phone = Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164: a plus sign and the digits.")]


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A postal address."""

    street: Name
    postcode: Annotated[str, msgspec.Meta(min_length=2, max_length=12)]
    city: Name
    country: CountryCode = "IT"


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A natural person."""

    first_name: Name
    last_name: Name
    birth_date: date
    birth_country: CountryCode = "IT"
    birth_city: Name | None = None
    nationalities: Annotated[tuple[CountryCode, ...], msgspec.Meta(min_length=1, max_length=5)] = ("IT",)
    email: Email
    phone: Phone | None = None
    address: Address


class Entity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal entity, by its entry in the register of companies."""

    name: Name
    registration_number: Annotated[str, msgspec.Meta(min_length=4, max_length=32, pattern=r"^[A-Z0-9]+$")]
    registration_country: CountryCode = "IT"
    registration_date: date | None = None
    activity_code: Annotated[str, msgspec.Meta(max_length=10, description="NACE code.")] | None = None
    address: Address


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party: a person, or a legal entity with the person who represents it."""

    person: Person
    entity: Entity | None = None

    @property
    def name(self) -> str:
        """How the party is called."""
        return self.entity.name if self.entity else f"{self.person.first_name} {self.person.last_name}"


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Profile)


def profile_json(profile: Profile) -> str:
    """What the record keeps of a profile."""
    return _encoder.encode(profile).decode()


def read_profile_json(stored: str) -> Profile:
    """A profile as the record keeps it."""
    return _decoder.decode(stored)


def individual(person: Person) -> Individual:
    """The person in the words of the payment institution."""
    return Individual(
        first_name=person.first_name,
        last_name=person.last_name,
        birth_date=person.birth_date.isoformat(),
        birth_country=person.birth_country,
        birth_city=person.birth_city,
        nationalities=list(person.nationalities),
        email=person.email,
        phone_number=person.phone,
        address=_address(person.address),
    )


def legal_entity(entity: Entity) -> LegalEntity:
    """The legal entity in the words of the payment institution."""
    return LegalEntity(
        name=entity.name,
        type="COMPANY",
        registration_number=entity.registration_number,
        registration_country=entity.registration_country,
        registration_date=entity.registration_date.isoformat() if entity.registration_date else None,
        address=_address(entity.address),
        activity_code=entity.activity_code,
    )


def _address(address: Address) -> OnboardingAddress:
    return OnboardingAddress(
        country=address.country, street=address.street, postcode=address.postcode, city=address.city
    )

"""Registration of borrowers and lenders. Whoever registers chooses the id and the secret of the access key."""

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, put
from litestar.params import FromPath, JSONBody

from api.access_keys import Secret, key_id_of, secret_digest
from api.command_desk import id_reused
from api.dependencies import Database
from api.guards import anybody
from api.problems import FieldError, Problem
from api.profiles import Entity, Person, Profile, profile_json
from api.replays import created
from persistence.registrations import NewParty, register_party, wallet_id_of


class RegistrationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party: a person, or for `lender_legal` a legal entity and the person who represents it."""

    kind: Literal["borrower", "lender_person", "lender_legal"]
    person: Person
    entity: Entity | None = None
    secret: Secret


class RegistrationReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The party stands; its access key is `blk_<key_id>_<secret>`."""

    party_id: UUID
    kind: str
    name: str
    wallet_id: str
    key_id: str


class RegistrationController(Controller):
    path = "/registrations"
    tags = ("Registrations",)

    @put("/{party_id:uuid}", operation_id="Register", status_code=201, opt=anybody())
    async def register(
        self, party_id: FromPath[UUID], data: JSONBody[RegistrationBody], pool: Database
    ) -> Response[RegistrationReceipt]:
        """Register a borrower or lender. Repeating the call is safe."""
        errors = list(_missing_for_kind(data))
        if errors:
            raise Problem("invalid-body", f"{errors[0].pointer}: {errors[0].detail}", errors=errors)
        profile = Profile(person=data.person, entity=data.entity)
        party = NewParty(
            party_id=str(party_id),
            kind=data.kind,
            name=profile.name,
            profile=profile_json(profile),
            key_id=key_id_of(str(party_id)),
            secret_hash=secret_digest(data.secret),
        )
        async with pool.acquire() as connection, connection.transaction():
            outcome = await register_party(connection, party)
            if outcome == "id_reused":
                raise id_reused("registration")
        receipt = RegistrationReceipt(
            party_id=party_id,
            kind=party.kind,
            name=party.name,
            wallet_id=wallet_id_of(party.kind, party.party_id),
            key_id=party.key_id,
        )
        return created(receipt, is_new=outcome == "new")


def _missing_for_kind(data: RegistrationBody) -> Iterator[FieldError]:
    if (data.kind == "lender_legal") != (data.entity is not None):
        yield FieldError(pointer="/entity", rule="kind", detail="needed for lender_legal, and for no other kind")
    if data.kind == "borrower" and data.person.phone is None:
        yield FieldError(
            pointer="/person/phone", rule="kind", detail="needed for a borrower: the mandate is signed by text message"
        )

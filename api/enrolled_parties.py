"""The caller as a party at the payment institution: what a step needs to know before it asks there."""

from typing import Any

from litestar import Request

from api.problems import kyc_incomplete
from api.profiles import Profile, read_profile_json
from persistence.connection import Pool
from persistence.identity_checks import EnrolledParty, read_party
from persistence.wallets import read_profile


async def enrolled_party(pool: Pool, party_id: str) -> EnrolledParty:
    """The party of a caller."""
    party = await read_party(pool, party_id)
    assert party is not None, party_id
    return party


async def accepted_party(pool: Pool, party_id: str) -> EnrolledParty:
    """The same, whose identity check is complete. Raises Problem `kyc-incomplete`."""
    party = await enrolled_party(pool, party_id)
    if party.kyc_state != "accepted":
        raise kyc_incomplete(party.kyc_state)
    return party


async def party_profile(pool: Pool, party_id: str) -> Profile:
    """What the party told about itself."""
    return read_profile_json(await read_profile(pool, party_id))


def own_address(request: Request[Any, Any, Any]) -> str:
    """Where the payment institution's pages send people back to: this site as the caller addresses it."""
    return f"{request.base_url.scheme}://{request.base_url.netloc}/"

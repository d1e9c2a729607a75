"""A party's wallet as the party sees it, and what it told about itself."""

import msgspec

from persistence.connection import Pool
from persistence.identity_checks import KycState
from persistence.parties import Party
from persistence.table_queries import fetch_one, fetch_value


class OwnWallet(msgspec.Struct, frozen=True, kw_only=True):
    """A party's wallet: the identity check behind it, the IBAN for wires, and its money by bucket (cents)."""

    wallet_id: str
    kyc_state: KycState
    kyc_reason: str | None
    onboarding_url: str | None
    virtual_iban: str | None
    buckets: dict[str, int]


async def own_wallet(pool: Pool, party_id: str) -> OwnWallet:
    """The wallet of a party that exists; buckets that never held anything are absent."""
    shown = (Party.kind, Party.wallet_id, Party.kyc_state, Party.kyc_reason, Party.onboarding_url, Party.virtual_iban)
    party = await fetch_one(pool, Party.select(*shown).where(Party.id == party_id))
    assert party is not None, party_id
    fields = dict(party.items())
    kind = fields.pop("kind")
    owner_kind = "lender" if kind in ("lender_person", "lender_legal") else kind
    rows = await pool.fetch(
        "SELECT bucket, balance_cents * normal_side AS cents FROM account WHERE owner_kind = $1 AND owner_id = $2",
        owner_kind,
        party_id,
    )
    return OwnWallet(**fields, buckets={row["bucket"]: row["cents"] for row in rows})


async def read_profile(pool: Pool, party_id: str) -> str:
    """What a party that exists told about itself, as JSON."""
    profile: str = await fetch_value(pool, Party.select(Party.profile).where(Party.id == party_id))
    return profile

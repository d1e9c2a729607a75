"""Looking up who holds a bearer key."""

import msgspec

from persistence.connection import Pool


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A live key: the digest of its secret and whom it stands for."""

    secret_hash: bytes
    role: str
    party_id: str | None


async def find_access_key(pool: Pool, key_id: str) -> StoredKey | None:
    """The key of that id, unless it is revoked or was never made."""
    row = await pool.fetchrow(
        "SELECT secret_hash, role, party_id FROM access_key WHERE key_id = $1 AND revoked_at IS NULL", key_id
    )
    return None if row is None else StoredKey(**row)

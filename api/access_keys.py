"""Bearer keys: `blk_<key id>_<secret>`, the secret known to its holder alone.

The key id of a party is the 32 hex digits of its id; the operator's is `operator`, whose secret is a setting. Only the
SHA-256 of a secret is stored and compared, in constant time. A secret is random and long, so a plain digest is enough.
"""

import hashlib
import hmac
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from api.callers import Caller, Role
from api.problems import Problem
from persistence.access_keys import find_access_key
from persistence.connection import Pool

Secret = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_-]{43,128}$",
        description="Made by the client: at least 32 random bytes in base64url without padding.",
    ),
]

_PREFIX = "blk_"
_OPERATOR_KEY_ID = "operator"
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def key_id_of(party_id: str) -> str:
    """The key id of a party's own key."""
    return UUID(party_id).hex


def secret_digest(secret: str) -> bytes:
    """What is stored of a secret: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


class AccessKeyAuthentication(AbstractAuthenticationMiddleware):
    """Puts the `Caller` into `request.user`: None without a key, Problem 401 with one that is not valid."""

    def __init__(self, app: ASGIApp, *, pool: Pool, operator_secret: str) -> None:
        super().__init__(app, scopes={"http"})  # type: ignore[arg-type]  # ScopeType is a str enum
        self._pool = pool
        self._operator_digest = secret_digest(operator_secret)

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        header = connection.headers.get("authorization")
        if header is None:
            return AuthenticationResult(user=None, auth=None)
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key.startswith(_PREFIX):
            raise _unauthenticated("The Authorization header must be: Bearer blk_<key id>_<secret>.")
        key_id, _, secret = key.removeprefix(_PREFIX).partition("_")
        caller = await self._caller(key_id, secret_digest(secret))
        if caller is None:
            raise _unauthenticated("The access key is unknown, revoked or wrong.")
        return AuthenticationResult(user=caller, auth=None)

    async def _caller(self, key_id: str, digest: bytes) -> Caller | None:
        if key_id == _OPERATOR_KEY_ID:
            is_right = hmac.compare_digest(digest, self._operator_digest)
            return Caller(role=Role.OPERATOR, party_id=None) if is_right else None
        stored = await find_access_key(self._pool, key_id)
        if stored is None or not hmac.compare_digest(digest, stored.secret_hash):
            return None
        return Caller(role=Role(stored.role), party_id=stored.party_id)


def _unauthenticated(detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers=_CHALLENGE, reason="no-valid-key")

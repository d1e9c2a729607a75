"""Who may call: the bearer token and the headers that every call carries (docs/lemonway_facts.md §1)."""

from hmac import compare_digest
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from litestar import Request
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException

from lemonway.simulator.clock import real_now_ms
from lemonway.simulator.paging import Json
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store

_LIFETIME_S = 90 * 86_400


def issue_bearer(store: Store, request: Request[Any, Any, Any], body: bytes, *, api_key: str) -> Json:
    """The bearer in force with the seconds it has left, or a new one when the old one has expired."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic" or not compare_digest(key.encode(), api_key.encode()):
        raise NotAuthorizedException("unknown API key")
    form = {name.lower(): value for name, value in parse_qsl(body.decode("ascii", "replace"))}
    if form.get("grant_type") != "client_credentials":
        raise NotAuthorizedException("Grant_type must be client_credentials")
    now_s = real_now_ms() // 1000
    row = store.one("SELECT * FROM bearers WHERE expires_at > ?", now_s)
    if row is not None:
        return _bearer_json(row["token"], row["expires_at"] - now_s)
    store.run("DELETE FROM bearers")
    token = str(uuid4())
    store.insert("bearers", token=token, expires_at=now_s + _LIFETIME_S)
    return _bearer_json(token, _LIFETIME_S)


def _bearer_json(token: str, seconds_left: int) -> Json:
    return {"access_token": token, "token_type": "Bearer", "expires_in": seconds_left}


def revoke_bearers(store: Store) -> None:
    """Let every bearer expire now."""
    store.run("DELETE FROM bearers")


def admit(store: Store, request: Request[Any, Any, Any]) -> None:
    """401 without a living bearer; 403 when the scheme word is not exactly `Bearer`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = store.one("SELECT 1 FROM bearers WHERE token = ? AND expires_at > ?", token, real_now_ms() // 1000)
    if known is None:
        raise NotAuthorizedException("the bearer is missing or has expired")
    if scheme != "Bearer":
        raise PermissionDeniedException("the scheme must be written Bearer")


def require_user_address(request: Request[Any, Any, Any]) -> None:
    """DirectKit wants the final user's IP address on every call (248)."""
    try:
        ip_address(request.headers.get("psu-ip-address", ""))
    except ValueError as error:
        raise Refused(248, "PSU-IP-Address") from error

"""Who may call what. Every route states its rule; `create_app` refuses to start with a route that has none.

A rule names the roles, and how it is made sure that the object is the caller's own: by the path (a company's
administrator under its company's address), or by the handler's query, which joins the caller and finds nothing of
anybody else's. Either way a foreign object answers 404, as an absent one does.
"""

from enum import StrEnum
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api.callers import Caller, Role
from api.problems import Problem, not_found

_RULE = "access"


class Objects(StrEnum):
    """How a call is kept to what the caller may touch."""

    NONE = "none"
    """The call touches nothing of anybody's, or the role may touch everything."""
    CREATES_OWN = "creates-own"
    """The call creates under an id of the caller's choice; an id in use by another party is refused (409)."""
    OWN_COMPANY_IN_PATH = "own-company-in-path"
    """`company_id` in the path must be the caller's own company."""
    THE_CALLER = "the-caller"
    """The call names no object: it is about the caller's own party."""
    OWN_IN_QUERY = "own-in-query"
    """The handler's query joins the caller's party."""


class Access(msgspec.Struct, frozen=True):
    """The rule of a route: the roles that may call it (none listed: anybody, also without a key) and its objects."""

    roles: frozenset[Role]
    objects: Objects

    @property
    def is_public(self) -> bool:
        return not self.roles


def anybody() -> dict[str, Access]:
    """The rule of a public route, as keyword for a route's `opt`."""
    return {_RULE: Access(frozenset(), Objects.NONE)}


def allow(*roles: Role, objects: Objects) -> dict[str, Access]:
    """The rule of a route for `roles` only, as keyword for a route's `opt`."""
    assert roles, "a route for nobody"
    return {_RULE: Access(frozenset(roles), objects)}


def access_rule(handler: BaseRouteHandler) -> Access | None:
    """The rule a route states, None when it states none."""
    rule = handler.opt.get(_RULE)
    assert rule is None or isinstance(rule, Access), rule
    return rule


def hold_rule(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard for every route. Raises Problem 401 without a key, 403 for a role that may not, 404 for a
    company that is not the caller's."""
    rule = access_rule(handler)
    if rule is None and connection.scope.get("method") == "OPTIONS":
        # Litestar adds this method by itself; nobody from elsewhere is to call us, so there is nothing to ask.
        raise Problem("method-not-allowed", "This path does not answer this method.")
    assert rule is not None, handler
    if rule.is_public:
        return
    caller: Caller | None = connection.user
    if caller is None:
        raise Problem(
            "unauthenticated", "This call needs an access key.", headers={"WWW-Authenticate": "Bearer"}, reason="no-key"
        )
    if caller.role not in rule.roles:
        raise Problem("forbidden", "Your role may not make this call.", permission=sorted(rule.roles))
    if rule.objects is Objects.OWN_COMPANY_IN_PATH and not _is_own_company(connection, caller):
        not_found("company")


def _is_own_company(connection: ASGIConnection[Any, Any, Any, Any], caller: Caller) -> bool:
    return caller.is_operator or str(connection.path_params["company_id"]) == caller.party_id

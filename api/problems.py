"""Every answer that is not a success, as an RFC 9457 problem document, from one table.

A refusal that a caller can cause is raised as `Problem`; what other layers raise (validation, Lemonway, a store that is
away) is translated here. The members of a document tell a program what would pass; no document holds a traceback.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import asyncpg
import msgspec
import redis.exceptions
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from actors.errors import RedisRefused, RedisUnreachable
from api.request_stamps import request_id
from lemonway.errors import LemonwayError, LemonwayRefusal, LemonwayThrottled
from marketplace.book import refusals
from marketplace.book.refusals import BookRefusal
from persistence.reconnection import is_database_away, is_lost_race

PROBLEM_MEDIA_TYPE = "application/problem+json"

Members = Mapping[str, object]

_log = structlog.get_logger(__name__)


class ProblemKind(msgspec.Struct, frozen=True):
    """A row of the table: the status a slug is answered with, and its fixed title."""

    status: int
    title: str


PROBLEMS: dict[str, ProblemKind] = {
    "malformed-request": ProblemKind(400, "The request cannot be read"),
    "invalid-parameter": ProblemKind(400, "A parameter is not accepted"),
    "unauthenticated": ProblemKind(401, "No valid access key"),
    "forbidden": ProblemKind(403, "Your role may not do this"),
    "conflict-of-interest": ProblemKind(403, "A conflict of interest forbids this"),
    "not-found": ProblemKind(404, "Nothing of yours is here"),
    "method-not-allowed": ProblemKind(405, "The method is not allowed here"),
    "id-reused": ProblemKind(409, "The id is in use for something else"),
    "wrong-state": ProblemKind(409, "The state does not allow this"),
    "terms-changed": ProblemKind(409, "The company's terms are not the ones expected"),
    "insufficient-funds": ProblemKind(409, "Not enough free money"),
    "kyc-incomplete": ProblemKind(409, "The identity check is not complete"),
    "mandate-not-active": ProblemKind(409, "The direct debit mandate is not active"),
    "payment-refused": ProblemKind(409, "The payment institution refused"),
    "tier-a-full": ProblemKind(409, "All places among preferred companies are taken"),
    "count-limit": ProblemKind(409, "There are as many as there may be"),
    "precondition-failed": ProblemKind(412, "The version is no longer the present one"),
    "body-too-large": ProblemKind(413, "The body is too large"),
    "unsupported-media-type": ProblemKind(415, "The body is not of an accepted type"),
    "invalid-body": ProblemKind(422, "The body is not accepted"),
    "idempotency-key-reused": ProblemKind(422, "The Idempotency-Key belongs to another call"),
    "company-code-refused": ProblemKind(422, "The company code is not valid"),
    "not-eligible": ProblemKind(422, "The request does not meet the company's policy"),
    "amount-outside-limits": ProblemKind(422, "The amount is outside the limits"),
    "rate-outside-band": ProblemKind(422, "The rate is outside the company's band"),
    "iban-refused": ProblemKind(422, "The IBAN is not accepted"),
    "precondition-required": ProblemKind(428, "The version that is changed must be named"),
    "rate-limited": ProblemKind(429, "Too many calls"),
    "internal": ProblemKind(500, "Something failed on our side"),
    "payments-unavailable": ProblemKind(502, "The payment institution cannot be reached"),
    "overloaded": ProblemKind(503, "Too busy at the moment"),
}


class Problem(Exception):
    """Answer with the problem `slug`. `members` are added to the document, `headers` to the answer."""

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Members | None = None,
        **more_members: object,
    ) -> None:
        super().__init__(f"{slug}: {detail}")
        assert slug in PROBLEMS, slug
        self.slug = slug
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = {**(members or {}), **more_members}


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong in a body: where (JSON pointer), which rule, in words."""

    pointer: str
    rule: str
    detail: str


def not_found(thing: str) -> NoReturn:
    """Answer 404: the thing is absent or belongs to somebody else, which is told apart for nobody."""
    raise Problem("not-found", f"There is no {thing} of yours with this id.")


def kyc_incomplete(kyc_state: str) -> Problem:
    """The problem of whoever wants to move money before the identity check, which stands at `kyc_state`, is over."""
    return Problem("kyc-incomplete", "First the identity check must be complete.", state=kyc_state, next_step="kyc")


def strategy_closed() -> Problem:
    """The problem of whoever changes a closed strategy, or offers by it."""
    return Problem("wrong-state", "The strategy is closed for good.", state="closed", allowed=["active", "paused"])


def retry_later(slug: str, detail: str, *, retry_after_s: int = 1) -> Problem:
    """A problem that passes by itself: the same call may succeed after `retry_after_s` seconds."""
    return Problem(slug, detail, headers={"Retry-After": str(retry_after_s)}, retry_after_s=retry_after_s)


_REFUSALS: dict[type[refusals.Refusal], tuple[str, str]] = {
    refusals.OfferExistsForStrategy: ("id-reused", "The strategy already has an offer in this book: amend that one."),
    refusals.OfferBelongsToAnother: ("id-reused", "The offer id is in use for another offer."),
    refusals.OfferUnknown: ("not-found", "No such offer stands in this book."),
    refusals.TermNotOffered: ("not-eligible", "The company does not offer this term."),
    refusals.RateOutsideBand: ("rate-outside-band", "The highest rate accepted is outside the company's band."),
    refusals.RequestIdReused: ("id-reused", "The request id stands for other terms, or was closed."),
    refusals.RequestUnknown: ("not-found", "No such request stands in this book."),
    refusals.WrongState: ("wrong-state", "The request is not in a state that allows this."),
    refusals.CoverChanged: ("wrong-state", "The request's cover is no longer the one named."),
    refusals.TermsVersionUnexpected: ("terms-changed", "Terms are published one version after the other."),
    refusals.TermsContradictory: ("invalid-body", "The terms contradict themselves or what already stands under them."),
    refusals.OfferTermsWrong: ("invalid-body", "The offer's terms are out of range."),
    refusals.BreakerLimitsWrong: ("invalid-body", "The breakers' limits are out of range."),
    refusals.ValueOutOfRange: ("amount-outside-limits", "A figure is outside the limits."),
    refusals.BookIsPaused: ("wrong-state", "The company takes no new requests at the moment."),
    refusals.NothingHeld: ("wrong-state", "Nothing of yours is held for this request."),
    refusals.NoTermsYet: ("wrong-state", "The company has not published terms yet."),
}


def refused_by_book(refusal: BookRefusal) -> Problem:
    """The problem that tells a caller why a book refused, with the refusal's own fields as members."""
    slug, detail = _REFUSALS[type(refusal)]
    return Problem(slug, detail, members=msgspec.to_builtins(refusal))


def problem_document(slug: str, detail: str, *, instance: str, request_id: str, members: Members) -> dict[str, object]:
    """The body of a problem: the fixed fields first, then `members`, which never replace them."""
    kind = PROBLEMS[slug]
    fixed = {
        "type": f"/problems/{slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
        "request_id": request_id,
    }
    return {**fixed, **{name: value for name, value in members.items() if name not in fixed}}


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Litestar's handler for every exception: the problem document that `error` means."""
    problem = error if isinstance(error, Problem) else translated(error)
    if problem.slug == "internal":
        _log.error("request_failed", request_id=request_id(request.scope), exc_info=error)
    elif PROBLEMS[problem.slug].status >= 500:
        known = error.for_log() if isinstance(error, LemonwayError) else {"cause": f"{type(error).__name__}: {error}"}
        _log.warning("request_not_served", slug=problem.slug, request_id=request_id(request.scope), **known)
    document = problem_document(
        problem.slug,
        problem.detail,
        instance=request.scope["path"],
        request_id=request_id(request.scope),
        members=problem.members,
    )
    return Response(
        msgspec.json.encode(document),
        status_code=PROBLEMS[problem.slug].status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=problem.headers,
    )


def translated(error: Exception) -> Problem:
    """What an exception of another layer means to a caller. Nothing of its own words is passed on."""
    for kinds, translate in _TRANSLATIONS:
        if isinstance(error, kinds):
            return translate(error)
    if is_database_away(error) or is_lost_race(error):
        return retry_later("overloaded", "The record cannot be reached at the moment. Nothing was lost: try again.")
    return _internal()


def _internal() -> Problem:
    return Problem("internal", "The request was not carried out. Quote the request id when you report this.")


def _refused_by_framework(error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    return Problem("malformed-request", error.detail) if error.status_code < 500 else _internal()


def _invalid_parameter(error: Exception) -> Problem:
    assert isinstance(error, ValidationException)
    found: Any = error.extra or [{}]
    wrong = found[0]
    parameter, message = wrong.get("key", "?"), str(wrong.get("message", "not accepted"))
    return Problem("invalid-parameter", f"{parameter}: {message}", parameter=parameter, expected=message)


def _method_not_allowed(error: Exception) -> Problem:
    assert isinstance(error, MethodNotAllowedException)
    return Problem("method-not-allowed", "This path does not answer this method.", headers=error.headers)


def _payments_failed(error: Exception) -> Problem:
    if isinstance(error, LemonwayRefusal):
        return Problem("payment-refused", "The payment institution refused this step.", lemonway_code=error.code)
    retry_after_s = (error.retry_after_s if isinstance(error, LemonwayThrottled) else None) or 5
    return retry_later(
        "payments-unavailable", "The payment institution does not answer. Try again.", retry_after_s=retry_after_s
    )


_TRANSLATIONS: tuple[tuple[tuple[type[Exception], ...], Callable[[Any], Problem]], ...] = (
    ((NotFoundException,), lambda error: Problem("not-found", "There is nothing at this address.")),
    ((MethodNotAllowedException,), _method_not_allowed),
    ((RequestEntityTooLarge,), lambda error: Problem("body-too-large", "The body is larger than this call takes.")),
    ((ValidationException,), _invalid_parameter),
    ((HTTPException,), _refused_by_framework),
    ((LemonwayError,), _payments_failed),
    (
        (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, RedisUnreachable, RedisRefused),
        lambda error: retry_later("overloaded", "A store cannot be reached at the moment. Try again."),
    ),
    ((asyncpg.QueryCanceledError,), lambda error: retry_later("overloaded", "The record took too long. Try again.")),
)

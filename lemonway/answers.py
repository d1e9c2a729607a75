"""From the bytes of an answer to a message, or to the error it stands for.

The body is read before the HTTP status: Lemonway documents refusals both as HTTP 200 with an `error` object and as
HTTP 400, and a live tenant may use either (docs/lemonway_facts.md §2).
"""

from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from lemonway.errors import (
    Duplicate,
    InvalidRequest,
    LemonwayAccessDenied,
    LemonwayAnswerUnreadable,
    LemonwayError,
    LemonwayThrottled,
    LemonwayUnreachable,
    error_for_code,
)
from lemonway.messages import ErrorBody

Message = TypeVar("Message")
Failure = TypeVar("Failure", bound=LemonwayError)
Folded = dict[str, Any]
"""A decoded JSON object whose keys, at every depth, are in lower case."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back over HTTP, before anybody believed it. `trace` is Cloudflare's ray id, for their support."""

    http_status: int
    body: bytes
    retry_after_s: int | None = None
    trace: str | None = None


def read_answer(answer: Answer, *, reference: str | None = None) -> Folded:
    """The body of a good answer with folded keys; raises the LemonwayError that any other answer stands for."""
    body = _folded_json(answer.body)
    error = _error_in(body)
    if error is not None:
        raise _answered(
            error_for_code(error.code, error.message, http_status=answer.http_status, reference=reference), answer
        )
    if not 200 <= answer.http_status < 300:
        raise _answered(_error_for_status(answer, reference), answer)
    if isinstance(body, list):
        return {"value": body}
    if not isinstance(body, dict):
        raise unreadable("the body is not a JSON object", answer, reference)
    return body


def decode(value: Any, message: type[Message], answer: Answer, *, reference: str | None = None) -> Message:
    """Give folded content its type; raises LemonwayAnswerUnreadable, which keeps the body, when it does not fit."""
    try:
        return msgspec.convert(value, message, strict=False)
    except msgspec.ValidationError as error:
        raise unreadable(f"{message.__name__}: {error}", answer, reference) from error


def unreadable(cause: str, answer: Answer, reference: str | None) -> LemonwayAnswerUnreadable:
    """The error of an answer that is no answer to what was asked, `cause` saying how."""
    return _answered(LemonwayAnswerUnreadable(cause, http_status=answer.http_status, reference=reference), answer)


def _answered(error: Failure, answer: Answer) -> Failure:
    error.body, error.trace = answer.body, answer.trace
    return error


def _folded_json(body: bytes) -> Any:
    try:
        return fold_keys(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return None


def fold_keys(value: Any) -> Any:
    """The same JSON value with every object key in lower case."""
    if isinstance(value, dict):
        return {key.lower(): fold_keys(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [fold_keys(inner) for inner in value]
    return value


def _error_in(body: Any) -> ErrorBody | None:
    """`error {code, message}`, or code and message at the top; a null `error` is no error."""
    if not isinstance(body, dict):
        return None
    top_level = body if "message" in body else None
    for candidate in (body.get("error"), top_level):
        if isinstance(candidate, dict) and "code" in candidate:
            try:
                return msgspec.convert(candidate, ErrorBody, strict=False)
            except msgspec.ValidationError:
                continue
    return None


def _error_for_status(answer: Answer, reference: str | None) -> LemonwayError:
    status = answer.http_status
    without_code = f"HTTP {status} and no code"
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return LemonwayAccessDenied(http_status=status, code=None, message=without_code)
        case HTTPStatus.CONFLICT:
            return Duplicate(code=status, message=without_code, reference=reference)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return LemonwayThrottled(retry_after_s=answer.retry_after_s)
        case _ if 400 <= status < 500:
            return InvalidRequest(code=status, message=without_code, reference=reference)
        case _ if status >= 500:
            return LemonwayUnreachable(without_code, reference=reference)
        case _:
            return unreadable("neither a success nor an error", answer, reference)

"""Requests read strictly: what a call does not know, it refuses.

Litestar on its own takes `"5"` for 5, any content type, and unknown query parameters; a typing error would then become
behaviour. Bodies are decoded here straight into the handler's struct.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.handlers import HTTPRouteHandler

from api.problems import FieldError, Problem

_NOT_FROM_QUERY = {"data", "request", "headers", "state", "scope", "cookies", "body", "socket", "query", "self"}
_PATH_IN_MESSAGE = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_RULES = (
    (re.compile(r"unknown field"), "unknown-field"),
    (re.compile(r"missing required field"), "missing-field"),
    (re.compile(r"^Expected `.*`, got"), "type"),
    (re.compile(r"^Invalid enum value"), "value"),
    (re.compile(r"^Expected .*(<=|>=|<|>|length)"), "range"),
    (re.compile(r"matching regex"), "pattern"),
)


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body must be exactly what its handler declares."""

    async def json(self) -> Any:
        """The body as the handler's own type. Raises Problem 400, 415 or 422."""
        annotation = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        return decode_strictly(await self.body(), annotation)


def decode_strictly(body: bytes, body_type: Any) -> Any:
    """`body` as `body_type`. Raises Problem `malformed-request` for what is no JSON, `invalid-body` for the rest."""
    try:
        decoded = msgspec.json.decode(body, type=body_type)
    except msgspec.ValidationError as error:
        wrong = field_error(error)
        raise Problem("invalid-body", f"{wrong.pointer or 'body'}: {wrong.detail}", errors=[wrong]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("malformed-request", "The body is not JSON in UTF-8.") from error
    # A control character can only stand in JSON as an escape, so most bodies need no second look.
    if b"\\u00" in body and (errors := list(_control_characters(msgspec.to_builtins(decoded), ""))):
        raise Problem("invalid-body", f"{errors[0].pointer}: {errors[0].detail}", errors=errors)
    return decoded


def _control_characters(value: object, pointer: str) -> Iterator[FieldError]:
    """Texts with characters that no one types and PostgreSQL does not store."""
    if isinstance(value, str):
        if _CONTROL_CHARACTER.search(value):
            yield FieldError(pointer=pointer, rule="pattern", detail="control characters are not accepted")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _control_characters(name, f"{pointer}/{name!r}")
            yield from _control_characters(inner, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _control_characters(inner, f"{pointer}/{place}")


def field_error(error: msgspec.ValidationError) -> FieldError:
    """msgspec's message as a field error; its `$.a[0].b` becomes the JSON pointer `/a/0/b`."""
    text = str(error)
    found = _PATH_IN_MESSAGE.search(text)
    path = found["path"] if found else ""
    detail = text[: found.start()] if found else text
    pointer = "".join(f"/{step}" for step in re.findall(r"[^.\[\]]+", path))
    rule = next((rule for pattern, rule in _RULES if pattern.search(detail)), "value")
    return FieldError(pointer=pointer, rule=rule, detail=detail)


async def refuse_the_unknown(request: Request[Any, Any, Any]) -> None:
    """Litestar's `before_request` hook: unknown or repeated query parameters, wrong or unasked-for bodies."""
    handler = request.route_handler
    assert isinstance(handler, HTTPRouteHandler)
    _check_path(request)
    if handler.opt.get("reads_raw_request"):
        return
    _check_query(request, handler)
    await _check_body(request, handler)


def _check_query(request: Request[Any, Any, Any], handler: HTTPRouteHandler) -> None:
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if not pairs:
        return
    known = query_parameters(handler, request.path_params.keys())
    seen: set[str] = set()
    for name, value in pairs:
        if name not in known:
            accepted = ", ".join(sorted(known)) or "none"
            raise Problem(
                "invalid-parameter", f"{name}: unknown here; accepted: {accepted}", parameter=name, expected=accepted
            )
        if name in seen:
            raise Problem("invalid-parameter", f"{name}: given twice", parameter=name, expected="once")
        _check_text(name, value)
        seen.add(name)


def _check_path(request: Request[Any, Any, Any]) -> None:
    for name, value in request.path_params.items():
        if isinstance(value, str):
            _check_text(name, value)


def _check_text(name: str, value: str) -> None:
    if _CONTROL_CHARACTER.search(value):
        raise Problem(
            "invalid-parameter", f"{name}: control characters are not accepted", parameter=name, expected="text"
        )


def query_parameters(handler: HTTPRouteHandler, path_parameters: Any) -> set[str]:
    """The names of the query parameters a handler declares."""
    declared = handler.parsed_fn_signature.parameters
    in_header = {
        name
        for name, field in declared.items()
        if getattr(field.kwarg_definition, "header", None) or getattr(field.kwarg_definition, "cookie", None)
    }
    return declared.keys() - set(path_parameters) - handler.resolve_dependencies().keys() - _NOT_FROM_QUERY - in_header


async def _check_body(request: Request[Any, Any, Any], handler: HTTPRouteHandler) -> None:
    if request.method in ("GET", "DELETE", "HEAD"):
        return
    body = await request.body()
    if "data" not in handler.parsed_fn_signature.parameters:
        if body.strip() not in (b"", b"{}"):
            raise Problem("malformed-request", "This call takes no body.")
        return
    media_type, options = request.content_type
    if media_type != "application/json" or options.get("charset", "utf-8").lower() != "utf-8":
        raise Problem(
            "unsupported-media-type", "The body must be application/json in UTF-8.", accepted=["application/json"]
        )
    if not body:
        raise Problem("malformed-request", "A body is needed and there is none.")

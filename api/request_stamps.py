"""What every answer carries: the request's id, the business date, and the headers that keep browsers strict."""

import re
from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID, uuid4

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.types import Message, Scope

_STAMP = "blulend_request_id"
_HOST = re.compile(r"^[A-Za-z0-9.\-\[\]:]{1,255}$")

_EVERYWHERE = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_API_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'"


def request_id(scope: Scope) -> str:
    """The request's id: the UUID its sender gave, else one made here, the same all through the request."""
    state = scope["state"]
    if _STAMP not in state:
        state[_STAMP] = _given_id(Headers.from_scope(scope).get("request-id")) or str(uuid4())
    stamped: str = state[_STAMP]
    return stamped


def stamp_answers(business_date: Callable[[], date]) -> Callable[[Message, Scope], Awaitable[None]]:
    """Litestar's `before_send` hook that puts these headers on every answer, problems and pages included."""

    async def stamp(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders(message)
        headers["Request-Id"] = request_id(scope)
        headers["Business-Date"] = business_date().isoformat()
        for name, value in _EVERYWHERE.items():
            headers[name] = value
        headers.setdefault("Cache-Control", "no-store")
        is_page = headers.get("content-type", "").startswith("text/html")
        headers["Content-Security-Policy"] = page_content_policy(scope) if is_page else _API_CONTENT_POLICY

    return stamp


def page_content_policy(scope: Scope) -> str:
    """The content policy of a page: our own files and our own socket, nothing inline, nothing from elsewhere."""
    host = Headers.from_scope(scope).get("host", "")
    scheme = "wss" if scope["scheme"] == "https" else "ws"
    socket = f" {scheme}://{host}" if _HOST.match(host) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self'{socket}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _given_id(text: str | None) -> str | None:
    try:
        return str(UUID(text)) if text else None
    except ValueError:
        return None

"""Where Lemonway's notifications come in: stored as they are, answered at once, never believed."""

import hmac
from typing import Any

import structlog
from litestar import HttpMethod, Request, Response, route
from litestar.params import FromPath

from api.dependencies import Database, WebhookSecrets
from api.guards import anybody
from api.settings import WEBHOOK_PATH
from lemonway.webhooks import MalformedNotification, parse_notification
from persistence.inbox import store_notification

_log = structlog.get_logger(__name__)


@route(
    f"{WEBHOOK_PATH}/{{secret:str}}",
    http_method=[HttpMethod.POST, HttpMethod.GET],
    status_code=200,
    operation_id="ReceiveLemonwayNotification",
    include_in_schema=False,
    opt={**anybody(), "reads_raw_request": True},
)
async def receive_notification(
    secret: FromPath[str], request: Request[Any, Any, Any], pool: Database, webhook_secrets: WebhookSecrets
) -> Response[bytes]:
    """Keep the notification for the payments process, which reads the object it speaks of again.

    A wrong secret meets an empty 404. What is no notification is counted and answered like one: whoever sends it
    learns nothing.
    """
    if not _is_one_of(secret, webhook_secrets):
        return _empty(404)
    hint = parse_notification(
        content_type=request.headers.get("content-type", ""),
        body=await request.body(),
        query=request.scope["query_string"].decode("latin-1"),
    )
    if isinstance(hint, MalformedNotification):
        _log.warning("notification_malformed", cause=hint.reason)
        return _empty(200)
    async with pool.acquire() as connection:
        await store_notification(
            connection, key=hint.dedupe_key, category=hint.category, object_id=hint.object_id, fields=hint.fields
        )
    return _empty(200)


def _is_one_of(given: str, secrets: tuple[str, ...]) -> bool:
    """Compared with every secret in constant time, so that the time tells nothing."""
    matches = [hmac.compare_digest(given.encode(), secret.encode()) for secret in secrets]
    return any(matches)


def _empty(status: int) -> Response[bytes]:
    return Response(b"", status_code=status, media_type="text/plain")

"""The door to the live feed: tickets over HTTP, then the websocket."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, WebSocket, post, websocket

from api.dependencies import CallerOrNobody, Feed, JobsRedis, Settings
from api.feeds.tickets import TICKET_S, TicketHolder, issue_ticket
from api.guards import anybody
from api.problems import Problem


class TicketReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket for one connection, and where to connect."""

    ticket: str
    until_at: datetime
    url: str


@post("/ws/ticket", operation_id="IssueTicket", status_code=201, tags=("Feed",), opt=anybody())
async def issue_feed_ticket(
    request: Request[Any, Any, Any],
    caller: CallerOrNobody,
    settings: Settings,
    jobs_redis: JobsRedis,
) -> TicketReceipt:
    """A ticket for the websocket: good for thirty seconds and one connection.

    Visitors get one too where the books are open to everybody.
    """
    if caller is None and not settings.public_books:
        raise Problem("unauthenticated", "The live books are for those who are signed in.", reason="no-key")
    ticket = await issue_ticket(jobs_redis, TicketHolder(caller=caller))
    scheme = "wss" if request.base_url.scheme == "https" else "ws"
    return TicketReceipt(
        ticket=ticket,
        until_at=datetime.now(UTC) + timedelta(seconds=TICKET_S),
        url=f"{scheme}://{request.base_url.netloc}/api/v1/ws",
    )


@websocket("/ws", opt=anybody())
async def serve_feed(socket: WebSocket[Any, Any, Any], feed_socket: Feed) -> None:
    """The websocket `blulend.1`."""
    await feed_socket.serve(socket)

"""Tickets: how a websocket is let in without a key in any address. Random, for thirty seconds, used once."""

import msgspec
from redis.asyncio import Redis

from api.callers import Caller
from api.expiring_tokens import issue_token, use_up_token

TICKET_S = 30
_TICKET = "ws-ticket"


class TicketHolder(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a ticket lets in: a caller, or a visitor who may see public channels alone."""

    caller: Caller | None


async def issue_ticket(redis: Redis, holder: TicketHolder) -> str:
    """A new ticket (256 random bits). The store keeps only its digest."""
    return await issue_token(redis, _TICKET, holder, valid_s=TICKET_S)


async def redeem_ticket(redis: Redis, ticket: str) -> TicketHolder | None:
    """Whom the ticket lets in; None when it is unknown, used or too old. It is used up by asking."""
    return await use_up_token(redis, _TICKET, ticket, TicketHolder)

"""Tickets: how a websocket is let in without a key in any address. Random, for thirty seconds, used once."""

import hashlib
import secrets

import msgspec
from redis.asyncio import Redis

from api.callers import Caller

TICKET_S = 30
_KEY = "ws-ticket:"


class TicketHolder(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a ticket lets in: a caller, or a visitor who may see public channels alone."""

    caller: Caller | None


async def issue_ticket(redis: Redis, holder: TicketHolder) -> str:
    """A new ticket (256 random bits). The store keeps only its digest."""
    ticket = secrets.token_urlsafe(32)
    await redis.set(_key(ticket), msgspec.json.encode(holder), ex=TICKET_S)
    return ticket


async def redeem_ticket(redis: Redis, ticket: str) -> TicketHolder | None:
    """Whom the ticket lets in; None when it is unknown, used or too old. It is used up by asking."""
    stored = await redis.getdel(_key(ticket))
    return None if stored is None else msgspec.json.decode(stored, type=TicketHolder)


def _key(ticket: str) -> str:
    return _KEY + hashlib.sha256(ticket.encode()).hexdigest()

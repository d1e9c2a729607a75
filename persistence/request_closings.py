"""The one closing of a request's one opening: signed, cancelled or lapsed. The first record wins; the book obeys."""

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

import asyncpg
import msgspec

from marketplace.book.commands import AnyBookCommand, CancelRequest, Envelope, LapseRequest, SignRequest
from persistence.command_rows import record_command
from persistence.connection import AnyConnection

_CLOSINGS = UUID("96a3d0e8-1f57-5c4b-a2d9-0b7e5c8f4136")

_COMMAND_KINDS = ["sign_request", "cancel_request", "lapse_request"]

ClosingKind = Literal["sign", "cancel", "lapse"]

_STATES: dict[ClosingKind, tuple[str, ...]] = {
    "sign": ("covered",),
    "cancel": ("open", "covered"),
    "lapse": ("covered",),
}
"""The states of a request in which each closing passes."""


class RequestClosed(msgspec.Struct, frozen=True, kw_only=True, tag="closed"):
    """The closing asked for stands. `envelope` is its command, to be sent once the transaction is committed."""

    envelope: Envelope


class ClosedOtherwise(msgspec.Struct, frozen=True, kw_only=True, tag="closed_otherwise"):
    """Somebody closed the request before, in another way."""

    kind: ClosingKind


class NotClosable(msgspec.Struct, frozen=True, kw_only=True, tag="not_closable"):
    """The request is in `state`; this closing passes only in `allowed`."""

    state: str
    allowed: tuple[str, ...]


class CoverIsAnother(msgspec.Struct, frozen=True, kw_only=True, tag="cover_changed"):
    """The confirmed cover is `cover_id`, not the one named."""

    cover_id: str | None


class TooLateToSign(msgspec.Struct, frozen=True, kw_only=True, tag="too_late"):
    """The cover could be signed until `accept_until_at`."""

    accept_until_at: datetime


ClosingOutcome = RequestClosed | ClosedOtherwise | NotClosable | CoverIsAnother | TooLateToSign


async def close_request(
    connection: AnyConnection,
    *,
    request_id: str,
    kind: ClosingKind,
    at: datetime,
    cover_id: str | None = None,
    party_id: str | None = None,
) -> ClosingOutcome | None:
    """Close a request in the caller's transaction; None for an unknown one. The same closing again is the same.

    `cover_id` is the cover that the borrower saw and signs; only a confirmed one, which is projected, can be signed.
    `party_id` is who asks, None for the platform.
    """
    request = await connection.fetchrow(
        """
        SELECT company_id, state, cover_id, accept_until_at,
            (SELECT count(*) FROM command WHERE subject_id = request.id AND kind = ANY($2)) AS asked_before
        FROM credit_request request WHERE id = $1 FOR NO KEY UPDATE
        """,
        request_id,
        _COMMAND_KINDS,
    )
    if request is None:
        return None
    company_id: str = request["company_id"]
    closing = await connection.fetchrow(
        "SELECT kind, cover_id, command_id, at FROM request_closing WHERE request_id = $1", request_id
    )
    if closing is not None:
        if closing["kind"] != kind:
            return ClosedOtherwise(kind=closing["kind"])
        if kind == "sign" and cover_id != closing["cover_id"]:
            return CoverIsAnother(cover_id=closing["cover_id"])
        command = _command(request_id, kind, closing["cover_id"])
        return RequestClosed(envelope=_envelope(closing["command_id"], company_id, closing["at"], command))
    refused = _refused(request, kind, cover_id, at)
    if refused is not None:
        return refused
    # The projector takes back a closing that the book refused: the next one must be a command of its own.
    command_id = str(uuid5(_CLOSINGS, f"{request_id}/{request['asked_before'] + 1}"))
    await connection.execute(
        "INSERT INTO request_closing (request_id, kind, cover_id, command_id, at) VALUES ($1, $2, $3, $4, $5)",
        request_id,
        kind,
        request["cover_id"],
        command_id,
        at,
    )
    envelope = _envelope(command_id, company_id, at, _command(request_id, kind, request["cover_id"]))
    await record_command(connection, envelope, subject_id=request_id, party_id=party_id, sent_by="caller")
    return RequestClosed(envelope=envelope)


def _refused(
    request: asyncpg.Record, kind: ClosingKind, cover_id: str | None, at: datetime
) -> NotClosable | CoverIsAnother | TooLateToSign | None:
    """Why a request that nothing has closed yet cannot be closed like this, None when it can."""
    if request["state"] not in _STATES[kind]:
        return NotClosable(state=request["state"], allowed=_STATES[kind])
    if kind == "sign" and cover_id != request["cover_id"]:
        return CoverIsAnother(cover_id=request["cover_id"])
    if kind == "sign" and at > request["accept_until_at"]:
        return TooLateToSign(accept_until_at=request["accept_until_at"])
    return None


async def lapsed_requests(connection: AnyConnection, now_at: datetime) -> list[str]:
    """Requests whose borrower did not sign in time and that nothing has closed yet."""
    rows = await connection.fetch(
        """
        SELECT id FROM credit_request
        WHERE state = 'covered' AND accept_until_at < $1
            AND NOT EXISTS (SELECT FROM request_closing WHERE request_id = credit_request.id)
        ORDER BY accept_until_at, id
        """,
        now_at,
    )
    return [row["id"] for row in rows]


def _envelope(command_id: str, company_id: str, at: datetime, command: AnyBookCommand) -> Envelope:
    return Envelope(command_id=command_id, company_id=company_id, at=at, command=command)


def _command(request_id: str, kind: ClosingKind, cover_id: str | None) -> AnyBookCommand:
    if kind == "cancel":
        return CancelRequest(request_id=request_id)
    assert cover_id is not None, request_id
    if kind == "sign":
        return SignRequest(request_id=request_id, cover_id=cover_id)
    return LapseRequest(request_id=request_id, cover_id=cover_id)

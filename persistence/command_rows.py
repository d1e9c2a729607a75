"""Commands as rows: written before they are sent, so that none is lost and every one is answered."""

from typing import Literal

import msgspec

from marketplace.book.commands import AnyBookCommand, Envelope
from persistence.connection import AnyConnection

_decoder: msgspec.json.Decoder[AnyBookCommand] = msgspec.json.Decoder(AnyBookCommand)

RESEND_AFTER_S = 2
"""Real seconds that a command may stay undecided before the sweeper sends it (again)."""


async def record_command(
    connection: AnyConnection,
    envelope: Envelope,
    *,
    subject_id: str | None = None,
    party_id: str | None = None,
    sent_by: Literal["sweeper", "caller"] = "sweeper",
) -> Literal["new", "known", "id_reused"]:
    """Insert a command's row, in the caller's transaction.

    `sent_by="caller"`: the caller sends the envelope itself as soon as it has committed, and the sweeper only if the
    answer stays out. `known`: the same command was there already; `id_reused`: its id stands for another command.
    """
    body = msgspec.json.encode(envelope.command).decode()
    is_new = await connection.fetchval(
        "INSERT INTO command (id, company_id, kind, subject_id, party_id, body, at, deadline_at, send_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9))"
        " ON CONFLICT (id) DO NOTHING RETURNING true",
        envelope.command_id,
        envelope.company_id,
        command_kind(envelope.command),
        subject_id,
        party_id,
        body,
        envelope.at,
        envelope.deadline_at,
        RESEND_AFTER_S if sent_by == "caller" else 0,
    )
    if is_new:
        return "new"
    is_same = await connection.fetchval(
        "SELECT company_id = $2 AND body = $3 FROM command WHERE id = $1",
        envelope.command_id,
        envelope.company_id,
        body,
    )
    return "known" if is_same else "id_reused"


def command_kind(command: AnyBookCommand) -> str:
    """The tag by which a command's type is known: `open_request`, `place_offer`…"""
    tag = type(command).__struct_config__.tag
    assert isinstance(tag, str), command
    return tag


def decode_command(body: str) -> AnyBookCommand:
    """The command behind a row's body."""
    return _decoder.decode(body)

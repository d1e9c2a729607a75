"""How a recorded command stands: waiting in its book's mailbox, or decided and projected."""

from datetime import datetime
from typing import Literal

import msgspec

from marketplace.book.refusals import BookRefusal
from persistence.connection import Pool


class CommandStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A command's row. `decided_seq` and `refusal` are those of the deciding event in the book's journal."""

    id: str
    company_id: str
    kind: str
    subject_id: str | None
    party_id: str | None
    state: Literal["received", "decided"]
    outcome: Literal["ok", "refused"] | None
    refusal: BookRefusal | None
    decided_seq: int | None
    received_at: datetime
    decided_at: datetime | None


_refusal_decoder: msgspec.json.Decoder[BookRefusal] = msgspec.json.Decoder(BookRefusal)


async def read_command(pool: Pool, command_id: str) -> CommandStatus | None:
    """The command of that id, whoever asked for it; None when it was never recorded."""
    row = await pool.fetchrow(
        "SELECT id, company_id, kind, subject_id, party_id, state, outcome, refusal, decided_seq, received_at,"
        " decided_at FROM command WHERE id = $1",
        command_id,
    )
    if row is None:
        return None
    fields = dict(row.items())
    refusal = fields.pop("refusal")
    return CommandStatus(refusal=None if refusal is None else _refusal_decoder.decode(refusal), **fields)

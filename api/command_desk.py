"""Handing recorded commands to books, and waiting for their decision."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import structlog
from litestar import Response

from actors.errors import ActorError
from api.problems import Problem, problem_document, refused_by_book
from marketplace.book.commands import Envelope
from marketplace.ports import CommandBusy, OrderBooks
from persistence.command_status import CommandStatus, read_command
from persistence.connection import Pool

_LOOK_AGAIN_S = (0.004, 0.008, 0.016, 0.03, 0.06, 0.1)

_log = structlog.get_logger(__name__)

CommandState = Literal["queued", "confirmed", "refused"]


class CommandReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A command as its sender sees it: `queued` for its book, then `confirmed` or `refused`, both in the record."""

    command_id: str
    kind: str
    subject_id: str | None
    state: CommandState
    book_sequence: int | None
    problem: dict[str, Any] | None
    received_at: datetime
    decided_at: datetime | None


class CommandDesk:
    """Where handlers hand in commands whose rows are committed."""

    def __init__(self, *, pool: Pool, order_books: OrderBooks) -> None:
        self._pool = pool
        self._order_books = order_books

    async def hand_in(self, envelope: Envelope) -> None:
        """Send a committed command to its book. What cannot be sent now is sent by the sweeper: the row is there."""
        try:
            outcome = await self._order_books.send(envelope)
        except ActorError as error:
            _log.warning("command_left_to_sweeper", command_id=envelope.command_id, cause=str(error))
            return
        if isinstance(outcome, CommandBusy):
            _log.info("command_left_to_sweeper", command_id=envelope.command_id, retry_ms=outcome.retry_ms)

    async def wait(self, command_id: str, *, wait_s: int) -> CommandStatus | None:
        """The command as soon as it is decided, or as it stands after `wait_s`; None when there is no such command."""
        deadline = asyncio.get_running_loop().time() + wait_s
        looks = 0
        while True:
            status = await read_command(self._pool, command_id)
            if status is None or status.state == "decided":
                return status
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return status
            await asyncio.sleep(min(left, _LOOK_AGAIN_S[min(looks, len(_LOOK_AGAIN_S) - 1)]))
            looks += 1

    async def hand_in_all(self, envelopes: Sequence[Envelope], *, wait_s: int) -> None:
        """Hand in committed commands and wait `wait_s` in all for the books to decide them."""
        deadline = asyncio.get_running_loop().time() + wait_s
        for envelope in envelopes:
            await self.hand_in(envelope)
        for envelope in envelopes:
            left_s = max(0, int(deadline - asyncio.get_running_loop().time()))
            await self.wait(envelope.command_id, wait_s=left_s)

    async def answer(
        self, envelope: Envelope, *, wait_s: int, is_new: bool, decided_status: int = 200
    ) -> Response[CommandReceipt]:
        """Hand a committed command in and answer: with the decision if it comes in time, else 202 and where to look.

        Raises the book's refusal as a Problem. `decided_status` is the status of a new command that was decided.
        """
        await self.hand_in(envelope)
        status = await self.wait(envelope.command_id, wait_s=wait_s)
        assert status is not None, envelope.command_id
        if status.refusal is not None:
            raise refused_by_book(status.refusal)
        headers = {"Location": f"/api/v1/commands/{status.id}"}
        if not is_new:
            headers["Idempotent-Replayed"] = "true"
        code = 202 if status.state == "received" else decided_status if is_new else 200
        return Response(command_receipt(status), status_code=code, headers=headers)


def command_receipt(status: CommandStatus) -> CommandReceipt:
    """What its sender is told of a command."""
    state: CommandState = "queued" if status.state == "received" else "confirmed"
    problem = None
    if status.refusal is not None:
        state = "refused"
        refused = refused_by_book(status.refusal)
        problem = problem_document(
            refused.slug,
            refused.detail,
            instance=f"/api/v1/commands/{status.id}",
            request_id=status.id,
            members=refused.members,
        )
    return CommandReceipt(
        command_id=status.id,
        kind=status.kind,
        subject_id=status.subject_id,
        state=state,
        book_sequence=status.decided_seq,
        problem=problem,
        received_at=status.received_at,
        decided_at=status.decided_at,
    )


def id_reused(what: str) -> Problem:
    """The answer to an id that stands for something else already."""
    return Problem("id-reused", f"The {what} id is in use for something else. Choose a new one.")


def key_reused(what: str) -> Problem:
    """The answer to an Idempotency-Key that stands for another `what` already."""
    return Problem("idempotency-key-reused", f"The key belongs to another {what}. Choose a new one.")

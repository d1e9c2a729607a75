"""Sends commands that were recorded but not yet decided, as often as it takes."""

import structlog

from marketplace.book.commands import Envelope
from marketplace.ports import CommandBusy, OrderBooks
from persistence.command_rows import RESEND_AFTER_S, decode_command
from persistence.connection import Connection, connect
from persistence.listener import Listener
from persistence.reconnection import Backoff, keep_trying

CHANNEL = "command"

_log = structlog.get_logger(__name__)
_BATCH = 500


class CommandSweeper:
    """Any number may run: a book decides a command once, however often it is sent.

    A row is settled when the projector has seen an event that the command caused, not when a mailbox took it.
    `outages` are the exceptions with which `order_books` says that it cannot be reached.
    """

    def __init__(self, *, database_url: str, order_books: OrderBooks, outages: tuple[type[Exception], ...]) -> None:
        self._database_url = database_url
        self._order_books = order_books
        self._outages = outages
        self._backoff = Backoff()
        self.commands_sent = 0

    async def run(self) -> None:
        """Work until cancelled."""
        async with Listener(self._database_url, CHANNEL) as listener:
            await keep_trying(
                lambda: self._work(listener), name="command_sweeper", outages=self._outages, backoff=self._backoff
            )

    async def _work(self, listener: Listener) -> None:
        connection = await connect(self._database_url)
        try:
            while True:
                position = listener.position
                if not await self.send_waiting(connection):
                    await listener.wait_beyond(position, timeout_s=RESEND_AFTER_S / 4)
                self._backoff.reset()
        finally:
            connection.terminate()

    async def send_waiting(self, connection: Connection) -> int:
        """Send every undecided command whose time to be sent has come, oldest first; how many there were.

        The next sending is put off before this one is made, so that sweepers side by side share the work.
        """
        rows = await connection.fetch(
            "UPDATE command SET send_at = now() + make_interval(secs => $1) WHERE id IN ("
            " SELECT id FROM command WHERE state = 'received' AND send_at <= now()"
            " ORDER BY send_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)"
            " RETURNING id, company_id, at, deadline_at, body, received_at",
            RESEND_AFTER_S,
            _BATCH,
        )
        for row in sorted(rows, key=lambda row: (row["received_at"], row["id"])):
            outcome = await self._order_books.send(
                Envelope(
                    command_id=row["id"],
                    company_id=row["company_id"],
                    at=row["at"],
                    command=decode_command(row["body"]),
                    deadline_at=row["deadline_at"],
                )
            )
            self.commands_sent += 1
            if isinstance(outcome, CommandBusy):
                _log.info("mailbox_busy", command_id=row["id"], retry_ms=outcome.retry_ms)
        return len(rows)

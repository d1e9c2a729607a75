"""A recorded command is sent until it is decided, by whoever is there to send it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from marketplace.book.commands import Envelope, GrantCompanyBudget, Tick
from marketplace.ports import CommandAccepted, SendOutcome
from persistence.command_rows import record_command
from persistence.command_sweeper import CommandSweeper
from persistence.connection import Connection, connect

AT = datetime(2026, 1, 7, 9, tzinfo=UTC)
ALFA = "0190c0de-0000-7000-8000-0000000000a1"
FIRST, SECOND = "0190c0de-0000-7000-8000-000000000001", "0190c0de-0000-7000-8000-000000000002"


class OrderBooks:
    """A `marketplace.ports.OrderBooks` that remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[Envelope] = []

    async def send(self, envelope: Envelope) -> SendOutcome:
        self.sent.append(envelope)
        return CommandAccepted()

    async def outcome(self, company_id: str, command_id: str) -> str | None:
        return None


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def books() -> OrderBooks:
    return OrderBooks()


@pytest.fixture
def sweeper(database_url: str, books: OrderBooks) -> CommandSweeper:
    return CommandSweeper(database_url=database_url, order_books=books, outages=())


def grant(command_id: str, *, cents: int = 5_000) -> Envelope:
    return Envelope(command_id=command_id, company_id=ALFA, at=AT, command=GrantCompanyBudget(cents=cents))


async def test_a_command_nobody_else_sends_is_sent_at_once_as_it_was_recorded(
    connection: Connection, sweeper: CommandSweeper, books: OrderBooks
) -> None:
    await record_command(connection, grant(FIRST))
    await record_command(connection, Envelope(command_id=SECOND, company_id=ALFA, at=AT, command=Tick()))

    assert await sweeper.send_waiting(connection) == 2
    assert books.sent == [grant(FIRST), Envelope(command_id=SECOND, company_id=ALFA, at=AT, command=Tick())]


async def test_what_was_sent_is_not_sent_again_at_once(
    connection: Connection, sweeper: CommandSweeper, books: OrderBooks
) -> None:
    await record_command(connection, grant(FIRST))
    await sweeper.send_waiting(connection)

    assert await sweeper.send_waiting(connection) == 0


async def test_a_command_its_caller_sends_is_sent_by_the_sweeper_only_later(
    connection: Connection, sweeper: CommandSweeper, books: OrderBooks
) -> None:
    await record_command(connection, grant(FIRST), sent_by="caller")

    assert await sweeper.send_waiting(connection) == 0
    await connection.execute("UPDATE command SET send_at = send_at - interval '2 s'")
    assert await sweeper.send_waiting(connection) == 1


async def test_a_decided_command_is_left_alone(
    connection: Connection, sweeper: CommandSweeper, books: OrderBooks
) -> None:
    await record_command(connection, grant(FIRST))
    await connection.execute("UPDATE command SET state = 'decided', outcome = 'ok', decided_seq = 1")

    assert await sweeper.send_waiting(connection) == 0


async def test_an_id_stands_for_one_command(connection: Connection) -> None:
    outcomes = [
        await record_command(connection, grant(FIRST)),
        await record_command(connection, grant(FIRST)),
        await record_command(connection, grant(FIRST, cents=5_001)),
    ]

    assert outcomes == ["new", "known", "id_reused"]

"""Steps recorded here reach the purses in order, as often as it takes, until their events are projected."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from marketplace.ports import PurseInstruction
from persistence.connection import Connection, Pool, connect
from persistence.purse_applier import PurseApplier
from persistence.purse_steps import PurseStep, ask_purses

AT = datetime(2026, 1, 7, 9, tzinfo=UTC)
ADA, BOB = "0190c0de-0000-7000-8000-0000000000aa", "0190c0de-0000-7000-8000-0000000000bb"


class PurseAway(Exception):
    pass


class PurseSaysNo(Exception):
    pass


class Purses:
    """A `marketplace.ports.Purses` that remembers what it was asked; some lenders' purses can be away."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.away: set[str] = set()
        self.refused: set[str] = set()

    async def apply(self, instruction: PurseInstruction) -> None:
        await asyncio.sleep(0)
        if instruction.lender_id in self.away:
            raise PurseAway
        if instruction.ref in self.refused:
            raise PurseSaysNo("no such payout")
        self.asked.append((instruction.operation, instruction.ref))


@pytest.fixture
def purses() -> Purses:
    return Purses()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url)
    yield connection
    await connection.close()


def an_applier(database_url: str, purses: Purses, *, repeat_s: float = 60) -> PurseApplier:
    return PurseApplier(
        database_url=database_url, purses=purses, outages=(PurseAway,), refusals=(PurseSaysNo,), repeat_s=repeat_s
    )


async def ask(connection: Connection, *steps: tuple[str, str, str]) -> None:
    for lender_id, operation, ref in steps:
        step = PurseStep(lender_id=lender_id, operation=operation, ref=ref, at=AT, cents=100)  # type: ignore[arg-type]
        await ask_purses(connection, [step])


async def test_a_purse_takes_its_steps_in_the_order_they_were_recorded(
    database_url: str, connection: Connection, purses: Purses
) -> None:
    await ask(connection, (ADA, "deposit", "9001"), (ADA, "hold", "p1"), (ADA, "deposit", "9002"))

    assert await an_applier(database_url, purses).apply_ready(connection) == 3
    assert purses.asked == [("deposit", "9001"), ("hold", "p1"), ("deposit", "9002")]


async def test_what_was_answered_is_asked_again_only_after_a_while(
    database_url: str, connection: Connection, purses: Purses
) -> None:
    await ask(connection, (ADA, "deposit", "9001"))
    patient, restless = an_applier(database_url, purses), an_applier(database_url, purses, repeat_s=0)

    assert [await patient.apply_ready(connection) for _ in range(2)] == [1, 0]
    assert [await restless.apply_ready(connection) for _ in range(2)] == [1, 1]


async def test_a_purse_that_is_away_does_not_stop_the_others(
    database_url: str, connection: Connection, purses: Purses
) -> None:
    await ask(connection, (ADA, "deposit", "9001"), (ADA, "hold", "p1"), (BOB, "deposit", "9002"))
    purses.away.add(ADA)
    applier = an_applier(database_url, purses)

    await applier.apply_ready(connection)
    purses.away.clear()
    await applier.apply_ready(connection)

    assert purses.asked == [("deposit", "9002"), ("deposit", "9001"), ("hold", "p1")]


async def test_a_step_refused_for_good_is_set_aside_for_a_person(
    database_url: str, connection: Connection, purses: Purses
) -> None:
    await ask(connection, (ADA, "pay_out", "p1"), (ADA, "deposit", "9001"))
    purses.refused.add("p1")

    await an_applier(database_url, purses).apply_ready(connection)

    rows = await connection.fetch("SELECT ref, state, last_error FROM purse_instruction ORDER BY number")
    assert [tuple(row.values()) for row in rows] == [
        ("p1", "review", "PurseSaysNo: no such payout"),
        ("9001", "ready", None),
    ]


async def test_a_running_applier_is_woken_by_a_new_step(database_url: str, pool: Pool, purses: Purses) -> None:
    running = asyncio.create_task(an_applier(database_url, purses).run())
    async with pool.acquire() as connection:
        await ask_purses(connection, [PurseStep(lender_id=ADA, operation="deposit", ref="9001", at=AT, cents=100)])

    async with asyncio.timeout(5):
        while purses.asked != [("deposit", "9001")]:
            await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

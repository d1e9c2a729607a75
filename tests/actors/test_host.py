"""A host runs the books of its shards, shares them with other hosts one owner at a time, and stops in order."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from actors.event_log import check_chain, read_entries
from actors.host import BookHost, HostStatus
from actors.lease import release_for_dead_owner
from actors.mailbox import RedisOrderBooks
from actors.purse import RedisPurses
from actors.purse_inspection import purse_breaks, read_purses
from actors.redis_connection import RedisConnection
from actors.redis_keys import book_shard_keys
from actors.replies import as_fields
from actors.shards import ShardMap
from marketplace.book.book_events import (
    CommandAcknowledged,
    CommandRefused,
    CompanyBudgetGranted,
    Covered,
    CoverProposed,
    CoverReleased,
    LegReleased,
    LegTaken,
    OfferPlaced,
    RequestClosed,
    RequestOpened,
    RequestSigned,
    StagingSet,
    StandingsObserved,
    TermsPublished,
)
from marketplace.book.book_replay import ReplayedBook
from marketplace.book.commands import AnyBookCommand, CancelRequest, GrantCompanyBudget, SignRequest
from marketplace.book.journal import GENESIS_HASH
from marketplace.ports import JournalHead
from tests.actors.book_examples import (
    ALFA,
    MONDAY,
    SetClock,
    a_request,
    an_envelope,
    an_offer,
    terms,
    waiting_commands,
)
from tests.actors.purse_steps import a_deposit
from tests.actors.running_host import (
    a_host,
    at_rest,
    book_events,
    book_records,
    running,
    send_all,
    until,
)

ROOT = Path(__file__).parents[2]


class ConnectTo:
    """Opens connections to one Redis."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self) -> RedisConnection:
        return RedisConnection(self.url)


@pytest.fixture
def connect(books_redis_url: str) -> ConnectTo:
    return ConnectTo(books_redis_url)


async def fund(purses: RedisPurses, **cents: int) -> None:
    for lender_id, amount in cents.items():
        await purses.apply(a_deposit(amount, ref=f"wire-{lender_id}", lender_id=lender_id))


async def test_a_request_is_covered_promise_by_promise(
    connection: RedisConnection,
    shards: ShardMap,
    connect: ConnectTo,
    order_books: RedisOrderBooks,
    purses: RedisPurses,
) -> None:
    await fund(purses, ada=50_000, bob=50_000)
    async with running(a_host(connect, shards)):
        await send_all(order_books, terms(), an_offer("ada"), an_offer("bob"), a_request("r1", 60_000))
        await at_rest(order_books)

    events = await book_events(connection, shards)
    assert [type(event) for event in events] == [
        *(TermsPublished, StagingSet, OfferPlaced, OfferPlaced, RequestOpened, StandingsObserved),
        *(CoverProposed, LegTaken, LegTaken, Covered),
    ]
    shard = shards.of_company(ALFA)
    covered = events[-1]
    assert isinstance(covered, Covered)
    assert [(fill.fill_id, fill.lender_id, fill.cents) for fill in covered.fills] == [
        (f"{shard}.7.0", "ada", 30_000),
        (f"{shard}.7.1", "bob", 30_000),
    ]
    assert await order_books.outcome(ALFA, f"{ALFA}-3") == "ok:5"
    found = await read_purses(connection, shards)
    assert [(purse.lender_id, purse.free_cents, purse.taken_cents) for purse in found.purses] == [
        ("ada", 20_000, 30_000),
        ("bob", 20_000, 30_000),
    ]
    assert purse_breaks(found) == []


async def test_what_a_host_records_is_decided_again_alike(
    connection: RedisConnection,
    shards: ShardMap,
    connect: ConnectTo,
    order_books: RedisOrderBooks,
    purses: RedisPurses,
) -> None:
    clock = SetClock()
    commands: list[AnyBookCommand] = [
        *(terms(), an_offer("ada"), a_request("r1", 60_000)),
        *(a_request("r2", 60_000), an_offer("bob")),
    ]
    await fund(purses, ada=100_000, bob=10_000)
    async with running(a_host(connect, shards, clock=clock, ticking=True)):
        await send_all(order_books, *commands)
        await at_rest(order_books)
        clock.now_at = MONDAY + timedelta(hours=72)
        async with asyncio.timeout(5):
            while not isinstance((await book_events(connection, shards))[-1], RequestClosed):
                await asyncio.sleep(0.02)
        await at_rest(order_books)

    shard = shards.of_company(ALFA)
    envelopes = [an_envelope(command, command_id=f"{ALFA}-{place}") for place, command in enumerate(commands)]
    replayed = ReplayedBook(ALFA, shard, {envelope.command_id: envelope for envelope in envelopes})
    for entry in await read_entries(connection, shards, shard, after_seq=0, limit=1_000):
        replayed.take(entry.seq, entry.payload)
    replayed.finish()
    assert (replayed.differences, replayed.limits_passed, replayed.turns_without_command) == ([], [], 0)
    assert replayed.turns_decided >= 9
    assert [booked.state for booked in replayed.book.requests.values()] == ["covered", "closed"]


async def test_every_event_names_its_cause_and_the_books_own_time(
    connection: RedisConnection,
    shards: ShardMap,
    connect: ConnectTo,
    order_books: RedisOrderBooks,
    purses: RedisPurses,
) -> None:
    later = MONDAY + timedelta(hours=2)
    await fund(purses, ada=60_000)
    async with running(a_host(connect, shards)):
        await send_all(order_books, terms(), an_offer("ada"))
        await order_books.send(an_envelope(a_request("r1", 60_000), command_id="open", at=later))
        await at_rest(order_books)

    assert [(record.cause_id, record.at) for record in await book_records(connection, shards)] == [
        (f"{ALFA}-0", MONDAY),
        (f"setting:{ALFA}:2", MONDAY),
        (f"{ALFA}-1", MONDAY),
        ("open", later),
        *[(f"step:{ALFA}:5", later)] * 2,
        *[(f"answers:{ALFA}:7", later)] * 2,
    ]


async def test_a_cancelled_cover_gives_every_lender_its_money_back(
    connection: RedisConnection,
    shards: ShardMap,
    connect: ConnectTo,
    order_books: RedisOrderBooks,
    purses: RedisPurses,
) -> None:
    await fund(purses, ada=50_000, bob=50_000)
    async with running(a_host(connect, shards)):
        await send_all(
            order_books,
            terms(),
            an_offer("ada"),
            an_offer("bob"),
            a_request("r1", 60_000),
            CancelRequest(request_id="r1"),
        )
        await at_rest(order_books)

    kinds = [type(event) for event in await book_events(connection, shards)]
    assert kinds[-4:] == [CoverReleased, RequestClosed, LegReleased, LegReleased]
    found = await read_purses(connection, shards)
    assert [(purse.free_cents, purse.taken_cents) for purse in found.purses] == [(50_000, 0), (50_000, 0)]


async def test_a_refused_command_is_recorded_with_its_outcome(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    async with running(a_host(connect, shards)):
        await send_all(order_books, CancelRequest(request_id="nobody's"), GrantCompanyBudget(cents=5))
        await at_rest(order_books)

    assert [type(event) for event in await book_events(connection, shards)] == [CommandRefused, CompanyBudgetGranted]
    assert await order_books.outcome(ALFA, f"{ALFA}-0") == "refused:1"
    assert await order_books.outcome(ALFA, f"{ALFA}-1") == "ok:2"


async def test_commands_sent_while_nobody_runs_are_decided_by_the_next_host(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    await order_books.send(an_envelope())
    async with running(a_host(connect, shards)):
        await at_rest(order_books)

    assert await order_books.outcome(ALFA, "command-1") == "ok:1"


async def test_a_host_continues_the_books_of_one_that_stopped(
    connection: RedisConnection,
    shards: ShardMap,
    connect: ConnectTo,
    order_books: RedisOrderBooks,
    purses: RedisPurses,
) -> None:
    await fund(purses, ada=60_000)
    async with running(a_host(connect, shards, owner_id="first")):
        await send_all(order_books, terms(), an_offer("ada"), a_request("r1", 60_000))
        await at_rest(order_books)
    (cover_id,) = [e.cover_id for e in await book_events(connection, shards) if isinstance(e, Covered)]
    async with running(a_host(connect, shards, owner_id="second")):
        sign = SignRequest(request_id="r1", cover_id=cover_id)
        await order_books.send(an_envelope(sign, command_id="sign"))
        await at_rest(order_books)

    assert isinstance((await book_events(connection, shards))[-1], RequestSigned)


async def test_two_hosts_own_no_shard_together_and_the_second_takes_over_what_the_first_hands_over(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    first = a_host(connect, shards, owner_id="first", lease_ms=60_000)
    second = a_host(connect, shards, owner_id="second", lease_ms=60_000)
    async with running(second), running(first):
        await until(lambda: len(owned_by(first)) + len(owned_by(second)) == 16)
        assert owned_by(first) & owned_by(second) == set()
        await order_books.send(an_envelope(command_id="one"))
        await at_rest(order_books)

        first.stop()

        await until(lambda: len(owned_by(second)) == 16)
        await order_books.send(an_envelope(command_id="two"))
        await at_rest(order_books)

    entries = await read_entries(connection, shards, shards.of_company(ALFA), after_seq=0, limit=100)
    assert [entry.cause_id for entry in entries] == ["one", "two"]
    check_chain(JournalHead(seq=0, hash=GENESIS_HASH), entries)


def owned_by(host: BookHost) -> set[str]:
    return {shard.shard for shard in host.status().shards if shard.state == "running"}


async def test_a_company_whose_command_cannot_be_read_is_set_aside_and_its_neighbours_go_on(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    shard = shards.of_company(ALFA)
    neighbour = next(name for name in (f"company-{n}" for n in range(500)) if shards.of_company(name) == shard)
    mailbox = book_shard_keys(shards, shard).mailbox
    await order_books.send(an_envelope(command_id="before"))
    await connection.call("XADD", mailbox, "*", "c", ALFA, "id", "from-a-newer-program", "e", '{"type":"unheard"}')
    await order_books.send(an_envelope(command_id="after"))
    host = a_host(connect, shards)
    async with running(host):
        await order_books.send(an_envelope(command_id="other", company_id=neighbour))
        await until(lambda: any(status.parked for status in host.status().shards))
        async with asyncio.timeout(5):
            while await order_books.outcome(neighbour, "other") is None:
                await asyncio.sleep(0.01)
        (status,) = [status for status in host.status().shards if status.shard == shard]

    assert list(status.parked) == [ALFA]
    assert "failed to decode" in status.parked[ALFA]
    assert not HostStatus(owner_id="host-1", shards=(status,)).is_healthy()
    assert await order_books.outcome(ALFA, "before") == "ok:1"
    assert await order_books.outcome(ALFA, "after") is None
    waiting = await waiting_commands(connection, shards, shard)
    assert [command.command_id for command in waiting] == ["from-a-newer-program", "after"]


async def test_a_ticking_host_lets_waiting_requests_expire(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    clock = SetClock()
    async with running(a_host(connect, shards, clock=clock, ticking=True)):
        await send_all(order_books, terms(), a_request("r1", 60_000))
        await at_rest(order_books)
        clock.now_at = MONDAY + timedelta(hours=72)
        async with asyncio.timeout(5):
            while not isinstance((await book_events(connection, shards))[-1], RequestClosed):
                await asyncio.sleep(0.02)
        await at_rest(order_books)

    acknowledged, closed = (await book_records(connection, shards))[-2:]
    assert isinstance(acknowledged.event, CommandAcknowledged)
    assert closed.event == RequestClosed(request_id="r1", why="expired")
    assert (acknowledged.cause_id[:5], closed.cause_id[:5]) == ("tick:", "step:")
    assert acknowledged.at == closed.at == MONDAY + timedelta(hours=72)


async def test_without_ticking_a_host_leaves_time_to_others(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    async with running(a_host(connect, shards, ticking=False)):
        await send_all(order_books, terms(), a_request("r1", 60_000))
        await at_rest(order_books)
        await asyncio.sleep(1.2)

    events = await book_events(connection, shards)
    assert [type(event) for event in events] == [TermsPublished, StagingSet, RequestOpened]


class HostProcess:
    """A host in a process of its own, to be killed."""

    def __init__(self, url: str, owner_id: str, *, lease_ms: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.actors.host_process", url, owner_id, str(lease_ms)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )

    async def ready(self) -> None:
        """Wait until it owns every shard."""
        assert self.process.stdout is not None
        line = await asyncio.to_thread(self.process.stdout.readline)
        assert line == b"running\n"

    def send(self, signal_number: signal.Signals) -> None:
        os.kill(self.process.pid, signal_number)

    def end(self) -> int:
        """Kill it if it lives, and return how it ended."""
        if self.process.poll() is None:
            self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait()


async def test_a_killed_hosts_shards_are_served_within_its_lease(
    shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    victim = HostProcess(connect.url, "victim", lease_ms=600)
    await victim.ready()
    victim.send(signal.SIGKILL)
    victim.end()
    async with running(a_host(connect, shards, owner_id="heir", lease_ms=600)):
        await order_books.send(an_envelope())
        async with asyncio.timeout(2.0):
            await at_rest(order_books)

    assert await order_books.outcome(ALFA, "command-1") == "ok:1"


async def test_a_killed_hosts_shards_are_served_at_once_when_somebody_speaks_for_it(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    victim = HostProcess(connect.url, "victim", lease_ms=60_000)
    await victim.ready()
    victim.send(signal.SIGKILL)
    victim.end()
    await release_for_dead_owner(connection, shards, "victim")
    async with running(a_host(connect, shards, owner_id="heir", lease_ms=60_000)):
        await order_books.send(an_envelope())
        await at_rest(order_books)

    assert await order_books.outcome(ALFA, "command-1") == "ok:1"


async def test_a_host_that_slept_through_its_lease_wakes_up_to_write_nothing(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo, order_books: RedisOrderBooks
) -> None:
    sleeper = HostProcess(connect.url, "sleeper", lease_ms=300)
    await sleeper.ready()
    sleeper.send(signal.SIGSTOP)
    try:
        heir = a_host(connect, shards, owner_id="heir", lease_ms=60_000)
        async with running(heir):
            await until(lambda: len(owned_by(heir)) == 16)
            sleeper.send(signal.SIGCONT)
            for number in range(20):
                await order_books.send(an_envelope(command_id=f"command-{number}"))
            await at_rest(order_books)
            assert len(owned_by(heir)) == 16
    finally:
        sleeper.end()

    entries = await read_entries(connection, shards, shards.of_company(ALFA), after_seq=0, limit=100)
    assert [entry.cause_id for entry in entries] == [f"command-{number}" for number in range(20)]
    check_chain(JournalHead(seq=0, hash=GENESIS_HASH), entries)


async def test_a_host_asked_to_stop_hands_over_and_ends_in_order(
    connection: RedisConnection, shards: ShardMap, connect: ConnectTo
) -> None:
    host = HostProcess(connect.url, "host-1", lease_ms=60_000)
    await host.ready()
    host.send(signal.SIGTERM)
    assert await asyncio.to_thread(host.process.wait, 5) == 0
    host.end()

    for shard in shards.book_shards():
        lease = as_fields(await connection.call("HGETALL", book_shard_keys(shards, shard).lease))
        assert (lease["owner"], lease["epoch"]) == (b"", b"1")

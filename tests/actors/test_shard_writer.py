"""A turn is appended once, whole, by the present owner alone, and the writer finds out when an answer is lost."""

import pytest

from actors.errors import FunctionFault, OwnershipLost, RedisUnreachable, TurnConflict
from actors.event_log import check_chain, read_entries
from actors.mailbox import RedisOrderBooks, WaitingCommand
from actors.redis_connection import Command, RedisConnection, Reply
from actors.redis_keys import book_shard_keys
from actors.replies import as_fields
from actors.shard_writer import CommandDecision, ShardPosition, read_position
from actors.shards import ShardMap
from marketplace.book.book_events import CompanyBudgetGranted
from marketplace.book.journal import GENESIS_HASH, JournalEntry, encode_book_record
from marketplace.ports import CommandDecided, JournalHead
from tests.actors.book_examples import ALFA, a_record, accepted, an_envelope, own, waiting_commands


class FailingConnection(RedisConnection):
    """Breaks at the calls it is told to: before the call is sent, or when its answer is due."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.breaks: list[str] = []

    async def pipeline(self, commands: list[Command]) -> list[Reply]:  # type: ignore[override]
        fault = self.breaks.pop(0) if self.breaks else "none"
        if fault == "before":
            await self.disconnect()
            raise RedisUnreachable("broken before the call")
        replies = await super().pipeline(commands)
        if fault == "after":
            await self.disconnect()
            raise RedisUnreachable("broken before the answer")
        return replies


@pytest.fixture
def shard(shards: ShardMap) -> str:
    return shards.of_company(ALFA)


async def journal(connection: RedisConnection, shards: ShardMap, shard: str) -> list[JournalEntry]:
    return await read_entries(connection, shards, shard, after_seq=0, limit=100)


async def only_waiting(connection: RedisConnection, shards: ShardMap, shard: str) -> WaitingCommand:
    (command,) = await waiting_commands(connection, shards, shard)
    return command


async def test_a_turn_is_journaled_with_the_chain_the_domain_computes(
    connection: RedisConnection, shards: ShardMap, shard: str
) -> None:
    writer = await own(connection, shards, shard)
    records = [a_record(CompanyBudgetGranted(cents=cents)) for cents in (100, 200, 300)]

    await writer.commit(records[:2], low_water=0)
    await writer.commit(records[2:], low_water=2)

    entries = await journal(connection, shards, shard)
    assert [entry.payload for entry in entries] == [encode_book_record(record) for record in records]
    assert check_chain(JournalHead(seq=0, hash=GENESIS_HASH), entries) == JournalHead(seq=3, hash=writer.position.hash)
    assert (entries[0].kind, entries[0].company_id, entries[0].lender_id, entries[0].cause_id) == (
        "company_budget_granted",
        "alfa",
        None,
        "command-1",
    )


async def test_a_decided_command_leaves_the_mailbox_in_the_step_that_records_it(
    connection: RedisConnection, shards: ShardMap, shard: str, order_books: RedisOrderBooks
) -> None:
    await order_books.send(an_envelope())
    command = await only_waiting(connection, shards, shard)
    writer = await own(connection, shards, shard)

    await writer.commit([a_record()], low_water=0, decision=accepted(command))

    keys = book_shard_keys(shards, shard)
    assert await waiting_commands(connection, shards, shard) == []
    assert as_fields(await connection.call("HGETALL", keys.queued)) == {}
    assert await order_books.outcome(ALFA, "command-1") == "ok:1"
    assert (await read_position(connection, keys)).mailbox_position == command.entry_id


async def test_an_owner_that_overslept_writes_nothing(
    connection: RedisConnection, shards: ShardMap, shard: str, order_books: RedisOrderBooks
) -> None:
    await order_books.send(an_envelope())
    command = await only_waiting(connection, shards, shard)
    old = await own(connection, shards, shard, lease_ms=0)
    await own(connection, shards, shard, owner_id="host-2")

    with pytest.raises(OwnershipLost):
        await old.commit([a_record()], low_water=0, decision=accepted(command))
    with pytest.raises(OwnershipLost):
        await old.note_rest()

    assert await journal(connection, shards, shard) == []
    assert await waiting_commands(connection, shards, shard) == [command]
    assert await order_books.outcome(ALFA, "command-1") is None


async def test_a_process_restarted_under_its_own_name_fences_the_old_one_off(
    connection: RedisConnection, shards: ShardMap, shard: str
) -> None:
    old = await own(connection, shards, shard)
    new = await own(connection, shards, shard)

    await new.commit([a_record()], low_water=0)
    with pytest.raises(OwnershipLost):
        await old.commit([a_record()], low_water=0)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(ShardPosition(seq=1, hash="1" * 40, mailbox_position="0-0"), id="ahead of the journal"),
        pytest.param(ShardPosition(seq=0, hash=GENESIS_HASH, mailbox_position="5-0"), id="at another mailbox entry"),
    ],
)
async def test_a_writer_that_believes_another_position_writes_nothing(
    connection: RedisConnection, shards: ShardMap, shard: str, wrong: ShardPosition
) -> None:
    writer = await own(connection, shards, shard)
    writer.position = wrong

    with pytest.raises(TurnConflict):
        await writer.commit([a_record()], low_water=0)
    assert await journal(connection, shards, shard) == []


async def test_a_command_that_is_not_in_the_mailbox_cannot_be_decided(
    connection: RedisConnection, shards: ShardMap, shard: str
) -> None:
    writer = await own(connection, shards, shard)
    invented = WaitingCommand(entry_id="1-1", company_id=ALFA, command_id="command-1", envelope=b"{}")

    with pytest.raises(FunctionFault, match="mailbox entry"):
        await writer.commit([a_record()], low_water=0, decision=accepted(invented))
    assert await journal(connection, shards, shard) == []


async def test_a_command_sent_again_after_its_decision_is_answered_with_it(
    connection: RedisConnection, shards: ShardMap, shard: str, order_books: RedisOrderBooks
) -> None:
    await order_books.send(an_envelope())
    writer = await own(connection, shards, shard)
    command = await only_waiting(connection, shards, shard)
    await writer.commit(
        [a_record(), a_record()],
        low_water=0,
        decision=CommandDecision(command=command, outcome="refused"),
    )

    assert await order_books.send(an_envelope()) == CommandDecided("refused:1")


async def test_a_copy_that_slipped_into_the_mailbox_is_dropped_undecided(
    connection: RedisConnection, shards: ShardMap, shard: str, order_books: RedisOrderBooks
) -> None:
    keys = book_shard_keys(shards, shard)
    writer = await own(connection, shards, shard)
    for _ in range(2):
        await order_books.send(an_envelope())
        await connection.call("DEL", keys.outcomes_of_even_days, keys.outcomes_of_odd_days)
    first, copy = await waiting_commands(connection, shards, shard)

    assert await writer.commit([a_record()], low_water=0, decision=accepted(first))
    assert not await writer.commit([a_record()], low_water=0, decision=accepted(copy))

    assert len(await journal(connection, shards, shard)) == 1
    assert await waiting_commands(connection, shards, shard) == []
    assert await writer.commit([a_record()], low_water=0)


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(["before"], id="the call was never sent"),
        pytest.param(["after"], id="only the answer was lost"),
        pytest.param(["after", "none", "after"], id="twice"),
        pytest.param(["before", "none", "after"], id="never sent, then the answer lost"),
    ],
)
async def test_a_turn_whose_answer_is_lost_happens_once(
    books_redis_url: str,
    connection: RedisConnection,
    shards: ShardMap,
    shard: str,
    order_books: RedisOrderBooks,
    breaks: list[str],
) -> None:
    await order_books.send(an_envelope())
    failing = FailingConnection(books_redis_url)
    writer = await own(failing, shards, shard)
    command = await only_waiting(connection, shards, shard)
    failing.breaks = list(breaks)

    await writer.commit([a_record()], low_water=0, decision=accepted(command))
    await writer.commit([a_record(CompanyBudgetGranted(cents=200))], low_water=0)

    entries = await journal(connection, shards, shard)
    assert [entry.seq for entry in entries] == [1, 2]
    assert writer.position.hash == entries[1].hash
    await failing.close()


async def test_a_lost_answer_after_the_shard_was_taken_over_is_not_taken_for_a_turn(
    books_redis_url: str, connection: RedisConnection, shards: ShardMap, shard: str
) -> None:
    failing = FailingConnection(books_redis_url)
    old = await own(failing, shards, shard, lease_ms=0)
    new = await own(connection, shards, shard, owner_id="host-2")
    await new.commit([a_record(CompanyBudgetGranted(cents=777))], low_water=0)
    failing.breaks = ["before"]

    with pytest.raises(TurnConflict):
        await old.commit([a_record()], low_water=0)
    await failing.close()


async def test_the_low_water_mark_never_goes_back(connection: RedisConnection, shards: ShardMap, shard: str) -> None:
    writer = await own(connection, shards, shard)
    await writer.commit([a_record()], low_water=0)
    await writer.commit([a_record()], low_water=1)
    await writer.commit([a_record()], low_water=0)

    assert await connection.call("HGET", book_shard_keys(shards, shard).state, "lw") == b"1"


async def test_a_low_water_mark_ahead_of_the_journal_is_refused(
    connection: RedisConnection, shards: ShardMap, shard: str
) -> None:
    writer = await own(connection, shards, shard)

    with pytest.raises(FunctionFault, match="BADARG lw"):
        await writer.commit([a_record()], low_water=1)


async def test_a_shard_is_unsettled_until_its_owner_has_nothing_left_to_do(
    connection: RedisConnection, shards: ShardMap, shard: str, order_books: RedisOrderBooks
) -> None:
    writer = await own(connection, shards, shard)
    assert await order_books.unsettled_shards() == []

    await order_books.send(an_envelope())
    assert await order_books.unsettled_shards() == [shard]

    command = await only_waiting(connection, shards, shard)
    await writer.commit([a_record()], low_water=0, decision=accepted(command))
    assert await order_books.unsettled_shards() == [shard]

    await writer.note_rest()
    assert await order_books.unsettled_shards() == []

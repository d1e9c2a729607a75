"""Journals are read in order from a position, waited on, and acknowledged."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.errors import JournalBroken
from actors.event_log import RedisJournals, check_chain
from actors.purse import RedisPurses
from actors.redis_connection import RedisConnection
from actors.redis_keys import state_key
from actors.shards import ShardMap
from marketplace.book.book_events import CompanyBudgetGranted
from marketplace.book.journal import GENESIS_HASH, decode_book_record
from marketplace.ports import JournalHead
from tests.actors.book_examples import ALFA, a_record, own
from tests.actors.purse_steps import a_deposit

GENESIS = JournalHead(seq=0, hash=GENESIS_HASH)


@pytest.fixture
async def journals(books_redis_url: str, connection: RedisConnection, shards: ShardMap) -> AsyncIterator[RedisJournals]:
    journals = RedisJournals(books_redis_url, shards)
    yield journals
    await journals.close()


@pytest.fixture
async def shard(connection: RedisConnection, shards: ShardMap) -> str:
    """A shard whose journal holds grants of 1, 2 and 3 cents."""
    shard = shards.of_company(ALFA)
    writer = await own(connection, shards, shard)
    await writer.commit([a_record(CompanyBudgetGranted(cents=cents)) for cents in (1, 2, 3)], low_water=0)
    return shard


async def test_all_shards_are_named(journals: RedisJournals) -> None:
    assert [*journals.shards()][:2] == ["bk00", "bk01"]
    assert [*journals.shards()][-1] == "pu15"
    assert len(journals.shards()) == 32


async def test_entries_are_read_after_a_position_oldest_first(journals: RedisJournals, shard: str) -> None:
    entries = await journals.read(shard, after_seq=1, limit=10)

    assert [entry.seq for entry in entries] == [2, 3]
    assert decode_book_record(entries[0].payload).event == CompanyBudgetGranted(cents=2)
    assert [entry.seq for entry in await journals.read(shard, after_seq=0, limit=2)] == [1, 2]
    assert await journals.read(shard, after_seq=3, limit=10) == []


async def test_heads_are_those_of_every_journal(journals: RedisJournals, shard: str) -> None:
    heads = await journals.heads()

    entries = await journals.read(shard, after_seq=0, limit=10)
    assert heads[shard] == JournalHead(seq=3, hash=entries[-1].hash)
    assert {head for name, head in heads.items() if name != shard} == {GENESIS}
    assert set(heads) == set(journals.shards())


async def test_waiting_ends_with_the_shards_that_have_news(
    journals: RedisJournals, purses: RedisPurses, shards: ShardMap, shard: str
) -> None:
    positions = dict.fromkeys(journals.shards(), 0)
    assert await journals.wait(positions, timeout_ms=1_000) == [shard]

    positions[shard] = 3
    waiting = asyncio.create_task(journals.wait(positions, timeout_ms=5_000))
    await asyncio.sleep(0.05)
    await purses.apply(a_deposit(1))

    assert await waiting == [shards.of_lender("ada")]


async def test_waiting_in_vain_ends_with_nothing(journals: RedisJournals, shard: str) -> None:
    positions = {**dict.fromkeys(journals.shards(), 0), shard: 3}

    assert await journals.wait(positions, timeout_ms=30) == []


async def test_an_abandoned_wait_spoils_no_later_one(
    journals: RedisJournals, purses: RedisPurses, shards: ShardMap
) -> None:
    positions = dict.fromkeys(journals.shards(), 0)
    waiting = asyncio.create_task(journals.wait(positions, timeout_ms=200))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await purses.apply(a_deposit(1))

    assert await journals.wait(positions, timeout_ms=1_000) == [shards.of_lender("ada")]


async def test_acknowledging_moves_the_recorded_mark_forward_only(
    journals: RedisJournals, connection: RedisConnection, shards: ShardMap, shard: str
) -> None:
    entries = await journals.read(shard, after_seq=0, limit=10)

    for seq in (0, 2, 3, 1):
        hash_ = GENESIS_HASH if seq == 0 else entries[seq - 1].hash
        assert await journals.acknowledge(shard, seq=seq, hash=hash_) == "ok"

    assert await connection.call("HGET", state_key(shards, shard), "wm_pg") == b"3"


@pytest.mark.parametrize(("seq", "hash_"), [(2, "0" * 40), (4, "0" * 40), (0, "1" * 40)])
async def test_acknowledging_another_history_is_told_and_marks_nothing(
    journals: RedisJournals, connection: RedisConnection, shards: ShardMap, shard: str, seq: int, hash_: str
) -> None:
    assert await journals.acknowledge(shard, seq=seq, hash=hash_) == "diverged"
    assert await connection.call("HGET", state_key(shards, shard), "wm_pg") is None


async def test_a_gap_or_a_changed_entry_breaks_the_chain(journals: RedisJournals, shard: str) -> None:
    first, second, third = await journals.read(shard, after_seq=0, limit=10)

    assert check_chain(GENESIS, [first, second, third]).seq == 3
    with pytest.raises(JournalBroken, match="expected entry 2"):
        check_chain(GENESIS, [first, third])
    with pytest.raises(JournalBroken, match="its hash does not follow"):
        check_chain(GENESIS, [first, msgspec.structs.replace(second, payload=third.payload)])

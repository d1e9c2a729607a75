"""A host learns from the purses' journals whose money has changed, and never misses one."""

from actors.purse import RedisPurses
from actors.purse_watch import PurseWatch
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from tests.actors.purse_steps import a_deposit


async def test_the_first_look_tells_nobody_and_the_next_ones_who_changed_since(
    connection: RedisConnection, shards: ShardMap, purses: RedisPurses
) -> None:
    watch = PurseWatch(connection, shards)
    await purses.apply(a_deposit(100, lender_id="ada", ref="before"))

    assert await watch.changed_lenders() == set()
    await purses.apply(a_deposit(100, lender_id="ada", ref="first"))
    await purses.apply(a_deposit(100, lender_id="bob", ref="second"))
    assert await watch.changed_lenders() == {"ada", "bob"}
    assert await watch.changed_lenders() == set()


async def test_more_changes_than_are_read_at_a_time_are_all_told(
    connection: RedisConnection, shards: ShardMap, purses: RedisPurses
) -> None:
    watch = PurseWatch(connection, shards, batch=2)
    await watch.changed_lenders()
    lenders = {f"lender-{number}" for number in range(30)}
    for lender_id in sorted(lenders):
        for number in range(3):
            await purses.apply(a_deposit(100, lender_id=lender_id, ref=f"{lender_id}-{number}"))

    assert await watch.changed_lenders() == lenders

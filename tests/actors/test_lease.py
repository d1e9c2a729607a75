"""One owner a shard, by the server's clock, and an epoch that only grows."""

import asyncio

import pytest

from actors.errors import OwnershipLost
from actors.lease import (
    LeaseGranted,
    LeaseHeld,
    acquire_lease,
    check_still_owner,
    lease_drain,
    lease_renewal,
    release_for_dead_owner,
    release_lease,
)
from actors.redis_connection import RedisConnection
from actors.redis_keys import book_shard_keys
from actors.shards import ShardMap

KEY = "{bk00.0}:lease"


async def acquire(
    connection: RedisConnection, owner_id: str, *, lease_ms: int = 3_000, key: str = KEY
) -> LeaseGranted | LeaseHeld:
    return await acquire_lease(connection, key, owner_id=owner_id, lease_ms=lease_ms)


async def test_a_free_shard_goes_to_whoever_asks_first(connection: RedisConnection) -> None:
    assert await acquire(connection, "host-1") == LeaseGranted(epoch=1)

    held = await acquire(connection, "host-2")

    assert isinstance(held, LeaseHeld)
    assert held.owner_id == "host-1"
    assert 0 < held.remaining_ms <= 3_000
    assert not held.is_draining


async def test_an_expired_lease_goes_to_the_next_under_a_higher_epoch(connection: RedisConnection) -> None:
    await acquire(connection, "host-1", lease_ms=20)
    await asyncio.sleep(0.03)

    assert await acquire(connection, "host-2") == LeaseGranted(epoch=2)


async def test_an_owner_that_asks_again_under_its_name_gets_a_higher_epoch_at_once(
    connection: RedisConnection,
) -> None:
    await acquire(connection, "host-1")

    assert await acquire(connection, "host-1") == LeaseGranted(epoch=2)


async def test_renewing_keeps_the_shard(connection: RedisConnection) -> None:
    await acquire(connection, "host-1", lease_ms=20)
    check_still_owner(await connection.call(*lease_renewal(KEY, owner_id="host-1", epoch=1, lease_ms=3_000)))
    await asyncio.sleep(0.03)

    assert isinstance(await acquire(connection, "host-2"), LeaseHeld)


@pytest.mark.parametrize(
    ("owner_id", "epoch"),
    [pytest.param("host-2", 1, id="another owner"), pytest.param("host-1", 7, id="another epoch")],
)
async def test_only_the_owner_of_the_epoch_can_renew(connection: RedisConnection, owner_id: str, epoch: int) -> None:
    await acquire(connection, "host-1")

    with pytest.raises(OwnershipLost, match="held by host-1 in epoch 1"):
        check_still_owner(await connection.call(*lease_renewal(KEY, owner_id=owner_id, epoch=epoch, lease_ms=9)))


async def test_releasing_frees_the_shard_and_keeps_the_epoch(connection: RedisConnection) -> None:
    await acquire(connection, "host-1")
    await release_lease(connection, KEY, owner_id="host-1", epoch=1)

    assert await acquire(connection, "host-2") == LeaseGranted(epoch=2)


async def test_an_old_owner_cannot_release_the_new_ones_lease(connection: RedisConnection) -> None:
    await acquire(connection, "host-1", lease_ms=0)
    await acquire(connection, "host-2")
    await release_lease(connection, KEY, owner_id="host-1", epoch=1)

    assert isinstance(await acquire(connection, "host-3"), LeaseHeld)


async def test_draining_is_told_to_those_who_wait(connection: RedisConnection) -> None:
    await acquire(connection, "host-1")
    await connection.call(*lease_drain(KEY, owner_id="host-1", epoch=1))

    held = await acquire(connection, "host-2")
    assert isinstance(held, LeaseHeld)
    assert held.is_draining


async def test_a_dead_owners_shards_are_released_on_its_behalf_and_no_others(
    connection: RedisConnection, shards: ShardMap
) -> None:
    first, second = (book_shard_keys(shards, shard).lease for shard in ("bk00", "bk01"))
    await acquire(connection, "dead", key=first)
    await acquire(connection, "living", key=second)

    await release_for_dead_owner(connection, shards, "dead")

    assert await acquire(connection, "next", key=first) == LeaseGranted(epoch=2)
    assert isinstance(await acquire(connection, "next", key=second), LeaseHeld)

"""Who runs a shard: a lease that expires by the server's own clock, with an epoch that fences off an old owner."""

import msgspec

from actors.errors import OwnershipLost
from actors.functions import function_call
from actors.redis_connection import Command, RedisConnection, Reply
from actors.redis_keys import book_shard_keys
from actors.replies import as_int, as_list, as_text
from actors.shards import ShardMap


class LeaseGranted(msgspec.Struct, frozen=True, kw_only=True):
    """The shard is ours; every turn carries `epoch`, which a later owner will have raised."""

    epoch: int


class LeaseHeld(msgspec.Struct, frozen=True, kw_only=True):
    """Another host has the shard for at least `remaining_ms` more, or less if `is_draining`: it is handing over."""

    owner_id: str
    remaining_ms: int
    is_draining: bool


async def acquire_lease(
    connection: RedisConnection, lease_key: str, *, owner_id: str, lease_ms: int
) -> LeaseGranted | LeaseHeld:
    """Take the shard if it is free, expired, or held under our own id by a process before this one."""
    reply = as_list(await connection.call(*function_call("lease", [lease_key], "acquire", owner_id, lease_ms)))
    if as_text(reply[0]) == "OK":
        return LeaseGranted(epoch=as_int(reply[1]))
    return LeaseHeld(owner_id=as_text(reply[1]), remaining_ms=as_int(reply[2]), is_draining=as_int(reply[3]) == 1)


def lease_renewal(lease_key: str, *, owner_id: str, epoch: int, lease_ms: int) -> Command:
    """The command that keeps a shard for `lease_ms` more; its answer goes to `check_still_owner`."""
    return function_call("lease", [lease_key], "renew", owner_id, epoch, lease_ms)


def lease_drain(lease_key: str, *, owner_id: str, epoch: int) -> Command:
    """The command that tells waiting hosts that the shard is about to be released."""
    return function_call("lease", [lease_key], "drain", owner_id, epoch)


def check_still_owner(reply: Reply) -> None:
    """Raises `OwnershipLost` when the answer to a lease command says that another host has the shard."""
    answer = as_list(reply)
    if as_text(answer[0]) != "OK":
        raise OwnershipLost(f"held by {as_text(answer[1]) or 'nobody'} in epoch {as_text(answer[2])}")


async def release_lease(connection: RedisConnection, lease_key: str, *, owner_id: str, epoch: int) -> None:
    """Give the shard up at once; harmless when it is no longer ours."""
    await connection.call(*function_call("lease", [lease_key], "release", owner_id, epoch))


async def release_for_dead_owner(connection: RedisConnection, shards: ShardMap, owner_id: str) -> None:
    """Give up every shard that `owner_id` holds, for a process that is known to have ended.

    Spares its successor the rest of the lease. Should the process live after all, its turns are fenced off.
    """
    await connection.pipeline(
        [
            function_call("lease", [book_shard_keys(shards, shard).lease], "release", owner_id)
            for shard in shards.book_shards()
        ]
    )

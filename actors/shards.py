"""Which shard a company or a lender lives on, and the tag that all keys of a shard share.

The numbers of shards are chosen once for the life of the data: another number puts every company and lender elsewhere.
"""

import binascii
import hashlib
from functools import cache

import msgspec

CLUSTER_SLOTS = 16_384


class ShardMap(msgspec.Struct, frozen=True, kw_only=True):
    """How many shards there are of each kind. 16 and 16 serve one machine, 64 and 128 a cluster."""

    book_count: int = 16
    purse_count: int = 16

    def book_shards(self) -> tuple[str, ...]:
        """Names of the shards of books: `bk00`, `bk01`…"""
        return tuple(f"bk{number:02}" for number in range(self.book_count))

    def purse_shards(self) -> tuple[str, ...]:
        """Names of the shards of purses: `pu00`, `pu01`…"""
        return tuple(f"pu{number:02}" for number in range(self.purse_count))

    def of_company(self, company_id: str) -> str:
        """The shard that holds the company's book."""
        return f"bk{_stable_hash(company_id) % self.book_count:02}"

    def of_lender(self, lender_id: str) -> str:
        """The shard that holds the lender's purse."""
        return f"pu{_stable_hash(lender_id) % self.purse_count:02}"

    def hash_tag(self, shard: str) -> str:
        """The part of a key, between braces, by which a cluster places all of the shard's keys on one node."""
        return evenly_placed_tag(shard, self.book_count if shard.startswith("bk") else self.purse_count)


def _stable_hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def cluster_slot(tag: str) -> int:
    """The slot of a hash tag, 0 to 16383. Source: Redis cluster specification, CRC-16/XMODEM modulo 16384."""
    return binascii.crc_hqx(tag.encode(), 0) % CLUSTER_SLOTS


@cache
def evenly_placed_tag(shard: str, count: int) -> str:
    """The shard's name with the smallest suffix that falls in the shard's own `count`-th of the slots.

    Plain numbered tags pile up on some nodes; so each node of a cluster gets its share of shards to within one.
    """
    number = int(shard[2:])
    first, last = number * CLUSTER_SLOTS // count, (number + 1) * CLUSTER_SLOTS // count - 1
    suffix = 0
    while not first <= cluster_slot(f"{shard}.{suffix}") <= last:
        suffix += 1
    return f"{shard}.{suffix}"

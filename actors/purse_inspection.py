"""All purses and their fills as they stand, and what of it breaks the rules: for `verify` and for the tests."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from actors.purse import NO_LIMIT_KEYS
from actors.redis_connection import RedisConnection
from actors.redis_keys import purse_shard_keys
from actors.replies import as_fields, as_list, as_text
from actors.shards import ShardMap

SCAN_BATCH = 1_000


class PurseFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A lender's purse, in cents. `kept_cents` of the free are receipts that are not to be lent again."""

    lender_id: str
    free_cents: int
    taken_cents: int
    sent_cents: int
    held_cents: int
    in_cents: int
    out_cents: int
    ver: int
    reserve_cents: int
    kept_cents: int
    cash_since_at: datetime | None
    fresh_cents: int
    fresh_at: datetime | None
    strategy_limits: dict[str, int]
    strategy_uses: dict[str, int]


class PurseFill(msgspec.Struct, frozen=True, kw_only=True):
    """A fill as its purse has it; `cents` is what was promised (0 unless it was)."""

    fill_id: str
    lender_id: str
    strategy_id: str
    cover_id: str
    state: str
    limit_keys: tuple[str, ...]
    cents: int
    decided_seq: int


class PurseHolding(msgspec.Struct, frozen=True, kw_only=True):
    """A payout that a purse was asked to set `cents` aside for, and what became of it."""

    payout_id: str
    lender_id: str
    state: str
    cents: int


class PurseUseFreed(msgspec.Struct, frozen=True, kw_only=True):
    """What principal that came back freed of a purse's limits: cents by key."""

    ref: str
    lender_id: str
    freed_cents: dict[str, int]


class PursesFound(msgspec.Struct, frozen=True, kw_only=True):
    """Every purse, fill and payout, and all that was freed, each in a fixed order."""

    purses: tuple[PurseFigures, ...]
    fills: tuple[PurseFill, ...]
    payouts: tuple[PurseHolding, ...]
    freed: tuple[PurseUseFreed, ...]


async def read_purses(connection: RedisConnection, shards: ShardMap) -> PursesFound:
    """Read every purse shard. What moves meanwhile may be seen half: read a market at rest."""
    purses: list[PurseFigures] = []
    fills: list[PurseFill] = []
    payouts: list[PurseHolding] = []
    freed: list[PurseUseFreed] = []
    async for key in _scan_keys(connection, "{pu*}:p:*"):
        purses.append(_figures(key.partition(":p:")[2], as_fields(await connection.call("HGETALL", key))))
    for shard in shards.purse_shards():
        keys = purse_shard_keys(shards, shard)
        async for fill_id, record in _scan_hash(connection, keys.fills, "*"):
            fills.append(_fill(fill_id, record))
        async for reference, record in _scan_hash(connection, keys.references, "payout:*"):
            payouts.append(_holding(reference.removeprefix("payout:"), record))
        async for reference, record in _scan_hash(connection, keys.references, "free_use:*"):
            freed.append(_use_freed(reference.removeprefix("free_use:"), record))
    return PursesFound(
        purses=tuple(sorted(purses, key=lambda purse: purse.lender_id)),
        fills=tuple(sorted(fills, key=lambda fill: fill.fill_id)),
        payouts=tuple(sorted(payouts, key=lambda payout: payout.payout_id)),
        freed=tuple(sorted(freed, key=lambda use: use.ref)),
    )


def purse_breaks(found: PursesFound) -> list[str]:
    """What is wrong with the purses, one line each; empty when everything holds.

    Each purse's buckets are not negative and sum to zero with in and out; what is promised, sent and set aside is the
    sum of its fills and payouts; of each limit is used what its fills hold, less the principal that came back. Source:
    invariants 1 and 2 of the protocol.
    """
    promised: dict[tuple[str, str], int] = defaultdict(int)
    for fill in found.fills:
        promised[fill.lender_id, fill.state] += fill.cents
    used = _used(found)
    for payout in found.payouts:
        promised[payout.lender_id, payout.state] += payout.cents
    lenders = {purse.lender_id for purse in found.purses}
    homeless = sorted({lender for (lender, _), cents in promised.items() if cents != 0} - lenders)
    breaks = [f"purse {lender_id}: missing, but it has fills or payouts" for lender_id in homeless]
    for purse in found.purses:
        lender_id = purse.lender_id
        breaks += [f"purse {lender_id}: {line}" for line in _figure_breaks(purse)]
        uses = {key: cents for key, cents in purse.strategy_uses.items() if cents != 0}
        for name, figure, expected in (
            ("taken", purse.taken_cents, promised[lender_id, "taken"]),
            ("sent", purse.sent_cents, promised[lender_id, "sent"]),
            ("held", purse.held_cents, promised[lender_id, "held"]),
            ("out", purse.out_cents, promised[lender_id, "lent"] + promised[lender_id, "paid"]),
            ("strategy uses", uses, used.get(lender_id, {})),
        ):
            if figure != expected:
                breaks.append(f"purse {lender_id}: {name} is {figure}, its fills and payouts say {expected}")
    return breaks


def _used(found: PursesFound) -> dict[str, dict[str, int]]:
    """Cents that must count against each key by lender; a key without any is left out."""
    used: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for fill in found.fills:
        if fill.state in ("taken", "sent", "lent"):
            for key in fill.limit_keys:
                used[fill.lender_id][key] += fill.cents
    for freed in found.freed:
        for key, cents in freed.freed_cents.items():
            used[freed.lender_id][key] -= cents
    return {lender: {key: cents for key, cents in sorted(keys.items()) if cents} for lender, keys in used.items()}


def _figure_breaks(purse: PurseFigures) -> list[str]:
    inside = purse.free_cents + purse.taken_cents + purse.sent_cents + purse.held_cents
    breaks = []
    if inside + purse.out_cents != purse.in_cents:
        breaks.append(f"{purse.in_cents} came in, but {inside} is there and {purse.out_cents} went out")
    breaks += [
        f"{name} is {cents}"
        for name, cents in msgspec.structs.asdict(purse).items()
        if name.endswith("_cents") and cents < 0
    ]
    if purse.kept_cents > purse.free_cents:
        breaks.append(f"kept {purse.kept_cents} is more than free {purse.free_cents}")
    spendable = max(0, purse.free_cents - purse.reserve_cents - purse.kept_cents)
    if purse.fresh_cents > spendable:
        breaks.append(f"fresh {purse.fresh_cents} is more than the {spendable} that can be spent")
    return breaks


async def _scan_keys(connection: RedisConnection, match: str) -> AsyncIterator[str]:
    """Keys of the database, each once: a scan may meet one again."""
    seen: set[str] = set()
    cursor = None
    while cursor != "0":
        cursor_reply, found = as_list(await connection.call("SCAN", cursor or "0", "MATCH", match, "COUNT", SCAN_BATCH))
        cursor = as_text(cursor_reply)
        for key in map(as_text, as_list(found)):
            if key not in seen:
                seen.add(key)
                yield key


async def _scan_hash(connection: RedisConnection, key: str, match: str) -> AsyncIterator[tuple[str, str]]:
    """Fields of one hash with their values, each once."""
    seen: set[str] = set()
    cursor = None
    while cursor != "0":
        cursor_reply, found = as_list(
            await connection.call("HSCAN", key, cursor or "0", "MATCH", match, "COUNT", SCAN_BATCH)
        )
        cursor = as_text(cursor_reply)
        for field, value in as_fields(found).items():
            if field not in seen:
                seen.add(field)
                yield field, value.decode()


def _figures(lender_id: str, fields: dict[str, bytes]) -> PurseFigures:
    def cents(name: str) -> int:
        return int(fields[name])

    def instant(name: str) -> datetime | None:
        return msgspec.convert(fields[name].decode(), datetime) if name in fields else None

    def by_key(prefix: str) -> dict[str, int]:
        return {name[2:]: int(value) for name, value in sorted(fields.items()) if name.startswith(prefix)}

    return PurseFigures(
        lender_id=lender_id,
        free_cents=cents("free"),
        taken_cents=cents("taken"),
        sent_cents=cents("sent"),
        held_cents=cents("held"),
        in_cents=cents("in"),
        out_cents=cents("out"),
        ver=cents("ver"),
        reserve_cents=cents("reserve"),
        kept_cents=cents("kept"),
        cash_since_at=instant("cash_since"),
        fresh_cents=cents("fresh"),
        fresh_at=instant("fresh_at"),
        strategy_limits=by_key("l:"),
        strategy_uses=by_key("u:"),
    )


def _fill(fill_id: str, record: str) -> PurseFill:
    state, lender_id, strategy_id, cover_id, _want, _least, _replaces, keys, cents, seq, *_end = record.split("|")
    return PurseFill(
        fill_id=fill_id,
        lender_id=lender_id,
        strategy_id=strategy_id,
        cover_id=cover_id,
        state=state,
        limit_keys=() if keys == NO_LIMIT_KEYS else tuple(keys.split(",")),
        cents=int(cents),
        decided_seq=int(seq),
    )


def _use_freed(ref: str, record: str) -> PurseUseFreed:
    lender_id, freed = record.split("|")
    return PurseUseFreed(
        ref=ref, lender_id=lender_id, freed_cents=msgspec.json.decode(f"{{{freed}}}", type=dict[str, int])
    )


def _holding(payout_id: str, record: str) -> PurseHolding:
    state, lender_id, cents, _from_kept = record.split("|")
    return PurseHolding(payout_id=payout_id, lender_id=lender_id, state=state, cents=int(cents))

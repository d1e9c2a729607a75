"""What `verify` sees of purses, and that each way of being wrong is named."""

from datetime import UTC, datetime

import msgspec
import pytest

from actors.purse import RedisPurses
from actors.purse_inspection import PurseFill, PurseHolding, PursesFound, PurseUseFreed, purse_breaks, read_purses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from tests.actors.purse_steps import a_deposit, a_step, a_take, ask, limits, principal_back


@pytest.fixture
async def found(connection: RedisConnection, purses: RedisPurses, shards: ShardMap) -> PursesFound:
    """Ada's 1,000.00: 100.00 promised, 50.00 sent, 20.00 lent, 30.00 set aside, 10.00 paid out; 5.00 of it back."""
    await purses.apply(a_deposit(100_000, reserved_cents=4_000))
    await purses.apply(limits(1, reserve_cents=700, budgets={"main": 60_000}))
    await ask(purses, a_take(1, 10_000), a_take(2, 5_000, limit_keys=("main", "main/12m")), a_take(3, 2_000))
    for fill_id in ("bk07.2.0", "bk07.3.0"):
        await purses.apply(a_step("post", fill_id))
    await purses.apply(a_step("lend", "bk07.3.0"))
    await purses.apply(a_step("hold", "payout-1", cents=3_000))
    await purses.apply(a_step("hold", "payout-2", cents=1_000))
    await purses.apply(a_step("pay_out", "payout-2"))
    await purses.apply(principal_back({"main": 500, "main/12m": 500}))
    return await read_purses(connection, shards)


async def test_everything_is_read_as_it_stands(found: PursesFound) -> None:
    (ada,) = found.purses
    assert msgspec.structs.asdict(ada) == {
        "lender_id": "ada",
        "free_cents": 79_000,
        "taken_cents": 10_000,
        "sent_cents": 5_000,
        "held_cents": 3_000,
        "in_cents": 100_000,
        "out_cents": 3_000,
        "ver": 12,
        "reserve_cents": 700,
        "kept_cents": 0,
        "cash_since_at": datetime(2026, 11, 23, 9, tzinfo=UTC),
        "fresh_cents": 78_300,
        "fresh_at": datetime(2026, 11, 23, 9, tzinfo=UTC),
        "strategy_limits": {"main": 60_000},
        "strategy_uses": {"main": 16_500, "main/12m": 4_500},
    }
    assert found.fills[0] == PurseFill(
        fill_id="bk07.1.0",
        lender_id="ada",
        strategy_id="main",
        cover_id="bk07:1",
        state="taken",
        limit_keys=("main",),
        cents=10_000,
        decided_seq=3,
    )
    assert [(fill.fill_id, fill.state, fill.cents) for fill in found.fills[1:]] == [
        ("bk07.2.0", "sent", 5_000),
        ("bk07.3.0", "lent", 2_000),
    ]
    assert found.payouts == (
        PurseHolding(payout_id="payout-1", lender_id="ada", state="held", cents=3_000),
        PurseHolding(payout_id="payout-2", lender_id="ada", state="paid", cents=1_000),
    )
    assert found.freed == (
        PurseUseFreed(ref="movement-1", lender_id="ada", freed_cents={"main": 500, "main/12m": 500}),
    )


async def test_sound_purses_have_nothing_to_tell(found: PursesFound) -> None:
    assert purse_breaks(found) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        pytest.param(
            {"free_cents": 79_001},
            "purse ada: 100000 came in, but 97001 is there and 3000 went out",
            id="a cent too much",
        ),
        pytest.param({"free_cents": -1, "in_cents": 20_999}, "purse ada: free_cents is -1", id="a bucket below zero"),
        pytest.param(
            {"taken_cents": 9_000, "free_cents": 80_000},
            "purse ada: taken is 9000, its fills and payouts say 10000",
            id="a promise not counted",
        ),
        pytest.param(
            {"sent_cents": 5_500, "free_cents": 78_500},
            "purse ada: sent is 5500, its fills and payouts say 5000",
            id="money sent for no fill",
        ),
        pytest.param(
            {"held_cents": 0, "free_cents": 82_000},
            "purse ada: held is 0, its fills and payouts say 3000",
            id="a payout not set aside",
        ),
        pytest.param(
            {"out_cents": 2_000, "free_cents": 80_000},
            "purse ada: out is 2000, its fills and payouts say 3000",
            id="a payout not taken out",
        ),
        pytest.param(
            {"strategy_uses": {"main": 16_500, "main/12m": 5_000}},
            "purse ada: strategy uses is {'main': 16500, 'main/12m': 5000}, "
            "its fills and payouts say {'main': 16500, 'main/12m': 4500}",
            id="a limit not freed of what came back",
        ),
        pytest.param(
            {"fresh_cents": 78_301}, "purse ada: fresh 78301 is more than the 78300 that can be spent", id="too fresh"
        ),
        pytest.param({"kept_cents": 79_001}, "purse ada: kept 79001 is more than free 79000", id="more kept than free"),
    ],
)
async def test_a_wrong_figure_is_named(found: PursesFound, changes: dict[str, object], line: str) -> None:
    (ada,) = found.purses
    wrong = msgspec.structs.replace(found, purses=(msgspec.structs.replace(ada, **changes),))

    assert line in purse_breaks(wrong)


async def test_a_lost_purse_is_named(found: PursesFound) -> None:
    assert purse_breaks(msgspec.structs.replace(found, purses=())) == [
        "purse ada: missing, but it has fills or payouts"
    ]

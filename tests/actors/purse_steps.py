"""Steps to drive purses with in tests, each valid by default, and what the purses' journals say of them."""

from datetime import UTC, datetime

from actors.event_log import read_entries
from actors.purse import RedisPurses
from actors.purse_inspection import PurseFigures, read_purses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from marketplace.book.journal import decode_purse_event
from marketplace.book.purse_calls import PurseAnswer, PurseCalls, ReleaseCall, TakeCall
from marketplace.book.purse_events import AnyPurseEvent
from marketplace.ports import PurseInstruction, PurseOperation

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
BOOK_SHARD = "bk07"


def a_step(
    operation: PurseOperation, ref: str, *, lender_id: str = "ada", cents: int = 0, at: datetime = MONDAY
) -> PurseInstruction:
    return PurseInstruction(
        instruction_id=f"{operation}:{ref}", lender_id=lender_id, operation=operation, ref=ref, at=at, cents=cents
    )


def a_deposit(
    cents: int, *, ref: str = "wire-1", lender_id: str = "ada", reserved_cents: int = 0, at: datetime = MONDAY
) -> PurseInstruction:
    return PurseInstruction(
        instruction_id=f"deposit:{ref}",
        lender_id=lender_id,
        operation="deposit",
        ref=ref,
        at=at,
        cents=cents,
        reserved_cents=reserved_cents,
    )


def principal_back(freed_cents: dict[str, int], *, ref: str = "movement-1", lender_id: str = "ada") -> PurseInstruction:
    return PurseInstruction(
        instruction_id=f"free_use:{ref}",
        lender_id=lender_id,
        operation="free_use",
        ref=ref,
        at=MONDAY,
        freed_cents=freed_cents,
    )


def limits(
    version: int,
    *,
    lender_id: str = "ada",
    reserve_cents: int = 0,
    budgets: dict[str, int] | None = None,
    at: datetime = MONDAY,
) -> PurseInstruction:
    return PurseInstruction(
        instruction_id=f"limits:{version}",
        lender_id=lender_id,
        operation="limits",
        ref=f"{lender_id}:{version}",
        at=at,
        reserve_cents=reserve_cents,
        strategy_limits=budgets or {},
    )


def a_take(
    seq: int,
    cents: int,
    *,
    place: int = 0,
    lender_id: str = "ada",
    strategy_id: str = "main",
    min_cents: int = 1,
    replaces: str | None = None,
    limit_keys: tuple[str, ...] | None = None,
) -> TakeCall:
    """A take that counts against its strategy's own key unless other keys are named."""
    return TakeCall(
        cover_id=f"{BOOK_SHARD}:{seq}",
        fill_id=f"{BOOK_SHARD}.{seq}.{place}",
        lender_id=lender_id,
        strategy_id=strategy_id,
        cents=cents,
        min_cents=min_cents,
        replaces=replaces,
        limit_keys=(strategy_id,) if limit_keys is None else limit_keys,
    )


def a_release(take: TakeCall) -> ReleaseCall:
    return ReleaseCall(cover_id=take.cover_id, fill_id=take.fill_id, lender_id=take.lender_id)


async def ask(
    purses: RedisPurses, *calls: TakeCall | ReleaseCall, low_water: int = 0, at: datetime = MONDAY
) -> list[PurseAnswer]:
    """Releases first, then takes, as a book sends them."""
    asked = PurseCalls(
        releases=tuple(call for call in calls if isinstance(call, ReleaseCall)),
        takes=tuple(call for call in calls if isinstance(call, TakeCall)),
    )
    return list(await purses.ask(asked, book_shard=BOOK_SHARD, low_water=low_water, at=at))


async def figures(connection: RedisConnection, shards: ShardMap, lender_id: str = "ada") -> PurseFigures:
    found = await read_purses(connection, shards)
    return next(purse for purse in found.purses if purse.lender_id == lender_id)


async def purse_events(connection: RedisConnection, shards: ShardMap, lender_id: str = "ada") -> list[AnyPurseEvent]:
    """Everything the journal of the lender's shard says about it."""
    shard = shards.of_lender(lender_id)
    entries = await read_entries(connection, shards, shard, after_seq=0, limit=1_000)
    return [decode_purse_event(entry.payload) for entry in entries if entry.lender_id == lender_id]

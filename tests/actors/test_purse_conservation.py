"""Whatever is asked of purses, in whatever order and however often, no cent appears, vanishes or is promised twice."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.errors import PurseRefused
from actors.event_log import check_chain, read_entries
from actors.functions import load_functions
from actors.purse import RedisPurses
from actors.purse_inspection import PurseFigures, PursesFound, purse_breaks, read_purses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from marketplace.book.journal import GENESIS_HASH, decode_purse_event
from marketplace.book.purse_calls import ReleaseCall, TakeCall
from marketplace.book.purse_events import AnyPurseEvent
from marketplace.book.purse_view import PurseView, PurseViewFold
from marketplace.ports import JournalHead, PurseInstruction, PurseOperation
from tests.actors.purse_steps import MONDAY, a_deposit, a_release, a_step, a_take, ask, limits, principal_back

ONE_PURSE_SHARD = ShardMap(book_count=1, purse_count=1)
LENDERS = ("ada", "bob")
STRATEGIES = ("main", "other")
FILLS = 6
LIMIT_KEYS = tuple(f"{strategy}{suffix}" for strategy in STRATEGIES for suffix in ("", "/24m", "/2026-11", "/2026-12"))
PAYMENT_STEPS: tuple[PurseOperation, ...] = ("post", "refund", "lend")
PAYOUT_STEPS: tuple[PurseOperation, ...] = ("hold", "pay_out", "void_hold")

lenders = st.sampled_from(LENDERS)
amounts = st.integers(min_value=1, max_value=100)


@st.composite
def takes(draw: st.DrawFn) -> TakeCall:
    """A fill of few ids, so that most are asked for again, some with other terms, some in place of another."""
    seq = draw(st.integers(1, FILLS))
    want = draw(amounts)
    older = draw(st.integers(0, seq - 1))
    strategy = draw(st.sampled_from(STRATEGIES))
    return a_take(
        seq,
        want,
        lender_id=LENDERS[seq % 2],
        strategy_id=strategy,
        min_cents=draw(st.integers(1, want)),
        replaces=f"bk07.{older}.0" if older else None,
        limit_keys=(strategy, f"{strategy}/24m", f"{strategy}/2026-{draw(st.sampled_from((11, 12)))}"),
    )


releases = st.integers(1, FILLS).map(lambda seq: a_release(a_take(seq, 1, lender_id=LENDERS[seq % 2])))
deposits = st.builds(
    lambda lender_id, cents, number, second: a_deposit(
        cents,
        ref=f"wire-{lender_id}-{number}",
        lender_id=lender_id,
        reserved_cents=cents // 3 if number % 2 else 0,
        at=MONDAY + timedelta(seconds=second),
    ),
    lenders,
    amounts,
    st.integers(1, 4),
    st.integers(-1, 1),
)
budgets = st.dictionaries(st.sampled_from(LIMIT_KEYS), st.integers(0, 150))
repayments = st.builds(
    lambda lender_id, number, freed: principal_back(freed, ref=f"movement-{lender_id}-{number}", lender_id=lender_id),
    lenders,
    st.integers(1, 4),
    st.dictionaries(st.sampled_from(LIMIT_KEYS), st.integers(1, 30), max_size=2),
)
new_limits = st.builds(
    lambda lender_id, version, reserve, budget: limits(
        version, lender_id=lender_id, reserve_cents=reserve, budgets=budget
    ),
    lenders,
    st.integers(1, 4),
    st.integers(0, 60),
    budgets,
)
payments = st.builds(
    lambda operation, seq: a_step(operation, f"bk07.{seq}.0", lender_id=LENDERS[seq % 2]),
    st.sampled_from(PAYMENT_STEPS),
    st.integers(1, FILLS),
)
payouts = st.builds(
    lambda operation, number, lender_id, cents: a_step(
        operation, f"payout-{lender_id}-{number}", lender_id=lender_id, cents=cents
    ),
    st.sampled_from(PAYOUT_STEPS),
    st.integers(1, 3),
    lenders,
    amounts,
)
steps = st.one_of(takes(), takes(), releases, deposits, deposits, new_limits, payments, repayments, payouts)


@given(story=st.lists(steps, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_story_breaks_a_purse(
    books_redis_url: str, story: Sequence[TakeCall | ReleaseCall | PurseInstruction]
) -> None:
    connection = RedisConnection(books_redis_url)
    await load_functions(connection)
    await connection.call("FLUSHDB", "SYNC")
    purses = RedisPurses(connection, ONE_PURSE_SHARD)
    try:
        for step in story:
            before = await read_purses(connection, ONE_PURSE_SHARD)
            is_done = await _taken(purses, step)
            after = await read_purses(connection, ONE_PURSE_SHARD)
            assert purse_breaks(after) == []
            _check_promises(before, after, step)
            assert is_done or after == before, "a refused step leaves everything as it was"
            assert await _taken(purses, step) == is_done
            assert await read_purses(connection, ONE_PURSE_SHARD) == after, "a repeated step changes nothing"
        await _check_journal(connection, after=await read_purses(connection, ONE_PURSE_SHARD))
    finally:
        await connection.close()


async def _taken(purses: RedisPurses, step: TakeCall | ReleaseCall | PurseInstruction) -> bool:
    """Whether the purse took the step, now or before, rather than refuse it for good."""
    try:
        if isinstance(step, PurseInstruction):
            await purses.apply(step)
        else:
            await ask(purses, step)
    except PurseRefused:
        return False
    return True


def _check_promises(before: PursesFound, after: PursesFound, step: TakeCall | ReleaseCall | PurseInstruction) -> None:
    """A new promise takes neither the reserve nor kept money, nor more than the limit of any of its keys."""
    known = {fill.fill_id for fill in before.fills}
    promised = [fill for fill in after.fills if fill.fill_id not in known and fill.state == "taken"]
    for fill in promised:
        assert isinstance(step, TakeCall)
        assert step.min_cents <= fill.cents <= step.cents
        old, new = (_purse(found, fill.lender_id) for found in (before, after))
        if new.taken_cents > old.taken_cents:
            assert new.free_cents >= new.reserve_cents + new.kept_cents
        for key in fill.limit_keys:
            limit, use = new.strategy_limits.get(key), new.strategy_uses[key]
            if limit is not None and use > old.strategy_uses.get(key, 0):
                assert use <= limit or fill.cents <= _promised_by_same_strategy(before, step)


def _promised_by_same_strategy(before: PursesFound, step: TakeCall) -> int:
    """Cents of the replaced promise when it is of the strategy that now speaks: these it keeps under any limit."""
    return sum(
        fill.cents
        for fill in before.fills
        if fill.fill_id == step.replaces and fill.strategy_id == step.strategy_id and fill.state == "taken"
    )


def _fresh_as_told(events: Sequence[AnyPurseEvent]) -> tuple[int, datetime | None]:
    """The cents of one purse that became spendable at the latest instant at which any did, as far as they are left."""
    free_cents, fresh_cents, fresh_at = 0, 0, None
    for event in events:
        growth_cents = event.free_cents - free_cents
        if growth_cents > 0 and (fresh_at is None or event.at > fresh_at):
            fresh_cents, fresh_at = growth_cents, event.at
        else:
            fresh_cents += max(0, growth_cents)
        free_cents = event.free_cents
        fresh_cents = min(fresh_cents, free_cents)
    return fresh_cents, fresh_at


def _purse(found: PursesFound, lender_id: str) -> PurseFigures:
    return next(purse for purse in found.purses if purse.lender_id == lender_id)


async def _check_journal(connection: RedisConnection, *, after: PursesFound) -> None:
    """The journal chains, and folded event by event it tells what every purse holds."""
    entries = await read_entries(connection, ONE_PURSE_SHARD, "pu00", after_seq=0, limit=10_000)
    check_chain(JournalHead(seq=0, hash=GENESIS_HASH), entries)
    folds: dict[str, PurseViewFold] = {}
    events: dict[str, list[AnyPurseEvent]] = {}
    for entry in entries:
        event = decode_purse_event(entry.payload)
        assert msgspec.json.encode(event) == entry.payload
        fold = folds.setdefault(event.lender_id, PurseViewFold())
        fold.apply(event)
        events.setdefault(event.lender_id, []).append(event)
    for purse in after.purses:
        assert (purse.fresh_cents, purse.fresh_at) == _fresh_as_told(events[purse.lender_id])
    told = {lender_id: fold.view() for lender_id, fold in folds.items()}
    assert told == {
        purse.lender_id: PurseView(
            ver=purse.ver,
            free_cents=purse.free_cents,
            taken_cents=purse.taken_cents,
            sent_cents=purse.sent_cents,
            held_cents=purse.held_cents,
            in_cents=purse.in_cents,
            out_cents=purse.out_cents,
        )
        for purse in after.purses
    }

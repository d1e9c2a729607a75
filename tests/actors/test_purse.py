"""What a purse decides, and that it decides each thing once."""

from datetime import datetime, timedelta

import msgspec
import pytest

from actors.errors import FunctionFault, PurseStepImpossible, PurseStepUnknown, PurseTermsDiffer
from actors.event_log import check_chain, read_entries
from actors.purse import RedisPurses
from actors.purse_inspection import purse_breaks, read_purses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from marketplace.book.book_events import Standing
from marketplace.book.journal import GENESIS_HASH
from marketplace.book.purse_calls import PurseAnswer, ReleaseCall, TakeCall
from marketplace.book.purse_events import (
    Deposited,
    FillDenied,
    FillLent,
    FillRefunded,
    FillReleased,
    FillSent,
    FillTaken,
    FillVoided,
    LimitsSet,
    UseFreed,
    WithdrawalHeld,
    WithdrawalRefused,
    WithdrawalSent,
    WithdrawalVoided,
)
from marketplace.ports import JournalHead, PurseInstruction, PurseOperation
from tests.actors.purse_steps import (
    MONDAY,
    a_deposit,
    a_release,
    a_step,
    a_take,
    ask,
    figures,
    limits,
    principal_back,
    purse_events,
)

LATER = MONDAY + timedelta(seconds=1)
NOVEMBER_24_MONTHS = ("main", "main/24m", "main/2026-11")
PURSE_LENDS: tuple[PurseOperation, ...] = ("post", "lend")


async def outcomes(purses: RedisPurses, *calls: TakeCall | ReleaseCall) -> list[tuple[str, int]]:
    answers = await ask(purses, *calls)
    return [(answer.outcome, answer.cents) for answer in answers]


class TestDeposit:
    async def test_makes_money_free_and_says_since_when(self, connection: RedisConnection, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))

        assert await purses.standings(["ada"]) == [
            Standing(
                lender_id="ada",
                ver=1,
                free_cents=50_000,
                cash_since_at=MONDAY,
                rooms={},
                fresh_cents=50_000,
                fresh_at=MONDAY,
            )
        ]

    async def test_keeps_what_is_not_to_be_lent_out_of_reach(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(50_000, reserved_cents=20_000))

        assert await outcomes(purses, a_take(1, 50_000)) == [("taken", 30_000)]
        assert (await figures(connection, shards)).free_cents == 20_000

    async def test_restarts_the_wait_of_cash_only_when_nothing_was_left(self, purses: RedisPurses) -> None:
        tuesday, wednesday = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
        await purses.apply(a_deposit(50_000))
        await purses.apply(a_deposit(10_000, ref="wire-2", at=tuesday))
        (before,) = await purses.standings(["ada"])
        await ask(purses, a_take(1, 60_000))
        await purses.apply(a_deposit(10_000, ref="wire-3", at=wednesday))
        (after,) = await purses.standings(["ada"])

        assert (before.cash_since_at, after.cash_since_at) == (MONDAY, wednesday)

    async def test_a_purse_that_never_had_money_has_no_standing(self, purses: RedisPurses) -> None:
        await purses.apply(limits(1, reserve_cents=5))

        assert await purses.standings(["ada", "nobody"]) == []


class TestTake:
    async def test_promises_all_that_is_wanted_when_it_is_there(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(50_000))

        (answer,) = await ask(purses, a_take(1, 30_000))

        assert answer == PurseAnswer(fill_id="bk07.1.0", outcome="taken", cents=30_000, ver=2, free_cents=20_000)
        purse = await figures(connection, shards)
        assert (purse.free_cents, purse.taken_cents, purse.strategy_uses) == (20_000, 30_000, {"main": 30_000})

    @pytest.mark.parametrize(
        ("min_cents", "expected"),
        [
            pytest.param(20_000, ("taken", 20_000), id="the minimum is enough"),
            pytest.param(20_001, ("denied", 0), id="a cent below the minimum is a denial"),
        ],
    )
    async def test_promises_less_than_wanted_down_to_the_minimum(
        self, purses: RedisPurses, min_cents: int, expected: tuple[str, int]
    ) -> None:
        await purses.apply(a_deposit(20_000))

        assert await outcomes(purses, a_take(1, 30_000, min_cents=min_cents)) == [expected]

    async def test_leaves_the_reserve_alone(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))
        await purses.apply(limits(1, reserve_cents=45_000))

        assert await outcomes(purses, a_take(1, 10_000)) == [("taken", 5_000)]

    async def test_counts_a_strategys_budget_across_books(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))
        await purses.apply(limits(1, budgets={"main": 12_000}))

        first = await outcomes(purses, a_take(1, 10_000))
        second = await outcomes(purses, a_take(2, 10_000), a_take(2, 10_000, place=1, strategy_id="other"))

        assert first == [("taken", 10_000)]
        assert second == [("taken", 2_000), ("taken", 10_000)]
        (standing,) = await purses.standings(["ada"])
        assert standing.rooms == {"main": 0}

    async def test_a_budget_set_later_counts_what_was_promised_before(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))
        await ask(purses, a_take(1, 10_000))
        await purses.apply(limits(1, budgets={"main": 12_000}))

        assert await outcomes(purses, a_take(2, 10_000)) == [("taken", 2_000)]

    @pytest.mark.parametrize(
        ("tightest", "granted"),
        [
            pytest.param({"main": 700, "main/24m": 900, "main/2026-11": 900}, 700, id="the budget"),
            pytest.param({"main": 900, "main/24m": 600, "main/2026-11": 900}, 600, id="the cap of the term"),
            pytest.param({"main": 900, "main/24m": 900, "main/2026-11": 500}, 500, id="the pace of the month"),
            pytest.param({"main/36m": 1, "main/2026-12": 1, "other": 1}, 1_000, id="no key of this lending"),
        ],
    )
    async def test_the_tightest_limit_among_its_keys_decides(
        self, purses: RedisPurses, tightest: dict[str, int], granted: int
    ) -> None:
        await purses.apply(a_deposit(50_000))
        await purses.apply(limits(1, budgets=tightest))

        assert await outcomes(purses, a_take(1, 1_000, limit_keys=NOVEMBER_24_MONTHS)) == [("taken", granted)]

    async def test_use_is_counted_on_every_key_and_shown_for_those_with_a_limit(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(50_000))
        await ask(purses, a_take(1, 1_000, limit_keys=NOVEMBER_24_MONTHS))
        await ask(purses, a_take(2, 400, limit_keys=("main", "main/36m", "main/2026-12")))
        await purses.apply(limits(1, budgets={"main/24m": 5_000, "main/2026-12": 300, "main/48m": 70}))

        assert (await figures(connection, shards)).strategy_uses == {
            "main": 1_400,
            "main/2026-11": 1_000,
            "main/2026-12": 400,
            "main/24m": 1_000,
            "main/36m": 400,
        }
        (standing,) = await purses.standings(["ada"])
        assert standing.rooms == {"main/2026-12": 0, "main/24m": 4_000, "main/48m": 70}

    async def test_without_keys_counts_against_nothing(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(50_000))
        await purses.apply(limits(1, budgets={"main": 0}))
        take = a_take(1, 1_000, limit_keys=())

        assert await outcomes(purses, take) == [("taken", 1_000)]
        assert await outcomes(purses, a_release(take)) == [("released", 0)]
        assert (await figures(connection, shards)).strategy_uses == {}

    @pytest.mark.parametrize("keys", [("main", "main"), ("main", ""), ("a b",), ("a,b", "b")], ids=str)
    async def test_keys_that_cannot_be_told_apart_are_refused(self, purses: RedisPurses, keys: tuple[str, ...]) -> None:
        with pytest.raises(FunctionFault, match="BADARG limit key"):
            await ask(purses, a_take(1, 1_000, limit_keys=keys))

    async def test_two_fills_of_one_call_do_not_get_the_same_euro(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))

        assert await outcomes(purses, a_take(1, 8_000), a_take(1, 8_000, place=1)) == [
            ("taken", 8_000),
            ("taken", 2_000),
        ]

    async def test_is_answered_again_as_the_first_time(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        calls = a_take(1, 8_000), a_take(1, 8_000, place=1, min_cents=5_000)
        first = await ask(purses, *calls)
        await purses.apply(a_deposit(90_000, ref="wire-2"))
        journal_before = await purse_events(connection, shards)

        assert await ask(purses, *calls) == first
        assert [answer.outcome for answer in first] == ["taken", "denied"]
        assert await purse_events(connection, shards) == journal_before

    async def test_the_same_fill_with_other_terms_is_refused(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        await ask(purses, a_take(1, 8_000))

        for other in (a_take(1, 8_001), a_take(1, 8_000, limit_keys=("main", "main/24m"))):
            with pytest.raises(PurseTermsDiffer, match=r"bk07\.1\.0"):
                await ask(purses, other)

    async def test_an_unknown_fill_below_the_low_water_mark_is_never_decided(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        await ask(purses, a_take(9, 1_000), low_water=8)

        with pytest.raises(FunctionFault, match=r"bk07\.8\.0"):
            await ask(purses, a_take(8, 1_000))

    async def test_a_fill_of_another_shard_is_refused(self, purses: RedisPurses) -> None:
        foreign = msgspec.structs.replace(a_take(1, 1_000), fill_id="bk08.1.0")

        with pytest.raises(FunctionFault, match="BADARG fill"):
            await ask(purses, foreign)

    async def test_more_than_a_hundred_fills_go_in_several_calls(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(1_000_000))

        answers = await ask(purses, *(a_take(1, 10, place=place) for place in range(250)))

        assert [answer.fill_id for answer in answers] == [f"bk07.1.{place}" for place in range(250)]
        assert {answer.outcome for answer in answers} == {"taken"}


class TestSwap:
    async def test_counts_the_replaced_promise_as_free(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        old = a_take(41, 8_000, place=1)
        await ask(purses, old)

        assert await outcomes(purses, a_take(45, 10_000, replaces=old.fill_id)) == [("taken", 10_000)]
        purse = await figures(connection, shards)
        assert (purse.free_cents, purse.taken_cents, purse.strategy_uses) == (0, 10_000, {"main": 10_000})
        assert (await purse_events(connection, shards))[-1] == FillTaken(
            lender_id="ada",
            ref="bk07.45.0",
            at=MONDAY,
            ver=3,
            free_cents=0,
            strategy_id="main",
            limit_keys=("main",),
            want_cents=10_000,
            cents=10_000,
            replaced_fill_id="bk07.41.1",
            replaced_cents=8_000,
        )

    async def test_that_cannot_grow_keeps_at_least_what_it_had(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        old = a_take(1, 8_000)
        await ask(purses, old)
        await purses.apply(limits(1, reserve_cents=10_000, budgets={"main": 0}))

        assert await outcomes(purses, a_take(2, 9_000, replaces=old.fill_id)) == [("taken", 8_000)]

    async def test_that_shrinks_is_granted_whatever_the_limits_have_become(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        old = a_take(1, 8_000)
        await ask(purses, old)
        await purses.apply(limits(1, reserve_cents=10_000, budgets={"main": 0}))

        assert await outcomes(purses, a_take(2, 5_000, replaces=old.fill_id)) == [("taken", 5_000)]

    async def test_that_is_denied_leaves_the_old_promise_standing(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        await purses.apply(limits(1, budgets={"other": 3_000}))
        old = a_take(1, 8_000)
        (promised,) = await ask(purses, old)

        denied = await outcomes(purses, a_take(2, 9_000, strategy_id="other", replaces=old.fill_id))

        assert denied == [("denied", 0)]
        assert await ask(purses, old) == [promised]
        assert (await figures(connection, shards)).taken_cents == 8_000

    async def test_to_another_strategy_moves_the_use(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        old = a_take(1, 8_000)
        await ask(purses, old)

        await ask(purses, a_take(2, 9_000, strategy_id="other", replaces=old.fill_id))

        assert (await figures(connection, shards)).strategy_uses == {"main": 0, "other": 9_000}

    async def test_counts_what_the_replaced_promise_used_as_room_of_its_own_keys_alone(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(50_000))
        old = a_take(1, 1_000, limit_keys=("main", "main/2026-11"))
        await ask(purses, old)
        await purses.apply(limits(1, budgets={"main": 1_300, "main/2026-12": 1_200}))

        in_december = a_take(2, 2_000, limit_keys=("main", "main/2026-12"), replaces=old.fill_id)

        assert await outcomes(purses, in_december) == [("taken", 1_200)]
        assert (await figures(connection, shards)).strategy_uses == {
            "main": 1_200,
            "main/2026-11": 0,
            "main/2026-12": 1_200,
        }

    async def test_to_a_strategy_that_shares_no_limit_gets_no_room_from_the_old_one(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        old = a_take(1, 1_000)
        await ask(purses, old)
        await purses.apply(limits(1, budgets={"main": 5_000, "other": 1_500}))

        swap = a_take(2, 2_000, strategy_id="other", replaces=old.fill_id)

        assert await outcomes(purses, swap) == [("taken", 1_500)]

    async def test_of_a_fill_that_holds_nothing_is_denied(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        old = a_take(1, 8_000)
        await ask(purses, old)
        await ask(purses, a_release(old))

        assert await outcomes(purses, a_take(2, 9_000, replaces=old.fill_id)) == [("denied", 0)]

    async def test_a_replaced_fill_given_up_later_answers_replaced(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        old, new = a_take(1, 8_000), a_take(2, 9_000, replaces="bk07.1.0")
        await ask(purses, old)
        await ask(purses, new)

        assert await outcomes(purses, a_release(old), a_release(new)) == [("replaced", 0), ("released", 0)]


class TestRelease:
    async def test_gives_money_and_use_back(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        take = a_take(1, 8_000)
        await ask(purses, take)

        (answer,) = await ask(purses, a_release(take))

        assert answer == PurseAnswer(fill_id="bk07.1.0", outcome="released", cents=0, ver=3, free_cents=10_000)
        purse = await figures(connection, shards)
        assert (purse.free_cents, purse.taken_cents, purse.strategy_uses) == (10_000, 0, {"main": 0})

    async def test_of_an_undecided_fill_leaves_a_tombstone_that_no_late_take_passes(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        late = a_take(1, 8_000)

        assert await outcomes(purses, a_release(late)) == [("void", 0)]
        with pytest.raises(PurseStepImpossible, match="it is void"):
            await ask(purses, late)

    async def test_is_answered_again_as_the_first_time(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        taken, denied, undecided = a_take(1, 8_000), a_take(1, 8_000, place=1, min_cents=8_000), a_take(2, 1)
        await ask(purses, taken, denied)
        releases = [a_release(call) for call in (taken, denied, undecided)]
        first = await ask(purses, *releases)
        await purses.apply(a_deposit(90_000, ref="wire-2"))
        journal_before = await purse_events(connection, shards)

        assert await ask(purses, *releases) == first
        assert [answer.outcome for answer in first] == ["released", "denied", "void"]
        assert await purse_events(connection, shards) == journal_before

    async def test_of_a_fill_forgotten_below_the_low_water_mark_is_a_success(self, purses: RedisPurses) -> None:
        (answer,) = await ask(purses, a_release(a_take(3, 1)), low_water=3)

        assert answer.outcome == "gone"

    async def test_looks_at_the_record_before_the_low_water_mark(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        take = a_take(3, 8_000)
        await ask(purses, take)

        (answer,) = await ask(purses, a_release(take), low_water=40)

        assert answer.outcome == "released"

    async def test_of_money_already_sent_is_refused(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(10_000))
        take = a_take(1, 8_000)
        await ask(purses, take)
        await purses.apply(a_step("post", take.fill_id))

        with pytest.raises(PurseStepImpossible, match="it is sent"):
            await ask(purses, a_release(take))


class TestPayments:
    @pytest.fixture
    async def fill_id(self, purses: RedisPurses) -> str:
        """A promise of 80.00 of a purse of 100.00."""
        await purses.apply(a_deposit(10_000))
        await ask(purses, a_take(1, 8_000))
        return "bk07.1.0"

    @pytest.mark.parametrize(
        ("steps", "buckets"),
        [
            pytest.param(["post"], {"free": 2_000, "sent": 8_000}, id="posted money is sent"),
            pytest.param(["post", "lend"], {"free": 2_000, "out": 8_000}, id="lent money is out"),
            pytest.param(["refund"], {"free": 10_000}, id="a promise refunded is free"),
            pytest.param(["post", "refund"], {"free": 10_000}, id="sent money that came back is free"),
        ],
    )
    async def test_each_step_moves_the_whole_promise_once(
        self,
        connection: RedisConnection,
        purses: RedisPurses,
        shards: ShardMap,
        fill_id: str,
        steps: list[PurseOperation],
        buckets: dict[str, int],
    ) -> None:
        for operation in steps:
            await purses.apply(a_step(operation, fill_id))
            await purses.apply(a_step(operation, fill_id))

        purse = await figures(connection, shards)
        found = {
            "free": purse.free_cents,
            "taken": purse.taken_cents,
            "sent": purse.sent_cents,
            "out": purse.out_cents,
        }
        assert {name: cents for name, cents in found.items() if cents} == buckets
        assert len(await purse_events(connection, shards)) == 2 + len(steps)

    async def test_a_late_repeat_of_post_after_the_loan_was_made_changes_nothing(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap, fill_id: str
    ) -> None:
        for operation in ("post", "lend", "post"):
            await purses.apply(a_step(operation, fill_id))

        assert (await figures(connection, shards)).out_cents == 8_000

    @pytest.mark.parametrize(
        ("steps", "used_cents"),
        [
            pytest.param(["post", "lend"], 8_000, id="lent money still counts"),
            pytest.param(["refund"], 0, id="a promise refunded does not"),
            pytest.param(["post", "refund"], 0, id="nor does sent money that came back"),
        ],
    )
    async def test_limits_count_what_is_at_risk(
        self,
        connection: RedisConnection,
        purses: RedisPurses,
        shards: ShardMap,
        steps: list[PurseOperation],
        used_cents: int,
    ) -> None:
        await purses.apply(a_deposit(10_000))
        take = a_take(1, 8_000, limit_keys=NOVEMBER_24_MONTHS)
        await ask(purses, take)
        for operation in steps:
            await purses.apply(a_step(operation, take.fill_id))

        assert (await figures(connection, shards)).strategy_uses == dict.fromkeys(NOVEMBER_24_MONTHS, used_cents)

    async def test_lending_what_was_not_sent_is_impossible(self, purses: RedisPurses, fill_id: str) -> None:
        with pytest.raises(PurseStepImpossible, match="it is taken"):
            await purses.apply(a_step("lend", fill_id))

    async def test_another_amount_or_lender_than_promised_is_refused(self, purses: RedisPurses, fill_id: str) -> None:
        with pytest.raises(PurseTermsDiffer):
            await purses.apply(a_step("post", fill_id, cents=7_999))
        await purses.apply(a_step("post", fill_id, cents=8_000))

    async def test_an_unknown_fill_is_refused(self, purses: RedisPurses) -> None:
        with pytest.raises(PurseStepUnknown):
            await purses.apply(a_step("post", "bk07.99.0"))


class TestPrincipalThatComesBack:
    @pytest.fixture
    async def lent(self, purses: RedisPurses) -> RedisPurses:
        """80.00 lent under a budget of 80.00, a cap of 100.00 for the term and a pace of 90.00."""
        await purses.apply(a_deposit(100_000))
        await purses.apply(limits(1, budgets={"main": 8_000, "main/24m": 10_000, "main/2026-11": 9_000}))
        take = a_take(1, 8_000, limit_keys=NOVEMBER_24_MONTHS)
        await ask(purses, take)
        for operation in PURSE_LENDS:
            await purses.apply(a_step(operation, take.fill_id))
        return purses

    async def test_frees_the_keys_it_names_once(
        self, connection: RedisConnection, lent: RedisPurses, shards: ShardMap
    ) -> None:
        back = principal_back({"main": 3_000, "main/24m": 3_000})
        for _ in range(2):
            await lent.apply(back)

        (standing,) = await lent.standings(["ada"])
        assert standing.rooms == {"main": 3_000, "main/24m": 5_000, "main/2026-11": 1_000}
        assert standing.free_cents == 92_000, "the money itself comes with a deposit"
        assert (await purse_events(connection, shards))[-1] == UseFreed(
            lender_id="ada",
            ref="movement-1",
            at=MONDAY,
            ver=6,
            free_cents=92_000,
            freed_cents={"main": 3_000, "main/24m": 3_000},
        )
        assert purse_breaks(await read_purses(connection, shards)) == []

    async def test_is_lent_again_as_far_as_the_pace_allows(self, lent: RedisPurses) -> None:
        await lent.apply(principal_back({"main": 3_000, "main/24m": 3_000}))

        assert await outcomes(lent, a_take(2, 5_000, limit_keys=NOVEMBER_24_MONTHS)) == [("taken", 1_000)]

    async def test_beyond_what_is_used_is_refused_and_changes_nothing(
        self, connection: RedisConnection, lent: RedisPurses, shards: ShardMap
    ) -> None:
        before = await read_purses(connection, shards)

        with pytest.raises(PurseStepImpossible, match="less than that is used of main/24m"):
            await lent.apply(principal_back({"main": 8_000, "main/24m": 8_001}))
        assert await read_purses(connection, shards) == before

    async def test_frees_uses_without_a_limit_as_well(
        self, connection: RedisConnection, lent: RedisPurses, shards: ShardMap
    ) -> None:
        await lent.apply(limits(2))
        await lent.apply(principal_back({"main": 8_000, "main/24m": 8_000}))

        assert (await figures(connection, shards)).strategy_uses == {"main": 0, "main/24m": 0, "main/2026-11": 8_000}


class TestFreshCash:
    async def test_what_came_at_the_latest_instant_is_fresh_and_all_before_it_rests(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))
        await purses.apply(a_deposit(7_000, ref="wire-2", at=LATER))
        await purses.apply(a_deposit(3_000, ref="wire-3", at=LATER))

        assert await fresh(purses) == (60_000, 10_000, LATER)

    async def test_resting_money_is_spent_first(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))
        await purses.apply(a_deposit(7_000, ref="wire-2", at=LATER))

        await ask(purses, a_take(1, 50_000), at=LATER)
        after_the_resting = await fresh(purses)
        await ask(purses, a_take(2, 2_000), at=LATER)

        assert after_the_resting == (7_000, 7_000, LATER)
        assert await fresh(purses) == (5_000, 5_000, LATER)

    async def test_money_given_back_is_fresh(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))
        first, second = a_take(1, 10_000), a_take(2, 10_000)
        await ask(purses, first, second)

        await ask(purses, a_release(first), at=LATER)
        released = await fresh(purses)
        await purses.apply(a_step("refund", second.fill_id, at=LATER + timedelta(microseconds=1)))

        assert released == (40_000, 10_000, LATER)
        assert await fresh(purses) == (50_000, 10_000, LATER + timedelta(microseconds=1))

    async def test_money_that_a_swap_gives_back_is_fresh(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000))
        old = a_take(1, 10_000)
        await ask(purses, old)

        await ask(purses, a_take(2, 4_000, replaces=old.fill_id), at=LATER)

        assert await fresh(purses) == (46_000, 6_000, LATER)

    async def test_money_not_to_be_lent_is_never_fresh(self, purses: RedisPurses) -> None:
        await purses.apply(limits(1, reserve_cents=2_000))
        await purses.apply(a_deposit(10_000, reserved_cents=3_000, at=LATER))

        assert await fresh(purses) == (5_000, 5_000, LATER)

    async def test_a_reserve_given_up_is_fresh(self, purses: RedisPurses) -> None:
        await purses.apply(limits(1, reserve_cents=2_000))
        await purses.apply(a_deposit(10_000))

        await purses.apply(limits(2, reserve_cents=500, at=LATER))

        assert await fresh(purses) == (9_500, 1_500, LATER)

    async def test_a_step_late_on_its_way_does_not_make_fresh_money_rest(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(7_000, at=LATER))
        await purses.apply(a_deposit(50_000, ref="wire-2", at=MONDAY))

        assert await fresh(purses) == (57_000, 57_000, LATER)

    async def test_a_fraction_of_a_second_is_later_than_the_whole_second(self, purses: RedisPurses) -> None:
        await purses.apply(a_deposit(50_000, at=MONDAY))
        await purses.apply(a_deposit(7_000, ref="wire-2", at=MONDAY + timedelta(milliseconds=5)))

        assert await fresh(purses) == (57_000, 7_000, MONDAY + timedelta(milliseconds=5))


async def fresh(purses: RedisPurses) -> tuple[int, int, datetime | None]:
    """What Ada can spend, how much of it is fresh, and since when."""
    (standing,) = await purses.standings(["ada"])
    return standing.free_cents, standing.fresh_cents, standing.fresh_at


class TestPayouts:
    async def test_holding_takes_what_is_not_to_be_lent_first(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000, reserved_cents=4_000))
        await purses.apply(a_step("hold", "payout-1", cents=3_000))

        purse = await figures(connection, shards)
        assert (purse.free_cents, purse.held_cents, purse.kept_cents) == (7_000, 3_000, 1_000)

    async def test_holding_may_use_the_reserve_because_it_only_keeps_money_from_being_lent(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        await purses.apply(limits(1, reserve_cents=10_000))
        await purses.apply(a_step("hold", "payout-1", cents=10_000))

        assert (await figures(connection, shards)).held_cents == 10_000

    async def test_holding_more_than_is_free_is_refused_for_good(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        await purses.apply(a_step("hold", "payout-1", cents=10_001))
        await purses.apply(a_deposit(10_000, ref="wire-2"))
        await purses.apply(a_step("hold", "payout-1", cents=10_001))

        assert (await figures(connection, shards)).held_cents == 0
        with pytest.raises(PurseStepImpossible, match="it is refused"):
            await purses.apply(a_step("pay_out", "payout-1"))

    async def test_paying_out_takes_the_money_out_once(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000))
        for operation in ("hold", "hold", "pay_out", "pay_out"):
            await purses.apply(a_step(operation, "payout-1", cents=3_000))

        purse = await figures(connection, shards)
        assert (purse.free_cents, purse.held_cents, purse.out_cents) == (7_000, 0, 3_000)

    async def test_a_payout_not_made_gives_back_free_and_kept_as_they_were(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(a_deposit(10_000, reserved_cents=4_000))
        await purses.apply(a_step("hold", "payout-1", cents=6_000))
        await purses.apply(a_step("void_hold", "payout-1"))
        await purses.apply(a_step("void_hold", "payout-1"))

        purse = await figures(connection, shards)
        assert (purse.free_cents, purse.held_cents, purse.kept_cents) == (10_000, 0, 4_000)
        with pytest.raises(PurseStepImpossible, match="it is voided"):
            await purses.apply(a_step("pay_out", "payout-1"))

    async def test_an_unknown_payout_is_refused(self, purses: RedisPurses) -> None:
        with pytest.raises(PurseStepUnknown):
            await purses.apply(a_step("pay_out", "payout-9"))


class TestReferences:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            pytest.param(a_deposit(10_000), a_deposit(10_001), id="a deposit of another amount"),
            pytest.param(a_deposit(10_000), a_deposit(10_000, reserved_cents=1), id="a deposit kept otherwise"),
            pytest.param(a_deposit(10_000), a_deposit(10_000, lender_id="ada2"), id="a deposit to another lender"),
            pytest.param(limits(1, reserve_cents=1), limits(1, reserve_cents=2), id="another reserve"),
            pytest.param(limits(1, budgets={"a": 1}), limits(1, budgets={"b": 1}), id="other budgets"),
            pytest.param(a_step("hold", "p", cents=1), a_step("hold", "p", cents=2), id="another amount to set aside"),
            pytest.param(principal_back({}), principal_back({"a": 1}), id="other limits to free"),
        ],
    )
    async def test_a_reference_used_again_with_other_terms_is_refused(
        self,
        connection: RedisConnection,
        purses: RedisPurses,
        shards: ShardMap,
        first: PurseInstruction,
        second: PurseInstruction,
    ) -> None:
        lender_on_the_same_shard = "ada"
        if second.lender_id == "ada2":
            numbers = (f"ada{number}" for number in range(2, 500))
            lender_on_the_same_shard = next(
                name for name in numbers if shards.of_lender(name) == shards.of_lender("ada")
            )
        await purses.apply(first)
        before = await read_purses(connection, shards)

        with pytest.raises(PurseTermsDiffer):
            await purses.apply(msgspec.structs.replace(second, lender_id=lender_on_the_same_shard))
        assert await read_purses(connection, shards) == before

    async def test_the_same_terms_again_change_nothing(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        for instruction in (a_deposit(10_000), limits(1, budgets={"b": 2, "a": 1})):
            await purses.apply(instruction)
            await purses.apply(instruction)

        assert [type(event) for event in await purse_events(connection, shards)] == [Deposited, LimitsSet]

    async def test_new_limits_replace_all_the_old_ones(
        self, connection: RedisConnection, purses: RedisPurses, shards: ShardMap
    ) -> None:
        await purses.apply(limits(1, reserve_cents=9, budgets={"a": 1, "b": 2}))
        await purses.apply(limits(2, budgets={"b": 3}))

        purse = await figures(connection, shards)
        assert (purse.reserve_cents, purse.strategy_limits) == (0, {"b": 3})


async def test_every_event_is_journaled_as_the_domain_would_encode_it(
    connection: RedisConnection, purses: RedisPurses, shards: ShardMap
) -> None:
    await purses.apply(a_deposit(100_000, at=MONDAY + timedelta(microseconds=1_500)))
    await purses.apply(limits(1, budgets={"main": 60_000}))
    await ask(purses, a_take(1, 10_000), a_take(1, 90_000, place=1, min_cents=90_000))
    await ask(purses, a_take(2, 20_000, replaces="bk07.1.0"), a_take(2, 5_000, place=1))
    await ask(purses, a_release(a_take(2, 5_000, place=1)), a_release(a_take(3, 1)))
    steps: tuple[tuple[PurseOperation, str, int], ...] = (
        *((operation, "bk07.2.0", 0) for operation in PURSE_LENDS),
        ("hold", "p1", 7),
        ("hold", "p2", 10**9),
        ("pay_out", "p1", 0),
        ("hold", "p3", 8),
        ("void_hold", "p3", 0),
    )
    for operation, ref, cents in steps:
        await purses.apply(a_step(operation, ref, cents=cents))
    await ask(purses, a_take(4, 1_000, limit_keys=()))
    await purses.apply(a_step("refund", "bk07.4.0"))
    await purses.apply(principal_back({"main": 700}))

    entries = await read_entries(connection, shards, shards.of_lender("ada"), after_seq=0, limit=100)
    events = await purse_events(connection, shards)

    assert [type(event) for event in events] == [
        *(Deposited, LimitsSet, FillTaken, FillDenied, FillTaken, FillTaken, FillReleased, FillVoided, FillSent),
        *(FillLent, WithdrawalHeld, WithdrawalRefused, WithdrawalSent, WithdrawalHeld, WithdrawalVoided),
        *(FillTaken, FillRefunded, UseFreed),
    ]
    assert [entry.payload for entry in entries] == [msgspec.json.encode(event) for event in events]
    assert [entry.kind for entry in entries] == [event.__struct_config__.tag for event in events]
    check_chain(JournalHead(seq=0, hash=GENESIS_HASH), entries)
    assert purse_breaks(await read_purses(connection, shards)) == []

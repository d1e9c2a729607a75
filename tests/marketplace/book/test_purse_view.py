"""What a lender sees of its purse."""

from datetime import UTC, datetime

from marketplace.book.purse_events import Deposited, FillRefunded, FillSent, FillTaken, UseFreed
from marketplace.book.purse_view import PurseView, PurseViewFold, purse_view_checksum, purse_view_operations

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_swapped_promise_moves_only_the_difference() -> None:
    fold = PurseViewFold()
    fold.apply(Deposited(lender_id="ada", ref="w", at=MONDAY, ver=1, free_cents=10_000, cents=10_000, reserved_cents=0))
    fold.apply(a_promise("f1", ver=2, cents=4_000))
    fold.apply(a_promise("f2", ver=3, cents=6_000, replaced_fill_id="f1", replaced_cents=4_000))

    assert fold.view() == PurseView(ver=3, free_cents=4_000, taken_cents=6_000, in_cents=10_000)


def test_a_refund_comes_from_where_the_money_was() -> None:
    promised, sent = PurseViewFold(), PurseViewFold()
    for fold in (promised, sent):
        fold.apply(a_promise("f1", ver=1, cents=4_000))
    sent.apply(FillSent(lender_id="ada", ref="f1", at=MONDAY, ver=2, free_cents=0, cents=4_000))
    for fold in (promised, sent):
        fold.apply(FillRefunded(lender_id="ada", ref="f1", at=MONDAY, ver=3, free_cents=4_000, cents=4_000))

    assert promised.view() == sent.view() == PurseView(ver=3)


def test_a_limit_freed_moves_no_money() -> None:
    fold = PurseViewFold()
    fold.apply(Deposited(lender_id="ada", ref="w", at=MONDAY, ver=1, free_cents=10_000, cents=10_000, reserved_cents=0))
    fold.apply(UseFreed(lender_id="ada", ref="m", at=MONDAY, ver=2, free_cents=10_000, freed_cents={"main": 4_000}))

    assert fold.view() == PurseView(ver=2, free_cents=10_000, in_cents=10_000)


def test_only_changed_figures_are_said() -> None:
    before = PurseView(ver=1, free_cents=10, in_cents=10)
    after = PurseView(ver=2, free_cents=7, taken_cents=3, in_cents=10)

    assert purse_view_operations(before, after) == [("k", "ver", 2), ("k", "free_cents", 7), ("k", "taken_cents", 3)]


def test_the_checksum_is_the_published_one() -> None:
    """Vector of section 3 of the feed protocol `blulend.1`."""
    view = PurseView(ver=41, free_cents=250_000, taken_cents=60_000, in_cents=1_000_000, out_cents=690_000)

    assert purse_view_checksum("0190c0de-0000-7000-8000-00000000000b", 2, 9_917, view) == 3_302_979_639


def a_promise(
    fill_id: str, *, ver: int, cents: int, replaced_fill_id: str | None = None, replaced_cents: int = 0
) -> FillTaken:
    return FillTaken(
        lender_id="ada",
        ref=fill_id,
        at=MONDAY,
        ver=ver,
        free_cents=0,
        strategy_id="main",
        limit_keys=("main",),
        want_cents=cents,
        cents=cents,
        replaced_fill_id=replaced_fill_id,
        replaced_cents=replaced_cents,
    )

"""Caps as parts of all that a lender has: in cents, and when a book is told that they moved."""

import pytest

from marketplace.strategies.cap_presets import CAP_PRESETS, StrategyCaps, is_worth_telling, lowest_cap, part_cents


def test_without_a_choice_one_borrower_gets_two_per_cent_and_nothing_else_is_capped() -> None:
    assert StrategyCaps() == StrategyCaps(
        borrower_bp=200, request_bp=None, company_bp=None, term_bp=None, company_cents=None
    )


def test_each_preset_spreads_less_than_the_one_before() -> None:
    cautious, normal, wide = CAP_PRESETS["cautious"], CAP_PRESETS["normal"], CAP_PRESETS["wide"]

    assert [caps.borrower_bp for caps in (cautious, normal, wide)] == [100, 200, 500]
    assert [caps.company_bp for caps in (cautious, normal, wide)] == [2_000, 3_500, None]
    assert [caps.term_bp for caps in (cautious, normal, wide)] == [4_000, 6_000, None]


@pytest.mark.parametrize(
    ("whole_cents", "part_bp", "cents"),
    [
        pytest.param(1_654_050, 200, 33_081, id="two per cent of 16,540.50"),
        pytest.param(1_654_099, 200, 33_081, id="rounded down"),
        pytest.param(30_000, 200, 1_000, id="never less than a ticket"),
        pytest.param(0, 200, 1_000, id="nor with nothing at all"),
        pytest.param(1_654_050, None, None, id="no cap"),
    ],
)
def test_a_part_becomes_cents(whole_cents: int, part_bp: int | None, cents: int | None) -> None:
    assert part_cents(whole_cents, part_bp, least_cents=1_000) == cents


def test_of_several_caps_the_lowest_holds() -> None:
    assert lowest_cap(None, 5_000, 3_000, None) == 3_000
    assert lowest_cap(None, None) is None


@pytest.mark.parametrize(
    ("before_cents", "after_cents", "is_told"),
    [
        pytest.param(10_000, 10_499, False, id="less than a twentieth up"),
        pytest.param(10_000, 10_500, True, id="a twentieth up"),
        pytest.param(10_000, 9_501, False, id="less than a twentieth down"),
        pytest.param(10_000, 9_500, True, id="a twentieth down"),
        pytest.param(None, 10_000, True, id="a new cap"),
        pytest.param(10_000, None, True, id="a cap given up"),
        pytest.param(None, None, False, id="no cap as before"),
    ],
)
def test_a_book_is_told_of_a_cap_that_moved_by_a_twentieth(
    before_cents: int | None, after_cents: int | None, is_told: bool
) -> None:
    assert is_worth_telling(before_cents, after_cents) is is_told

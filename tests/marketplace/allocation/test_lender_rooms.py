"""What single caps leave of a lender's money."""

from datetime import timedelta

import msgspec
import pytest

from marketplace.allocation.lender_rooms import (
    company_room_cents,
    least_room_cents,
    least_ticket_cents,
    loan_cap_cents,
    seen_cash_cents,
)
from marketplace.allocation.orders import LenderOffer, LenderStanding
from marketplace.strategies.offer_terms import Tier
from tests.marketplace.book_notation import NOW_AT, read_book

TICK = timedelta(milliseconds=200)


def an_offer(**changes: object) -> LenderOffer:
    return msgspec.structs.replace(read_book("lender ask cash\nada 500 100").offers[0], **changes)


@pytest.mark.parametrize(
    ("tier", "waited", "seen_cents"),
    [
        pytest.param("A", timedelta(0), 10_000, id="tier A at once"),
        pytest.param("B", timedelta(0), 7_000, id="tier B not yet"),
        pytest.param("B", TICK, 10_000, id="tier B a tick later"),
        pytest.param("C", TICK, 7_000, id="tier C not after one tick"),
        pytest.param("C", 2 * TICK, 10_000, id="tier C after two"),
    ],
)
def test_cash_that_has_just_come_is_seen_tier_by_tier(tier: Tier, waited: timedelta, seen_cents: int) -> None:
    standing = LenderStanding(
        lender_id="ada", free_cents=10_000, cash_since_at=NOW_AT, fresh_cents=3_000, fresh_at=NOW_AT
    )

    assert seen_cash_cents(standing, tier, now_at=NOW_AT + waited, staging_tick=TICK) == seen_cents
    assert seen_cash_cents(standing, tier, now_at=NOW_AT, staging_tick=timedelta(0)) == 10_000, "without staging"


def test_of_several_limits_the_least_room_counts_and_an_overdrawn_one_is_below_zero() -> None:
    rooms = {"main": 500, "main/24m": -20, "other": -900}

    assert least_room_cents(rooms, ("main", "main/24m", "main/2026-11")) == -20
    assert least_room_cents(rooms, ("main/2026-11",)) is None


def test_a_cap_per_company_leaves_what_is_not_lent_there_and_never_less_than_nothing() -> None:
    assert company_room_cents(an_offer(per_company_cents=5_000), 1_500) == 3_500
    assert company_room_cents(an_offer(per_company_cents=5_000), 6_000) == -1_000
    assert company_room_cents(an_offer(), 6_000) is None


def test_a_loan_to_a_new_borrower_is_capped_by_the_lower_of_two_caps() -> None:
    assert loan_cap_cents(an_offer(per_request_cents=900, per_borrower_cents=800)) == 800
    assert loan_cap_cents(an_offer(per_request_cents=900)) == 900
    assert loan_cap_cents(an_offer()) is None


@pytest.mark.parametrize(("own_cents", "least_cents"), [(500, 1_000), (2_000, 2_000)])
def test_the_least_that_is_lent_is_the_larger_of_the_books_and_the_lenders_ticket(
    own_cents: int, least_cents: int
) -> None:
    assert least_ticket_cents(an_offer(min_ticket_cents=own_cents), 1_000) == least_cents

"""The offers of a book are met cheapest first, then by preference, then in order of the ticket round."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from heapq import merge
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.allocation.orders import LenderOffer, LenderStanding
from marketplace.allocation.resting_offers import RestingOffers
from marketplace.company_terms import RateBand
from marketplace.strategies.offer_terms import TermAsk
from tests.marketplace.book_notation import CASH_SINCE_AT, NOW_AT, read_book, some_terms
from tests.marketplace.random_books import LENDER_IDS, random_offer, random_standing

BOOK = read_book("""
    lender  ask  tier  cash  last
    a       450  B     100   0
    b       380  B     100   7
    c       400  B     100   3
    d       390  A     100   9
    e       450  A     100   0
    f       451  A     100   0
    g       400  B     100   0
""")


def walking_order(
    resting: RestingOffers,
    *,
    floor_bp: int,
    ceiling_bp: int,
    months: int = 24,
    ticket_cents: int = 1_000,
    now_at: datetime = NOW_AT,
    also: tuple[str, ...] = (),
) -> list[tuple[int, str, list[str]]]:
    """Price, tier and lenders of each bucket, in order."""
    resting.arrange(msgspec.structs.replace(some_terms(floor_bp=floor_bp), ticket_cents=ticket_cents), now_at)
    return [
        (price_bp, tier, [lender_id for _, lender_id, *_ in merge(*(queue.entries() for _, queue in queues), idle)])
        for price_bp, tier, queues, idle in resting.buckets(months, ceiling_bp=ceiling_bp, also=also)
    ]


def test_asks_up_to_the_floor_share_its_price_and_asks_above_the_ceiling_are_not_met() -> None:
    resting = RestingOffers(BOOK.offers, BOOK.standings)

    assert walking_order(resting, floor_bp=400, ceiling_bp=450) == [
        (400, "A", ["d"]),
        (400, "B", ["g", "c", "b"]),
        (450, "A", ["e"]),
        (450, "B", ["a"]),
    ]


def test_without_a_floor_each_ask_is_a_price_of_its_own() -> None:
    resting = RestingOffers(BOOK.offers, BOOK.standings)

    assert [bucket[:2] for bucket in walking_order(resting, floor_bp=0, ceiling_bp=10_000)] == [
        (380, "B"),
        (390, "A"),
        (400, "B"),
        (450, "A"),
        (450, "B"),
        (451, "A"),
    ]


def test_an_offer_stands_at_its_ask_for_each_term() -> None:
    asks = (TermAsk(months=12, ask_bp=420), TermAsk(months=36, ask_bp=300))
    offer = msgspec.structs.replace(BOOK.offers[0], months=(12, 24), asks_by_term=asks)
    terms = some_terms(floor_bp=400)
    bands = (*terms.bands, RateBand(months=12, floor_bp=410, cap_bp=500))
    resting = RestingOffers((offer,), BOOK.standings)

    resting.arrange(msgspec.structs.replace(terms, bands=bands), NOW_AT)

    prices = {
        months: [price_bp for price_bp, *_ in resting.buckets(months, ceiling_bp=10_000)] for months in (12, 24, 36)
    }
    assert prices == {12: [420], 24: [450], 36: []}


@pytest.mark.parametrize(
    "table",
    [
        pytest.param("lender ask cash\np 500 9.99", id="less cash than a ticket"),
        pytest.param("lender ask cash ticket\np 500 50 60", id="less cash than its own minimum"),
        pytest.param("lender ask cash paused\np 500 50 yes", id="paused"),
        pytest.param("lender ask cash bar\np 500 50 identity", id="barred"),
        pytest.param("lender ask cash budget\np 500 50 9.99", id="budget used up"),
        pytest.param("lender ask cash term-limit\np 500 50 9.99", id="no room for the term"),
        pytest.param("lender ask cash pace\np 500 50 9.99", id="the month's lending done"),
        pytest.param("lender ask cash per-request\np 500 50 9.99", id="a cap that no ticket fits"),
        pytest.param("lender ask cash per-company lent\np 500 50 100 90.01", id="no room in the company"),
    ],
)
def test_an_idle_offer_stands_nowhere_and_is_met_only_where_it_is_asked_for(table: str) -> None:
    book = read_book(table)
    resting = RestingOffers(book.offers, book.standings)

    assert walking_order(resting, floor_bp=500, ceiling_bp=500) == []
    assert walking_order(resting, floor_bp=500, ceiling_bp=500, also=("p",)) == [(500, "B", ["p"])]


def test_an_offer_that_stands_is_not_met_twice_when_it_is_asked_for() -> None:
    resting = RestingOffers(BOOK.offers, BOOK.standings)

    assert walking_order(resting, floor_bp=400, ceiling_bp=400, also=("c",)) == (
        walking_order(resting, floor_bp=400, ceiling_bp=400)
    )


def test_money_brings_an_idle_offer_back_to_its_former_place() -> None:
    resting = RestingOffers(BOOK.offers, BOOK.standings)
    walking_order(resting, floor_bp=400, ceiling_bp=400)
    standing = resting.standing("c")

    resting.restand(msgspec.structs.replace(standing, free_cents=999))
    assert walking_order(resting, floor_bp=400, ceiling_bp=400)[1] == (400, "B", ["g", "b"])

    resting.restand(msgspec.structs.replace(standing, free_cents=1_000))
    assert walking_order(resting, floor_bp=400, ceiling_bp=400)[1] == (400, "B", ["g", "c", "b"])


def test_a_smaller_ticket_brings_back_whoever_has_one() -> None:
    book = read_book("lender ask cash ticket\np 500 9.99 0")
    resting = RestingOffers(book.offers, book.standings)
    walking_order(resting, floor_bp=500, ceiling_bp=500)

    assert walking_order(resting, floor_bp=500, ceiling_bp=500, ticket_cents=999) == [(500, "B", ["p"])]


def test_with_a_new_month_in_rome_the_months_pace_starts_again() -> None:
    book = read_book("lender ask cash pace\np 500 50 0")
    resting = RestingOffers(book.offers, book.standings)

    late_in_november_at, december_in_rome_at = (datetime(2026, 11, 30, hour, 59, tzinfo=UTC) for hour in (22, 23))

    assert walking_order(resting, floor_bp=500, ceiling_bp=500, now_at=late_in_november_at) == []
    assert walking_order(resting, floor_bp=500, ceiling_bp=500, now_at=december_in_rome_at) == [(500, "B", ["p"])]


def test_an_offer_raised_waits_since_then() -> None:
    raised = msgspec.structs.replace(BOOK.offers[6], raised_at=CASH_SINCE_AT + timedelta(seconds=1))
    resting = RestingOffers(
        BOOK.offers, {**BOOK.standings, "c": msgspec.structs.replace(BOOK.standings["c"], last_rationed=0)}
    )

    resting.place(raised)

    assert walking_order(resting, floor_bp=400, ceiling_bp=400)[1] == (400, "B", ["c", "g", "b"])


def test_a_copy_changes_alone() -> None:
    resting = RestingOffers(BOOK.offers, BOOK.standings)
    before = walking_order(resting, floor_bp=400, ceiling_bp=450)

    copied = resting.copy()
    copied.withdraw("O1")
    copied.restand(msgspec.structs.replace(copied.standing("g"), free_cents=0))
    copied.place(msgspec.structs.replace(BOOK.offers[5], ask_bp=400))

    assert walking_order(resting, floor_bp=400, ceiling_bp=450) == before
    assert walking_order(copied, floor_bp=400, ceiling_bp=450) == [
        (400, "A", ["f", "d"]),
        (400, "B", ["c", "b"]),
        (450, "A", ["e"]),
    ]


def test_a_rationed_lender_moves_behind_the_others() -> None:
    resting = RestingOffers(BOOK.offers, BOOK.standings)

    resting.restand(msgspec.structs.replace(resting.standing("g"), last_rationed=8))

    assert walking_order(resting, floor_bp=400, ceiling_bp=400)[1] == (400, "B", ["c", "b", "g"])


def test_a_withdrawn_offer_is_gone_and_its_lenders_others_remain() -> None:
    second = msgspec.structs.replace(BOOK.offers[0], offer_id="second", ask_bp=440)
    resting = RestingOffers((*BOOK.offers, second), BOOK.standings)

    resting.withdraw("O1")

    assert [offer.offer_id for offer in resting.offers_of("a")] == ["second"]
    assert walking_order(resting, floor_bp=401, ceiling_bp=450)[2:] == [(440, "B", ["a"]), (450, "A", ["e"])]


@settings(max_examples=200, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_a_book_changed_step_by_step_equals_the_book_built_anew(rng: Random) -> None:
    standings = {lender_id: random_standing(rng, lender_id) for lender_id in LENDER_IDS}
    offers: dict[str, LenderOffer] = {}
    resting = RestingOffers((), standings)

    for _ in range(rng.randint(1, 40)):
        if rng.randint(1, 10) == 1:
            walking_order(resting, floor_bp=rng.choice((0, 400)), ceiling_bp=0, ticket_cents=rng.choice((10, 20)))
        change_at_random(rng, resting, offers, standings)

    anew = RestingOffers(offers.values(), standings)
    for floor_bp in (0, 400, 10_000):
        for book in (resting, resting.copy()):
            assert walking_order(book, floor_bp=floor_bp, ceiling_bp=10_000, ticket_cents=10) == (
                walking_order(anew, floor_bp=floor_bp, ceiling_bp=10_000, ticket_cents=10)
            )
    for lender_id in LENDER_IDS:
        assert resting.standing(lender_id) == standings[lender_id]
        assert Counter(offer.offer_id for offer in resting.offers_of(lender_id)) == (
            Counter(offer.offer_id for offer in anew.offers_of(lender_id))
        )


def change_at_random(
    rng: Random, resting: RestingOffers, offers: dict[str, LenderOffer], standings: dict[str, LenderStanding]
) -> None:
    kind = rng.choice(("place", "place", "withdraw", "restand"))
    if kind == "place":
        offer_id = f"O{rng.randint(1, 8)}"
        offers[offer_id] = random_offer(rng, offer_id, rng.choice(LENDER_IDS))
        resting.place(offers[offer_id])
    elif kind == "withdraw" and offers:
        offer_id = rng.choice(sorted(offers))
        del offers[offer_id]
        resting.withdraw(offer_id)
    else:
        moved = rng.sample(LENDER_IDS, rng.randint(1, 3))
        standings.update((lender_id, random_standing(rng, lender_id, tuple(offers.values()))) for lender_id in moved)
        resting.restand_all([standings[lender_id] for lender_id in moved])

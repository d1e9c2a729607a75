"""The offers of a book are met cheapest first, then by preference, then in order of the ticket round."""

from collections import Counter
from datetime import timedelta
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.orders import LenderOffer, LenderStanding
from marketplace.resting_offers import RestingOffers
from tests.marketplace.book_notation import CASH_SINCE_AT, read_book
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


def walking_order(resting: RestingOffers, *, floor_bp: int, ceiling_bp: int) -> list[tuple[int, str, list[str]]]:
    return [
        (price_bp, tier, [offer.lender_id for offer in offers])
        for price_bp, tier, offers in resting.buckets(floor_bp=floor_bp, ceiling_bp=ceiling_bp)
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
        change_at_random(rng, resting, offers, standings)

    anew = RestingOffers(offers.values(), standings)
    for floor_bp in (0, 400, 10_000):
        assert walking_order(resting, floor_bp=floor_bp, ceiling_bp=10_000) == (
            walking_order(anew, floor_bp=floor_bp, ceiling_bp=10_000)
        )
    for lender_id in LENDER_IDS:
        assert resting.standing(lender_id) == standings[lender_id]
        assert Counter(resting.offers_of(lender_id)) == Counter(anew.offers_of(lender_id))


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
        lender_id = rng.choice(LENDER_IDS)
        standings[lender_id] = LenderStanding(
            lender_id=lender_id,
            free_cents=rng.randint(0, 100),
            cash_since_at=CASH_SINCE_AT + timedelta(hours=rng.randint(0, 1)),
            last_rationed=rng.randint(0, 5),
        )
        resting.restand(standings[lender_id])

"""A queue keeps its offers in order of the ticket round, whatever comes and goes, in a book of any size."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import msgspec
import pytest

from marketplace.allocation.offer_queues import CHUNK, Entry, OfferQueue, entry_of, place_key, place_of, rotated_key
from tests.marketplace.book_notation import CASH_SINCE_AT, read_book

BOOK = read_book("lender ask cash\np 500 50")
(OFFER,) = BOOK.offers
STANDING = BOOK.standings["p"]


def an_entry(key: int, offer_id: str, lender_id: str = "p") -> Entry:
    return entry_of(key, msgspec.structs.replace(OFFER, offer_id=offer_id, lender_id=lender_id))


def ids(queue: OfferQueue) -> list[str]:
    return [offer.offer_id for offer in queue]


def test_keys_are_in_the_order_of_places() -> None:
    instants = [
        datetime.min.replace(tzinfo=UTC),
        datetime(1969, 12, 31, 23, tzinfo=UTC),
        CASH_SINCE_AT,
        CASH_SINCE_AT + timedelta(microseconds=1),
        datetime.max.replace(tzinfo=UTC),
    ]
    placed = [
        (
            msgspec.structs.replace(OFFER, sequence=sequence),
            msgspec.structs.replace(STANDING, last_rationed=last_rationed, cash_since_at=since_at),
        )
        for last_rationed in (0, 1, 2**40)
        for since_at in instants
        for sequence in (0, 1, 2**63 - 1)
    ]

    assert all(place_of(*one) < place_of(*other) for one, other in pairwise(placed))
    assert all(place_key(*one) < place_key(*other) for one, other in pairwise(placed))


def test_a_rotated_key_is_the_key_of_the_later_place() -> None:
    later = msgspec.structs.replace(STANDING, last_rationed=STANDING.last_rationed + 7)

    assert rotated_key(place_key(OFFER, STANDING), 7) == place_key(OFFER, later)
    assert rotated_key(place_key(OFFER, later), -7) == place_key(OFFER, STANDING)


def test_of_equal_places_the_lender_then_the_offers_id_decide() -> None:
    entries = [an_entry(5, "c", "p"), an_entry(5, "a", "q"), an_entry(5, "b", "p"), an_entry(4, "z", "z")]
    queue = OfferQueue()

    for entry in entries:
        queue.add_all([entry])

    assert ids(queue) == ["z", "b", "c", "a"]
    assert list(queue.entries()) == sorted(entries)


@pytest.mark.parametrize("distinct_keys", [1, 40, 10**9], ids=["all places equal", "many equal", "hardly any equal"])
def test_a_queue_of_thousands_stays_in_order_through_any_changes(distinct_keys: int) -> None:
    rng = Random(distinct_keys)
    queue = OfferQueue()
    standing: list[Entry] = []
    for number in range(60):
        arriving = sorted(
            an_entry(rng.randrange(distinct_keys), f"{number}-{index}", rng.choice("pqr"))
            for index in range(rng.choice((1, 5, 8 * CHUNK)))
        )
        queue.add_all(arriving)
        standing = sorted([*standing, *arriving])
        start = rng.randrange(len(standing))
        leaving = rng.choice((standing[start : start + 50], sorted(rng.sample(standing, len(standing) // 10))))
        queue.remove_all(leaving)
        gone = {offer_id for _, _, offer_id, _ in leaving}
        standing = [entry for entry in standing if entry[2] not in gone]

    assert len(queue) == len(standing) > 2 * CHUNK
    assert list(queue.entries()) == standing
    queue.remove_all(standing)
    assert (len(queue), ids(queue)) == (0, [])


def test_a_copied_queue_changes_alone() -> None:
    queue = OfferQueue()
    queue.add_all([an_entry(1, "a"), an_entry(2, "b")])

    copied = queue.copy()
    copied.remove_all([an_entry(1, "a")])
    copied.add_all([an_entry(3, "c")])

    assert (ids(queue), ids(copied)) == (["a", "b"], ["b", "c"])


def test_an_offer_that_does_not_stand_there_cannot_be_taken_out() -> None:
    queue = OfferQueue()
    queue.add_all([an_entry(1, "a"), an_entry(2, "b")])

    with pytest.raises(AssertionError):
        queue.remove_all([an_entry(1, "c")])

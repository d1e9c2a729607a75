"""`python -m tests.benchmarks.offer_indexes SIZES CALLS [FOLDER]`: offers of one price kept in order, in three ways.

Ours are sorted chunks of keys with the offers beside them. The others are one sorted list of entries, and the sorted
list of the package `sortedcontainers`, which is found in FOLDER. What it prints is a list of `IndexCost` as JSON.
"""

import random
import sys
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from importlib import import_module
from itertools import islice
from operator import itemgetter
from typing import Any, Protocol

import msgspec

from marketplace.allocation.offer_queues import Entry, OfferQueue, entry_of, place_key, rotated_key
from marketplace.allocation.orders import LenderOffer
from tests.benchmarks.lending_stream import Offering, random_offering
from tests.benchmarks.processor_time import CallTimes, time_calls

COVERED = 100
"""Offers that a cover looks at, takes out and puts back behind all others."""
WALK, PLACE, WITHDRAW, ROTATE, COPY = "walk 100", "place one", "withdraw one", "100 to the back", "copy"
COPIES = 3
_OFFER = itemgetter(3)


class IndexCost(msgspec.Struct, frozen=True, kw_only=True):
    """The processor time of one operation on one kind of index with `offers` offers."""

    index: str
    operation: str
    offers: int
    times: CallTimes


class OfferIndex(Protocol):
    """Offers in order of the ticket round."""

    def add_all(self, ascending: Sequence[Entry]) -> None: ...
    def remove_all(self, ascending: Sequence[Entry]) -> None: ...
    def __iter__(self) -> Iterator[LenderOffer]: ...
    def entries(self) -> Iterator[Entry]: ...
    def copy(self) -> "OfferIndex": ...


class SortedListIndex:
    """Entries in one Python list."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._entries = list(entries)

    def add_all(self, ascending: Sequence[Entry]) -> None:
        for entry in ascending:
            insort(self._entries, entry)

    def remove_all(self, ascending: Sequence[Entry]) -> None:
        for entry in ascending:
            del self._entries[bisect_left(self._entries, entry)]

    def __iter__(self) -> Iterator[LenderOffer]:
        return map(_OFFER, self._entries)

    def entries(self) -> Iterator[Entry]:
        return iter(self._entries)

    def copy(self) -> "SortedListIndex":
        return SortedListIndex(self._entries)


class SortedContainersIndex:
    """Entries in a `SortedList` of `sortedcontainers`, whose module is handed in."""

    def __init__(self, module: Any, entries: Sequence[Entry] = ()) -> None:
        self._module = module
        self._entries = module.SortedList(entries)

    def add_all(self, ascending: Sequence[Entry]) -> None:
        for entry in ascending:
            self._entries.add(entry)

    def remove_all(self, ascending: Sequence[Entry]) -> None:
        for entry in ascending:
            self._entries.remove(entry)

    def __iter__(self) -> Iterator[LenderOffer]:
        return map(_OFFER, self._entries)

    def entries(self) -> Iterator[Entry]:
        return iter(self._entries)

    def copy(self) -> "SortedContainersIndex":
        return SortedContainersIndex(self._module, self._entries)


def index_costs(sizes: Sequence[int], *, calls: int, module: Any | None) -> Iterator[IndexCost]:
    """Time every operation `calls` times on every kind of index; `module` is `sortedcontainers`, None to leave it."""
    kinds: dict[str, Callable[[], OfferIndex]] = {"chunks": OfferQueue, "sorted list": SortedListIndex}
    if module is not None:
        kinds["sortedcontainers"] = partial(SortedContainersIndex, module)
    for offers in sizes:
        choose = random.Random(offers)
        entries = random_entries(choose, offers + calls)
        resting, newcomers = sorted(entries[:offers]), entries[offers:]
        for name, kind in kinds.items():
            index = kind()
            index.add_all(resting)
            for operation, times in _times(index, newcomers, calls):
                yield IndexCost(index=name, operation=operation, offers=offers, times=times)


def _times(index: OfferIndex, newcomers: Sequence[Entry], calls: int) -> Iterator[tuple[str, CallTimes]]:
    yield WALK, time_calls(partial(_walk, index) for _ in range(calls))
    yield PLACE, time_calls(partial(index.add_all, (newcomer,)) for newcomer in newcomers)
    yield WITHDRAW, time_calls(partial(index.remove_all, (newcomer,)) for newcomer in newcomers)
    yield ROTATE, time_calls(_rotations(index, calls))
    yield COPY, time_calls([index.copy] * COPIES)


def _walk(index: OfferIndex) -> list[LenderOffer]:
    return list(islice(index, COVERED))


def _first(index: OfferIndex) -> list[Entry]:
    return list(islice(index.entries(), COVERED))


def _rotations(index: OfferIndex, calls: int) -> Iterator[Callable[[], object]]:
    for _ in range(calls):
        before = _first(index)
        after = [entry_of(rotated_key(key, 1), offer) for key, _, _, offer in before]
        yield partial(rotate, index, before, after)
        index.remove_all(after)
        index.add_all(before)


def rotate(index: OfferIndex, before: Sequence[Entry], after: Sequence[Entry]) -> None:
    """Take out the offers at `before` and put them in at `after`."""
    index.remove_all(before)
    index.add_all(after)


def random_entries(choose: random.Random, count: int) -> list[Entry]:
    """Offers of as many lenders, each in a place of its own."""
    pattern = random_offering(choose, sequence=1)
    return [_entry(pattern, sequence, choose) for sequence in range(1, count + 1)]


def _entry(pattern: Offering, sequence: int, choose: random.Random) -> Entry:
    offer: LenderOffer = msgspec.structs.replace(
        pattern.offer, offer_id=f"offer-{sequence}", lender_id=f"lender-{choose.getrandbits(60)}", sequence=sequence
    )
    since_at = pattern.standing.cash_since_at + timedelta(microseconds=choose.randrange(10**12))
    return entry_of(place_key(offer, msgspec.structs.replace(pattern.standing, cash_since_at=since_at)), offer)


def main(sizes: str, calls: str, folder: str | None = None) -> None:
    """Print the costs at comma-separated `sizes`."""
    if folder is not None:
        sys.path.append(folder)
    module = None if folder is None else import_module("sortedcontainers")
    costs = list(index_costs([int(size) for size in sizes.split(",")], calls=int(calls), module=module))
    sys.stdout.buffer.write(msgspec.json.encode(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])

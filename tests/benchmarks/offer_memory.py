"""`python -m tests.benchmarks.offer_memory COUNT`: bytes that each resting offer takes, measured in a fresh process."""

import gc
import os
import random
import sys
import tracemalloc
from pathlib import Path

import msgspec

from tests.benchmarks.lending_book import LendingBook
from tests.benchmarks.lending_stream import TERMS, Offering, random_offering

STATM = Path("/proc/self/statm")


class OfferMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes per resting offer, each of a lender of its own.

    `order_bytes` are the offer, its lender's standing and their ids; `index_bytes` what keeping them in walking order
    adds. `resident_bytes` is what the process itself grew by for both, None where the system does not tell.
    """

    offers: int
    order_bytes: float
    index_bytes: float
    resident_bytes: float | None


def measure(count: int) -> OfferMemory:
    """Build a book of `count` offers twice: untraced, to see the process grow, then with every allocation traced."""
    gc.collect()
    before = _resident_bytes()
    offerings = _offerings(count)
    book = LendingBook(offerings, TERMS)
    gc.collect()
    after = _resident_bytes()
    del offerings, book
    gc.collect()

    tracemalloc.start()
    offerings = _offerings(count)
    gc.collect()
    orders_bytes, _ = tracemalloc.get_traced_memory()
    book = LendingBook(offerings, TERMS)
    gc.collect()
    whole_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The wrapper that pairs an offer with its standing, and the list of them, are this benchmark's own.
    wrappers_bytes = sys.getsizeof(offerings) + count * sys.getsizeof(offerings[0])
    del book
    return OfferMemory(
        offers=count,
        order_bytes=(orders_bytes - wrappers_bytes) / count,
        index_bytes=(whole_bytes - orders_bytes) / count,
        resident_bytes=None if before is None or after is None else (after - before - wrappers_bytes) / count,
    )


def _offerings(count: int) -> list[Offering]:
    choose = random.Random(count)
    return [random_offering(choose, sequence=sequence) for sequence in range(1, count + 1)]


def _resident_bytes() -> int | None:
    if not STATM.exists():
        return None
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(int(sys.argv[1]))))

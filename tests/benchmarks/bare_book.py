"""The least that can be called matching: heaps of prices, a queue of orders at each, price then time, nothing else.

It is the limit that the benchmark compares with: what this interpreter can do at best before any rule is applied.
"""

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush

from tests.benchmarks.crossing_orders import CrossingOrder

Fill = tuple[int, int, int, int]
"""Incoming order, resting order, price, quantity."""


class _Side:
    """Orders at rest on one side. `sign` turns its prices so that the best one is the smallest."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.prices: list[int] = []
        self.queues: dict[int, deque[list[int]]] = {}


def match(orders: Iterable[CrossingOrder]) -> list[Fill]:
    """Match `orders` in turn on an empty book, and return every fill."""
    bids, asks = _Side(-1), _Side(1)
    fills: list[Fill] = []
    for order_id, is_bid, price, quantity in orders:
        mine, theirs = (bids, asks) if is_bid else (asks, bids)
        limit = price * theirs.sign
        while quantity and theirs.prices and theirs.prices[0] <= limit:
            best = theirs.prices[0]
            queue = theirs.queues[best]
            while quantity and queue:
                resting = queue[0]
                traded = min(quantity, resting[1])
                fills.append((order_id, resting[0], best * theirs.sign, traded))
                quantity -= traded
                resting[1] -= traded
                if not resting[1]:
                    queue.popleft()
            if not queue:
                heappop(theirs.prices)
                del theirs.queues[best]
        if quantity:
            key = price * mine.sign
            if key not in mine.queues:
                mine.queues[key] = deque()
                heappush(mine.prices, key)
            mine.queues[key].append([order_id, quantity])
    return fills

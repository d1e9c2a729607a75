"""`python -m tests.benchmarks.peer_adapters NAME FILE`: one Python order book, timed on the orders of FILE.

Runs in a process of its own, with the interpreter of the peer's environment, so only the standard library and the peer
are at hand. Turning our numbers into what a peer wants and reading its trades are not timed; making its order objects
is, because it cannot take an order without one. What it prints is a `PeerAnswer` as JSON.
"""

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.benchmarks import bare_book
from tests.benchmarks.crossing_orders import CrossingOrder, PriceAndQuantity

Matching = Callable[[], object]
"""Feeds prepared orders to a fresh book; the timed part."""
Reading = Callable[[Any], Iterable[PriceAndQuantity]]
"""What the timed part returned, as fills in the order they were made."""


def bare(orders: Sequence[CrossingOrder]) -> tuple[Matching, Reading]:
    def fills(result: list[bare_book.Fill]) -> Iterable[PriceAndQuantity]:
        return (PriceAndQuantity(price, quantity) for _, _, price, quantity in result)

    return lambda: bare_book.match(orders), fills


def lightmatchingengine(orders: Sequence[CrossingOrder]) -> tuple[Matching, Reading]:
    peer = _import("lightmatchingengine.lightmatchingengine")
    prepared = [(price, quantity, peer.Side.BUY if is_bid else peer.Side.SELL) for _, is_bid, price, quantity in orders]

    def matching() -> object:
        add_order = peer.LightMatchingEngine().add_order
        return [add_order("BLU", price, quantity, side) for price, quantity, side in prepared]

    def fills(result: Any) -> Iterable[PriceAndQuantity]:
        # The first trade of each price speaks for the incoming order, those behind it for the resting ones.
        return (
            PriceAndQuantity(trade.trade_price, trade.trade_qty)
            for order, trades in result
            for trade in trades
            if trade.order_id != order.order_id
        )

    return matching, fills


def akhil4n_orderbook(orders: Sequence[CrossingOrder]) -> tuple[Matching, Reading]:
    peer = _import("orderbook")
    prepared = [
        (peer.OrderSide.BID if is_bid else peer.OrderSide.ASK, Decimal(price), quantity)
        for _, is_bid, price, quantity in orders
    ]

    def matching() -> object:
        book = peer.OrderBook()
        for side, price, quantity in prepared:
            book.add_limit_order(peer.Order(side, price, quantity))
        return book.trade_log

    return matching, lambda log: (PriceAndQuantity(int(trade.price), trade.quantity_filled) for trade in log)


def pyorderbook(orders: Sequence[CrossingOrder]) -> tuple[Matching, Reading]:
    peer = _import("pyorderbook")
    prepared = [(peer.Side.BID if is_bid else peer.Side.ASK, price, quantity) for _, is_bid, price, quantity in orders]

    def matching() -> object:
        book = peer.Book()
        return [book.match(peer.Order(side, "BLU", price, quantity)) for side, price, quantity in prepared]

    def fills(blotters: Any) -> Iterable[PriceAndQuantity]:
        return (
            PriceAndQuantity(int(trade.fill_price), trade.fill_quantity)
            for blotter in blotters
            for trade in blotter.trades
        )

    return matching, fills


ADAPTERS: dict[str, Callable[[Sequence[CrossingOrder]], tuple[Matching, Reading]]] = {
    "limit: heap and queues": bare,
    "lightmatchingengine": lightmatchingengine,
    "akhil4n-orderbook": akhil4n_orderbook,
    "pyorderbook": pyorderbook,
}


def main(name: str, task: dict[str, Any]) -> dict[str, object]:
    """Answer `task` (a `PeerTask`) with a `PeerAnswer`."""
    adapter = ADAPTERS[name]
    matching, fills = adapter([CrossingOrder(*order) for order in task["sample"]])
    sample_fills = list(fills(matching()))
    streams = {}
    for stream, orders in task["streams"].items():
        matching, fills = adapter([CrossingOrder(*order) for order in orders])
        times_s = [_time_s(matching) for _ in range(1 + task["runs"])]
        streams[stream] = {"fills": sum(1 for _ in fills(matching())), "times_s": times_s[1:]}
    return {"version": sys.version.split()[0], "sample_fills": sample_fills, "streams": streams}


def _time_s(matching: Matching) -> float:
    """The lesser of wall-clock and processor time, so that what else the machine does counts least."""
    gc.collect()
    wall_s, processor_s = time.perf_counter(), time.process_time()
    result = matching()
    took_s = min(time.perf_counter() - wall_s, time.process_time() - processor_s)
    del result
    return took_s


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_bytes()))))

"""Limit orders of two sides that cross: the job that every order book knows how to do."""

import random
from collections.abc import Sequence
from typing import NamedTuple

MIDDLE_PRICE = 500
FURTHEST_FROM_MIDDLE = 20
MOST_QUANTITY = 100


class CrossingOrder(NamedTuple):
    """A limit order to buy (`is_bid`) or to sell. Price and quantity are whole numbers above 0."""

    order_id: int
    is_bid: bool
    price: int
    quantity: int


class PriceAndQuantity(NamedTuple):
    """One fill between a resting and an incoming order, at the resting order's price."""

    price: int
    quantity: int


def crossing_pairs(count: int, *, seed: int) -> Sequence[CrossingOrder]:
    """Orders of random side and size in which every bid reaches every ask, so that nearly each arrival trades at once.

    It is what order books are usually measured with: small fills, few orders at rest, a handful of prices.
    """
    choose = random.Random(seed)
    orders = []
    for order_id in range(1, count + 1):
        is_bid = choose.random() < 0.5
        from_middle = choose.randrange(FURTHEST_FROM_MIDDLE)
        price = MIDDLE_PRICE + from_middle if is_bid else MIDDLE_PRICE - from_middle
        orders.append(CrossingOrder(order_id, is_bid, price, choose.randint(1, MOST_QUANTITY)))
    return orders

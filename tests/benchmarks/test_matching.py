"""What the matching benchmark compares: the same orders for everybody, checked answers, and honest ratios."""

import io
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from marketplace.allocation.offer_queues import OfferQueue, entry_of, rotated_key
from marketplace.allocation.orders import CreditRequest
from tests.benchmarks.bare_book import match
from tests.benchmarks.command_growth import (
    COMMANDS,
    COPIES,
    COVER_BAND,
    PLACE,
    CommandCost,
    command_costs,
    growth,
)
from tests.benchmarks.crossing_orders import CrossingOrder, PriceAndQuantity, crossing_pairs
from tests.benchmarks.lending_book import run_stream
from tests.benchmarks.lending_stream import TERMS, as_crossing_orders, lending_orders
from tests.benchmarks.matching import LENDING, PAIRS, QUICK, Result, Speed, print_tables, speeds_from
from tests.benchmarks.offer_indexes import (
    ROTATE,
    IndexCost,
    OfferIndex,
    SortedListIndex,
    index_costs,
    random_entries,
    rotate,
)
from tests.benchmarks.offer_memory import OfferMemory, measure
from tests.benchmarks.peers import LIMIT, CannotRun, Peer, PeerAnswer, PeerMissing, PeerTask, ask, call, measure_limit
from tests.benchmarks.processor_time import CallTimes, time_calls

SELL, BUY = False, True


def task(runs: int = 1) -> PeerTask:
    return PeerTask(runs=runs, sample=crossing_pairs(40, seed=7), streams={PAIRS: crossing_pairs(400, seed=8)})


def test_the_bare_book_fills_by_price_then_by_time_and_lets_the_rest_stand() -> None:
    fills = match(
        [
            CrossingOrder(1, SELL, 500, 30),
            CrossingOrder(2, SELL, 490, 10),
            CrossingOrder(3, SELL, 490, 10),
            CrossingOrder(4, BUY, 495, 25),
            CrossingOrder(5, SELL, 480, 9),
            CrossingOrder(6, BUY, 500, 7),
        ]
    )

    # Order 4 buys all that is sold at 490 and waits with 5, which order 5 sells to it at its 495.
    assert fills == [(4, 2, 490, 10), (4, 3, 490, 10), (5, 4, 495, 5), (6, 5, 480, 4), (6, 1, 500, 3)]


def test_every_bid_of_a_pair_stream_reaches_every_ask() -> None:
    orders = crossing_pairs(1_000, seed=1)

    assert max(order.price for order in orders if not order.is_bid) <= min(
        order.price for order in orders if order.is_bid
    )
    assert orders == crossing_pairs(1_000, seed=1)


def test_offers_and_requests_are_the_same_orders_in_plain_words() -> None:
    arrivals = lending_orders(2_000, seed=1)
    plain = as_crossing_orders(arrivals)

    assert [order.is_bid for order in plain] == [isinstance(arrival, CreditRequest) for arrival in arrivals]
    filled_by_taker: dict[int, int] = {}
    for taker, _, _, cents in match(plain):
        filled_by_taker[taker] = filled_by_taker.get(taker, 0) + cents
    wanted = {order.order_id: order.quantity for order in plain if order.is_bid}
    assert filled_by_taker == wanted, "a plain book fills every request whole"


def test_covers_of_the_stream_have_twenty_to_a_hundred_lenders() -> None:
    run = run_stream(lending_orders(2_000, seed=1), TERMS)

    assert run.covers >= 0.9 * (run.covers + run.uncovered)
    assert 20 <= run.fills / run.covers <= 100


def test_the_same_orders_give_the_same_receipts() -> None:
    first, second = (run_stream(lending_orders(1_000, seed=3), TERMS) for _ in range(2))

    assert first.receipts == second.receipts
    assert first.digest() == second.digest()
    assert first.digest() != run_stream(lending_orders(1_000, seed=4), TERMS).digest()


def test_the_limit_runs_in_a_process_of_its_own_and_shows_its_fills(tmp_path: Path) -> None:
    answer = measure_limit(task(runs=2), tmp_path)

    assert answer.sample_fills == [PriceAndQuantity(price, quantity) for _, _, price, quantity in match(task().sample)]
    assert answer.streams[PAIRS].fills == len(match(task().streams[PAIRS]))
    assert len(answer.streams[PAIRS].times_s) == 2


def test_a_peer_that_fills_otherwise_than_by_price_and_time_has_no_figures(tmp_path: Path) -> None:
    wrong = PeerAnswer(version="1", sample_fills=[PriceAndQuantity(1, 2)], streams={})
    printing = f"print({msgspec.json.encode(wrong).decode()!r})"

    answer = ask(Peer(name="wrong", packages=()), [sys.executable, "-c", printing], task(), tmp_path)

    assert isinstance(answer, PeerMissing)
    assert answer.why.startswith("does not match by price and time: fill 1 of the sample is (1, 2), expected (")


def test_a_peer_that_fails_says_why_in_its_column_without_naming_an_address(tmp_path: Path) -> None:
    failing = "import sys; sys.exit('no such package at https://registry.example/simple/x, giving up')"

    answer = ask(Peer(name="failing", packages=()), [sys.executable, "-c", failing], task(), tmp_path)

    assert answer == PeerMissing(why="no such package at … giving up")
    assert {speed.missing for speed in speeds_from("failing", answer)} == {"no such package at … giving up"}


def test_a_program_that_is_not_there_is_a_peer_that_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=r"^npm does not start: No such file or directory$"):
        call([tmp_path / "npm", "install"], 1.0)


def test_growth_is_one_where_the_cost_grows_as_log_n() -> None:
    def cost(offers: int, p50_ns: int) -> CommandCost:
        times = CallTimes(calls=1, p50_ns=p50_ns, p99_ns=p50_ns, max_ns=p50_ns)
        return CommandCost(command=PLACE, offers=offers, times=times)

    smallest = cost(100, 2_000)

    assert growth(smallest, smallest) == 1.0
    assert growth(cost(1_000_000, 6_000), smallest) == pytest.approx(1.0)
    assert growth(cost(1_000_000, 2_000), smallest) == pytest.approx(1 / 3)
    assert growth(cost(10_000, 200_000), smallest) == pytest.approx(50.0), "a hundred times the cost: linear"


def test_every_command_is_timed_in_a_book_of_the_size_asked_for() -> None:
    costs = list(command_costs(1_000, calls=10))

    assert sorted(cost.command for cost in costs) == sorted(COMMANDS)
    assert {cost.offers for cost in costs} == {1_000}
    assert {cost.times.calls for cost in costs} == {10, COPIES}


def test_a_call_is_made_once_and_its_order_statistics_are_of_all_calls() -> None:
    made: list[int] = []

    def work(number: int) -> None:
        made.append(number)
        until_s = time.process_time() + (0.005 if number == 0 else 0)
        while time.process_time() < until_s:
            pass

    times = time_calls(partial(work, number) for number in range(200))

    assert made == list(range(200))
    assert times.calls == 200
    assert times.max_ns >= 4_500_000, "the first call is the slowest"
    assert max(times.p50_ns, times.p99_ns) < 4_500_000, "198 of 200 are quicker"


def test_memory_is_counted_for_offers_and_index_apart() -> None:
    memory = measure(500)

    assert memory.order_bytes > 200
    # At least a key of 40 bytes and a pointer to it; at most what the offer itself takes.
    assert 48 < memory.index_bytes < memory.order_bytes


def test_other_indexes_keep_the_same_order_as_ours() -> None:
    costs = list(index_costs([200], calls=3, module=None))

    assert {(cost.index, cost.offers) for cost in costs} == {("chunks", 200), ("sorted list", 200)}
    assert [cost.operation for cost in costs] == 2 * ["walk 100", "place one", "withdraw one", ROTATE, "copy"]


@pytest.mark.parametrize("kind", [OfferQueue, SortedListIndex])
def test_a_rotation_puts_the_first_hundred_behind_all_others(kind: Callable[[], OfferIndex]) -> None:
    entries = sorted(random_entries(random.Random(1), 150))
    index = kind()
    index.add_all(entries)

    rotate(index, entries[:100], [entry_of(rotated_key(key, 1), offer) for key, _, _, offer in entries[:100]])

    assert [entry[2] for entry in index.entries()] == [entry[2] for entry in entries[100:] + entries[:100]]


def test_the_tables_show_ratios_to_limit_and_best_peer_and_what_is_missing() -> None:
    times = CallTimes(calls=3, p50_ns=1_500_000, p99_ns=2_500_000, max_ns=9_000_000)
    result = Result(
        extent=QUICK,
        limit=[
            Speed(name=LIMIT.name, stream=stream, fills=9, fills_per_s=[1e6, 1e6, 1e6]) for stream in (PAIRS, LENDING)
        ],
        peers=[
            Speed(name="slow", stream=PAIRS, fills=9, fills_per_s=[100_000, 120_000, 110_000]),
            Speed(name="absent", stream=PAIRS, missing="no network"),
        ],
        ours=[Speed(name="ours", stream=LENDING, fills=9, covers=3, fills_per_s=[300_000, 200_000, 220_000])],
        commands=[CommandCost(command=COVER_BAND, offers=10_000, times=times)],
        indexes=[
            IndexCost(index=kind, operation="copy", offers=100, times=times) for kind in ("chunks", "sorted list")
        ],
        memory=OfferMemory(offers=1, order_bytes=1234, index_bytes=5, resident_bytes=None),
        receipts_sha256={"first": "aa", "second": "bb"},
        versions={"python": "3"},
        cores=2,
        load_average=(0.5, 0.5, 0.5),
    )

    console = Console(width=120, file=io.StringIO(), record=True)
    print_tables(result, console)
    lines = [" ".join(line.replace("│", " ").split()) for line in console.export_text().splitlines()]

    assert "slow 9 - 110,000 100,000 0.110 1.00 1.00" in lines
    assert "absent - - not run: no network" in lines
    assert "ours 9 3 220,000 200,000 0.220 - 2.00" in lines, "no peer has run on the same orders"
    assert f"{COVER_BAND} 3 1.50 2.50 9.00 0.50" in lines
    assert "copy 100 1,500.0 1,500.0" in lines
    assert "NOT EQUAL" in lines
    assert not result.is_deterministic

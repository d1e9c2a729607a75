"""Processor time of single calls of this process, less what measuring itself takes."""

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

CALIBRATING_CALLS = 2_000


class CallTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time of some calls, in nanoseconds. The largest holds whatever collection of garbage fell into it."""

    calls: int
    p50_ns: int
    p99_ns: int
    max_ns: int


def time_calls(calls: Iterable[Callable[[], object]]) -> CallTimes:
    """Make each call once, in turn. What the iterable does between them is not counted."""
    overhead_ns = _overhead_ns()
    samples_ns = sorted(max(0, _time_ns(call) - overhead_ns) for call in calls)
    return CallTimes(
        calls=len(samples_ns),
        p50_ns=statistics.median_low(samples_ns),
        p99_ns=samples_ns[(99 * len(samples_ns) - 1) // 100],
        max_ns=samples_ns[-1],
    )


def _time_ns(call: Callable[[], object]) -> int:
    started_ns = time.process_time_ns()
    call()
    return time.process_time_ns() - started_ns


def _overhead_ns() -> int:
    nothing = partial(int)
    gc.collect()
    return statistics.median_low([_time_ns(nothing) for _ in range(CALIBRATING_CALLS)])

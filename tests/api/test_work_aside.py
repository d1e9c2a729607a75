"""Long computations: beside the event loop, one at a time, and no more waiting than the gateway can bear."""

import asyncio
import threading
import time

import pytest

from api.problems import Problem
from api.work_aside import WAITING_MAX, WorkAside


async def test_the_event_loop_goes_on_while_work_is_done() -> None:
    aside, may_end = WorkAside(), threading.Event()

    async def work() -> bool:
        async with aside.turn():
            return await aside.done(lambda: may_end.wait(10))

    working = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    may_end.set()  # only a loop that goes on comes here before the wait is over

    assert await working


async def test_pieces_of_work_are_done_one_after_the_other() -> None:
    aside, at_once, most = WorkAside(), 0, 0

    def busy() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.005)
        at_once -= 1

    async def work() -> None:
        async with aside.turn():
            await aside.done(busy)

    await asyncio.gather(*(work() for _ in range(WAITING_MAX)))

    assert most == 1


async def test_who_comes_when_too_many_wait_is_told_to_try_again() -> None:
    aside, may_end = WorkAside(), threading.Event()

    async def work() -> None:
        async with aside.turn():
            await aside.done(lambda: may_end.wait(10))

    waiting = [asyncio.create_task(work()) for _ in range(WAITING_MAX)]
    await asyncio.sleep(0.01)

    with pytest.raises(Problem) as refused:
        await work()

    assert (refused.value.slug, refused.value.headers) == ("overloaded", {"Retry-After": "2"})
    may_end.set()
    await asyncio.gather(*waiting)
    await work()

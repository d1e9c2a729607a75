"""Carrying payment instructions out: say in the record that Lemonway is about to be called, call, record the outcome.

Nothing is ever sent again on the strength of a missing answer: whatever is not known is left to `resolver.py`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import asyncpg
import structlog

from lemonway.client import DirectKit
from lemonway.errors import (
    LemonwayAccessDenied,
    LemonwayAnswerUnreadable,
    LemonwayError,
    LemonwayNotReached,
    LemonwayRefusal,
    LemonwayThrottled,
    LemonwayUnreachable,
)
from lemonway.jobs.movements import Movement, Verdict, ask_for
from lemonway.jobs.waits import Waits
from marketplace.loans.loan import LoanContradiction
from marketplace.ports import Clock
from persistence.connection import Pool
from persistence.executed_movements import book_executed
from persistence.instructions import (
    Instruction,
    hand_back,
    look_up_after,
    set_aside,
    start_sending,
    take_back_unsent,
)

CALLS_AT_A_TIME = 4
"""Lemonway limits parallel calls (docs/lemonway_facts.md §11); 4 keep a worker of two cores busy."""
BATCH_BUDGET_S = 30.0
"""After this a batch takes up no further row, well inside the time RQ gives its job."""

_log = structlog.get_logger(__name__)


class Door:
    """Whether Lemonway lets us in: after it could not be reached, or turned us away, nothing is sent for a while."""

    def __init__(self, closed_for_ms: int) -> None:
        self._closed_for_s = closed_for_ms / 1_000
        self._open_from_s = 0.0

    def close(self, *, for_s: float = 0.0) -> None:
        self._open_from_s = asyncio.get_running_loop().time() + max(for_s, self._closed_for_s)

    @property
    def closed_for_ms(self) -> int:
        """How long it stays closed; 0 when it is open."""
        return max(0, int((self._open_from_s - asyncio.get_running_loop().time()) * 1_000))


class Carrier:
    """Carries batches of instructions out, a few at a time, each with a commit and an outcome of its own."""

    def __init__(self, *, pool: Pool, directkit: DirectKit, clock: Clock, waits: Waits, call_timeout_s: float) -> None:
        self._pool = pool
        self._directkit = directkit
        self._clock = clock
        self._waits = waits
        self._call_timeout_s = call_timeout_s
        self._door = Door(waits.refused_entry_ms)

    async def carry_out_batch(self, instruction_ids: Sequence[str]) -> None:
        """All of them that are still this worker's to send. What the door or the time keeps back is ready again."""
        waiting = deque(instruction_ids)
        ends_at = asyncio.get_running_loop().time() + BATCH_BUDGET_S

        async def work() -> None:
            while waiting and not self._door.closed_for_ms and asyncio.get_running_loop().time() < ends_at:
                await self._carry_out(waiting.popleft())

        try:
            # What stops one of them must not cut off the others in the middle of a call.
            ends = await asyncio.gather(*(work() for _ in range(CALLS_AT_A_TIME)), return_exceptions=True)
        finally:
            if waiting:
                await hand_back(self._pool, list(waiting), wait_ms=self._door.closed_for_ms)
        for end in ends:
            if end is not None:
                raise end

    async def _carry_out(self, instruction_id: str) -> None:
        lease_ms = int(self._call_timeout_s * 1_000) + self._waits.held_up_ms
        started_s = asyncio.get_running_loop().time()
        instruction = await start_sending(self._pool, instruction_id, lease_ms=lease_ms)
        if instruction is None:
            return
        if asyncio.get_running_loop().time() - started_s > self._waits.held_up_ms / 2_000:
            # This process was held up. Somebody may count the outcome as unknown before a call from here would end.
            await take_back_unsent(self._pool, instruction, cause="held up before the call", wait_ms=0)
            return
        at = self._clock.now()
        try:
            async with asyncio.timeout(self._call_timeout_s):
                movement = await ask_for(self._directkit, instruction, at=at)
        except (LemonwayNotReached, LemonwayAccessDenied) as turned_away:
            self._door.close()
            await self._take_back(instruction, turned_away)
        except LemonwayThrottled as throttled:
            self._door.close(for_s=throttled.retry_after_s or 0)
            await self._take_back(instruction, throttled)
        except (LemonwayAnswerUnreadable, LemonwayRefusal) as refusal:
            _log.error(
                "instruction_needs_person", instruction_id=instruction.id, kind=instruction.kind, **refusal.for_log()
            )
            await set_aside(self._pool, instruction, reason=refusal.for_record())
        except LemonwayUnreachable as no_answer:
            await self._lose_track(instruction, no_answer)
        except TimeoutError:
            await self._lose_track(instruction, LemonwayUnreachable("no answer in time"))
        else:
            await record_outcome(self._pool, instruction, movement, self._clock, self._waits)

    async def _lose_track(self, instruction: Instruction, no_answer: LemonwayUnreachable) -> None:
        self._door.close()
        _log.warning("outcome_unknown", instruction_id=instruction.id, kind=instruction.kind, **no_answer.for_log())
        wait_ms = self._waits.look_up_ms[0]
        await look_up_after(self._pool, instruction, cause=no_answer.for_record(), wait_ms=wait_ms)

    async def _take_back(self, instruction: Instruction, failure: LemonwayError) -> None:
        _log.warning("lemonway_door_closed", instruction_id=instruction.id, **failure.for_log())
        wait_ms = self._door.closed_for_ms
        await take_back_unsent(self._pool, instruction, cause=failure.for_record(), wait_ms=wait_ms)


async def record_outcome(pool: Pool, instruction: Instruction, movement: Movement, clock: Clock, waits: Waits) -> None:
    """Record what Lemonway says became of a sent instruction. Recording it twice is recording it once."""
    match movement.verdict:
        case Verdict.EXECUTED:
            try:
                await book_executed(
                    pool, instruction, psp_id=movement.psp_id, at=clock.now(), scheduled_on=movement.scheduled_on
                )
            except (asyncpg.IntegrityConstraintViolationError, LoanContradiction) as unbookable:
                # The money has moved and our books refuse it: one row for a person must not stop all the others.
                _log.exception("movement_cannot_be_booked", instruction_id=instruction.id, movement=movement.psp_id)
                reason = f"executed as movement {movement.psp_id}, but cannot be booked: {unbookable!r}"
                await set_aside(pool, instruction, reason=reason)
        case Verdict.NOT_YET:
            await look_up_after(pool, instruction, wait_ms=waits.look_up_ms[1])
        case Verdict.FAILED | Verdict.UNCLEAR:
            reason = f"movement {movement.psp_id} has status {movement.status} ({movement.verdict.value})"
            _log.error("instruction_needs_person", instruction_id=instruction.id, kind=instruction.kind, cause=reason)
            await set_aside(pool, instruction, reason=reason)

"""Instructions whose outcome is not known: Lemonway is asked by reference until it is, and only then anything is sent.

Found: what it says is adopted. Absent at three looks over the quiet period, and absent from the wallet's history as
well: it was never executed and is sent again, with the same reference. Found twice: a person looks.
"""

from datetime import timedelta

import structlog

from lemonway.client import DirectKit
from lemonway.errors import LemonwayError
from lemonway.jobs.carry_out import record_outcome
from lemonway.jobs.movements import Movement, look_through_history, look_up
from lemonway.jobs.waits import Waits
from marketplace.ports import Clock
from persistence.connection import Pool
from persistence.instructions import (
    LostTrack,
    look_up_after,
    lost_track_of,
    set_aside,
    take_back_unsent,
)

LOOKS_MIN = 3
_AT_A_TIME = 50
_HISTORY_MARGIN = timedelta(days=1)

_log = structlog.get_logger(__name__)


class Resolver:
    """Finds out what became of sent instructions that nobody has an answer for."""

    def __init__(self, *, pool: Pool, directkit: DirectKit, clock: Clock, waits: Waits) -> None:
        self._pool = pool
        self._directkit = directkit
        self._clock = clock
        self._waits = waits

    async def resolve_due(self) -> int:
        """Look up what is due to be looked up now; how many that were."""
        due = await lost_track_of(self._pool, limit=_AT_A_TIME)
        for lost in due:
            await self._resolve(lost)
        return len(due)

    async def _resolve(self, lost: LostTrack) -> None:
        sent = lost.instruction
        try:
            found = await look_up(self._directkit, sent)
            if not found and self._has_been_quiet(lost):
                found = await self._look_through_history(lost)
                if not found:
                    _log.warning("sent_again", instruction_id=sent.id, kind=sent.kind, attempt=sent.attempt)
                    await take_back_unsent(self._pool, sent, cause="never arrived at Lemonway: sent again", wait_ms=0)
                    return
        except LemonwayError as failure:
            wait_ms, cause = self._waits.look_up_ms[1], failure.for_record()
            await look_up_after(self._pool, sent, cause=cause, wait_ms=wait_ms, absent_polls=sent.absent_polls)
            return
        await self._act_on(lost, found)

    async def _act_on(self, lost: LostTrack, found: list[Movement]) -> None:
        sent = lost.instruction
        match found:
            case []:
                wait_ms = self._next_look_ms(lost.unknown_for_ms)
                await look_up_after(self._pool, sent, wait_ms=wait_ms, absent_polls=sent.absent_polls + 1)
            case [movement]:
                _log.info("outcome_found", instruction_id=sent.id, movement=movement.psp_id, status=movement.status)
                await record_outcome(self._pool, sent, movement, self._clock, self._waits)
            case several:
                numbers = ", ".join(movement.psp_id for movement in several)
                _log.error("one_reference_twice", instruction_id=sent.id, movements=numbers)
                await set_aside(self._pool, sent, reason=f"several movements carry its reference: {numbers}")

    def _has_been_quiet(self, lost: LostTrack) -> bool:
        looks = lost.instruction.absent_polls + 1
        return looks >= LOOKS_MIN and lost.unknown_for_ms >= self._waits.look_up_ms[-1]

    def _next_look_ms(self, unknown_for_ms: int) -> int:
        later = [wait_ms - unknown_for_ms for wait_ms in self._waits.look_up_ms if wait_ms > unknown_for_ms]
        return later[0] if later else self._waits.look_up_ms[1]

    async def _look_through_history(self, lost: LostTrack) -> list[Movement]:
        sent = lost.instruction
        start_at = sent.at - _HISTORY_MARGIN
        end_at = self._clock.now() + _HISTORY_MARGIN
        return await look_through_history(self._directkit, sent, start_at=start_at, end_at=end_at)

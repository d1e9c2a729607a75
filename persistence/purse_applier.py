"""Carries steps recorded here to the lenders' purses, and repeats them until the purses' own events are projected."""

import asyncio
import time
from itertools import groupby

import msgspec
import structlog

from marketplace.ports import PurseInstruction, Purses
from persistence.connection import Connection, connect
from persistence.listener import Listener
from persistence.reconnection import Backoff, keep_trying

CHANNEL = "purse_instruction"

_log = structlog.get_logger(__name__)

_BATCH = 1_000
_LENDERS_AT_ONCE = 32


class PurseApplier:
    """Any number may run: a purse takes a step once, however often it is asked.

    A purse's steps are asked for in the order in which they were recorded, so that a payout is not held before the
    deposit it relies on. An answer proves nothing (it can be lost with the server), hence a row is `done` only when the
    projector has seen the purse's event; until then the step is asked for again every `repeat_s` (real time).

    `outages` are the exceptions with which `purses` says that it cannot be reached, `refusals` those with which it says
    that it will never take a step: that row is set aside for a person.
    """

    def __init__(
        self,
        *,
        database_url: str,
        purses: Purses,
        outages: tuple[type[Exception], ...],
        refusals: tuple[type[Exception], ...],
        repeat_s: float = 2.0,
    ) -> None:
        self._database_url = database_url
        self._purses = purses
        self._outages = outages
        self._refusals = refusals
        self._repeat_s = repeat_s
        self._backoff = Backoff()
        self._asked_at_s: dict[str, float] = {}
        self._unreachable = 0
        self.steps_asked = 0

    async def run(self) -> None:
        """Work until cancelled."""
        async with Listener(self._database_url, CHANNEL) as listener:
            await keep_trying(lambda: self._work(listener), name="purse_applier", backoff=self._backoff)

    async def _work(self, listener: Listener) -> None:
        connection = await connect(self._database_url)
        try:
            while True:
                position = listener.position
                asked = await self.apply_ready(connection)
                if self._unreachable:
                    await self._backoff.wait()
                    continue
                self._backoff.reset()
                if not asked:
                    await listener.wait_beyond(position, timeout_s=self._repeat_s)
        finally:
            connection.terminate()

    async def apply_ready(self, connection: Connection) -> int:
        """Ask every step that waits and was not asked for within `repeat_s`; how many were answered."""
        asked_before, self._unreachable = self.steps_asked, 0
        refused: list[tuple[str, str]] = []
        rows = await connection.fetch(
            "SELECT id, lender_id, operation, ref, at, cents, reserved_cents, reserve_cents, strategy_limits,"
            " freed_cents FROM purse_instruction WHERE state = 'ready' AND id <> ALL($1) ORDER BY number LIMIT $2",
            self._asked_lately(),
            _BATCH,
        )
        steps = [
            PurseInstruction(
                instruction_id=row["id"],
                lender_id=row["lender_id"],
                operation=row["operation"],
                ref=row["ref"],
                at=row["at"],
                cents=row["cents"],
                reserved_cents=row["reserved_cents"],
                reserve_cents=row["reserve_cents"],
                strategy_limits=msgspec.json.decode(row["strategy_limits"], type=dict[str, int]),
                freed_cents=msgspec.json.decode(row["freed_cents"], type=dict[str, int]),
            )
            for row in rows
        ]
        by_lender = [
            list(group)
            for _, group in groupby(sorted(steps, key=lambda step: step.lender_id), key=lambda step: step.lender_id)
        ]
        free_places = asyncio.Semaphore(_LENDERS_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for steps_of_lender in by_lender:
                tasks.create_task(self._ask_in_order(steps_of_lender, free_places, refused))
        await self._set_aside(connection, refused)
        return self.steps_asked - asked_before

    async def _ask_in_order(
        self, steps: list[PurseInstruction], free_places: asyncio.Semaphore, refused: list[tuple[str, str]]
    ) -> None:
        async with free_places:
            for step in steps:
                try:
                    await self._purses.apply(step)
                except self._outages as outage:
                    # One purse shard away must not stop the purses of the others.
                    _log.warning("purse out of reach", lender_id=step.lender_id, error=str(outage))
                    self._unreachable += 1
                    return
                except self._refusals as refusal:
                    refused.append((step.instruction_id, f"{type(refusal).__name__}: {refusal}"))
                self._asked_at_s[step.instruction_id] = time.monotonic()
                self.steps_asked += 1

    async def _set_aside(self, connection: Connection, refused: list[tuple[str, str]]) -> None:
        for instruction_id, why in refused:
            _log.error("purse refused a step", instruction_id=instruction_id, why=why)
            await connection.execute(
                "UPDATE purse_instruction SET state = 'review', last_error = $2 WHERE id = $1 AND state = 'ready'",
                instruction_id,
                why,
            )

    def _asked_lately(self) -> list[str]:
        since_s = time.monotonic() - self._repeat_s
        self._asked_at_s = {step: at_s for step, at_s in self._asked_at_s.items() if at_s > since_s}
        return list(self._asked_at_s)

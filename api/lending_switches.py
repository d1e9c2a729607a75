"""A lender's own switches: pause all its lending, take back what a request holds."""

from typing import Literal

import msgspec
from litestar import Controller, Response, delete, post
from litestar.params import FromPath

from api.body_fields import WaitS
from api.callers import Role
from api.command_desk import CommandDesk, CommandReceipt
from api.dependencies import Commands, Database, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import not_found
from marketplace.book.commands import Envelope
from persistence.book_switches import ask_to_lift
from persistence.lender_bars import order_stop, take_back_stop


class LendingReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """All lending of the caller is paused, or goes on. `command_ids` tell the books of it."""

    state: Literal["paused", "open"]
    command_ids: tuple[str, ...]


class LendingController(Controller):
    path = "/lenders/me"
    tags = ("Lender",)

    @post("/pause", operation_id="PauseLending", status_code=200, opt=allow(Role.LENDER, objects=Objects.THE_CALLER))
    async def pause(
        self, caller: SignedIn, pool: Database, clock: MarketClock, commands: Commands, wait_s: WaitS = 0
    ) -> LendingReceipt:
        """Lend nothing more in any book. Offers stay and keep their places; what is promised stays promised."""
        async with pool.acquire() as connection, connection.transaction():
            envelopes = await order_stop(
                connection, lender_id=caller.own_id, company_id=None, bar="paused", ordered_by="lender", at=clock.now()
            )
        return await _told(commands, envelopes, state="paused", wait_s=wait_s)

    @post("/resume", operation_id="ResumeLending", status_code=200, opt=allow(Role.LENDER, objects=Objects.THE_CALLER))
    async def resume(
        self, caller: SignedIn, pool: Database, clock: MarketClock, commands: Commands, wait_s: WaitS = 0
    ) -> LendingReceipt:
        """Lend again wherever nothing else keeps the caller out."""
        async with pool.acquire() as connection, connection.transaction():
            envelopes = await take_back_stop(
                connection, lender_id=caller.own_id, company_id=None, bar="paused", ordered_by="lender", at=clock.now()
            )
        return await _told(commands, envelopes, state="open", wait_s=wait_s)


class HoldController(Controller):
    path = "/fills/{fill_id:str}"
    tags = ("Lender",)

    @delete(operation_id="LiftHold", status_code=200, opt=allow(Role.LENDER, objects=Objects.OWN_IN_QUERY))
    async def lift_hold(
        self,
        fill_id: FromPath[str],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[CommandReceipt]:
        """Take back what is held for a request that is not covered yet; one is not asked for that request again."""
        async with pool.acquire() as connection, connection.transaction():
            asked = await ask_to_lift(connection, fill_id, lender_id=caller.own_id, at=clock.now())
        if asked is None:
            not_found("fill")
        return await commands.answer(asked.envelope, wait_s=wait_s, is_new=asked.is_new)


async def _told(
    commands: CommandDesk, envelopes: list[Envelope], *, state: Literal["paused", "open"], wait_s: int
) -> LendingReceipt:
    await commands.hand_in_all(envelopes, wait_s=wait_s)
    return LendingReceipt(state=state, command_ids=tuple(envelope.command_id for envelope in envelopes))

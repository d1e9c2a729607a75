"""Ticks: time that passes in a book when nothing else happens."""

from uuid import UUID, uuid4

from litestar import Controller, Response, post
from litestar.params import FromPath

from api.body_fields import WaitS
from api.callers import Role
from api.command_desk import CommandReceipt, key_reused
from api.dependencies import Commands, Database, MarketClock
from api.guards import Objects, allow
from api.idempotency_keys import IdempotencyKey
from api.problems import not_found
from marketplace.book.commands import Envelope, Tick
from persistence.command_rows import record_command
from persistence.company_cards import company_exists


class TickController(Controller):
    path = "/companies/{company_id:uuid}/ticks"
    tags = ("Clock",)

    @post(operation_id="TickBook", status_code=200, opt=allow(Role.OPERATOR, objects=Objects.NONE))
    async def tick(
        self,
        company_id: FromPath[UUID],
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[CommandReceipt]:
        """Have a book look again, at the market's present instant, at its purses and waiting requests."""
        if not await company_exists(pool, str(company_id)):
            not_found("company")
        envelope = Envelope(
            command_id=str(idempotency_key or uuid4()), company_id=str(company_id), at=clock.now(), command=Tick()
        )
        async with pool.acquire() as connection, connection.transaction():
            recorded = await record_command(connection, envelope, subject_id=str(company_id), sent_by="caller")
        if recorded == "id_reused":
            raise key_reused("call")
        return await commands.answer(envelope, wait_s=wait_s, is_new=recorded == "new")

"""What operations ask of the market as a whole: whether it rests, and what has come of it."""

from datetime import datetime

import msgspec
from litestar import Controller, get

from api.callers import Role
from api.dependencies import Books, Database, Journals, MarketClock
from api.guards import Objects, allow
from persistence.business_clock import read_clock
from persistence.market_result import MarketResult, market_result
from persistence.quiet import NeedsPerson, read_quiet

_OPERATIONS = allow(Role.OPERATOR, objects=Objects.NONE)


class QuietReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Quiet: nothing more happens at the market's instant by itself. `waiting` counts what is on its way, by kind;
    `needs_person` what has stopped until somebody looks at it."""

    quiet: bool
    waiting: dict[str, int]
    needs_person: NeedsPerson
    now_at: datetime


class OperationsController(Controller):
    path = "/ops"
    tags = ("Operations",)

    @get("/quiet", operation_id="IsQuiet", opt=_OPERATIONS)
    async def is_quiet(
        self, pool: Database, clock: MarketClock, order_books: Books, journals: Journals
    ) -> QuietReceipt:
        """Whether the market rests, and if not, what it waits for."""
        async with pool.acquire() as connection:
            # As the record has it: this process may learn of a new time a moment later.
            now_at = (await read_clock(connection)).now_at or clock.now()
            record = await read_quiet(connection, now_at)
        # Read after the record: what a book or purse did since then shows as an entry that is not recorded yet.
        heads = await journals.heads()
        unsettled = await order_books.unsettled_shards()
        waiting: dict[str, int] = msgspec.to_builtins(record.waiting)
        waiting["journals_unrecorded"] = sum(
            head.seq != record.positions.get(shard, 0) for shard, head in heads.items()
        )
        waiting["books_unsettled"] = len(unsettled)
        return QuietReceipt(
            quiet=not any(waiting.values()), waiting=waiting, needs_person=record.needs_person, now_at=now_at
        )

    @get("/result", operation_id="GetMarketResult", opt=_OPERATIONS)
    async def get_result(self, pool: Database) -> MarketResult:
        """Requests, loans, lenders, companies and the ledger's balances, in figures that a rerun must repeat."""
        async with pool.acquire() as connection:
            return await market_result(connection)

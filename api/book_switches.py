"""Stop switches: operations stop and steer books and lenders, a company stops its own book."""

from typing import Literal
from uuid import UUID, uuid4

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from api.body_fields import WaitS
from api.callers import Caller, Role
from api.command_desk import CommandDesk, CommandReceipt, key_reused
from api.dependencies import Commands, Database, MarketClock, SignedIn
from api.guards import Objects, allow
from api.idempotency_keys import IdempotencyKey
from api.problems import Problem, not_found
from marketplace.allocation.orders import Bar
from marketplace.book.book_events import PausedBy
from marketplace.book.circuit_breakers import BreakerLimits
from marketplace.book.commands import AnyBookCommand, Envelope, PauseBook, ResumeBook, SetBreakers
from marketplace.ports import Clock
from persistence.book_switches import Asked, KeyReused, Switches, all_books, ask_book, read_switches, switch_books
from persistence.company_cards import company_exists
from persistence.connection import Pool
from persistence.lender_bars import is_lender, order_stop, take_back_stop

SwitchKind = Literal["all", "book", "breaker", "lender"]

_OPERATIONS = allow(Role.OPERATOR, objects=Objects.NONE)
_BAR = "/books/{company_id:uuid}/bars/{lender_id:uuid}/{bar:str}"
_BARS: dict[str, Bar] = {"paused": "paused", "identity": "identity", "conflict": "conflict"}
_KINDS: dict[str, SwitchKind] = {"book": "book", "breaker": "breaker", "lender": "lender"}
_ACCEPTED = "all, book:<company id>, breaker:<company id> or lender:<lender id>"


class CompanyStateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`suspended`: no new requests and no new covers, until `open` again. What is covered stands."""

    state: Literal["open", "suspended"]


class CompanyState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the book covers requests, and who has stopped it: the company, operations, or an alarm (`breaker`)."""

    state: Literal["open", "suspended"]
    stopped_by: tuple[PausedBy, ...]


class SwitchBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a switch is to stand."""

    state: Literal["stopped", "running"]


class BreakersBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The alarms that pause a book by themselves; null switches them off."""

    limits: BreakerLimits | None


class SwitchReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The switch is recorded; `command_ids` tell the books of it, none where they know already."""

    name: str
    state: Literal["stopped", "running"]
    command_ids: tuple[str, ...]


class CompanyStateController(Controller):
    path = "/companies/{company_id:uuid}/state"
    tags = ("Switches",)

    @get(
        operation_id="GetCompanyState",
        opt=allow(Role.COMPANY, Role.OPERATOR, objects=Objects.OWN_COMPANY_IN_PATH),
    )
    async def get_state(self, company_id: FromPath[UUID], pool: Database) -> CompanyState:
        """Whether the company's book is stopped, and by whom, as recorded."""
        if not await company_exists(pool, str(company_id)):
            not_found("company")
        switches = await read_switches(pool, company_id=str(company_id))
        stopped_by = tuple(pause.paused_by for pause in switches.books)
        return CompanyState(state="suspended" if stopped_by else "open", stopped_by=stopped_by)

    @post(
        operation_id="SetCompanyState",
        status_code=200,
        opt=allow(Role.COMPANY, objects=Objects.OWN_COMPANY_IN_PATH),
    )
    async def set_state(
        self,
        company_id: FromPath[UUID],
        data: JSONBody[CompanyStateBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[CommandReceipt]:
        """Suspend the company's own book, or let it go on; a stop by operations or by an alarm stands beside it."""
        command = PauseBook(by="company") if data.state == "suspended" else ResumeBook(by="company")
        key = idempotency_key or uuid4()
        asked = await _asked(company_id, command, key, caller=caller, pool=pool, clock=clock)
        return await commands.answer(asked.envelope, wait_s=wait_s, is_new=asked.is_new)


class SwitchController(Controller):
    path = "/ops"
    tags = ("Switches",)

    @get("/switches", operation_id="ListSwitches", opt=_OPERATIONS)
    async def list_switches(self, pool: Database, company_id: FromQuery[UUID | None] = None) -> Switches:
        """Everything that is stopped or steered, in all books or in one company's."""
        return await read_switches(pool, company_id=None if company_id is None else str(company_id))

    @put("/switches/{name:str}", operation_id="SetSwitch", status_code=200, opt=_OPERATIONS)
    async def set_switch(
        self,
        name: FromPath[str],
        data: JSONBody[SwitchBody],
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
        idempotency_key: IdempotencyKey = None,
    ) -> SwitchReceipt:
        """Stop or start `all` books, one `book:<company>`, or all that `lender:<lender>` lends; start a book whose
        `breaker:<company>` has tripped. A stop by a company or a lender stands beside one by operations."""
        kind, subject_id = _switch_named(name)
        is_stopped = data.state == "stopped"
        if kind == "breaker" and is_stopped:
            raise Problem("wrong-state", "A breaker stops a book by itself.", state="running", allowed=["running"])
        key = idempotency_key or uuid4()
        if kind == "lender":
            envelopes = await _switch_lender(pool, subject_id, is_stopped=is_stopped, clock=clock)
        else:
            envelopes = await _switch_books(pool, kind, subject_id, is_stopped=is_stopped, key=key, clock=clock)
        return await _told(commands, envelopes, name=name, is_stopped=is_stopped, wait_s=wait_s)

    @put("/books/{company_id:uuid}/breakers", operation_id="SetBreakers", status_code=200, opt=_OPERATIONS)
    async def set_breakers(
        self,
        company_id: FromPath[UUID],
        data: JSONBody[BreakersBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[CommandReceipt]:
        """Replace a book's alarms."""
        command = SetBreakers(limits=data.limits)
        key = idempotency_key or uuid4()
        asked = await _asked(company_id, command, key, caller=caller, pool=pool, clock=clock)
        return await commands.answer(asked.envelope, wait_s=wait_s, is_new=asked.is_new)

    @put(
        _BAR,
        operation_id="BarLender",
        status_code=200,
        opt=_OPERATIONS,
    )
    async def bar_lender(
        self,
        company_id: FromPath[UUID],
        lender_id: FromPath[UUID],
        bar: FromPath[str],
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> SwitchReceipt:
        """Keep a lender out of one book: `conflict` of interest, `identity` in doubt, or `paused`. What it has promised
        stays promised."""
        known = await _bar_of_parties(pool, company_id, lender_id, bar)
        async with pool.acquire() as connection, connection.transaction():
            envelopes = await order_stop(
                connection,
                lender_id=str(lender_id),
                company_id=str(company_id),
                bar=known,
                ordered_by="operations",
                at=clock.now(),
            )
        name = f"{company_id}/{lender_id}/{known}"
        return await _told(commands, envelopes, name=name, is_stopped=True, wait_s=wait_s)

    @delete(
        _BAR,
        operation_id="UnbarLender",
        status_code=200,
        opt=_OPERATIONS,
    )
    async def unbar_lender(
        self,
        company_id: FromPath[UUID],
        lender_id: FromPath[UUID],
        bar: FromPath[str],
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> SwitchReceipt:
        """Take operations' own bar back. One that follows from the record, or that the lender ordered, stands."""
        known = await _bar_of_parties(pool, company_id, lender_id, bar)
        async with pool.acquire() as connection, connection.transaction():
            envelopes = await take_back_stop(
                connection,
                lender_id=str(lender_id),
                company_id=str(company_id),
                bar=known,
                ordered_by="operations",
                at=clock.now(),
            )
        name = f"{company_id}/{lender_id}/{known}"
        return await _told(commands, envelopes, name=name, is_stopped=False, wait_s=wait_s)


async def _asked(
    company_id: UUID, command: AnyBookCommand, key: UUID, *, caller: Caller, pool: Pool, clock: Clock
) -> Asked:
    """A command recorded for one book under the caller's key."""
    if not await company_exists(pool, str(company_id)):
        not_found("company")
    async with pool.acquire() as connection, connection.transaction():
        asked = await ask_book(
            connection, str(company_id), command, command_id=str(key), at=clock.now(), party_id=caller.party_id
        )
    if isinstance(asked, KeyReused):
        raise key_reused("call")
    return asked


async def _switch_books(
    pool: Pool, kind: SwitchKind, company_id: str, *, is_stopped: bool, key: UUID, clock: Clock
) -> list[Envelope]:
    if kind != "all" and not await company_exists(pool, company_id):
        not_found("company")
    async with pool.acquire() as connection, connection.transaction():
        company_ids = await all_books(connection) if kind == "all" else [company_id]
        by: Literal["breaker", "operations"] = "breaker" if kind == "breaker" else "operations"
        return await switch_books(connection, company_ids, by=by, is_stopped=is_stopped, key=key, at=clock.now())


async def _switch_lender(pool: Pool, lender_id: str, *, is_stopped: bool, clock: Clock) -> list[Envelope]:
    async with pool.acquire() as connection, connection.transaction():
        if not await is_lender(connection, lender_id):
            not_found("lender")
        change = order_stop if is_stopped else take_back_stop
        return await change(
            connection, lender_id=lender_id, company_id=None, bar="paused", ordered_by="operations", at=clock.now()
        )


async def _told(
    commands: CommandDesk, envelopes: list[Envelope], *, name: str, is_stopped: bool, wait_s: int
) -> SwitchReceipt:
    await commands.hand_in_all(envelopes, wait_s=wait_s)
    return SwitchReceipt(
        name=name,
        state="stopped" if is_stopped else "running",
        command_ids=tuple(envelope.command_id for envelope in envelopes),
    )


async def _bar_of_parties(pool: Pool, company_id: UUID, lender_id: UUID, bar: str) -> Bar:
    """The bar that a path names, of a company and a lender that there are."""
    known = _BARS.get(bar)
    if known is None:
        raise Problem("invalid-parameter", f"bar: {bar}", parameter="bar", expected="paused, identity or conflict")
    if not await company_exists(pool, str(company_id)):
        not_found("company")
    async with pool.acquire() as connection:
        if not await is_lender(connection, str(lender_id)):
            not_found("lender")
    return known


def _switch_named(name: str) -> tuple[SwitchKind, str]:
    """What a switch's name speaks of: its kind, and the id of a company or lender."""
    if name == "all":
        return "all", ""
    kind, _, subject = name.partition(":")
    try:
        return _KINDS[kind], str(UUID(subject))
    except (KeyError, ValueError):
        raise Problem("invalid-parameter", f"name: {name}", parameter="name", expected=_ACCEPTED) from None

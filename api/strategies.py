"""A lender's strategies and its payout rule."""

from typing import Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, patch, post, put
from litestar.params import FromPath, JSONBody

from api.body_fields import Cents, WaitS
from api.callers import Caller, Role
from api.command_desk import CommandDesk, id_reused, key_reused
from api.dependencies import Commands, Database, MarketClock, SignedIn
from api.field_errors import settings_refused
from api.guards import Objects, allow
from api.idempotency_keys import IdempotencyKey
from api.problems import Problem, not_found, strategy_closed
from api.strategy_bodies import StrategyBody, StrategyPatch
from api.versions import IfMatch, etag_headers, seen_version, version_is_another
from marketplace.ports import Clock
from marketplace.strategies.strategy_settings import StrategySettings, StrategyState
from persistence.connection import Pool
from persistence.strategies import (
    ChangeIdReused,
    OwnStrategy,
    PayoutRule,
    SettingsRefused,
    StrategyClosed,
    StrategyIdReused,
    TooManyStrategies,
    VersionIsAnother,
    own_strategy,
    payout_rule,
    set_payout_rule,
)
from persistence.strategy_desk import ChangeOutcome, CreateOutcome, StrategyStands, change_strategy, create_strategy

_ITSELF = allow(Role.LENDER, objects=Objects.THE_CALLER)
_OWN = allow(Role.LENDER, objects=Objects.OWN_IN_QUERY)


class StrategyReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as it stands. `command_ids` are those that tell the books of its offers of this change."""

    strategy_id: UUID
    version: int
    settings: StrategySettings
    command_ids: tuple[str, ...]


class PayoutRuleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`settlement`: what a loan returned is paid out once it is repaid. `keep_cents` stay in the wallet."""

    every: Literal["settlement", "never"]
    keep_cents: Cents = 0
    bank_account_id: UUID | None = None


class StrategyController(Controller):
    tags = ("Lender",)

    @put(
        "/strategies/{strategy_id:uuid}",
        operation_id="CreateStrategy",
        status_code=201,
        opt=allow(Role.LENDER, objects=Objects.CREATES_OWN),
    )
    async def create_strategy(
        self,
        strategy_id: FromPath[UUID],
        data: JSONBody[StrategyBody],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
    ) -> Response[StrategyReceipt]:
        """Create a strategy. Its budget, pace, reserve and caps of terms are kept by the lender's purse, in all books
        together, the rest by each book."""
        async with pool.acquire() as connection, connection.transaction():
            outcome = await create_strategy(
                connection,
                strategy_id=str(strategy_id),
                lender_id=caller.own_id,
                settings=data.settings(),
                at=clock.now(),
            )
        return await _answer(outcome, commands, wait_s=0, new_status=201)

    @patch("/strategies/{strategy_id:uuid}", operation_id="ChangeStrategy", status_code=200, opt=_OWN)
    async def change_strategy(
        self,
        strategy_id: FromPath[UUID],
        data: JSONBody[StrategyPatch],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
        wait_s: WaitS = 0,
    ) -> Response[StrategyReceipt]:
        """Change what is given. Its offers keep their places; a higher rate or cap starts their waiting time anew."""
        async with pool.acquire() as connection, connection.transaction():
            if await own_strategy(connection, str(strategy_id), lender_id=caller.own_id) is None:
                not_found("strategy")
            outcome = await change_strategy(
                connection,
                str(strategy_id),
                lender_id=caller.own_id,
                change=data.changed,
                of_version=seen_version(if_match),
                change_id=None if idempotency_key is None else str(idempotency_key),
                at=clock.now(),
            )
        return await _answer(outcome, commands, wait_s=wait_s)

    @get("/strategies/{strategy_id:uuid}", operation_id="GetStrategy", opt=_OWN)
    async def get_strategy(
        self, strategy_id: FromPath[UUID], caller: SignedIn, pool: Database
    ) -> Response[StrategyReceipt]:
        """One's own strategy."""
        strategy = await own_strategy(pool, str(strategy_id), lender_id=caller.own_id) or not_found("strategy")
        return Response(_receipt(strategy), headers=etag_headers(strategy.version))

    @post("/strategies/{strategy_id:uuid}/pause", operation_id="PauseStrategy", status_code=200, opt=_OWN)
    async def pause_strategy(
        self,
        strategy_id: FromPath[UUID],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[StrategyReceipt]:
        """Lend nothing more until it is resumed. Its offers keep their places; what is promised stays promised."""
        return await _put_into("paused", strategy_id, caller, pool=pool, clock=clock, commands=commands, wait_s=wait_s)

    @post("/strategies/{strategy_id:uuid}/resume", operation_id="ResumeStrategy", status_code=200, opt=_OWN)
    async def resume_strategy(
        self,
        strategy_id: FromPath[UUID],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[StrategyReceipt]:
        """Lend again, with every offer at the place it had."""
        return await _put_into("active", strategy_id, caller, pool=pool, clock=clock, commands=commands, wait_s=wait_s)

    @post("/strategies/{strategy_id:uuid}/closure", operation_id="CloseStrategy", status_code=200, opt=_OWN)
    async def close_strategy(
        self,
        strategy_id: FromPath[UUID],
        caller: SignedIn,
        pool: Database,
        clock: MarketClock,
        commands: Commands,
        wait_s: WaitS = 0,
    ) -> Response[StrategyReceipt]:
        """Withdraw all its offers for good. What is promised or lent is not touched."""
        return await _put_into("closed", strategy_id, caller, pool=pool, clock=clock, commands=commands, wait_s=wait_s)

    @get("/payout-rule", operation_id="GetPayoutRule", opt=_ITSELF)
    async def get_payout_rule(self, caller: SignedIn, pool: Database) -> PayoutRule:
        """When one is paid out."""
        return await payout_rule(pool, caller.own_id)

    @put("/payout-rule", operation_id="SetPayoutRule", status_code=200, opt=_ITSELF)
    async def set_payout_rule(self, data: JSONBody[PayoutRuleBody], caller: SignedIn, pool: Database) -> PayoutRule:
        """Say when one is paid out, to which account, and what stays."""
        account_id = str(data.bank_account_id) if data.bank_account_id else None
        rule = PayoutRule(every=data.every, keep_cents=data.keep_cents, bank_account_id=account_id)
        async with pool.acquire() as connection, connection.transaction():
            outcome = await set_payout_rule(connection, lender_id=caller.own_id, rule=rule)
        if outcome == "bank_account_unknown":
            not_found("bank account")
        return rule


async def _put_into(
    state: StrategyState,
    strategy_id: UUID,
    caller: Caller,
    *,
    pool: Pool,
    clock: Clock,
    commands: CommandDesk,
    wait_s: int,
) -> Response[StrategyReceipt]:
    async with pool.acquire() as connection, connection.transaction():
        outcome = await change_strategy(
            connection,
            str(strategy_id),
            lender_id=caller.own_id,
            change=lambda settings: msgspec.structs.replace(settings, state=state),
            of_version=None,
            change_id=None,
            at=clock.now(),
        )
    return await _answer(outcome, commands, wait_s=wait_s)


async def _answer(
    outcome: CreateOutcome | ChangeOutcome | None, commands: CommandDesk, *, wait_s: int, new_status: int = 200
) -> Response[StrategyReceipt]:
    match outcome:
        case StrategyStands(strategy=strategy, envelopes=envelopes, is_new=is_new):
            await commands.hand_in_all(envelopes, wait_s=wait_s)
            status = new_status if is_new else 200
            receipt = _receipt(strategy, command_ids=tuple(envelope.command_id for envelope in envelopes))
            headers = {} if is_new else {"Idempotent-Replayed": "true"}
            return Response(receipt, status_code=status, headers={**etag_headers(strategy.version), **headers})
        case SettingsRefused(problems=problems):
            raise settings_refused(problems)
        case StrategyIdReused():
            raise id_reused("strategy")
        case TooManyStrategies(used=used, limit=limit):
            raise Problem("count-limit", "Close one of your strategies first.", used=used, limit=limit)
        case VersionIsAnother(present_version=present_version):
            raise version_is_another(present_version)
        case ChangeIdReused():
            raise key_reused("change")
        case StrategyClosed():
            raise strategy_closed()
        case None:
            not_found("strategy")


def _receipt(strategy: OwnStrategy, *, command_ids: tuple[str, ...] = ()) -> StrategyReceipt:
    return StrategyReceipt(
        strategy_id=UUID(strategy.strategy_id),
        version=strategy.version,
        settings=strategy.settings,
        command_ids=command_ids,
    )

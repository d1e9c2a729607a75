"""A lender's strategies and its payout rule."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, put
from litestar.params import FromPath, JSONBody

from api.body_fields import Cents, Name, PositiveCents
from api.callers import Role
from api.command_desk import id_reused
from api.dependencies import Database, MarketClock, SignedIn
from api.guards import Objects, allow
from api.problems import not_found
from api.replays import created
from persistence.strategies import (
    PayoutRule,
    StrategySettings,
    create_strategy,
    own_strategy,
    payout_rule,
    set_payout_rule,
)

_ITSELF = allow(Role.LENDER, objects=Objects.THE_CALLER)


class StrategyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy. `budget_cents` is the most it may have promised or lent at a time; `reserve_cents` is never lent."""

    name: Name
    priority: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    budget_cents: PositiveCents | None = None
    reserve_cents: Cents = 0
    reinvest: Literal["all", "principal", "none"] = "all"


class StrategyReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as it stands."""

    strategy_id: UUID
    settings: StrategySettings


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
    ) -> Response[StrategyReceipt]:
        """Create a strategy. Its budget and reserve are kept by the lender's purse, in all books together."""
        settings = StrategySettings(**msgspec.structs.asdict(data))
        async with pool.acquire() as connection, connection.transaction():
            outcome = await create_strategy(
                connection,
                strategy_id=str(strategy_id),
                lender_id=caller.own_id,
                settings=settings,
                at=clock.now(),
            )
        if outcome == "id_reused":
            raise id_reused("strategy")
        return created(StrategyReceipt(strategy_id=strategy_id, settings=settings), is_new=outcome == "new")

    @get(
        "/strategies/{strategy_id:uuid}",
        operation_id="GetStrategy",
        opt=allow(Role.LENDER, objects=Objects.OWN_IN_QUERY),
    )
    async def get_strategy(self, strategy_id: FromPath[UUID], caller: SignedIn, pool: Database) -> StrategyReceipt:
        """One's own strategy."""
        settings = await own_strategy(pool, str(strategy_id), lender_id=caller.own_id)
        return StrategyReceipt(strategy_id=strategy_id, settings=settings or not_found("strategy"))

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

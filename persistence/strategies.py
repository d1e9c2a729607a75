"""Lenders' settings: strategies with their budgets, the cash reserve, what is lent again, when it is paid out.

Reserve and budgets span books, so only a lender's purse can hold to them: each change is a step for the purse.
"""

from datetime import datetime
from typing import Literal

import msgspec

from persistence.connection import AnyConnection, Pool
from persistence.purse_instructions import purse_instruction_id

Reinvest = Literal["all", "principal", "none"]
PayoutEvery = Literal["settlement", "never"]


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as its lender declares it. `budget_cents` None: no budget of its own, the purse alone limits it."""

    name: str
    priority: int
    budget_cents: int | None
    reserve_cents: int
    reinvest: Reinvest


class PayoutRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a lender is paid out, to which account, and how much stays in the wallet."""

    every: PayoutEvery
    keep_cents: int
    bank_account_id: str | None


async def create_strategy(
    connection: AnyConnection, *, strategy_id: str, lender_id: str, settings: StrategySettings, at: datetime
) -> Literal["new", "known", "id_reused"]:
    """Record a strategy's first version and tell the purse, in the caller's transaction.

    A lender has one reserve and one way of lending again: the largest reserve among its strategies, and the way that
    the newest of them names.
    """
    await connection.execute("SELECT FROM party WHERE id = $1 FOR NO KEY UPDATE", lender_id)
    encoded = msgspec.json.encode(settings).decode()
    known = await connection.fetchrow(
        "SELECT lender_id, settings = $2::jsonb AS is_same FROM strategy WHERE id = $1 AND version = 1",
        strategy_id,
        encoded,
    )
    if known is not None:
        return "known" if known["is_same"] and known["lender_id"] == lender_id else "id_reused"
    await connection.execute(
        "INSERT INTO strategy (id, version, lender_id, settings, at) VALUES ($1, 1, $2, $3, $4)",
        strategy_id,
        lender_id,
        encoded,
        at,
    )
    strategies = await _present_strategies(connection, lender_id)
    await connection.execute(
        "UPDATE lender_settings SET reserve_cents = $2, reinvest = $3, changed_at = now() WHERE lender_id = $1",
        lender_id,
        max(strategy.reserve_cents for strategy in strategies.values()),
        settings.reinvest,
    )
    await _tell_purse(connection, lender_id, strategies, at=at)
    return "new"


async def own_strategy(pool: Pool | AnyConnection, strategy_id: str, *, lender_id: str) -> StrategySettings | None:
    """A lender's own strategy in its present version, None for anybody else's."""
    settings = await pool.fetchval(
        "SELECT settings FROM strategy WHERE id = $1 AND lender_id = $2 ORDER BY version DESC LIMIT 1",
        strategy_id,
        lender_id,
    )
    return None if settings is None else msgspec.json.decode(settings, type=StrategySettings)


async def set_payout_rule(
    connection: AnyConnection, *, lender_id: str, rule: PayoutRule
) -> Literal["set", "bank_account_unknown"]:
    """Replace when and where a lender is paid out. The bank account must be the lender's own."""
    if rule.bank_account_id is not None:
        is_own = await connection.fetchval(
            "SELECT true FROM bank_account WHERE id = $1 AND party_id = $2", rule.bank_account_id, lender_id
        )
        if not is_own:
            return "bank_account_unknown"
    await connection.execute(
        "UPDATE lender_settings SET payout_every = $2, payout_keep_cents = $3, payout_bank_account_id = $4,"
        " changed_at = now() WHERE lender_id = $1",
        lender_id,
        rule.every,
        rule.keep_cents,
        rule.bank_account_id,
    )
    return "set"


async def payout_rule(pool: Pool, lender_id: str) -> PayoutRule:
    """When a lender that exists is paid out."""
    row = await pool.fetchrow(
        "SELECT payout_every AS every, payout_keep_cents AS keep_cents, payout_bank_account_id AS bank_account_id"
        " FROM lender_settings WHERE lender_id = $1",
        lender_id,
    )
    assert row is not None, lender_id
    return PayoutRule(**row)


async def _present_strategies(connection: AnyConnection, lender_id: str) -> dict[str, StrategySettings]:
    rows = await connection.fetch(
        "SELECT DISTINCT ON (id) id, settings FROM strategy WHERE lender_id = $1 ORDER BY id, version DESC", lender_id
    )
    return {row["id"]: msgspec.json.decode(row["settings"], type=StrategySettings) for row in rows}


async def _tell_purse(
    connection: AnyConnection, lender_id: str, strategies: dict[str, StrategySettings], *, at: datetime
) -> None:
    version = await connection.fetchval(
        "UPDATE lender_settings SET limits_version = limits_version + 1 WHERE lender_id = $1 RETURNING limits_version",
        lender_id,
    )
    reference = f"{lender_id}:{version}"
    budgets = {
        strategy_id: strategy.budget_cents
        for strategy_id, strategy in strategies.items()
        if strategy.budget_cents is not None
    }
    await connection.execute(
        "INSERT INTO purse_instruction (id, lender_id, operation, ref, reserve_cents, strategy_limits, at)"
        " VALUES ($1, $2, 'limits', $3, $4, $5, $6)",
        purse_instruction_id("limits", reference),
        lender_id,
        reference,
        max(strategy.reserve_cents for strategy in strategies.values()),
        msgspec.json.encode(budgets).decode(),
        at,
    )

"""Lenders' settings: their strategies, version by version, and when they are paid out."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

import msgspec

from marketplace.company_terms import TermsProblem
from marketplace.strategies.strategy_settings import StrategySettings, settings_problems
from persistence.connection import AnyConnection, Pool

STRATEGIES_MAX = 20
"""So many strategies of one lender at a time, closed ones not counted."""

PayoutEvery = Literal["settlement", "never"]


class OwnStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as it stands in its present version."""

    strategy_id: str
    version: int
    settings: StrategySettings


class VersionRecorded(msgspec.Struct, frozen=True, kw_only=True):
    """The strategy stands as asked; `is_new` when this call made a version of it."""

    strategy: OwnStrategy
    is_new: bool


class StrategyIdReused(msgspec.Struct, frozen=True, kw_only=True):
    """The id stands for another strategy, or for this one created otherwise."""


class TooManyStrategies(msgspec.Struct, frozen=True, kw_only=True):
    """The lender has as many strategies as it may."""

    used: int
    limit: int


class SettingsRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The settings contradict themselves: everything that is wrong."""

    problems: tuple[TermsProblem, ...]


class VersionIsAnother(msgspec.Struct, frozen=True, kw_only=True):
    """The change was made of another version than the present one."""

    given_version: int
    present_version: int


class StrategyClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A closed strategy changes no more and makes no offers."""


class ChangeIdReused(msgspec.Struct, frozen=True, kw_only=True):
    """The key of the change belongs to another one."""


class PayoutRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a lender is paid out, to which account, and how much stays in the wallet."""

    every: PayoutEvery
    keep_cents: int
    bank_account_id: str | None


_settings_decoder: msgspec.json.Decoder[StrategySettings] = msgspec.json.Decoder(StrategySettings)


async def record_first_version(
    connection: AnyConnection, *, strategy_id: str, lender_id: str, settings: StrategySettings, at: datetime
) -> VersionRecorded | StrategyIdReused | TooManyStrategies | SettingsRefused:
    """Record a new strategy, in the caller's transaction, which holds the lender's row."""
    known = await connection.fetchrow(
        "SELECT lender_id, settings FROM strategy WHERE id = $1 AND version = 1", strategy_id
    )
    if known is not None:
        if known["lender_id"] != lender_id or _settings_decoder.decode(known["settings"]) != settings:
            return StrategyIdReused()
        present = await own_strategy(connection, strategy_id, lender_id=lender_id)
        assert present is not None, strategy_id
        return VersionRecorded(strategy=present, is_new=False)
    if problems := settings_problems(settings):
        return SettingsRefused(problems=problems)
    used = sum(strategy.settings.state != "closed" for strategy in await own_strategies(connection, lender_id))
    if used >= STRATEGIES_MAX:
        return TooManyStrategies(used=used, limit=STRATEGIES_MAX)
    strategy = OwnStrategy(strategy_id=strategy_id, version=1, settings=settings)
    await _insert(connection, strategy, lender_id=lender_id, change_id=None, at=at)
    return VersionRecorded(strategy=strategy, is_new=True)


async def record_next_version(
    connection: AnyConnection,
    strategy_id: str,
    *,
    lender_id: str,
    change: Callable[[StrategySettings], StrategySettings],
    what_forbids: Callable[[StrategySettings], Awaitable[tuple[TermsProblem, ...]]],
    of_version: int | None,
    change_id: str | None,
    at: datetime,
) -> VersionRecorded | VersionIsAnother | ChangeIdReused | StrategyClosed | SettingsRefused | None:
    """Record what `change` makes of a lender's own strategy, in the caller's transaction, which holds the lender's row.

    `what_forbids` says what outside of the settings stands against them. A change made of version `of_version` is
    refused on any other (None: whichever it is); `change_id` makes the same change be made once. None for anybody
    else's strategy. What changes nothing makes no version.
    """
    present = await own_strategy(connection, strategy_id, lender_id=lender_id)
    if present is None:
        return None
    made = change_id and await connection.fetchrow(
        "SELECT version, settings FROM strategy WHERE id = $1 AND change_id = $2", strategy_id, change_id
    )
    if made:
        before = await _settings_of(connection, strategy_id, made["version"] - 1)
        is_same = change(before) == _settings_decoder.decode(made["settings"])
        return VersionRecorded(strategy=present, is_new=False) if is_same else ChangeIdReused()
    if of_version is not None and of_version != present.version:
        return VersionIsAnother(given_version=of_version, present_version=present.version)
    settings = change(present.settings)
    if settings == present.settings:
        return VersionRecorded(strategy=present, is_new=False)
    if present.settings.state == "closed":
        return StrategyClosed()
    if problems := (*settings_problems(settings), *await what_forbids(settings)):
        return SettingsRefused(problems=problems)
    strategy = OwnStrategy(strategy_id=strategy_id, version=present.version + 1, settings=settings)
    await _insert(connection, strategy, lender_id=lender_id, change_id=change_id, at=at)
    return VersionRecorded(strategy=strategy, is_new=True)


async def own_strategy(pool: Pool | AnyConnection, strategy_id: str, *, lender_id: str) -> OwnStrategy | None:
    """A lender's own strategy in its present version, None for anybody else's."""
    row = await pool.fetchrow(
        "SELECT version, settings FROM strategy WHERE id = $1 AND lender_id = $2 ORDER BY version DESC LIMIT 1",
        strategy_id,
        lender_id,
    )
    if row is None:
        return None
    return OwnStrategy(
        strategy_id=strategy_id, version=row["version"], settings=_settings_decoder.decode(row["settings"])
    )


async def own_strategies(pool: Pool | AnyConnection, lender_id: str) -> list[OwnStrategy]:
    """All of a lender's strategies in their present versions, in order of id."""
    rows = await pool.fetch(
        "SELECT DISTINCT ON (id) id AS strategy_id, version, settings FROM strategy WHERE lender_id = $1"
        " ORDER BY id, version DESC",
        lender_id,
    )
    return [
        OwnStrategy(
            strategy_id=row["strategy_id"],
            version=row["version"],
            settings=_settings_decoder.decode(row["settings"]),
        )
        for row in rows
    ]


async def lenders_with_strategies(connection: AnyConnection) -> list[str]:
    """Every lender that has a strategy, in order of id."""
    rows = await connection.fetch("SELECT DISTINCT lender_id FROM strategy ORDER BY lender_id")
    return [row["lender_id"] for row in rows]


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


async def _settings_of(connection: AnyConnection, strategy_id: str, version: int) -> StrategySettings:
    settings = await connection.fetchval(
        "SELECT settings FROM strategy WHERE id = $1 AND version = $2", strategy_id, version
    )
    return _settings_decoder.decode(settings)


async def _insert(
    connection: AnyConnection, strategy: OwnStrategy, *, lender_id: str, change_id: str | None, at: datetime
) -> None:
    await connection.execute(
        "INSERT INTO strategy (id, version, lender_id, settings, change_id, at) VALUES ($1, $2, $3, $4, $5, $6)",
        strategy.strategy_id,
        strategy.version,
        lender_id,
        msgspec.json.encode(strategy.settings).decode(),
        change_id,
        at,
    )

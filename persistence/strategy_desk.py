"""What changing a strategy, or having more or less money, means to books and purse: one transaction for all of it."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from marketplace.book.commands import Envelope
from marketplace.strategies.strategy_settings import StrategySettings
from persistence.connection import AnyConnection
from persistence.lender_lock import hold_lender
from persistence.offers_desk import offers_problems, tell_books
from persistence.purse_limits import tell_purse_limits
from persistence.strategies import (
    ChangeIdReused,
    OwnStrategy,
    SettingsRefused,
    StrategyClosed,
    StrategyIdReused,
    TooManyStrategies,
    VersionIsAnother,
    VersionRecorded,
    own_strategies,
    record_first_version,
    record_next_version,
)


class StrategyStands(msgspec.Struct, frozen=True, kw_only=True):
    """The strategy is as asked. `envelopes` tell the books of its offers, and are to be sent after the commit."""

    strategy: OwnStrategy
    envelopes: tuple[Envelope, ...]
    is_new: bool


CreateOutcome = StrategyStands | StrategyIdReused | TooManyStrategies | SettingsRefused
ChangeOutcome = StrategyStands | VersionIsAnother | ChangeIdReused | StrategyClosed | SettingsRefused


async def create_strategy(
    connection: AnyConnection, *, strategy_id: str, lender_id: str, settings: StrategySettings, at: datetime
) -> CreateOutcome:
    """Record a strategy's first version and tell the purse, in the caller's transaction.

    A lender has one reserve and one way of lending again: the largest reserve among its strategies, and the way that
    the last change names.
    """
    await hold_lender(connection, lender_id)
    recorded = await record_first_version(
        connection, strategy_id=strategy_id, lender_id=lender_id, settings=settings, at=at
    )
    if not isinstance(recorded, VersionRecorded):
        return recorded
    return await _carry_out(connection, recorded, lender_id=lender_id, at=at)


async def change_strategy(
    connection: AnyConnection,
    strategy_id: str,
    *,
    lender_id: str,
    change: Callable[[StrategySettings], StrategySettings],
    of_version: int | None,
    change_id: str | None,
    at: datetime,
) -> ChangeOutcome | None:
    """Record what `change` makes of a lender's own strategy, and tell purse and books, in the caller's transaction.

    A change made of version `of_version` is refused on any other (None: whichever it is); `change_id` makes the same
    change be made once. Offers keep their places. None for anybody else's strategy.
    """
    await hold_lender(connection, lender_id)
    recorded = await record_next_version(
        connection,
        strategy_id,
        lender_id=lender_id,
        change=change,
        what_forbids=lambda settings: offers_problems(connection, strategy_id, settings, lender_id=lender_id),
        of_version=of_version,
        change_id=change_id,
        at=at,
    )
    if not isinstance(recorded, VersionRecorded):
        return recorded
    return await _carry_out(connection, recorded, lender_id=lender_id, at=at)


async def refresh_lender(connection: AnyConnection, lender_id: str, *, at: datetime) -> None:
    """Turn parts of what a lender has into cents anew, for its purse and its books, in the caller's transaction.

    The sweeper sends what books are to be told.
    """
    await hold_lender(connection, lender_id)
    strategies = await own_strategies(connection, lender_id)
    if not strategies:
        return
    await tell_purse_limits(connection, lender_id, at=at)
    settings = [(strategy.strategy_id, strategy.settings) for strategy in strategies]
    await tell_books(connection, settings, lender_id=lender_id, why="funds", at=at)


async def _carry_out(
    connection: AnyConnection, recorded: VersionRecorded, *, lender_id: str, at: datetime
) -> StrategyStands:
    strategy = recorded.strategy
    if not recorded.is_new:
        return StrategyStands(strategy=strategy, envelopes=(), is_new=False)
    await connection.execute(
        "UPDATE lender_settings SET reinvest = $2, changed_at = now() WHERE lender_id = $1",
        lender_id,
        strategy.settings.reinvest,
    )
    envelopes = await tell_books(
        connection, [(strategy.strategy_id, strategy.settings)], lender_id=lender_id, why="changed", at=at
    )
    await tell_purse_limits(connection, lender_id, at=at)
    return StrategyStands(strategy=strategy, envelopes=tuple(envelopes), is_new=True)

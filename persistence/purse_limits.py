"""What a lender's purse is told to hold to: its reserve, and budget, term caps and monthly pace of each strategy.

They span books, so only the purse can hold to them. Each change is a step of its own, numbered; parts of what a lender
has become cents anew whenever a step is made, and at least once a day.
"""

from datetime import datetime

import msgspec

from marketplace.strategies.cap_presets import part_cents
from marketplace.strategies.strategy_limits import budget_key, coming_pace_keys, term_key
from persistence.connection import AnyConnection
from persistence.purse_instructions import purse_instruction_id
from persistence.strategies import OwnStrategy, own_strategies

_FUNDS_BUCKETS = ["free", "taken", "sent", "held", "lent", "incoming"]


class PurseLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Reserve in cents, and cents by limit key."""

    reserve_cents: int
    by_key: dict[str, int]


async def lender_funds_cents(connection: AnyConnection, lender_id: str) -> int:
    """All that a lender has: in its wallet, promised, lent and not back yet, and on its way back."""
    cents: int = await connection.fetchval(
        "SELECT coalesce(-sum(balance_cents), 0)::bigint FROM account"
        " WHERE owner_kind = 'lender' AND owner_id = $1::uuid::text AND bucket = ANY($2)",
        lender_id,
        _FUNDS_BUCKETS,
    )
    return cents


async def tell_purse_limits(connection: AnyConnection, lender_id: str, *, at: datetime) -> bool:
    """Make a step of the lender's limits as they are now, in the caller's transaction; False when the last one says the
    same. The caller holds the lender's row."""
    limits = await _present_limits(connection, lender_id, at=at)
    if limits == await _told_limits(connection, lender_id):
        return False
    version = await connection.fetchval(
        "UPDATE lender_settings SET limits_version = limits_version + 1, reserve_cents = $2, changed_at = now()"
        " WHERE lender_id = $1 RETURNING limits_version",
        lender_id,
        limits.reserve_cents,
    )
    reference = f"{lender_id}:{version}"
    await connection.execute(
        "INSERT INTO purse_instruction (id, lender_id, operation, ref, reserve_cents, strategy_limits, at)"
        " VALUES ($1, $2, 'limits', $3, $4, $5, $6)",
        purse_instruction_id("limits", reference),
        lender_id,
        reference,
        limits.reserve_cents,
        msgspec.json.encode(limits.by_key, order="sorted").decode(),
        at,
    )
    return True


async def _present_limits(connection: AnyConnection, lender_id: str, *, at: datetime) -> PurseLimits:
    """A lender has one reserve, the largest of its strategies; a closed strategy has no limit and lends nothing."""
    strategies = await own_strategies(connection, lender_id)
    funds_cents = await lender_funds_cents(connection, lender_id)
    offered = await connection.fetch(
        "SELECT DISTINCT strategy_id, month::integer AS months FROM ("
        "  SELECT DISTINCT ON (id) strategy_id, terms FROM offer_version WHERE lender_id = $1"
        "  ORDER BY id, version DESC) latest, jsonb_array_elements_text(terms -> 'months') month",
        lender_id,
    )
    by_key: dict[str, int] = {}
    for strategy in strategies:
        if strategy.settings.state != "closed":
            months = {row["months"] for row in offered if row["strategy_id"] == strategy.strategy_id}
            by_key.update(_strategy_limits(strategy, months, funds_cents=funds_cents, at=at))
    reserves = [strategy.settings.reserve_cents for strategy in strategies if strategy.settings.state != "closed"]
    return PurseLimits(reserve_cents=max(reserves, default=0), by_key=by_key)


def _strategy_limits(
    strategy: OwnStrategy, months_offered: set[int], *, funds_cents: int, at: datetime
) -> dict[str, int]:
    strategy_id, settings = strategy.strategy_id, strategy.settings
    limits: dict[str, int] = {}
    if settings.budget_cents is not None:
        limits[budget_key(strategy_id)] = settings.budget_cents
    cap_cents = part_cents(funds_cents, settings.caps.term_bp, least_cents=settings.ticket_min_cents)
    if cap_cents is not None:
        limits.update((term_key(strategy_id, months), cap_cents) for months in months_offered.union(settings.terms))
    if settings.pace_cents is not None:
        limits.update((key, settings.pace_cents) for key in coming_pace_keys(strategy_id, at))
    return limits


async def _told_limits(connection: AnyConnection, lender_id: str) -> PurseLimits:
    """What the last step says; a purse that was never told holds to nothing."""
    row = await connection.fetchrow(
        "SELECT p.reserve_cents, p.strategy_limits FROM purse_instruction p JOIN lender_settings s USING (lender_id)"
        " WHERE p.lender_id = $1 AND operation = 'limits' AND ref = p.lender_id || ':' || s.limits_version",
        lender_id,
    )
    if row is None:
        return PurseLimits(reserve_cents=0, by_key={})
    by_key = msgspec.json.decode(row["strategy_limits"], type=dict[str, int])
    return PurseLimits(reserve_cents=row["reserve_cents"], by_key=by_key)

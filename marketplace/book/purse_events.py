"""What happened in a lender's purse: the facts a purse shard's journal stores.

A purse is decided inside the store (`actors/functions.lua`), which writes these events itself; this module is their
shape. Every event carries the purse's standing after it: version `ver` and spendable `free_cents` (the lender's
reserve already taken off). Buckets: `free` → `taken` (promised to a fill) → `sent` (Lemonway executed) → out (lent);
`held` is set aside for a payout.
"""

from datetime import datetime

import msgspec


class PurseEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of every fact in a purse journal. `ref` is the id that makes the step happen once."""

    lender_id: str
    ref: str
    at: datetime
    ver: int
    free_cents: int


class Deposited(PurseEvent, frozen=True, kw_only=True, tag="deposited"):
    """`cents` arrived; `reserved_cents` of them are kept for the lender and never lent."""

    cents: int
    reserved_cents: int


class LimitsSet(PurseEvent, frozen=True, kw_only=True, tag="limits_set"):
    """The lender's reserve and the limits of its strategies (cents by key, see `strategy_limits`) were replaced."""

    reserve_cents: int
    strategy_limits: dict[str, int]


class FillTaken(PurseEvent, frozen=True, kw_only=True, tag="fill_taken"):
    """`cents` of `want_cents` were promised to fill `ref`. `replaced_fill_id` was closed in the same step.

    The promise counts against every one of `limit_keys`, the replaced one no longer against its own.
    """

    strategy_id: str
    limit_keys: tuple[str, ...]
    want_cents: int
    cents: int
    replaced_fill_id: str | None = None
    replaced_cents: int = 0


class FillDenied(PurseEvent, frozen=True, kw_only=True, tag="fill_denied"):
    """The minimum of fill `ref` could not be promised."""

    want_cents: int


class FillReleased(PurseEvent, frozen=True, kw_only=True, tag="fill_released"):
    """The promise of fill `ref` was given back to free."""

    cents: int


class FillVoided(PurseEvent, frozen=True, kw_only=True, tag="fill_voided"):
    """Fill `ref` was given up before it was decided; it can never be promised any more."""


class FillSent(PurseEvent, frozen=True, kw_only=True, tag="fill_sent"):
    """Lemonway moved the promised `cents` of fill `ref`."""

    cents: int


class FillRefunded(PurseEvent, frozen=True, kw_only=True, tag="fill_refunded"):
    """The `cents` of fill `ref` came back to free; nothing was lent with them."""

    cents: int


class FillLent(PurseEvent, frozen=True, kw_only=True, tag="fill_lent"):
    """The loan of fill `ref` was disbursed: its `cents` left the purse and are the loan's."""

    cents: int


class UseFreed(PurseEvent, frozen=True, kw_only=True, tag="use_freed"):
    """Principal came back: so many cents less count against each of these limit keys."""

    freed_cents: dict[str, int]


class WithdrawalHeld(PurseEvent, frozen=True, kw_only=True, tag="withdrawal_held"):
    """`cents` were set aside for payout `ref`."""

    cents: int


class WithdrawalRefused(PurseEvent, frozen=True, kw_only=True, tag="withdrawal_refused"):
    """Payout `ref` asked for more than the purse has free."""

    cents: int


class WithdrawalSent(PurseEvent, frozen=True, kw_only=True, tag="withdrawal_sent"):
    """Lemonway paid payout `ref` out."""

    cents: int


class WithdrawalVoided(PurseEvent, frozen=True, kw_only=True, tag="withdrawal_voided"):
    """Payout `ref` was not made; its `cents` are free again."""

    cents: int


AnyPurseEvent = (
    Deposited
    | LimitsSet
    | FillTaken
    | FillDenied
    | FillReleased
    | FillVoided
    | FillSent
    | FillRefunded
    | FillLent
    | UseFreed
    | WithdrawalHeld
    | WithdrawalRefused
    | WithdrawalSent
    | WithdrawalVoided
)

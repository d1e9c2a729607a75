"""Limits of a wallet over the last 24 hours, when the behaviour asks for them (docs/lemonway_facts.md §3)."""

from lemonway.simulator.behaviour import behaviour
from lemonway.simulator.clock import now_s
from lemonway.simulator.movements import CANCELLED
from lemonway.simulator.refusals import Refused
from lemonway.simulator.store import Store

_DAY_S = 86_400


def refuse_beyond_limits_of_transfer(store: Store, *, sender_id: str, receiver_id: str, cents: int) -> None:
    """100 when the sender, 101 when the receiver would go over its number or its sum of P2P."""
    limits = behaviour(store)
    if not limits.limits_enabled:
        return
    _refuse(store, 100, "p2p", "sender_id", sender_id, cents, limits.p2p_sent_count, limits.p2p_sent_cents)
    _refuse(store, 101, "p2p", "receiver_id", receiver_id, cents, limits.p2p_received_count, limits.p2p_received_cents)


def refuse_beyond_limits_of_payout(store: Store, *, wallet_id: str, cents: int) -> None:
    limits = behaviour(store)
    if limits.limits_enabled:
        count_max, cents_max = limits.money_out_count, limits.money_out_cents
        _refuse(store, 100, "money_out", "sender_id", wallet_id, cents, count_max, cents_max)


def refuse_beyond_limits_of_collection(store: Store, *, wallet_id: str, cents: int) -> None:
    limits = behaviour(store)
    if limits.limits_enabled:
        count_max, cents_max = limits.money_in_count, limits.money_in_cents
        _refuse(store, 101, "direct_debit", "receiver_id", wallet_id, cents, count_max, cents_max)


def _refuse(
    store: Store, code: int, kind: str, column: str, wallet_id: str, cents: int, count_max: int, cents_max: int
) -> None:
    used = store.one(
        f"SELECT count(*), coalesce(sum(amount_cents), 0) FROM transactions"
        f" WHERE {column} = ? AND initiated_at > ? AND kind = ? AND status <> ? AND fee_of IS NULL",
        wallet_id,
        now_s(store) - _DAY_S,
        kind,
        CANCELLED,
    )
    assert used is not None
    count, sum_cents = used
    if count + 1 > count_max or sum_cents + cents > cents_max:
        raise Refused(code, f"{count} operations of {sum_cents} cents in the last 24 hours")

"""The oracle as the control plane and the page show it."""

from lemonway.simulator.business_calendar import utc_iso
from lemonway.simulator.paging import Json
from lemonway.simulator.store import Store


def list_wallets(store: Store) -> list[Json]:
    rows = store.all(
        "SELECT wallets.*, coalesce(accounts.holder, wallets.id) AS holder FROM wallets"
        " LEFT JOIN accounts ON accounts.wallet_id = wallets.id ORDER BY internal_id"
    )
    return [
        {
            "id": row["id"],
            "internal_id": row["internal_id"],
            "kind": row["kind"],
            "holder": row["holder"],
            "status": row["status"],
            "is_blocked": bool(row["is_blocked"]),
            "balance_cents": row["balance_cents"],
        }
        for row in rows
    ]


def list_movements(store: Store, *, after: int, limit: int) -> list[Json]:
    """Oldest first, from the one after `after`."""
    return _movements(store, "source.movement > ?", after, "ORDER BY source.movement LIMIT ?", limit)


def latest_movements(store: Store, *, limit: int) -> list[Json]:
    return _movements(store, "source.movement > ?", 0, "ORDER BY source.movement DESC LIMIT ?", limit)


def _movements(store: Store, condition: str, value: int, order: str, limit: int) -> list[Json]:
    rows = store.all(
        "SELECT source.movement, source.posted_at, source.wallet_id AS source, target.wallet_id AS target,"
        " target.amount_cents AS cents, transactions.id AS transaction_id, transactions.kind,"
        " transactions.reference, transactions.origin_id, transactions.fee_of"
        " FROM postings AS source"
        " JOIN postings AS target ON target.movement = source.movement AND target.amount_cents > 0"
        " JOIN transactions ON transactions.id = source.transaction_id"
        f" WHERE source.amount_cents < 0 AND {condition} {order}",
        value,
        limit,
    )
    return [
        {
            "movement": row["movement"],
            "at": utc_iso(row["posted_at"]),
            "source": row["source"],
            "target": row["target"],
            "cents": row["cents"],
            "transaction_id": row["transaction_id"],
            "kind": row["kind"],
            "reference": row["reference"],
            "origin_id": row["origin_id"],
            "fee_of": row["fee_of"],
        }
        for row in rows
    ]


def ledger_breaks(store: Store) -> list[str]:
    """What does not add up: movements that are not two-sided and zero, balances that are not the sum of postings."""
    lopsided = store.all(
        "SELECT movement FROM postings GROUP BY movement HAVING sum(amount_cents) <> 0 OR count(*) <> 2"
    )
    drifted = store.all(
        "SELECT id, balance_cents, coalesce(posted, 0) AS posted FROM wallets LEFT JOIN"
        " (SELECT wallet_id, sum(amount_cents) AS posted FROM postings GROUP BY wallet_id) ON wallet_id = id"
        " WHERE balance_cents <> coalesce(posted, 0)"
    )
    return [
        *(f"movement {row['movement']} is not two postings that sum to zero" for row in lopsided),
        *(f"wallet {row['id']} holds {row['balance_cents']}, postings say {row['posted']}" for row in drifted),
    ]

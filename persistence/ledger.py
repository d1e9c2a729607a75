"""The only writer of money: entries of `marketplace.postings` into the double-entry ledger.

The database refuses on its own what must never be: an entry that does not sum to zero or arrives in parts, an account
that turns over to its other side, a balance changed without a posting, an entry changed or removed.
"""

import hashlib
from collections.abc import Sequence

from marketplace.postings import Entry
from persistence.connection import AnyConnection


class EntryIdReused(Exception):
    """An entry of this id is recorded with other figures: two facts claim one key, which is our own mistake."""


_RECORD = """
WITH opened AS (
    INSERT INTO account (id, owner_kind, owner_id, bucket, normal_side, is_guarded)
    SELECT id, owner_kind, owner_id, bucket, normal_side, true
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[])
        AS account (id, owner_kind, owner_id, bucket, normal_side)
    ON CONFLICT (id) DO NOTHING
), head AS (
    INSERT INTO journal_entry (id, kind, at, posting_count, digest)
    SELECT id, kind, at, posting_count, digest
    FROM unnest($6::text[], $7::text[], $8::timestamptz[], $9::smallint[], $10::bytea[])
        AS entry (id, kind, at, posting_count, digest)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), line AS (
    INSERT INTO posting (entry_id, line, account_id, cents)
    SELECT line.entry_id, line.line, line.account_id, line.cents
    FROM unnest($11::text[], $12::smallint[], $13::text[], $14::bigint[]) AS line (entry_id, line, account_id, cents)
    JOIN head ON head.id = line.entry_id
)
SELECT id FROM head
"""


async def record_entry(connection: AnyConnection, entry: Entry) -> bool:
    """Record one entry in the caller's transaction; False when it had been recorded before.

    Raises as `record_entries` does.
    """
    return bool(await record_entries(connection, [entry]))


async def record_entries(connection: AnyConnection, entries: Sequence[Entry]) -> set[str]:
    """Record entries, each whole or not at all, in the caller's transaction; the ids of those that were new.

    What a transaction records belongs in one call: its accounts are locked in one order, so that two transactions do
    not wait for each other. Raises EntryIdReused, and `asyncpg.CheckViolationError` with constraint
    `account_not_overdrawn` when an account would turn over to its other side.
    """
    if not entries:
        return set()
    digests = {entry.entry_id: _digest(entry) for entry in entries}
    assert len(digests) == len(entries), "an entry is listed twice"
    accounts = {posting.account.id: posting.account for entry in entries for posting in entry.postings}
    in_order = [accounts[account_id] for account_id in sorted(accounts)]
    lines = [
        (entry.entry_id, line, posting.account.id, posting.cents)
        for entry in entries
        for line, posting in enumerate(entry.postings)
    ]
    rows = await connection.fetch(
        _RECORD,
        sorted(accounts),
        [account.owner_kind for account in in_order],
        [account.owner_id for account in in_order],
        [account.bucket for account in in_order],
        [account.normal_side for account in in_order],
        [entry.entry_id for entry in entries],
        [entry.kind for entry in entries],
        [entry.at for entry in entries],
        [len(entry.postings) for entry in entries],
        list(digests.values()),
        [entry_id for entry_id, _, _, _ in lines],
        [line for _, line, _, _ in lines],
        [account_id for _, _, account_id, _ in lines],
        [cents for _, _, _, cents in lines],
    )
    new = {row["id"] for row in rows}
    if len(new) < len(entries):
        await _check_same_figures(connection, {key: value for key, value in digests.items() if key not in new})
    return new


async def balance_cents(connection: AnyConnection, account_id: str) -> int:
    """What an account holds or owes, counted on its own side: never below zero. 0 for an account never posted to."""
    balance: int | None = await connection.fetchval(
        "SELECT balance_cents * normal_side FROM account WHERE id = $1", account_id
    )
    return balance or 0


async def _check_same_figures(connection: AnyConnection, digests: dict[str, bytes]) -> None:
    rows = await connection.fetch("SELECT id, digest FROM journal_entry WHERE id = ANY($1)", list(digests))
    assert len(rows) == len(digests), "an entry that conflicts is there"
    for row in rows:
        if row["digest"] != digests[row["id"]]:
            raise EntryIdReused(f"entry {row['id']} is recorded with other figures")


def _digest(entry: Entry) -> bytes:
    """SHA-256 over kind and lines. The instant is left out: a fact told again may be told at another time."""
    lines = (f"{posting.account.id}={posting.cents}" for posting in entry.postings)
    return hashlib.sha256("\n".join((entry.kind, *lines)).encode()).digest()

"""What must always be true of the record, checked on a live database; the numbers are those of docs/invariants.md.

What concerns the record alone is here: 1 to 8 as far as PostgreSQL knows. That Redis holds the same journals, that
Lemonway holds the same wallets and movements, and that only a shard's owner writes it, others compare.
"""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import msgspec

from marketplace.book.journal import GENESIS_HASH, chain_hash
from marketplace.loans.loan import Loan, LoanContradiction, fold
from marketplace.loans.loan_events import LoanEvent
from persistence.connection import AnyConnection
from persistence.invariant_queries import INVARIANT_QUERIES
from persistence.replayed_books import replay_books, rows_that_differ

_READ_AT_A_TIME = 500
_EXAMPLES = 10

_loan_event_decoder: msgspec.json.Decoder[LoanEvent] = msgspec.json.Decoder(LoanEvent)


class InvariantResult(msgspec.Struct, frozen=True, kw_only=True):
    """An invariant and the rows that break it: how many, and the first few in words."""

    number: int
    name: str
    broken_count: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.broken_count == 0


async def check_invariants(connection: AnyConnection) -> list[InvariantResult]:
    """Every check, in order of number, on one state of the database (opens a transaction of its own).

    Cost: a pass over ledger and journals, and every book's decisions taken again.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        results = [
            _result(check.number, check.name, [row["what"] for row in await connection.fetch(check.query)])
            for check in INVARIANT_QUERIES
        ]
        results.append(_result(5, "journals are contiguous and their chains hold", await _broken_chains(connection)))
        results += await _check_replay(connection)
        results.append(_result(7, "a loan is the fold of its events", await _loans_that_differ(connection)))
    return sorted(results, key=lambda result: result.number)


async def wallet_balances(connection: AnyConnection) -> dict[str, int]:
    """Cents in each Lemonway wallet according to the ledger, for comparison with Lemonway's own figures."""
    rows = await connection.fetch("SELECT owner_id, balance_cents FROM account WHERE owner_kind = 'wallet'")
    return {row["owner_id"]: row["balance_cents"] for row in rows}


def _result(number: int, name: str, broken: Sequence[str]) -> InvariantResult:
    return InvariantResult(
        number=number, name=name, broken_count=len(broken), examples=tuple(sorted(broken)[:_EXAMPLES])
    )


async def _broken_chains(connection: AnyConnection) -> list[str]:
    cursors = await connection.fetch("SELECT shard, seq, hash FROM projection_cursor ORDER BY shard")
    ends = {row["shard"]: (0, GENESIS_HASH) for row in cursors}
    broken: dict[str, str] = {}
    query = "SELECT shard, seq, payload, hash FROM journal_event ORDER BY shard, seq"
    async for entry in connection.cursor(query, prefetch=_READ_AT_A_TIME):
        shard, seq = entry["shard"], entry["seq"]
        last_seq, last_hash = ends.get(shard, (0, GENESIS_HASH))
        if seq != last_seq + 1 or chain_hash(last_hash, seq, entry["payload"]) != entry["hash"]:
            broken.setdefault(shard, f"{shard}: entry {seq} does not follow entry {last_seq}")
        ends[shard] = (seq, entry["hash"])
    for row in cursors:
        if ends[row["shard"]] != (row["seq"], row["hash"]):
            broken.setdefault(row["shard"], f"{row['shard']}: ends at {ends[row['shard']][0]}, not at {row['seq']}")
    return list(broken.values())


async def _check_replay(connection: AnyConnection) -> list[InvariantResult]:
    books = await replay_books(connection)
    rows = [difference for book in books for difference in await rows_that_differ(connection, book)]
    return [
        _result(3, "no plan passes a limit or a rate", [passed for book in books for passed in book.limits_passed]),
        _result(6, "a replay decides the same, byte for byte", [what for book in books for what in book.differences]),
        _result(6, "requests and offers stand as the replayed books say", rows),
    ]


async def _loans_that_differ(connection: AnyConnection) -> list[str]:
    rows = await connection.fetch(
        "SELECT id, outstanding_cents, unapplied_cents, event_count, settled_on FROM loan ORDER BY id"
    )
    recorded = {row["id"]: row for row in rows}
    shares = await _shares_by_loan(connection)
    different = []
    async for loan_id, loan, event_count in _folded_loans(connection):
        row = recorded.pop(loan_id, None)
        if isinstance(loan, LoanContradiction):
            different.append(f"loan {loan_id}: {loan}")
            continue
        as_folded = (
            (loan.principal_left_cents, loan.unapplied_cents, event_count, loan.settled_on),
            [(share.participant_id, share.principal_paid_cents, share.interest_paid_cents) for share in loan.shares],
        )
        as_recorded = (row and tuple(row.values())[1:], shares.get(loan_id, []))
        if as_folded != as_recorded:
            different.append(f"loan {loan_id}: events say {as_folded}, rows {as_recorded}")
    return different + [f"loan {loan_id} has no event" for loan_id in recorded]


async def _shares_by_loan(connection: AnyConnection) -> dict[str, list[tuple[str, int, int]]]:
    shares: dict[str, list[tuple[str, int, int]]] = {}
    for row in await connection.fetch(
        "SELECT loan_id, participant_id, principal_paid_cents, interest_paid_cents FROM loan_share"
        " ORDER BY loan_id, place"
    ):
        loan_id, *share = tuple(row.values())
        shares.setdefault(loan_id, []).append((share[0], share[1], share[2]))
    return shares


async def _folded_loans(connection: AnyConnection) -> AsyncIterator[tuple[str, Loan | LoanContradiction, int]]:
    """Every loan folded from its events, or why it cannot be, and how many they are."""
    query = "SELECT loan_id, payload FROM loan_event ORDER BY loan_id, number"
    rows: list[asyncpg.Record] = []
    async for row in connection.cursor(query, prefetch=_READ_AT_A_TIME):
        if rows and rows[-1]["loan_id"] != row["loan_id"]:
            yield _folded(rows)
            rows = []
        rows.append(row)
    if rows:
        yield _folded(rows)


def _folded(rows: Sequence[asyncpg.Record]) -> tuple[str, Loan | LoanContradiction, int]:
    try:
        loan: Loan | LoanContradiction = fold(_loan_event_decoder.decode(row["payload"]) for row in rows)
    except LoanContradiction as contradiction:
        loan = contradiction
    return rows[0]["loan_id"], loan, len(rows)

"""The ledger refuses what must never be, also to those who go around its writer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import msgspec
import pytest

from marketplace.postings import Entry, fill_taken, lender_wire_received
from persistence.connection import Connection, connect
from persistence.ledger import EntryIdReused, balance_cents, record_entries, record_entry
from persistence.trial_balance import trial_balance

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def wire(money_in_id: str, cents: int, *, lender_id: str = "ada") -> Entry:
    return lender_wire_received(
        money_in_id=money_in_id, at=AT, wallet_id=f"L-{lender_id}", lender_id=lender_id, cents=cents
    )


def promise(seq: int, cents: int, *, lender_id: str = "ada") -> Entry:
    entry = fill_taken(shard="pu00", seq=seq, at=AT, lender_id=lender_id, cents=cents, replaced_cents=0)
    assert entry is not None
    return entry


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url)
    yield connection
    await connection.close()


async def test_an_entry_moves_the_balances_of_its_accounts(connection: Connection) -> None:
    await record_entries(connection, [wire("9001", 50_000), promise(1, 30_000)])

    assert await balance_cents(connection, "wallet:L-ada:balance") == 50_000
    assert await balance_cents(connection, "lender:ada:free") == 20_000
    assert await balance_cents(connection, "lender:ada:taken") == 30_000
    assert await balance_cents(connection, "lender:ada:sent") == 0


async def test_an_entry_recorded_twice_counts_once(connection: Connection) -> None:
    later = msgspec.structs.replace(wire("9001", 50_000), at=datetime(2026, 3, 3, tzinfo=UTC))

    assert await record_entry(connection, wire("9001", 50_000)) is True
    assert await record_entry(connection, later) is False

    assert await balance_cents(connection, "lender:ada:free") == 50_000


async def test_of_a_batch_only_the_new_entries_are_recorded(connection: Connection) -> None:
    await record_entry(connection, wire("9001", 50_000))

    new = await record_entries(connection, [wire("9001", 50_000), wire("9002", 100)])

    assert new == {"wire:9002"}
    assert await balance_cents(connection, "lender:ada:free") == 50_100


async def test_an_entry_id_with_other_figures_is_refused(connection: Connection) -> None:
    await record_entry(connection, wire("9001", 50_000))

    with pytest.raises(EntryIdReused, match="wire:9001"):
        await record_entry(connection, wire("9001", 50_001))


async def test_a_promise_of_more_than_is_free_is_refused(connection: Connection) -> None:
    await record_entry(connection, wire("9001", 50_000))

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await record_entry(connection, promise(1, 50_001))

    assert refused.value.constraint_name == "account_not_overdrawn"
    assert await balance_cents(connection, "lender:ada:free") == 50_000


async def test_two_promises_at_once_cannot_spend_the_same_money(database_url: str) -> None:
    one, other = await connect(database_url), await connect(database_url)
    await record_entry(one, wire("9001", 50_000))

    outcomes = await asyncio.gather(
        record_entry(one, promise(1, 30_000)), record_entry(other, promise(2, 30_000)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CheckViolationError", "bool"]
    assert await balance_cents(one, "lender:ada:taken") == 30_000
    await one.close()
    await other.close()


async def test_writers_of_the_same_accounts_do_not_deadlock(database_url: str) -> None:
    writers = [await connect(database_url) for _ in range(4)]
    lenders = [f"lender{number}" for number in range(20)]

    async def record_wires(writer: int) -> None:
        in_some_order = lenders if writer % 2 else lenders[::-1]
        for batch in range(10):
            entries = [wire(f"{writer}-{batch}-{name}", 100, lender_id=name) for name in in_some_order]
            async with writers[writer].transaction():
                await record_entries(writers[writer], entries)

    await asyncio.gather(*(record_wires(writer) for writer in range(4)))

    balances = [await balance_cents(writers[0], f"lender:{name}:free") for name in lenders]
    assert balances == [4_000] * 20
    for writer in writers:
        await writer.close()


async def open_accounts_and_head(connection: Connection, postings: int) -> None:
    """Two accounts, and the head of an entry as somebody would write it by hand, in a transaction that stays open."""
    await record_entry(connection, wire("9001", 50_000))
    await connection.execute("BEGIN")
    await connection.execute(
        "INSERT INTO journal_entry (id, kind, at, posting_count, digest) VALUES ('forged', 'x', now(), $1, $2)",
        postings,
        bytes(32),
    )


async def test_an_entry_that_does_not_sum_to_zero_is_refused_under_insert(connection: Connection) -> None:
    await open_accounts_and_head(connection, 2)

    with pytest.raises(
        asyncpg.CheckViolationError, match="entry forged does not balance: 2 of 2 postings, sum 1 cents"
    ):
        await connection.execute(
            "INSERT INTO posting VALUES ('forged', 0, 'wallet:L-ada:balance', 9), ('forged', 1, 'lender:ada:free', -8)"
        )


async def test_an_entry_that_does_not_sum_to_zero_is_refused_under_copy(connection: Connection) -> None:
    await open_accounts_and_head(connection, 2)

    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await connection.copy_records_to_table(
            "posting",
            records=[("forged", 0, "wallet:L-ada:balance", 11), ("forged", 1, "lender:ada:free", -10)],
        )


async def test_an_entry_in_two_parts_is_refused_although_each_sums_to_zero(connection: Connection) -> None:
    await open_accounts_and_head(connection, 4)

    with pytest.raises(asyncpg.CheckViolationError, match="2 of 4 postings"):
        await connection.execute(
            "INSERT INTO posting VALUES ('forged', 0, 'wallet:L-ada:balance', 9), ('forged', 1, 'lender:ada:free', -9)"
        )


async def test_lines_cannot_be_added_to_an_entry_later(connection: Connection) -> None:
    await record_entry(connection, wire("9001", 50_000))

    with pytest.raises(asyncpg.CheckViolationError, match="entry wire:9001 does not balance"):
        await connection.execute(
            "INSERT INTO posting VALUES ('wire:9001', 2, 'wallet:L-ada:balance', 9),"
            " ('wire:9001', 3, 'lender:ada:free', -9)"
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET cents = cents * 2",
        "DELETE FROM posting",
        "TRUNCATE posting",
        "UPDATE journal_entry SET kind = 'other'",
        "DELETE FROM journal_entry WHERE false",
        "DELETE FROM account",
        "UPDATE account SET balance_cents = 0",
        "UPDATE account SET is_guarded = false",
        "INSERT INTO account VALUES ('lender:eve:free', 'lender', 'eve', 'free', -1, true, -1)",
    ],
)
async def test_the_record_cannot_be_rewritten(connection: Connection, statement: str) -> None:
    await record_entry(connection, wire("9001", 50_000))

    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(statement)


async def test_the_trial_balance_lists_each_kind_of_account_and_sums_to_zero(connection: Connection) -> None:
    await record_entries(connection, [wire("9001", 50_000), wire("9002", 700, lender_id="bob"), promise(1, 30_000)])

    balance = await trial_balance(connection)

    assert [(line.account_kind, line.accounts, line.balance_cents) for line in balance.lines] == [
        ("lender:free", 2, -20_700),
        ("lender:taken", 1, -30_000),
        ("wallet:balance", 2, 50_700),
    ]
    assert balance.sum_cents == 0


async def test_an_entry_without_postings_is_refused_when_its_transaction_ends(connection: Connection) -> None:
    alone = connection.transaction()
    await alone.start()
    await connection.execute(
        "INSERT INTO journal_entry (id, kind, at, posting_count, digest) VALUES ('x', 'wire', now(), 2, $1)", bytes(32)
    )

    with pytest.raises(asyncpg.CheckViolationError, match="entry x has no postings"):
        await alone.commit()

    assert await connection.fetchval("SELECT count(*) FROM journal_entry") == 0

"""What Piccolo words runs on our connection: in its transaction, with its ids."""

from persistence.connection import Pool
from persistence.parties import Party
from persistence.table_queries import carry_out, fetch_all, fetch_one, fetch_value

ADA = "0190c0de-0000-7000-8000-0000000000aa"
NOBODY = "0190c0de-0000-7000-8000-0000000000ff"


async def add_ada(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO party (id, kind, name, wallet_id, profile) VALUES ($1, 'borrower', 'Ada', 'b-1', '{\"born\": 1}')",
        ADA,
    )


async def test_rows_come_with_ids_and_json_as_text(pool: Pool) -> None:
    await add_ada(pool)

    query = Party.select(Party.id, Party.profile, Party.kyc_state, Party.virtual_iban).where(Party.id == ADA)

    assert [tuple(row) for row in await fetch_all(pool, query)] == [(ADA, '{"born": 1}', "not_started", None)]


async def test_a_row_or_a_value_that_is_not_there_is_none(pool: Pool) -> None:
    query = Party.select(Party.name).where(Party.id == NOBODY)

    assert await fetch_one(pool, query) is None
    assert await fetch_value(pool, query) is None
    assert await fetch_value(pool, Party.count()) == 0


async def test_a_change_belongs_to_the_transaction_it_is_made_in(pool: Pool) -> None:
    await add_ada(pool)
    query = Party.select(Party.name).where(Party.id == ADA)

    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await carry_out(connection, Party.update({Party.name: "Ada L."}).where(Party.id == ADA))
        within, outside = await fetch_value(connection, query), await fetch_value(pool, query)
        await transaction.rollback()

    assert (within, outside, await fetch_value(pool, query)) == ("Ada L.", "Ada", "Ada")

"""A sound record passes every check, and each way of spoiling it is found and named."""

import msgspec
import pytest

from marketplace.company_terms import CompanyMoney
from persistence.connection import Pool
from persistence.invariants import InvariantResult, check_invariants, wallet_balances
from tests.persistence.journaled_market import JournaledMarket, id_of, wallet_of


@pytest.fixture
async def market(database_url: str, pool: Pool) -> JournaledMarket:
    """A loan with a company tranche and a first instalment paid, a covered request, an open one, a payout under way."""
    market = JournaledMarket(database_url, pool)
    await market.add_company(budget_cents=50_000, money=CompanyMoney(mode="share", share_bp=2_000, budget_cents=50_000))
    await market.add_lender("ada", cents=90_000)
    await market.add_lender("anne", cents=80_000)
    await market.open_request("r1", cents=120_000)
    await market.sign("r1")
    await market.project()
    await market.pay()
    await market.open_request("r2", cents=50_000)
    await market.open_request("r3", cents=900_000)
    await market.project()
    return market


async def broken(market: JournaledMarket) -> dict[str, InvariantResult]:
    async with market.pool.acquire() as connection:
        return {result.name: result for result in await check_invariants(connection) if not result.holds}


async def test_every_invariant_holds_from_the_first_offer_to_a_paid_instalment(market: JournaledMarket) -> None:
    lent = await broken(market)
    await market.collect_next()
    collected = await broken(market)
    await market.hold_for_payout("ada", 5_000)
    await market.project()
    await market.pay()

    assert (lent, collected, await broken(market)) == ({}, {}, {})
    assert await market.pool.fetchval("SELECT state FROM payout") == "executed"


async def test_they_hold_while_steps_are_still_on_their_way_to_the_purses(market: JournaledMarket) -> None:
    await market.sign("r2")
    await market.project()
    await market.execute_payments()

    assert await market.pool.fetchval("SELECT count(*) FROM purse_instruction WHERE state = 'ready'") > 0
    assert await broken(market) == {}


async def test_they_hold_after_amendments_releases_and_cancellations(database_url: str, pool: Pool) -> None:
    market = JournaledMarket(database_url, pool)
    await market.add_company()
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    await market.project()
    market.before_asking = lambda: market.hold_for_payout("ada", 30_000)
    await market.open_request("r1", cents=100_000)
    await market.cancel("r1")
    market.before_asking = lambda: market.hold_for_payout("anne", 70_000)
    await market.open_request("r2", cents=90_000)
    await market.project()

    assert await broken(market) == {}
    assert await pool.fetchval("SELECT array_agg(DISTINCT released_why) FROM cover") == ["cancelled", "failed"]


async def test_the_ledger_knows_what_is_in_each_wallet(market: JournaledMarket) -> None:
    async with market.pool.acquire() as connection:
        balances = await wallet_balances(connection)

    assert {name: balances[wallet_of(name)] for name in ("ada", "anne", "alfa", "borrower of r1")} == {
        "ada": 90_000 - 50_798,
        "anne": 80_000 - 45_202,
        "alfa": 50_000 - 24_000,
        "borrower of r1": 0,
    }


LENDER = id_of("ada")

LIMITS_FREED = "principal that came back no longer counts against the limits it was lent under"

SPOILED = [
    ("UPDATE posting SET cents = cents + 1 WHERE line = 0", "every journal entry is whole and sums to zero"),
    (
        "UPDATE account SET balance_cents = balance_cents - 1 WHERE bucket = 'free'",
        "every account's balance is the sum of its postings",
    ),
    ("UPDATE account SET balance_cents = balance_cents - 1 WHERE bucket = 'free'", "all accounts sum to zero"),
    ("UPDATE account SET balance_cents = 1, is_guarded = false WHERE bucket = 'free'", "no account is overdrawn"),
    ("UPDATE wire SET cents = cents + 1", "what a lender has is what came in less what went out"),
    (
        "UPDATE account SET balance_cents = balance_cents - 1 WHERE bucket = 'free'",
        "every purse has in each bucket what the ledger says",
    ),
    (
        "UPDATE credit_request SET covered_cents = covered_cents - 1 WHERE state = 'covered'",
        "a cover is its fills and the company's tranche, within what was asked for",
    ),
    (
        "UPDATE credit_request SET max_rate_bp = 399 WHERE state = 'covered'",
        "a cover is its fills and the company's tranche, within what was asked for",
    ),
    (
        "UPDATE fill SET purse_state = 'released' WHERE book_state = 'taken'",
        "a fill is promised by its purse for exactly what its book recorded",
    ),
    (
        "INSERT INTO fill (fill_id, lender_id, purse_state, amount_purse_cents)"
        f" VALUES ('bk00.1.0', '{LENDER}', 'taken', 5)",
        "a fill is promised by its purse for exactly what its book recorded",
    ),
    (
        "INSERT INTO journal_event (shard, seq, kind, lender_id, cause_id, payload, hash) SELECT shard, 999, kind,"
        " lender_id, cause_id, payload, hash FROM journal_event WHERE kind = 'fill_taken' LIMIT 1",
        "a fill is decided once and takes each later step once",
    ),
    (
        "DELETE FROM payment_instruction WHERE kind = 'fund' AND participant_kind = 'lender'",
        "a signed fill has one payment of its amount, and no other fill has any",
    ),
    (
        "INSERT INTO journal_event (shard, seq, kind, lender_id, cause_id, payload, hash)"
        f" VALUES ('pu99', 1, 'use_freed', '{LENDER}', 'm',"
        """ convert_to('{"freed_cents":{"main":1}}', 'UTF8'), repeat('0', 40))""",
        LIMITS_FREED,
    ),
    ("UPDATE loan_share SET principal_cents = 1", "a loan's shares sum to its principal, paid and owed"),
    (
        "UPDATE loan SET collected_cents = collected_cents + 1",
        "what was collected is what participants got and what is not applied yet",
    ),
    ("UPDATE loan_share SET principal_paid_cents = 1", "what participants lent and await is what the ledger says"),
    ("UPDATE loan_share SET principal_paid_cents = 1", "a loan is the fold of its events"),
    (
        "INSERT INTO loan_event (loan_id, number, kind, payload, effective_on, at)"
        " SELECT loan_id, 99, kind, payload, effective_on, at FROM loan_event WHERE number = 1",
        "a loan is the fold of its events",
    ),
    (
        "UPDATE payment_instruction SET cents = cents + 1 WHERE kind = 'disburse'",
        "every executed payment is in the ledger once, for its amount",
    ),
    (
        "UPDATE payment_instruction SET state = 'review' WHERE kind = 'disburse'",
        "every executed payment is in the ledger once, for its amount",
    ),
    ("DELETE FROM journal_event WHERE shard = 'bk00' AND seq = 3", "journals are contiguous and their chains hold"),
    (
        "UPDATE projection_cursor SET seq = seq + 1 WHERE shard = 'pu00'",
        "journals are contiguous and their chains hold",
    ),
    (
        "UPDATE command SET body = jsonb_set(body, '{request,amount_cents}', '49999') WHERE kind = 'open_request'",
        "a replay decides the same, byte for byte",
    ),
    (
        "UPDATE journal_event SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '\"rate_bp\":400',"
        " '\"rate_bp\":390'), 'UTF8') WHERE kind = 'cover_proposed'",
        "a replay decides the same, byte for byte",
    ),
    (
        "UPDATE journal_event SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '\"rate_bp\":400',"
        " '\"rate_bp\":390'), 'UTF8') WHERE kind = 'cover_proposed'",
        "no plan passes a limit or a rate",
    ),
    (
        "UPDATE credit_request SET state = 'cancelled' WHERE state = 'open'",
        "requests and offers stand as the replayed books say",
    ),
    ("UPDATE offer SET ask_bp = 399", "requests and offers stand as the replayed books say"),
]


@pytest.mark.parametrize(("statement", "name"), SPOILED, ids=[f"{name}-{at}" for at, (_, name) in enumerate(SPOILED)])
async def test_a_spoiled_record_is_found(market: JournaledMarket, statement: str, name: str) -> None:
    async with market.pool.acquire() as connection:
        await connection.execute("ALTER TABLE account DROP CONSTRAINT account_not_overdrawn")
        await connection.execute("SET session_replication_role = replica")  # as somebody could who owns the server
        assert await connection.execute(statement) not in ("UPDATE 0", "DELETE 0", "INSERT 0 0")

    found = await broken(market)

    assert name in found
    assert found[name].broken_count >= 1
    assert found[name].examples


async def test_principal_that_came_back_and_freed_nothing_is_found(market: JournaledMarket) -> None:
    await market.collect_next()
    freed = await market.pool.fetchval(
        "SELECT convert_from(payload, 'UTF8')::jsonb -> 'freed_cents' FROM journal_event"
        " WHERE kind = 'use_freed' LIMIT 1"
    )

    await market.pool.execute(
        "UPDATE receipt_share SET principal_cents = principal_cents + 1"
        " WHERE distributed_at IS NOT NULL AND participant_id = $1",
        LENDER,
    )

    assert len(msgspec.json.decode(freed)) == 2, "the budget and the cap of the term"
    found = await broken(market)
    assert found[LIMITS_FREED].broken_count == 2


def test_every_check_is_tried() -> None:
    assert len({name for _, name in SPOILED}) == 20

"""Every fact of books and purses becomes rows and postings once, in causal order, whatever dies on the way."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from marketplace.book.book_lenders import terms_of
from marketplace.book.commands import CancelRequest, PlaceOffer, SignRequest, WithdrawOffer
from marketplace.book.purse_events import FillTaken
from marketplace.company_terms import CompanyMoney
from marketplace.ports import PurseOperation
from marketplace.strategies.offer_terms import OfferTerms
from persistence.connection import Connection, Pool, connect
from persistence.ledger import balance_cents
from persistence.payment_instructions import lemonway_reference, payment_instruction_id
from persistence.projector import Projector
from persistence.purse_steps import PurseStep, ask_purses
from persistence.trial_balance import trial_balance
from tests.persistence.journaled_market import BOOK_SHARD, JournaledMarket, id_of, purse_shard_of, wallet_of

LEND: tuple[PurseOperation, ...] = ("post", "lend")

DIE_IN_COMMIT = """
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER die_in_commit AFTER UPDATE ON projection_cursor
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def market(database_url: str, pool: Pool) -> JournaledMarket:
    market = JournaledMarket(database_url, pool)
    await market.add_company()
    return market


async def fills(connection: Connection) -> list[tuple[str, str, str, int, int]]:
    """Lender, both states and both amounts of every fill, in order."""
    rows = await connection.fetch(
        "SELECT p.name, f.book_state, f.purse_state, f.amount_book_cents, f.amount_purse_cents"
        " FROM fill f JOIN party p ON p.id = f.lender_id ORDER BY f.fill_id"
    )
    return [tuple(row.values()) for row in rows]


async def test_a_covered_request_is_confirmed_with_both_sides_of_its_fills(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    await market.open_request("r1", cents=100_000)

    await market.project()

    request = await connection.fetchrow("SELECT * FROM credit_request")
    assert request is not None
    assert (request["state"], request["covered_cents"], request["rate_bp"], request["loan_rate_cbp"]) == (
        "covered",
        100_000,
        400,
        40_000,
    )
    assert request["approval_sequence"] == 1
    assert await fills(connection) == [
        ("ada", "taken", "taken", 42_899, 42_899),
        ("anne", "taken", "taken", 57_101, 57_101),
    ]
    assert await balance_cents(connection, f"lender:{id_of('ada')}:free") == 17_101
    assert await balance_cents(connection, f"lender:{id_of('ada')}:taken") == 42_899
    assert (await trial_balance(connection)).sum_cents == 0


async def test_every_command_is_decided_and_the_deposits_are_done(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.send(WithdrawOffer(offer_id=id_of("no such offer")), command_id=id_of("withdraw"))
    await market.send(WithdrawOffer(offer_id=id_of("offer of ada")))

    await market.project()

    assert await connection.fetchval("SELECT count(*) FROM command WHERE state = 'received'") == 0
    refused = await connection.fetchrow("SELECT outcome, refusal FROM command WHERE id = $1", id_of("withdraw"))
    assert refused is not None
    assert refused["outcome"] == "refused"
    assert msgspec.json.decode(refused["refusal"]) == {"reason": "offer_unknown", "offer_id": id_of("no such offer")}
    assert await connection.fetchval("SELECT state FROM offer") == "withdrawn"
    assert await connection.fetchval("SELECT state FROM purse_instruction WHERE operation = 'deposit'") == "done"


async def test_an_amended_offer_keeps_its_place_and_its_first_date(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    placed = terms_of(market.book.lenders.offers[id_of("offer of ada")])
    amended: OfferTerms = msgspec.structs.replace(placed, ask_bp=450, months=(12, 24))
    await market.project()
    market.at = market.at.replace(hour=15)
    await market.send(PlaceOffer(offer=amended))

    await market.project()

    offer = await connection.fetchrow("SELECT ask_bp, months, sequence, placed_at, changed_at FROM offer")
    assert offer is not None
    assert (offer["ask_bp"], offer["months"], offer["sequence"]) == (450, [12, 24], 1)
    assert (offer["placed_at"].hour, offer["changed_at"].hour) == (9, 15)


async def test_a_signed_cover_is_paid_leg_by_leg_and_the_company_pays_its_tranche(
    database_url: str, pool: Pool, connection: Connection
) -> None:
    market = JournaledMarket(database_url, pool)
    await market.add_company(budget_cents=50_000, money=CompanyMoney(mode="share", share_bp=2_000, budget_cents=50_000))
    await market.add_lender("ada", cents=90_000)
    await market.open_request("r1", cents=100_000)
    await market.sign("r1")

    await market.project()

    rows = await connection.fetch(
        "SELECT id, reference, participant_kind, debit_wallet, credit_wallet, cents, state, fill_id"
        " FROM payment_instruction ORDER BY cents"
    )
    fill_id = next(iter(market.purses.taken))
    tranche_id, leg_id = (
        payment_instruction_id("fund", id_of("r1"), "company"),
        payment_instruction_id("fund", fill_id),
    )
    borrower = wallet_of("borrower of r1")
    assert [tuple(row.values()) for row in rows] == [
        (tranche_id, lemonway_reference(tranche_id), "company", wallet_of("alfa"), borrower, 20_000, "ready", None),
        (leg_id, lemonway_reference(leg_id), "lender", wallet_of("ada"), borrower, 80_000, "ready", fill_id),
    ]
    assert await connection.fetchval("SELECT state FROM credit_request") == "signed"
    assert await connection.fetchval("SELECT state FROM cover") == "signed"


async def test_promises_make_no_payment_before_the_signature(connection: Connection, market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)

    await market.project()

    assert await connection.fetchval("SELECT count(*) FROM payment_instruction") == 0


async def test_a_cancelled_cover_gives_every_promise_back(connection: Connection, market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    await market.open_request("r1", cents=100_000)
    await market.send(CancelRequest(request_id=id_of("r1")))

    await market.project()

    assert await fills(connection) == [
        ("ada", "ended", "released", 42_899, 42_899),
        ("anne", "ended", "released", 57_101, 57_101),
    ]
    assert await connection.fetchval("SELECT state FROM credit_request") == "cancelled"
    assert await connection.fetchval("SELECT released_why FROM cover") == "cancelled"
    assert await balance_cents(connection, f"lender:{id_of('ada')}:free") == 60_000
    assert await balance_cents(connection, f"lender:{id_of('ada')}:taken") == 0


async def test_a_cover_amended_because_a_purse_fell_short_replaces_fills(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    await market.project()
    market.before_asking = lambda: market.hold_for_payout("ada", 30_000)
    await market.open_request("r1", cents=100_000)

    await market.project()

    assert await fills(connection) == [
        ("ada", "ended", "replaced", 30_000, 30_000),
        ("anne", "ended", "replaced", 57_101, 57_101),
        ("ada", "taken", "taken", 27_315, 27_315),
        ("anne", "taken", "taken", 72_685, 72_685),
    ]
    assert await connection.fetchval("SELECT round FROM cover") == 1
    assert await balance_cents(connection, f"lender:{id_of('anne')}:free") == 7_315
    assert await balance_cents(connection, f"lender:{id_of('ada')}:free") == 2_685
    assert await balance_cents(connection, f"lender:{id_of('ada')}:held") == 30_000


async def test_a_held_payout_is_asked_of_lemonway_and_a_refused_one_is_not(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    await market.project()
    refused = await market.ask_for_payout("anne", 80_000)
    await market.open_request("r1", cents=100_000)
    held = await market.hold_for_payout("ada", 10_000)

    await market.project()

    payment = await connection.fetchrow("SELECT kind, payout_id, debit_wallet, cents, state FROM payment_instruction")
    assert payment is not None
    assert tuple(payment.values()) == ("pay_out", held, wallet_of("ada"), 10_000, "ready")
    states = await connection.fetch("SELECT id, state FROM payout")
    assert {row["id"]: row["state"] for row in states} == {held: "held", refused: "refused"}
    assert await balance_cents(connection, f"lender:{id_of('ada')}:held") == 10_000
    assert await balance_cents(connection, f"lender:{id_of('anne')}:held") == 0


async def test_purse_steps_are_done_once_their_events_are_projected(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    fill_id = next(iter(market.purses.taken))
    steps = [
        PurseStep(lender_id=id_of("ada"), operation=step, ref=fill_id, at=market.at, cents=100_000) for step in LEND
    ]
    await ask_purses(connection, steps)
    await market.project()
    before = await connection.fetch("SELECT operation, state FROM purse_instruction ORDER BY number")
    await market.take_purse_steps()

    await market.project()

    assert [tuple(row.values()) for row in before] == [("deposit", "done"), ("post", "ready"), ("lend", "ready")]
    assert await connection.fetchval("SELECT bool_and(state = 'done') FROM purse_instruction") is True
    assert await connection.fetchval("SELECT purse_state FROM fill") == "lent"


async def test_a_second_run_finds_nothing_left_to_record(market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)

    first = await market.project()
    second = await market.project()

    assert (first, second) == (sum(len(entries) for entries in market.journals.entries.values()), 0)


async def test_a_projector_killed_between_commit_and_acknowledgement_is_made_up_for(market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    await market.project()
    recorded = dict(market.journals.acknowledged)
    market.journals.acknowledged.clear()

    again = await market.project()

    assert again == 0
    assert market.journals.acknowledged == recorded


async def test_a_projector_killed_in_its_commit_leaves_nothing_behind(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    projector, killed = market.a_projector(), await connect(database_url)
    await projector.take_up(killed)
    await connection.execute(DIE_IN_COMMIT)

    with pytest.raises(asyncpg.PostgresError):
        await projector.project(killed, market.journals.shards())
    rows = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in ("journal_event", "fill", "cover")]
    promised = await balance_cents(connection, f"lender:{id_of('ada')}:taken")
    acknowledged = dict(market.journals.acknowledged)
    await connection.execute("DROP TRIGGER die_in_commit ON projection_cursor")
    recorded = await market.project()

    assert (rows, promised, acknowledged) == ([0, 0, 0], 0, {})
    assert recorded == sum(len(entries) for entries in market.journals.entries.values())


async def test_two_projectors_at_once_record_every_fact_once(
    database_url: str, pool: Pool, connection: Connection, market: JournaledMarket
) -> None:
    for number in range(8):
        await market.add_lender("l" * (number + 1), cents=50_000)
    for number in range(12):
        await market.open_request(f"r{number}", cents=30_000)
    other_connection = await connect(database_url)
    one, other = market.a_projector(), market.a_projector()
    await one.take_up(connection)
    await other.take_up(other_connection)
    facts = sum(len(entries) for entries in market.journals.entries.values())

    async def work(projector: Projector, own: Connection) -> int:
        recorded = 0
        while await pool.fetchval("SELECT count(*) FROM journal_event") < facts:
            recorded += await projector.project(own, market.journals.shards())
        return recorded

    recorded = await asyncio.gather(work(one, connection), work(other, other_connection))

    assert sum(recorded) == facts
    assert (await trial_balance(connection)).sum_cents == 0
    assert all(fill[3] == fill[4] for fill in await fills(connection))
    await other_connection.close()


async def test_a_book_waits_for_the_purses_it_relies_on(connection: Connection, market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    projector = market.a_projector()
    await projector.take_up(connection)

    await projector.project(connection, [BOOK_SHARD])
    last = await connection.fetchval("SELECT kind FROM journal_event ORDER BY seq DESC LIMIT 1")
    held_back = projector.status().held_back
    await projector.project(connection, [purse_shard_of("ada")])
    await projector.project(connection, [BOOK_SHARD])

    assert (last, held_back) == ("cover_proposed", (BOOK_SHARD,))
    assert projector.status().held_back == ()
    assert await connection.fetchval("SELECT state FROM credit_request") == "covered"


async def test_a_purse_waits_for_the_book_that_named_the_fill(connection: Connection, market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    projector = market.a_projector()
    await projector.take_up(connection)

    await projector.project(connection, [purse_shard_of("ada")])

    kinds = await connection.fetch("SELECT kind FROM journal_event ORDER BY seq")
    assert [row["kind"] for row in kinds] == ["deposited"]


async def test_a_gap_halts_its_shard_and_no_other(connection: Connection, market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.add_lender("anne", cents=200_000)
    del market.journals.entries[BOOK_SHARD][1]

    await market.project()

    halted = await connection.fetchrow(
        "SELECT shard, seq, halted_why FROM projection_cursor WHERE halted_why IS NOT NULL"
    )
    assert halted is not None
    assert tuple(halted.values()) == (BOOK_SHARD, 0, "JournalGap: bk00: entry 2 is missing, the journal goes on with 3")
    assert await balance_cents(connection, f"lender:{id_of('anne')}:free") == 200_000


async def test_a_changed_entry_halts_its_shard(connection: Connection, market: JournaledMarket) -> None:
    await market.add_lender("ada", cents=200_000)
    entries = market.journals.entries[BOOK_SHARD]
    entries[1] = msgspec.structs.replace(entries[1], payload=entries[1].payload.replace(b"400", b"399"))

    await market.project()

    assert await connection.fetchval("SELECT halted_why FROM projection_cursor WHERE shard = $1", BOOK_SHARD) == (
        "JournalDiverged: bk00: entry 2 does not continue the recorded chain"
    )


async def test_a_journal_that_lost_what_is_recorded_halts_its_shard(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.project()
    market.journals.entries[BOOK_SHARD].pop()

    await market.project()

    assert await connection.fetchval("SELECT halted_why FROM projection_cursor WHERE shard = $1", BOOK_SHARD) == (
        "bk00: the journal ends at 1, 2 is recorded"
    )


async def test_a_journal_rewritten_since_it_was_recorded_halts_its_shard(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.project()
    entries = market.journals.entries[BOOK_SHARD]
    entries[-1] = msgspec.structs.replace(entries[-1], hash="f" * 40)

    await market.project()

    assert await connection.fetchval("SELECT halted_why FROM projection_cursor WHERE shard = $1", BOOK_SHARD) == (
        "bk00: the journal has another entry 2 than is recorded"
    )


async def test_a_promise_of_money_that_is_not_there_halts_the_purse_shard_alone(
    connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    forged = FillTaken(
        ref=f"{BOOK_SHARD}.1.0",
        strategy_id=id_of("s"),
        limit_keys=(),
        want_cents=60_001,
        cents=60_001,
        **market.standing("ada"),
    )
    market.journal_purse("ada", forged)
    await market.deposit("anne", 1_000)

    await market.project()

    halted = await connection.fetchrow("SELECT shard, halted_why FROM projection_cursor WHERE halted_why IS NOT NULL")
    assert halted is not None
    assert halted["shard"] == purse_shard_of("ada")
    assert "account_not_overdrawn" in halted["halted_why"]
    assert await balance_cents(connection, f"lender:{id_of('anne')}:free") == 81_000


async def test_a_refused_opening_leaves_the_request_assessed(connection: Connection, market: JournaledMarket) -> None:
    await market.open_request("r1", cents=100_000, max_rate_bp=399)

    await market.project()

    assert await connection.fetchval("SELECT state FROM credit_request") == "assessed"


async def test_a_refused_closing_may_be_followed_by_another(connection: Connection, market: JournaledMarket) -> None:
    await market.open_request("r1", cents=100_000)
    await connection.execute(
        "INSERT INTO request_closing (request_id, kind, cover_id, command_id, at)"
        " VALUES ($1, 'sign', 'bk00:99', $2, $3)",
        id_of("r1"),
        id_of("sign"),
        market.at,
    )
    await market.send(SignRequest(request_id=id_of("r1"), cover_id="bk00:99"), command_id=id_of("sign"))

    await market.project()

    assert await connection.fetchval("SELECT outcome FROM command WHERE id = $1", id_of("sign")) == "refused"
    assert await connection.fetchval("SELECT count(*) FROM request_closing") == 0


async def test_a_running_projector_records_what_comes(connection: Connection, market: JournaledMarket) -> None:
    running = asyncio.create_task(market.a_projector().run())
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)

    async with asyncio.timeout(10):
        while await connection.fetchval("SELECT state FROM credit_request") != "covered":
            await asyncio.sleep(0.02)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_running_projector_outlives_its_connection(connection: Connection, market: JournaledMarket) -> None:
    others = await connection.fetchval("SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database()")
    running = asyncio.create_task(market.a_projector().run())
    async with asyncio.timeout(10):
        while not market.journals.acknowledged:
            await asyncio.sleep(0.02)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL ($1)",
        others,
    )
    await market.add_lender("ada", cents=200_000)

    async with asyncio.timeout(10):
        while await connection.fetchval("SELECT count(*) FROM offer") == 0:
            await asyncio.sleep(0.02)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

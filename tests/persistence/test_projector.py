"""Every fact of books and purses becomes rows and postings once, in causal order, whatever dies on the way."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from marketplace.commands import CancelRequest, GrantCompanyBudget, PlaceOffer, SignRequest, WithdrawOffer
from marketplace.company_terms import CompanyMoney
from marketplace.offer_terms import OfferTerms
from marketplace.purse_events import FillLent, FillSent, FillTaken, WithdrawalRefused
from persistence.connection import Connection, connect
from persistence.ledger import balance_cents
from persistence.payment_instructions import lemonway_reference, payment_instruction_id
from persistence.projector import Projector
from persistence.purse_instructions import purse_instruction_id
from persistence.trial_balance import trial_balance
from tests.persistence.journaled_market import BOOK_SHARD, JournaledMarket, id_of, purse_shard_of, wallet_of


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
async def market(connection: Connection) -> JournaledMarket:
    market = JournaledMarket(connection)
    await market.add_company()
    await market.publish()
    return market


def a_projector(database_url: str, market: JournaledMarket) -> Projector:
    return Projector(database_url=database_url, journals=market.journals, outages=())


async def project_all(projector: Projector, connection: Connection, market: JournaledMarket) -> int:
    """Record everything there is; the number of facts."""
    await projector.take_up(connection)
    total = 0
    while recorded := await projector.project(connection, market.journals.shards()):
        total += recorded
    return total


async def fills(connection: Connection) -> list[tuple[str, str, str, int, int]]:
    """Lender, both states and both amounts of every fill, in order."""
    rows = await connection.fetch(
        "SELECT p.name, f.book_state, f.purse_state, f.amount_book_cents, f.amount_purse_cents"
        " FROM fill f JOIN party p ON p.id = f.lender_id ORDER BY f.fill_id"
    )
    return [tuple(row.values()) for row in rows]


async def test_a_covered_request_is_confirmed_with_both_sides_of_its_fills(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    await market.open_request("r1", cents=100_000)

    await project_all(a_projector(database_url, market), connection, market)

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
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.send(WithdrawOffer(offer_id=id_of("no such offer")), command_id=id_of("withdraw"))
    await market.send(WithdrawOffer(offer_id=id_of("offer of ada")))

    await project_all(a_projector(database_url, market), connection, market)

    assert await connection.fetchval("SELECT count(*) FROM command WHERE state = 'received'") == 0
    refused = await connection.fetchrow("SELECT outcome, refusal FROM command WHERE id = $1", id_of("withdraw"))
    assert refused is not None
    assert refused["outcome"] == "refused"
    assert msgspec.json.decode(refused["refusal"]) == {"reason": "offer_unknown", "offer_id": id_of("no such offer")}
    assert await connection.fetchval("SELECT state FROM offer") == "withdrawn"
    assert await connection.fetchval("SELECT state FROM purse_instruction WHERE operation = 'deposit'") == "done"


async def test_an_amended_offer_keeps_its_place_and_its_first_date(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    placed = market.book.offers[id_of("offer of ada")].terms
    amended: OfferTerms = msgspec.structs.replace(placed, ask_bp=450, months=(12, 24))
    projector = a_projector(database_url, market)
    await project_all(projector, connection, market)
    market.at = market.at.replace(hour=15)
    await market.send(PlaceOffer(offer=amended))

    await project_all(projector, connection, market)

    offer = await connection.fetchrow("SELECT ask_bp, months, sequence, placed_at, changed_at FROM offer")
    assert offer is not None
    assert (offer["ask_bp"], offer["months"], offer["sequence"]) == (450, [12, 24], 1)
    assert (offer["placed_at"].hour, offer["changed_at"].hour) == (9, 15)


async def test_a_signed_cover_is_paid_leg_by_leg_and_the_company_pays_its_tranche(
    database_url: str, connection: Connection
) -> None:
    market = JournaledMarket(connection)
    await market.add_company(budget_cents=50_000)
    await market.publish(company_money=CompanyMoney(mode="share", share_bp=2_000, budget_cents=50_000))
    await market.send(GrantCompanyBudget(cents=50_000))
    await market.add_lender("ada", cents=90_000)
    await market.open_request("r1", cents=100_000)
    await market.sign("r1")

    await project_all(a_projector(database_url, market), connection, market)

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


async def test_promises_make_no_payment_before_the_signature(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)

    await project_all(a_projector(database_url, market), connection, market)

    assert await connection.fetchval("SELECT count(*) FROM payment_instruction") == 0


async def test_a_cancelled_cover_gives_every_promise_back(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    await market.open_request("r1", cents=100_000)
    await market.send(CancelRequest(request_id=id_of("r1")))

    await project_all(a_projector(database_url, market), connection, market)

    assert await fills(connection) == [
        ("ada", "ended", "released", 42_899, 42_899),
        ("anne", "ended", "released", 57_101, 57_101),
    ]
    assert await connection.fetchval("SELECT state FROM credit_request") == "cancelled"
    assert await connection.fetchval("SELECT released_why FROM cover") == "cancelled"
    assert await balance_cents(connection, f"lender:{id_of('ada')}:free") == 60_000
    assert await balance_cents(connection, f"lender:{id_of('ada')}:taken") == 0


async def test_a_cover_amended_because_a_purse_fell_short_replaces_fills(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    market.before_asking = lambda: market.hold_for_payout("ada", 30_000)
    await market.open_request("r1", cents=100_000)

    await project_all(a_projector(database_url, market), connection, market)

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
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=500)
    held = await market.hold_for_payout("ada", 25_000)
    refused = await market.hold_for_payout("anne", 400)
    answered = market.journals.entries[purse_shard_of("anne")].pop()
    assert answered.kind == "withdrawal_held"
    market.journal_purse("anne", WithdrawalRefused(ref=refused, cents=400, **market.standing("anne")))

    await project_all(a_projector(database_url, market), connection, market)

    payment = await connection.fetchrow("SELECT kind, payout_id, debit_wallet, cents, state FROM payment_instruction")
    assert payment is not None
    assert tuple(payment.values()) == ("pay_out", held, wallet_of("ada"), 25_000, "ready")
    states = await connection.fetch("SELECT id, state FROM payout")
    assert {row["id"]: row["state"] for row in states} == {held: "held", refused: "refused"}
    assert await balance_cents(connection, f"lender:{id_of('ada')}:held") == 25_000


async def test_purse_steps_are_done_once_their_events_are_projected(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    fill_id = next(iter(market.purses.taken))
    for operation in ("post", "lend"):
        await connection.execute(
            "INSERT INTO purse_instruction (id, lender_id, operation, ref, cents, at) VALUES ($1, $2, $3, $4, 1, $5)",
            purse_instruction_id("post" if operation == "post" else "lend", fill_id),
            id_of("ada"),
            operation,
            fill_id,
            market.at,
        )
    projector = a_projector(database_url, market)
    market.journal_purse("ada", FillSent(ref=fill_id, cents=100_000, **market.standing("ada")))
    await project_all(projector, connection, market)
    after_sent = await connection.fetch(
        "SELECT state FROM purse_instruction WHERE ref = $1 ORDER BY operation", fill_id
    )
    market.journal_purse("ada", FillLent(ref=fill_id, cents=100_000, **market.standing("ada")))
    await project_all(projector, connection, market)

    assert [row["state"] for row in after_sent] == ["ready", "done"]
    assert await connection.fetchval("SELECT bool_and(state = 'done') FROM purse_instruction") is True
    assert await connection.fetchval("SELECT purse_state FROM fill") == "lent"


async def test_a_second_run_finds_nothing_left_to_record(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)

    first = await project_all(a_projector(database_url, market), connection, market)
    second = await project_all(a_projector(database_url, market), connection, market)

    assert (first, second) == (sum(len(entries) for entries in market.journals.entries.values()), 0)


async def test_a_projector_killed_between_commit_and_acknowledgement_is_made_up_for(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    await project_all(a_projector(database_url, market), connection, market)
    recorded = dict(market.journals.acknowledged)
    market.journals.acknowledged.clear()

    again = await project_all(a_projector(database_url, market), connection, market)

    assert again == 0
    assert market.journals.acknowledged == recorded


async def test_a_projector_killed_in_its_commit_leaves_nothing_behind(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    projector, killed = a_projector(database_url, market), await connect(database_url)
    await projector.take_up(killed)
    await connection.execute(DIE_IN_COMMIT)

    with pytest.raises(asyncpg.PostgresError):
        await projector.project(killed, market.journals.shards())
    rows = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in ("journal_event", "fill", "cover")]
    promised = await balance_cents(connection, f"lender:{id_of('ada')}:taken")
    acknowledged = dict(market.journals.acknowledged)
    await connection.execute("DROP TRIGGER die_in_commit ON projection_cursor")
    recorded = await project_all(projector, connection, market)

    assert (rows, promised, acknowledged) == ([0, 0, 0], 0, {})
    assert recorded == sum(len(entries) for entries in market.journals.entries.values())


async def test_two_projectors_at_once_record_every_fact_once(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    for number in range(8):
        await market.add_lender("l" * (number + 1), cents=50_000)
    for number in range(12):
        await market.open_request(f"r{number}", cents=30_000)
    other_connection = await connect(database_url)
    one, other = a_projector(database_url, market), a_projector(database_url, market)
    await one.take_up(connection)
    await other.take_up(other_connection)
    facts = sum(len(entries) for entries in market.journals.entries.values())

    async def work(projector: Projector, own: Connection) -> int:
        recorded = 0
        while await connection_independent_count(database_url) < facts:
            recorded += await projector.project(own, market.journals.shards())
        return recorded

    recorded = await asyncio.gather(work(one, connection), work(other, other_connection))

    assert sum(recorded) == facts
    assert (await trial_balance(connection)).sum_cents == 0
    assert all(fill[3] == fill[4] for fill in await fills(connection))
    await other_connection.close()


async def connection_independent_count(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM journal_event"))
    finally:
        await connection.close()


async def test_a_book_waits_for_the_purses_it_relies_on(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    projector = a_projector(database_url, market)
    await projector.take_up(connection)

    await projector.project(connection, [BOOK_SHARD])
    last = await connection.fetchval("SELECT kind FROM journal_event ORDER BY seq DESC LIMIT 1")
    await projector.project(connection, [purse_shard_of("ada")])
    await projector.project(connection, [BOOK_SHARD])

    assert last == "cover_proposed"
    assert await connection.fetchval("SELECT state FROM credit_request") == "covered"


async def test_a_purse_waits_for_the_book_that_named_the_fill(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)
    projector = a_projector(database_url, market)
    await projector.take_up(connection)

    await projector.project(connection, [purse_shard_of("ada")])

    kinds = await connection.fetch("SELECT kind FROM journal_event ORDER BY seq")
    assert [row["kind"] for row in kinds] == ["deposited"]


async def test_a_gap_halts_its_shard_and_no_other(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await market.add_lender("anne", cents=200_000)
    del market.journals.entries[BOOK_SHARD][1]

    await project_all(a_projector(database_url, market), connection, market)

    halted = await connection.fetchrow(
        "SELECT shard, seq, halted_why FROM projection_cursor WHERE halted_why IS NOT NULL"
    )
    assert halted is not None
    assert tuple(halted.values()) == (BOOK_SHARD, 0, "JournalGap: bk00: entry 2 is missing, the journal goes on with 3")
    assert await balance_cents(connection, f"lender:{id_of('anne')}:free") == 200_000


async def test_a_changed_entry_halts_its_shard(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    entries = market.journals.entries[BOOK_SHARD]
    entries[1] = msgspec.structs.replace(entries[1], payload=entries[1].payload.replace(b"400", b"399"))

    await project_all(a_projector(database_url, market), connection, market)

    assert await connection.fetchval("SELECT halted_why FROM projection_cursor WHERE shard = $1", BOOK_SHARD) == (
        "JournalDiverged: bk00: entry 2 does not continue the recorded chain"
    )


async def test_a_journal_that_lost_what_is_recorded_halts_its_shard(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await project_all(a_projector(database_url, market), connection, market)
    market.journals.entries[BOOK_SHARD].pop()

    await project_all(a_projector(database_url, market), connection, market)

    assert await connection.fetchval("SELECT halted_why FROM projection_cursor WHERE shard = $1", BOOK_SHARD) == (
        "bk00: the journal ends at 1, 2 is recorded"
    )


async def test_a_journal_rewritten_since_it_was_recorded_halts_its_shard(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=200_000)
    await project_all(a_projector(database_url, market), connection, market)
    entries = market.journals.entries[BOOK_SHARD]
    entries[-1] = msgspec.structs.replace(entries[-1], hash="f" * 40)

    await project_all(a_projector(database_url, market), connection, market)

    assert await connection.fetchval("SELECT halted_why FROM projection_cursor WHERE shard = $1", BOOK_SHARD) == (
        "bk00: the journal has another entry 2 than is recorded"
    )


async def test_a_promise_of_money_that_is_not_there_halts_the_purse_shard_alone(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("anne", cents=80_000)
    forged = FillTaken(
        ref=f"{BOOK_SHARD}.1.0", strategy_id=id_of("s"), want_cents=60_001, cents=60_001, **market.standing("ada")
    )
    market.journal_purse("ada", forged)
    await market.deposit("anne", 1_000)

    await project_all(a_projector(database_url, market), connection, market)

    halted = await connection.fetchrow("SELECT shard, halted_why FROM projection_cursor WHERE halted_why IS NOT NULL")
    assert halted is not None
    assert halted["shard"] == purse_shard_of("ada")
    assert "account_not_overdrawn" in halted["halted_why"]
    assert await balance_cents(connection, f"lender:{id_of('anne')}:free") == 81_000


async def test_a_refused_opening_leaves_the_request_assessed(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.open_request("r1", cents=100_000, max_rate_bp=399)

    await project_all(a_projector(database_url, market), connection, market)

    assert await connection.fetchval("SELECT state FROM credit_request") == "assessed"


async def test_a_refused_closing_may_be_followed_by_another(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    await market.open_request("r1", cents=100_000)
    await connection.execute(
        "INSERT INTO request_closing (request_id, kind, cover_id, command_id, at) VALUES ($1, 'sign', 'bk00:99', $2, $3)",
        id_of("r1"),
        id_of("sign"),
        market.at,
    )
    await market.send(SignRequest(request_id=id_of("r1"), cover_id="bk00:99"), command_id=id_of("sign"))

    await project_all(a_projector(database_url, market), connection, market)

    assert await connection.fetchval("SELECT outcome FROM command WHERE id = $1", id_of("sign")) == "refused"
    assert await connection.fetchval("SELECT count(*) FROM request_closing") == 0


async def test_a_running_projector_records_what_comes(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    running = asyncio.create_task(a_projector(database_url, market).run())
    await market.add_lender("ada", cents=200_000)
    await market.open_request("r1", cents=100_000)

    async with asyncio.timeout(10):
        while await connection.fetchval("SELECT state FROM credit_request") != "covered":
            await asyncio.sleep(0.02)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_running_projector_outlives_its_connection(
    database_url: str, connection: Connection, market: JournaledMarket
) -> None:
    running = asyncio.create_task(a_projector(database_url, market).run())
    async with asyncio.timeout(10):
        while not market.journals.acknowledged:
            await asyncio.sleep(0.02)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await market.add_lender("ada", cents=200_000)

    async with asyncio.timeout(10):
        while await connection.fetchval("SELECT count(*) FROM offer") == 0:
            await asyncio.sleep(0.02)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

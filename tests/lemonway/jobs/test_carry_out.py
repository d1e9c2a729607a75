"""An instruction is carried out once, whatever is lost on the way."""

import asyncio
import contextlib
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest
from redis import Redis
from structlog.testing import capture_logs

from lemonway.jobs.movements import ask_for
from lemonway.jobs.worker import enqueue_batch, payments_queue
from persistence.collections_book import request_collection
from persistence.executed_movements import book_executed
from persistence.funding import loan_id_of
from persistence.instructions import Instruction, NewInstruction, claim_batch, insert_instructions, start_sending
from persistence.payment_instructions import lemonway_reference
from tests.lemonway.jobs.paying_market import PayingMarket
from tests.persistence.signed_market import id_of

LONG_ENOUGH_MS = 60_000


@pytest.fixture
async def funded(market: PayingMarket) -> PayingMarket:
    """Ada has 600.00 and Bruno 400.00 in their wallets, and Elena has a bank account."""
    await market.add_company()
    await market.add_lender("ada", cents=60_000)
    await market.add_lender("bruno", cents=40_000)
    await market.add_borrower("elena")
    async with market.paying():
        await market.quiet()
    return market


@pytest.fixture
async def signed(funded: PayingMarket) -> PayingMarket:
    """Elena has signed: Ada's 600.00 and Bruno's 400.00 are to be paid to her."""
    await funded.sign("first", "elena", {"ada": 60_000, "bruno": 40_000})
    return funded


async def references(market: PayingMarket, kind: str) -> list[str]:
    rows = await market.pool.fetch("SELECT reference FROM payment_instruction WHERE kind = $1 ORDER BY cents", kind)
    return [row["reference"] for row in rows]


async def funding_of(market: PayingMarket) -> list[asyncpg.Record]:
    """The legs of Elena's request, Bruno's first."""
    return await market.pool.fetch(
        "SELECT state, last_error FROM payment_instruction WHERE kind = 'fund' ORDER BY cents"
    )


async def assert_everything_paid_once(market: PayingMarket) -> None:
    assert await market.states("fund") == ["done", "done"]
    assert await market.states("disburse") == ["done"]
    for reference in [*await references(market, "fund"), *await references(market, "disburse")]:
        assert len(await market.movements(reference)) == 1
    assert await market.simulator.balances() == {}
    assert await market.wallets_differ() == {}
    assert await market.trial_balance_cents() == 0


async def start_sending_first(market: PayingMarket, *, lease_ms: int) -> Instruction:
    """What a worker does before it calls Lemonway, for the instruction of the least cents."""
    batch = await claim_batch(market.pool, size=10, queued_max=10, lease_ms=lease_ms)
    assert batch is not None
    instruction = await start_sending(market.pool, batch.instruction_ids[0], lease_ms=lease_ms)
    assert instruction is not None
    return instruction


async def test_a_signed_request_is_paid_out_to_the_borrowers_bank(signed: PayingMarket) -> None:
    async with signed.paying():
        await signed.quiet()

    await assert_everything_paid_once(signed)
    assert await signed.pool.fetchval("SELECT state FROM credit_request") == "disbursed"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"mode": "lost_reply"}, id="executed, the answer lost"),
        pytest.param({"mode": "error_after_execution"}, id="executed, then HTTP 500"),
        pytest.param({"mode": "delayed_execution", "delay_ms": 150}, id="executed later than answered"),
        pytest.param({"mode": "lost_request"}, id="lost on the way there"),
        pytest.param({"mode": "outage", "count": 3}, id="HTTP 503 three times"),
        pytest.param({"mode": "http_status", "http_status": 429, "count": 3}, id="too many calls, three times"),
        pytest.param({"mode": "http_status", "http_status": 403, "count": 3}, id="turned away, three times"),
        pytest.param({"mode": "error_code", "code": 297}, id="time-out inside Lemonway"),
    ],
)
@pytest.mark.parametrize("endpoint", ["POST /v2/p2p", "POST /v2/moneyouts"])
async def test_no_fault_of_the_network_doubles_or_loses_a_payment(
    signed: PayingMarket, endpoint: str, fault: dict[str, Any]
) -> None:
    await signed.simulator.post("/faults", id="spoil", endpoint=endpoint, **fault)

    async with signed.paying():
        await signed.quiet()

    await assert_everything_paid_once(signed)


async def test_an_outage_during_the_look_up_only_takes_longer(signed: PayingMarket) -> None:
    await signed.simulator.post("/faults", id="lost", endpoint="POST /v2/p2p", mode="lost_reply")
    await signed.simulator.post("/faults", id="blind", endpoint="GET /v2/p2p", mode="outage", count=6)

    async with signed.paying():
        await signed.quiet()

    await assert_everything_paid_once(signed)


async def test_a_worker_that_died_before_the_call_left_nothing_and_it_is_sent_again(signed: PayingMarket) -> None:
    sent = await start_sending_first(signed, lease_ms=50)
    await signed.pool.execute("UPDATE payment_instruction SET lease_until = now() WHERE state = 'queued'")

    async with signed.paying():
        await signed.quiet()

    await assert_everything_paid_once(signed)
    assert await signed.pool.fetchval("SELECT attempt FROM payment_instruction WHERE id = $1", sent.id) == 2


async def test_a_worker_that_died_after_the_call_left_a_movement_and_it_is_adopted(signed: PayingMarket) -> None:
    sent = await start_sending_first(signed, lease_ms=50)
    movement = await ask_for(signed.simulator.directkit, sent, at=signed.at)
    await signed.pool.execute("UPDATE payment_instruction SET lease_until = now() WHERE state = 'queued'")

    async with signed.paying():
        await signed.quiet()

    await assert_everything_paid_once(signed)
    adopted = await signed.pool.fetch("SELECT attempt, psp_id FROM payment_instruction WHERE id = $1", sent.id)
    assert [tuple(row) for row in adopted] == [(1, movement.psp_id)]


async def test_an_outcome_recorded_twice_is_booked_once(signed: PayingMarket) -> None:
    sent = await start_sending_first(signed, lease_ms=LONG_ENOUGH_MS)
    movement = await ask_for(signed.simulator.directkit, sent, at=signed.at)

    booked = await asyncio.gather(
        *(book_executed(signed.pool, sent, psp_id=movement.psp_id, at=signed.at) for _ in range(4))
    )

    assert sorted(booked) == [False, False, False, True]
    assert await signed.trial_balance_cents() == 0
    assert await signed.balances("wallet", "elena") == {"balance": sent.cents}


async def test_a_worker_woken_twice_sends_once(signed: PayingMarket) -> None:
    batch = await claim_batch(signed.pool, size=10, queued_max=10, lease_ms=LONG_ENOUGH_MS)
    assert batch is not None
    with contextlib.closing(Redis.from_url(signed.settings.jobs_redis_url)) as redis:
        queue = payments_queue(redis)
        assert enqueue_batch(queue, "pay-one", batch.instruction_ids)
        assert not enqueue_batch(queue, "pay-one", batch.instruction_ids)
        assert enqueue_batch(queue, "pay-another", batch.instruction_ids)

    async with signed.paying():
        await signed.quiet()

    await assert_everything_paid_once(signed)


async def test_a_lost_wake_up_call_is_made_good_when_the_lease_lapses(signed: PayingMarket) -> None:
    """The rows were handed out, and the job that should have woken a worker is gone with its server."""
    assert await claim_batch(signed.pool, size=10, queued_max=10, lease_ms=100) is not None

    async with signed.paying():
        await signed.quiet()

    await assert_everything_paid_once(signed)


async def test_two_payments_processes_share_the_work(funded: PayingMarket) -> None:
    """Sixty transfers of one cent each from Ada to Bruno, by two relays and two workers."""
    instructions = [
        NewInstruction(
            kind="gather",
            natural_key=(id_of(f"collection {number}"),),
            cents=1,
            at=funded.at,
            debit_wallet="ada",
            credit_wallet="bruno",
        )
        for number in range(60)
    ]
    async with funded.pool.acquire() as connection:
        await insert_instructions(connection, instructions)

    async with funded.paying(), funded.paying():
        await funded.quiet()

    assert await funded.states("gather") == ["done"] * 60
    for instruction in instructions:
        assert len(await funded.movements(lemonway_reference(instruction.id))) == 1
    assert await funded.wallets_differ() == {}


async def test_what_lemonway_refuses_waits_for_a_person_with_the_reason(signed: PayingMarket) -> None:
    await signed.simulator.directkit.block_account("bruno")

    async with signed.paying():
        await signed.quiet()

    rows = await funding_of(signed)
    assert [row["state"] for row in rows] == ["review", "done"]
    assert "refused with code 167" in rows[0]["last_error"]
    assert await signed.instructions("disburse") == []
    assert await signed.wallets_differ() == {}


async def test_a_refusal_without_a_code_is_recorded_whole_and_logged_without_its_text(signed: PayingMarket) -> None:
    await signed.simulator.post("/faults", id="odd", endpoint="POST /v2/p2p", mode="http_status", http_status=418)

    with capture_logs() as logged:
        async with signed.paying():
            await signed.quiet()

    rows = await funding_of(signed)
    assert sorted(row["state"] for row in rows) == ["done", "review"]
    assert any("I'm a Teapot" in (row["last_error"] or "") for row in rows)
    assert "instruction_needs_person" in [entry["event"] for entry in logged]
    assert "Teapot" not in str(logged)


async def test_one_reference_carried_by_two_movements_waits_for_a_person(signed: PayingMarket) -> None:
    sent = await start_sending_first(signed, lease_ms=50)
    for _ in range(2):
        await signed.simulator.directkit.send_p2p(
            debit_wallet_id="bruno", credit_wallet_id="elena", amount_cents=100, reference=sent.reference
        )

    async with signed.paying():
        await signed.quiet()

    (row,) = await signed.pool.fetch("SELECT state, last_error FROM payment_instruction WHERE id = $1", sent.id)
    assert row["state"] == "review"
    assert row["last_error"].startswith("several movements carry its reference")


async def test_a_movement_that_the_books_refuse_stops_no_other(signed: PayingMarket) -> None:
    """Bruno's promise is not in the ledger: the account would be overdrawn."""
    await signed.pool.execute("UPDATE payment_instruction SET participant_id = $1 WHERE cents = 40000", id_of("elena"))

    async with signed.paying():
        await signed.quiet()

    rows = await funding_of(signed)
    assert [row["state"] for row in rows] == ["review", "done"]
    assert "cannot be booked" in rows[0]["last_error"]
    assert await signed.trial_balance_cents() == 0


async def test_a_payout_that_lemonway_calls_pending_is_followed_until_it_is_decided(signed: PayingMarket) -> None:
    """The other documented family of status numbers: 4 until the file leaves at 10:30, then 0."""
    await signed.simulator.post("/settings", money_out_family="dashboard")

    async def is_taken_in() -> bool:
        return await signed.pool.fetchval("SELECT count(*) = 1 FROM payment_instruction WHERE kind = 'disburse'") and (
            await signed.states("disburse") == ["sending"]
        )

    async with signed.paying():
        await signed.until(is_taken_in)
        await signed.move(datetime(2026, 1, 12, 10, tzinfo=UTC))
        await signed.quiet()

    await assert_everything_paid_once(signed)
    assert await signed.pool.fetchval("SELECT attempt FROM payment_instruction WHERE kind = 'disburse'") == 1


async def test_a_debit_whose_date_can_no_longer_be_reached_leaves_for_the_first_that_can(funded: PayingMarket) -> None:
    """Handed in on Monday at 11:00 in Rome, after the cut-off, so for Thursday; it was meant for Wednesday."""
    await funded.sign("first", "elena", {"ada": 60_000, "bruno": 40_000}, months=1)
    async with funded.paying():
        await funded.quiet()
    late = datetime(2026, 2, 9, 10, tzinfo=UTC)
    await request_collection(funded.pool, loan_id_of(id_of("first")), on_date=date(2026, 2, 10), at=funded.at)
    await funded.pool.execute("UPDATE payment_instruction SET collection_date = '2026-02-11' WHERE kind = 'collect'")
    await funded.pool.execute("UPDATE collection SET collection_date = '2026-02-11'")
    await funded.move(late)

    async with funded.paying():
        await funded.quiet()

    (debit,) = await funded.simulator.directkit.find_direct_debits(reference=(await references(funded, "collect"))[0])
    assert debit.scheduled_date == "2026/02/12"
    assert await funded.pool.fetchval("SELECT collection_date FROM collection") == date(2026, 2, 12)

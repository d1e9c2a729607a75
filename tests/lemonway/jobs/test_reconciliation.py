"""Our books against Lemonway's: what agrees, and every kind of difference."""

from datetime import timedelta

import pytest

from lemonway.reconciliation import Break, reconcile
from tests.lemonway.jobs.paying_market import PayingMarket
from tests.persistence.signed_market import START


@pytest.fixture
async def paid(market: PayingMarket) -> PayingMarket:
    """Ada's 600.00 have gone to Elena's wallet and on to her bank."""
    await market.add_company()
    await market.add_lender("ada", cents=70_000)
    await market.add_borrower("elena")
    async with market.paying():
        await market.quiet()
        await market.sign("first", "elena", {"ada": 60_000})
        await market.quiet()
    return market


async def breaks(market: PayingMarket) -> list[Break]:
    result = await reconcile(
        market.pool,
        market.simulator.directkit,
        start_at=START - timedelta(days=1),
        end_at=START + timedelta(days=1),
    )
    return list(result.breaks)


async def kinds(market: PayingMarket) -> list[str]:
    return sorted(found.kind for found in await breaks(market))


async def test_wires_transfers_and_payouts_agree(paid: PayingMarket) -> None:
    assert await breaks(paid) == []


async def test_a_transfer_that_nobody_here_asked_for_is_found(paid: PayingMarket) -> None:
    await paid.simulator.directkit.send_p2p(
        debit_wallet_id="ada", credit_wallet_id="elena", amount_cents=500, reference="somebody-else"
    )

    assert await kinds(paid) == ["balance", "balance", "theirs_only"]


async def test_a_reference_that_moved_money_twice_is_found(paid: PayingMarket) -> None:
    reference = await paid.pool.fetchval("SELECT reference FROM payment_instruction WHERE kind = 'fund'")
    await paid.simulator.directkit.send_p2p(
        debit_wallet_id="ada", credit_wallet_id="elena", amount_cents=500, reference=reference
    )

    assert "doubled" in await kinds(paid)


async def test_an_executed_instruction_without_a_movement_is_found(paid: PayingMarket) -> None:
    await paid.pool.execute("UPDATE payment_instruction SET reference = gen_random_uuid() WHERE kind = 'disburse'")

    assert await kinds(paid) == ["ours_only", "theirs_only"]


async def test_another_amount_than_booked_is_found(paid: PayingMarket) -> None:
    await paid.pool.execute("UPDATE payment_instruction SET cents = cents + 1 WHERE kind = 'disburse'")

    assert await kinds(paid) == ["differs"]


async def test_a_wire_that_was_never_recorded_is_found(paid: PayingMarket) -> None:
    await paid.simulator.post("/wires", wire_id="late", wallet="ada", cents=100, payer="ada")

    assert await kinds(paid) == ["balance", "theirs_only"]

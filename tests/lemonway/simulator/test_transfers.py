"""P2P: atomic, two-sided, refused with the right number."""

from datetime import UTC, datetime

import httpx
import pytest

from lemonway.errors import (
    InsufficientFunds,
    InvalidRequest,
    LemonwayRefusal,
    LimitReached,
    NotFound,
    WalletNotUsable,
)
from lemonway.statuses import Outcome, p2p_outcome
from tests.lemonway.running_simulator import MONDAY_MORNING, RunningSimulator


async def test_a_transfer_moves_the_money_before_it_is_answered(simulator: RunningSimulator) -> None:
    ada, bob = await simulator.open_wallet("Ada", cents=100_00), await simulator.open_wallet("Bob")

    sent = await simulator.directkit.send_p2p(
        debit_wallet_id=ada, credit_wallet_id=bob, amount_cents=40_00, reference="r-1", comment="loan 7"
    )

    assert p2p_outcome(sent.status) is Outcome.SUCCEEDED
    assert (sent.debit_amount_cents, sent.credit_amount_cents, sent.reference) == (40_00, 40_00, "r-1")
    assert await simulator.balances() == {"ada": 60_00, "bob": 40_00}
    assert (await simulator.get("/breaks"))["breaks"] == []


async def test_a_transfer_is_found_by_its_reference_and_by_nothing_else(simulator: RunningSimulator) -> None:
    ada, bob = await simulator.open_wallet("Ada", cents=100_00), await simulator.open_wallet("Bob")
    sent = await simulator.directkit.send_p2p(
        debit_wallet_id=ada, credit_wallet_id=bob, amount_cents=1, reference="r-1", private_data=["loan 7"]
    )

    assert await simulator.directkit.find_p2ps(reference="r-1") == [sent]
    assert await simulator.directkit.find_p2ps(reference="r-2") == []


async def test_a_repeated_reference_moves_the_money_twice_unless_the_switch_says_otherwise(
    simulator: RunningSimulator,
) -> None:
    ada, bob = await simulator.open_wallet("Ada", cents=100_00), await simulator.open_wallet("Bob")

    async def send() -> None:
        await simulator.directkit.send_p2p(
            debit_wallet_id=ada, credit_wallet_id=bob, amount_cents=10_00, reference="same"
        )

    await send()
    await send()
    assert len(await simulator.directkit.find_p2ps(reference="same")) == 2
    await simulator.post("/settings", reject_duplicate_references=True)
    with pytest.raises(InvalidRequest):
        await send()
    assert await simulator.balances() == {"ada": 80_00, "bob": 20_00}


@pytest.mark.parametrize("error_mode", ["http200", "http400"])
@pytest.mark.parametrize(
    ("debit", "credit", "cents", "refusal", "code"),
    [
        pytest.param("ada", "bob", 100_01, InsufficientFunds, 110, id="more than the wallet holds"),
        pytest.param("nobody", "bob", 1, NotFound, 147, id="from an unknown wallet"),
        pytest.param("ada", "nobody", 1, NotFound, 147, id="to an unknown wallet"),
        pytest.param("ada", "ada", 1, InvalidRequest, 186, id="to oneself"),
        pytest.param("blocked", "bob", 1, WalletNotUsable, 167, id="from a blocked wallet"),
        pytest.param("ada", "blocked", 1, WalletNotUsable, 168, id="to a blocked wallet"),
    ],
)
async def test_a_refused_transfer_moves_nothing_and_says_why_in_both_error_modes(
    simulator: RunningSimulator,
    error_mode: str,
    debit: str,
    credit: str,
    cents: int,
    refusal: type[LemonwayRefusal],
    code: int,
) -> None:
    await simulator.open_wallet("Ada", cents=100_00)
    await simulator.open_wallet("Bob")
    await simulator.open_wallet("Blocked", cents=5_00)
    await simulator.directkit.block_account("blocked")
    await simulator.post("/settings", error_mode=error_mode)

    with pytest.raises(refusal) as refused:
        await simulator.directkit.send_p2p(
            debit_wallet_id=debit, credit_wallet_id=credit, amount_cents=cents, reference="r-1"
        )

    assert (refused.value.code, refused.value.reference) == (code, "r-1")
    assert await simulator.balances() == {"ada": 100_00, "blocked": 5_00}
    assert await simulator.directkit.find_p2ps(reference="r-1") == []


async def test_limits_count_the_last_24_hours_once_they_are_switched_on(simulator: RunningSimulator) -> None:
    ada, bob = await simulator.open_wallet("Ada", cents=100_00), await simulator.open_wallet("Bob")
    await simulator.post("/settings", limits_enabled=True, p2p_sent_count=2)

    async def send(reference: str) -> None:
        await simulator.directkit.send_p2p(
            debit_wallet_id=ada, credit_wallet_id=bob, amount_cents=1_00, reference=reference
        )

    await send("r-1")
    await send("r-2")
    with pytest.raises(LimitReached) as refused:
        await send("r-3")
    assert refused.value.code == 100
    await simulator.move_clock(datetime(2026, 1, 13, 8, 0, tzinfo=UTC))
    await send("r-4")


async def test_a_scheduled_transfer_is_executed_at_one_in_the_morning_or_denied(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=10_00)
    await simulator.open_wallet("Bob")
    for reference, cents in (("possible", 8_00), ("too much", 5_00)):
        await _schedule_for_tomorrow(simulator, reference, cents)
    assert await simulator.balances() == {"ada": 10_00}

    await simulator.move_clock(datetime(2026, 1, 13, 0, 0, tzinfo=UTC))

    assert await simulator.balances() == {"ada": 2_00, "bob": 8_00}
    (possible,) = await simulator.directkit.find_p2ps(reference="possible")
    (denied,) = await simulator.directkit.find_p2ps(reference="too much")
    assert p2p_outcome(possible.status) is Outcome.SUCCEEDED
    assert p2p_outcome(denied.status) is Outcome.FAILED


async def _schedule_for_tomorrow(simulator: RunningSimulator, reference: str, cents: int) -> None:
    """The client has no scheduled transfers, so this is sent by hand."""
    async with httpx.AsyncClient(base_url=simulator.url) as http:
        token = await http.post(
            "/oauth/api/v1/oauth/token",
            headers={"Authorization": "Basic a-key-for-tests"},
            data={"grant_type": "client_credentials"},
        )
        response = await http.post(
            "/directkitrest/v2/p2p",
            headers={"Authorization": f"Bearer {token.json()['access_token']}", "PSU-IP-Address": "127.0.0.1"},
            json={
                "debitAccountId": "ada",
                "creditAccountId": "bob",
                "amount": cents,
                "reference": reference,
                "scheduledDate": "2026/01/13",
            },
        )
    assert response.json()["transaction"]["status"] == 0, response.text


async def test_the_history_of_a_wallet_holds_every_kind_of_transaction_once(simulator: RunningSimulator) -> None:
    ada, bob = await simulator.open_wallet("Ada", cents=100_00), await simulator.open_wallet("Bob")
    await simulator.directkit.send_p2p(debit_wallet_id=ada, credit_wallet_id=bob, amount_cents=1_00, reference="r-1")

    history = await simulator.directkit.wallet_transactions(ada, start_at=MONDAY_MORNING, end_at=MONDAY_MORNING)

    wire, transfer = history
    assert wire.transaction_in is not None
    assert wire.transaction_in.credit_amount_cents == 100_00
    assert transfer.transaction_p2p is not None
    assert transfer.transaction_p2p.reference == "r-1"


async def test_a_history_longer_than_a_page_is_read_whole(simulator: RunningSimulator) -> None:
    ada, bob = await simulator.open_wallet("Ada", cents=250), await simulator.open_wallet("Bob")
    for number in range(205):
        await simulator.directkit.send_p2p(
            debit_wallet_id=ada, credit_wallet_id=bob, amount_cents=1, reference=f"r-{number}"
        )

    history = await simulator.directkit.wallet_transactions(bob, start_at=MONDAY_MORNING, end_at=MONDAY_MORNING)

    received = [entry.transaction_p2p.reference for entry in history if entry.transaction_p2p is not None]
    assert received == [f"r-{number}" for number in range(205)]
    assert await simulator.directkit.wallet_balance_at_cents(bob, MONDAY_MORNING) == 205

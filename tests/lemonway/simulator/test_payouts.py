"""Bank accounts, payouts, the 10:30 file, and payouts that come back."""

from datetime import UTC, datetime

import pytest

from lemonway.errors import BankAccountNotUsable, InsufficientFunds, NotFound
from lemonway.statuses import IbanStatus, Outcome, money_out_outcome
from tests.lemonway.running_simulator import ADA_IBAN, MONDAY_MORNING, RunningSimulator

TEST_IBAN = "FR1420041010050500013M02606"
"""The specification's own sample."""


async def a_payee(simulator: RunningSimulator, *, cents: int = 500_00) -> int:
    """Ada with money and an activated bank account; the account's id."""
    await simulator.open_wallet("Ada", cents=cents)
    registered = await simulator.directkit.register_payout_iban("ada", holder="Rossi Ada", iban=TEST_IBAN)
    assert registered.status == IbanStatus.ACTIVATED
    return registered.iban_id


async def pay_out(simulator: RunningSimulator, iban_id: int, reference: str, *, cents: int = 200_00) -> int:
    payout = await simulator.directkit.send_money_out(
        wallet_id="ada", iban_id=iban_id, total_amount_cents=cents, reference=reference
    )
    return payout.id


@pytest.mark.parametrize(
    ("family", "at_once", "after_the_file"),
    [("specification", (0, Outcome.SUCCEEDED), 3), ("dashboard", (4, Outcome.PENDING), 0)],
)
async def test_a_payout_debits_at_once_and_the_bank_is_told_at_the_cut_off(
    simulator: RunningSimulator, family: str, at_once: tuple[int, Outcome], after_the_file: int
) -> None:
    iban_id = await a_payee(simulator)
    await simulator.post("/settings", money_out_family=family)

    payout = await simulator.directkit.send_money_out(
        wallet_id="ada", iban_id=iban_id, total_amount_cents=200_00, reference="r-1"
    )

    assert (payout.status, money_out_outcome(payout.status)) == at_once
    assert payout.masked_label == "FR14XXXXXXXXXXXXXXXXXXX2606"
    assert await simulator.balances() == {"ada": 300_00}
    await simulator.move_clock(datetime(2026, 1, 12, 9, 30, tzinfo=UTC))
    sent = await simulator.directkit.get_money_out(payout.id)
    assert sent is not None
    assert sent.status == after_the_file
    assert money_out_outcome(sent.status) is Outcome.SUCCEEDED
    assert sent.execution_date_unix_s == int(datetime(2026, 1, 12, 9, 30, tzinfo=UTC).timestamp())


async def test_a_payout_after_the_cut_off_leaves_on_the_next_business_day(simulator: RunningSimulator) -> None:
    iban_id = await a_payee(simulator)
    await simulator.move_clock(datetime(2026, 1, 16, 9, 30, tzinfo=UTC))
    await pay_out(simulator, iban_id, "r-1")

    await simulator.move_clock(datetime(2026, 1, 19, 9, 29, tzinfo=UTC))
    (waiting,) = await simulator.directkit.find_money_outs(reference="r-1")
    await simulator.move_clock(datetime(2026, 1, 19, 9, 30, tzinfo=UTC))
    (sent,) = await simulator.directkit.find_money_outs(reference="r-1")

    assert (waiting.status, sent.status) == (0, 3)


async def test_a_payout_cancelled_before_the_file_comes_back_as_a_credit_of_its_own(
    simulator: RunningSimulator,
) -> None:
    iban_id = await a_payee(simulator)
    payout_id = await pay_out(simulator, iban_id, "r-1")

    await simulator.directkit.cancel_money_out(wallet_id="ada", transaction_id=payout_id)

    assert await simulator.balances() == {"ada": 500_00}
    await simulator.quiet()
    (hint,) = simulator.webhooks.about(15)
    assert hint.origin_transaction_id == payout_id
    assert hint.transaction_id is not None
    credit = await simulator.directkit.get_money_in(hint.transaction_id)
    assert credit is not None
    assert (credit.credit_amount_cents, credit.comment) == (200_00, f"Cancelled Pay-Out {payout_id}")


async def test_a_payout_that_has_left_cannot_be_cancelled_but_may_bounce_once(simulator: RunningSimulator) -> None:
    iban_id = await a_payee(simulator)
    payout_id = await pay_out(simulator, iban_id, "r-1")
    await simulator.move_clock(datetime(2026, 1, 12, 10, 0, tzinfo=UTC))

    with pytest.raises(NotFound) as refused:
        await simulator.directkit.cancel_money_out(wallet_id="ada", transaction_id=payout_id)
    bounced = await simulator.post(f"/payouts/{payout_id}/bounce")
    told_again = await simulator.post(f"/payouts/{payout_id}/bounce")

    assert refused.value.code == 143
    assert told_again == bounced
    assert await simulator.balances() == {"ada": 500_00}


async def test_a_payout_beyond_the_balance_is_refused(simulator: RunningSimulator) -> None:
    iban_id = await a_payee(simulator, cents=10_00)

    with pytest.raises(InsufficientFunds):
        await pay_out(simulator, iban_id, "r-1", cents=10_01)


async def test_only_the_owners_bank_account_can_be_paid(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=500_00)
    of_another = await simulator.directkit.register_payout_iban("ada", holder="Bob Rossi", iban=ADA_IBAN)

    with pytest.raises(BankAccountNotUsable) as refused:
        await pay_out(simulator, of_another.iban_id, "r-1")

    assert of_another.status == IbanStatus.REJECTED_NO_OWNER
    assert refused.value.code == 215
    assert await simulator.balances() == {"ada": 500_00}


@pytest.mark.parametrize("iban", ["IT60X0542811101000000123457", "FR1420041010050500013M0260", "1234567890123456"])
async def test_an_iban_with_wrong_check_digits_is_refused(simulator: RunningSimulator, iban: str) -> None:
    await simulator.open_wallet("Ada")

    with pytest.raises(BankAccountNotUsable) as refused:
        await simulator.directkit.register_payout_iban("ada", holder="Ada Rossi", iban=iban)

    assert refused.value.code == 221


async def test_an_iban_waits_for_its_check_where_the_contract_demands_one(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=500_00)
    await simulator.post("/settings", iban_validation="manual")
    waiting = await simulator.directkit.register_payout_iban("ada", holder="Ada Rossi", iban=ADA_IBAN)
    with pytest.raises(BankAccountNotUsable):
        await pay_out(simulator, waiting.iban_id, "r-1")

    await simulator.post(f"/ibans/{waiting.iban_id}", outcome="accepted")

    (account,) = await simulator.directkit.list_ibans("ada")
    assert (waiting.status, account.status) == (IbanStatus.WAITING, IbanStatus.ACTIVATED)
    await pay_out(simulator, waiting.iban_id, "r-1")


async def test_an_unregistered_bank_account_cannot_be_paid(simulator: RunningSimulator) -> None:
    iban_id = await a_payee(simulator)
    await simulator.directkit.unregister_payout_iban("ada", iban_id)

    with pytest.raises(BankAccountNotUsable):
        await pay_out(simulator, iban_id, "r-1")


async def test_a_wire_to_a_virtual_iban_is_credited_once_and_notified(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada")
    virtual = await simulator.directkit.create_virtual_iban("ada")
    wire = {"wire_id": "w-1", "iban": virtual.iban, "cents": 1_000_00, "payer": "Ada Rossi", "label": "my savings"}

    received = await simulator.post("/wires", **wire)
    told_again = await simulator.post("/wires", **wire)

    assert virtual.holder == "Ada Rossi"
    assert told_again == received
    assert await simulator.balances() == {"ada": 1_000_00}
    (wire_in,) = await simulator.directkit.list_wires_in(start_at=MONDAY_MORNING, end_at=MONDAY_MORNING)
    assert (wire_in.id, wire_in.method, wire_in.credit_amount_cents) == (received["transaction_id"], 1, 1_000_00)
    assert wire_in.comment == "my savings"
    await simulator.quiet()
    (hint,) = simulator.webhooks.about(10)
    assert (hint.transaction_id, hint.wallet_id, hint.amount_cents) == (wire_in.id, "ada", 1_000_00)
    (account,) = await simulator.directkit.list_ibans("ada")
    assert (account.type, account.iban) == (2, virtual.iban)


async def test_a_wire_told_differently_under_the_same_id_is_refused(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=100_00)

    response = await simulator.control.post(
        "/wires", json={"wire_id": "first wire of Ada", "wallet": "ada", "cents": 1, "payer": "Ada"}
    )

    assert response.status_code == 409
    assert await simulator.balances() == {"ada": 100_00}


async def test_a_wire_finds_its_wallet_by_the_label(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada")

    await simulator.post("/wires", wire_id="w-1", label="BLU-ada", cents=5_00, payer="Ada Rossi")

    assert await simulator.balances() == {"ada": 5_00}


async def test_sc_and_the_technical_wallets_exist_from_the_start(simulator: RunningSimulator) -> None:
    sc, technical = await simulator.directkit.get_account("SC"), await simulator.directkit.get_account("distribution")

    assert (sc.status, sc.internal_id) == (-1, 11)
    assert (technical.status, technical.internal_id) == (16, 12)
    assert await simulator.directkit.wallet_balance_cents("SC") == 0

"""SEPA direct debit: cut-offs, results on the date, failures planned ahead, and what the bank takes back."""

from datetime import UTC, date, datetime

import pytest

from lemonway.errors import InvalidRequest, MandateNotUsable, NotFound
from lemonway.messages import TransactionIn
from lemonway.statuses import Method, Outcome, mandate_can_be_debited, money_in_outcome, refund_outcome
from tests.lemonway.running_simulator import ADA_BIC, ADA_IBAN, MONDAY_MORNING, RunningSimulator

TUESDAY = date(2026, 1, 13)


async def a_borrower(simulator: RunningSimulator) -> int:
    """Ada with a signed mandate; its id."""
    await simulator.open_wallet("Ada", profile="PROJECT_HOLDER")
    return await simulator.signed_mandate("ada")


async def collect(
    simulator: RunningSimulator, mandate_id: int, reference: str, *, cents: int = 100_00, on: date | None = None
) -> TransactionIn:
    return await simulator.directkit.collect_direct_debit(
        wallet_id="ada",
        mandate_id=mandate_id,
        total_amount_cents=cents,
        reference=reference,
        collection_date=on,
    )


@pytest.mark.parametrize(
    ("asked_at", "collected_on"),
    [
        pytest.param(
            "2026-01-12T08:00", "2026/01/13", id="before 10:30 in Paris the debit is on the next business day"
        ),
        pytest.param("2026-01-12T09:29", "2026/01/13", id="10:29 in Paris is still before"),
        pytest.param("2026-01-12T09:30", "2026/01/14", id="at 10:30 the file has left, so it is a day later"),
        pytest.param(
            "2026-01-16T10:00", "2026/01/20", id="Friday after the cut-off is Monday's file and Tuesday's debit"
        ),
        pytest.param("2026-04-02T06:00", "2026/04/07", id="Good Friday and Easter Monday are no business days"),
        pytest.param("2026-07-06T08:29", "2026/07/07", id="in summer the cut-off is an hour earlier in UTC"),
        pytest.param("2026-07-06T08:30", "2026/07/08", id="in summer 08:30 UTC is the cut-off"),
    ],
)
async def test_the_earliest_collection_date_follows_the_daily_file(
    simulator: RunningSimulator, asked_at: str, collected_on: str
) -> None:
    mandate_id = await a_borrower(simulator)
    await simulator.move_clock(max(datetime.fromisoformat(asked_at).replace(tzinfo=UTC), MONDAY_MORNING))

    collection = await collect(simulator, mandate_id, "r-1")

    assert collection.scheduled_date == collected_on
    assert collection.method == Method.DIRECT_DEBIT
    assert money_in_outcome(collection.status) is Outcome.PENDING


async def test_a_collection_is_credited_on_its_date_and_not_before(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    await collect(simulator, mandate_id, "r-1", on=date(2026, 1, 15))

    await simulator.move_clock(datetime(2026, 1, 15, 7, 59, tzinfo=UTC))
    assert await simulator.balances() == {}
    await simulator.move_clock(datetime(2026, 1, 15, 8, 0, tzinfo=UTC))

    (collection,) = await simulator.directkit.find_direct_debits(reference="r-1")
    assert money_in_outcome(collection.status) is Outcome.SUCCEEDED
    assert collection.execution_date_unix_s == int(datetime(2026, 1, 15, 8, 0, tzinfo=UTC).timestamp())
    assert await simulator.balances() == {"ada": 100_00}
    await simulator.quiet()
    (hint,) = simulator.webhooks.about(11)
    assert (hint.transaction_id, hint.status, hint.amount_cents) == (collection.id, "0", 100_00)


async def test_a_collection_date_that_no_file_can_reach_is_refused(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)

    with pytest.raises(InvalidRequest) as refused:
        await collect(simulator, mandate_id, "r-1", on=date(2026, 1, 12))

    assert refused.value.code == 254


async def test_a_collection_date_on_a_weekend_moves_to_monday(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)

    collection = await collect(simulator, mandate_id, "r-1", on=date(2026, 1, 17))

    assert collection.scheduled_date == "2026/01/19"


async def test_a_planned_rejection_fails_with_its_reason_and_credits_nothing(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    await simulator.post("/collections/fate", id="f", mandate=mandate_id, occurrence=2, reason_code="AM04")
    for number, day in ((1, 15), (2, 16), (3, 19)):
        await collect(simulator, mandate_id, f"r-{number}", on=date(2026, 1, day))

    await simulator.move_clock(datetime(2026, 1, 20, tzinfo=UTC))

    found = [(await simulator.directkit.find_direct_debits(reference=f"r-{number}"))[0] for number in (1, 2, 3)]
    outcomes = [money_in_outcome(collection.status) for collection in found]
    assert outcomes == [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.SUCCEEDED]
    assert found[1].psp is not None
    assert found[1].psp.message == "AM04"
    assert await simulator.balances() == {"ada": 200_00}
    await simulator.quiet()
    notified = {hint.transaction_id: hint.status for hint in simulator.webhooks.about(11)}
    assert [notified[collection.id] for collection in found] == ["0", "6", "0"]


async def test_a_fate_meets_one_collection_however_often_it_is_planned(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    fate = {"id": "f", "wallet": "ada", "reason_code": "AM04"}
    await simulator.post("/collections/fate", **fate)
    await collect(simulator, mandate_id, "r-1", on=TUESDAY)
    await simulator.move_clock(datetime(2026, 1, 14, tzinfo=UTC))

    await simulator.post("/collections/fate", **fate)
    await collect(simulator, mandate_id, "r-2", on=date(2026, 1, 16))
    await simulator.move_clock(datetime(2026, 1, 17, tzinfo=UTC))

    assert await simulator.balances() == {"ada": 100_00}


async def test_a_fate_can_name_a_reference_or_a_date(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    await simulator.post("/collections/fate", id="f-1", reference="r-1", reason_code="AC04")
    await simulator.post("/collections/fate", id="f-2", wallet="ada", date="2026-01-16", reason_code="MD07")
    for number, day in ((1, 14), (2, 15), (3, 16)):
        await collect(simulator, mandate_id, f"r-{number}", on=date(2026, 1, day))

    await simulator.move_clock(datetime(2026, 1, 17, tzinfo=UTC))

    found = [(await simulator.directkit.find_direct_debits(reference=f"r-{number}"))[0] for number in (1, 2, 3)]
    assert [collection.bank_status for collection in found] == ["AC04", None, "MD07"]


async def test_a_planned_return_is_credited_first_and_taken_back_business_days_later(
    simulator: RunningSimulator,
) -> None:
    mandate_id = await a_borrower(simulator)
    await simulator.post(
        "/collections/fate", id="f", reference="r-1", reason_code="MD06", phase="return", after_business_days=3
    )
    await collect(simulator, mandate_id, "r-1", on=date(2026, 1, 15))

    await simulator.move_clock(datetime(2026, 1, 20, 7, 0, tzinfo=UTC))
    assert await simulator.balances() == {"ada": 100_00}
    await simulator.move_clock(datetime(2026, 1, 20, 8, 0, tzinfo=UTC))

    assert await simulator.balances() == {}
    (dispute,) = await simulator.directkit.list_disputes(
        start_at=MONDAY_MORNING, end_at=datetime(2026, 2, 1, tzinfo=UTC)
    )
    assert (dispute.debit_amount_cents, dispute.comment) == (100_00, "MD06")


async def test_the_shortfall_of_a_return_comes_from_sc_by_a_transfer_of_its_own(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    await simulator.open_wallet("Bob")
    collection = await collect(simulator, mandate_id, "r-1")
    await simulator.post("/wires", wire_id="reserve", wallet="SC", cents=1_000_00, payer="BluLend")
    await simulator.move_clock(datetime(2026, 1, 13, 9, 0, tzinfo=UTC))
    await simulator.directkit.send_p2p(
        debit_wallet_id="ada", credit_wallet_id="bob", amount_cents=70_00, reference="r-2"
    )

    returned = await simulator.post(f"/collections/{collection.id}/return", reason_code="MD06")
    told_again = await simulator.post(f"/collections/{collection.id}/return", reason_code="MD06")

    assert told_again == returned
    assert await simulator.balances() == {"bob": 70_00, "SC": 930_00}
    now = datetime(2026, 1, 13, 9, 0, tzinfo=UTC)
    (dispute,) = await simulator.directkit.list_disputes(start_at=now, end_at=now)
    assert dispute.id == returned["transaction_id"]
    assert dispute.origin_id == collection.id
    assert refund_outcome(dispute.status) is Outcome.SUCCEEDED
    history = await simulator.directkit.wallet_transactions("SC", start_at=now, end_at=now)
    (shortfall,) = [entry.transaction_p2p for entry in history if entry.transaction_p2p is not None]
    assert (shortfall.receiver_account_id, shortfall.debit_amount_cents) == ("ada", 70_00)
    await simulator.quiet()
    (hint,) = simulator.webhooks.about(14)
    assert (hint.transaction_id, hint.amount_cents) == (dispute.id, 100_00)


async def test_sc_goes_below_zero_rather_than_leave_a_return_unpaid(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    await simulator.open_wallet("Bob")
    collection = await collect(simulator, mandate_id, "r-1")
    await simulator.move_clock(datetime(2026, 1, 13, 9, 0, tzinfo=UTC))
    await simulator.directkit.send_p2p(
        debit_wallet_id="ada", credit_wallet_id="bob", amount_cents=100_00, reference="r-2"
    )

    await simulator.post(f"/collections/{collection.id}/return", reason_code="MD01")

    assert await simulator.balances() == {"bob": 100_00, "SC": -100_00}
    assert (await simulator.get("/breaks"))["breaks"] == []


async def test_a_collection_can_be_cancelled_until_its_file_leaves(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    first = await collect(simulator, mandate_id, "r-1", on=date(2026, 1, 15))
    second = await collect(simulator, mandate_id, "r-2", on=date(2026, 1, 15))

    await simulator.move_clock(datetime(2026, 1, 14, 9, 29, tzinfo=UTC))
    await simulator.directkit.cancel_direct_debit(wallet_id="ada", transaction_id=first.id)
    await simulator.move_clock(datetime(2026, 1, 14, 9, 30, tzinfo=UTC))
    with pytest.raises(NotFound):
        await simulator.directkit.cancel_direct_debit(wallet_id="ada", transaction_id=second.id)
    await simulator.move_clock(datetime(2026, 1, 16, tzinfo=UTC))

    (cancelled,) = await simulator.directkit.find_direct_debits(reference="r-1")
    assert money_in_outcome(cancelled.status) is Outcome.CANCELLED
    assert await simulator.balances() == {"ada": 100_00}
    await simulator.quiet()
    assert [hint.transaction_id for hint in simulator.webhooks.about(17)] == [first.id]


async def test_the_commission_of_a_collection_goes_to_sc_and_the_wallet_is_credited_net(
    simulator: RunningSimulator,
) -> None:
    mandate_id = await a_borrower(simulator)
    await simulator.directkit.collect_direct_debit(
        wallet_id="ada", mandate_id=mandate_id, total_amount_cents=100_00, commission_amount_cents=3_00, reference="r-1"
    )

    await simulator.move_clock(datetime(2026, 1, 13, 9, 0, tzinfo=UTC))

    (collection,) = await simulator.directkit.find_direct_debits(reference="r-1")
    assert (collection.credit_amount_cents, collection.commission_amount_cents) == (97_00, 3_00)
    assert await simulator.balances() == {"ada": 97_00, "SC": 3_00}
    now = datetime(2026, 1, 13, 9, 0, tzinfo=UTC)
    (fee,) = await simulator.directkit.wallet_transactions("SC", start_at=MONDAY_MORNING, end_at=now)
    assert fee.transaction_p2p is not None
    assert fee.transaction_p2p.is_fee
    assert fee.transaction_p2p.fee_reference == str(collection.id)


async def test_collections_are_listed_by_the_time_their_status_changed(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    await collect(simulator, mandate_id, "r-1", on=date(2026, 1, 14))
    await collect(simulator, mandate_id, "r-2", on=date(2026, 1, 15))
    await simulator.move_clock(datetime(2026, 1, 16, tzinfo=UTC))

    changed = await simulator.directkit.direct_debits_changed(
        start_at=datetime(2026, 1, 15, tzinfo=UTC), end_at=datetime(2026, 1, 16, tzinfo=UTC)
    )

    assert [collection.reference for collection in changed] == ["r-2"]


async def test_only_a_signed_mandate_of_the_same_wallet_can_be_debited(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada")
    await simulator.open_wallet("Bob")
    unsigned = await simulator.directkit.create_mandate(
        wallet_id="ada",
        holder="Ada Rossi",
        iban=ADA_IBAN,
        bic=ADA_BIC,
        street="Via Roma 1",
        post_code="20121",
        city="Milano",
        unique_mandate_reference="BLU-1",
    )
    of_another = await simulator.signed_mandate("bob", holder="Bob Rossi")

    codes = []
    for mandate_id in (unsigned.id, of_another, 999):
        with pytest.raises(MandateNotUsable) as refused:
            await collect(simulator, mandate_id, "r-1")
        codes.append(refused.value.code)

    assert codes == [245, 244, 244]
    assert unsigned.unique_mandate_reference == "BLU-1"


async def test_a_mandate_is_signed_on_the_hosted_page_and_enabled_by_its_first_debit(
    simulator: RunningSimulator,
) -> None:
    mandate_id = await a_borrower(simulator)
    (signed,) = await simulator.directkit.list_mandates("ada")
    assert (signed.id, signed.status) == (mandate_id, 5)
    assert mandate_can_be_debited(signed.status)

    await collect(simulator, mandate_id, "r-1")
    await simulator.move_clock(datetime(2026, 1, 13, 9, 0, tzinfo=UTC))

    (enabled,) = await simulator.directkit.list_mandates("ada")
    assert enabled.status == 6
    changes = await simulator.directkit.accounts_changed_since(datetime(2026, 1, 13, tzinfo=UTC))
    assert [(change.id, [mandate.status for mandate in change.sdd_mandates or []]) for change in changes] == [
        ("ada", [6])
    ]


async def test_a_mandate_unregistered_before_the_date_rejects_the_collection(simulator: RunningSimulator) -> None:
    mandate_id = await a_borrower(simulator)
    await collect(simulator, mandate_id, "r-1")
    await simulator.directkit.unregister_mandate("ada", mandate_id)

    await simulator.move_clock(datetime(2026, 1, 13, 9, 0, tzinfo=UTC))

    (collection,) = await simulator.directkit.find_direct_debits(reference="r-1")
    assert (money_in_outcome(collection.status), collection.bank_status) == (Outcome.FAILED, "MD01")

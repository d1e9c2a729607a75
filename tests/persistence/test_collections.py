"""Direct debits: when they are handed in, and what a credited or a refused one does to the loan."""

from datetime import UTC, date, datetime

import pytest

from persistence.collection_results import record_collected, record_refused
from persistence.collections_book import due_to_hand_in, hand_in_date, request_collection
from persistence.funding import loan_id_of
from tests.persistence.signed_market import COLLECTION_WALLET, SignedMarket, id_of

LOAN = loan_id_of(id_of("first"))
FIRST_HAND_IN = date(2026, 2, 10)
FIRST_DEBIT = date(2026, 2, 12)


@pytest.fixture
async def lent(market: SignedMarket) -> SignedMarket:
    """1,000.00 at 6 % over 12 months from Monday 12 January 2026: 333.34, 333.33 and 333.33 of three lenders."""
    await market.add_company()
    for name in ("ada", "bruno", "carla"):
        await market.add_lender(name, cents=40_000)
    await market.add_borrower("elena")
    await market.sign("first", "elena", {"ada": 33_334, "bruno": 33_333, "carla": 33_333})
    await market.disburse()
    return market


async def test_a_debit_is_handed_in_two_business_days_before_its_date(lent: SignedMarket) -> None:
    async with lent.pool.acquire() as connection:
        assert (await due_to_hand_in(connection, date(2026, 2, 9))).loan_ids == []
        assert (await due_to_hand_in(connection, FIRST_HAND_IN)).loan_ids == [LOAN]


async def test_a_debit_handed_in_twice_is_asked_for_once(lent: SignedMarket) -> None:
    at = datetime(2026, 2, 10, 6, tzinfo=UTC)

    assert await request_collection(lent.pool, LOAN, on_date=FIRST_HAND_IN, at=at)
    assert not await request_collection(lent.pool, LOAN, on_date=FIRST_HAND_IN, at=at)

    assert await lent.instructions("collect") == [("ready", 8_607)]
    row = await lent.row("SELECT collection_date, instalment_numbers, presentation, state FROM collection")
    assert tuple(row) == (FIRST_DEBIT, [1], 1, "planned")


async def test_a_morning_that_comes_after_the_cut_off_hands_in_for_the_next_day_that_can_be_reached(
    lent: SignedMarket,
) -> None:
    """11:00 in Paris on the 10th counts as the 11th, so the debit is credited on the 13th."""
    await request_collection(lent.pool, LOAN, on_date=FIRST_HAND_IN, at=datetime(2026, 2, 10, 10, tzinfo=UTC))

    assert await lent.pool.fetchval("SELECT collection_date FROM collection") == date(2026, 2, 13)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(datetime(2026, 2, 10, 9, 29, tzinfo=UTC), date(2026, 2, 10), id="before 10:30 in Paris, winter"),
        pytest.param(datetime(2026, 2, 10, 9, 30, tzinfo=UTC), date(2026, 2, 11), id="at 10:30 in Paris, winter"),
        pytest.param(datetime(2026, 7, 10, 8, 29, tzinfo=UTC), date(2026, 7, 10), id="before 10:30 in Paris, summer"),
        pytest.param(datetime(2026, 7, 10, 8, 30, tzinfo=UTC), date(2026, 7, 11), id="at 10:30 in Paris, summer"),
    ],
)
def test_the_cut_off_is_half_past_ten_in_paris(at: datetime, expected: date) -> None:
    assert hand_in_date(at) == expected


async def test_a_credited_debit_pays_interest_and_principal_to_each_lender_to_the_cent(lent: SignedMarket) -> None:
    """86.07 are 5.00 of interest and 81.07 of principal; thirds of both leave a cent each for the largest share."""
    (collection_id,) = await lent.hand_in(FIRST_HAND_IN)

    await lent.collect(collection_id)

    shares = await lent.pool.fetch(
        "SELECT participant_id, principal_cents, interest_cents FROM receipt_share ORDER BY principal_cents DESC,"
        " interest_cents DESC"
    )
    assert sum(share["principal_cents"] for share in shares) == 8_107
    assert sum(share["interest_cents"] for share in shares) == 500
    assert [share["principal_cents"] for share in shares] == [2_703, 2_702, 2_702]
    assert sorted(share["interest_cents"] for share in shares) == [166, 167, 167]
    assert shares[0]["participant_id"] == id_of("ada")
    assert await lent.balance(f"loan:{LOAN}:principal") == 91_893
    assert await lent.balances("lender", "ada") == {"free": 6_666, "incoming": 2_870, "lent": 30_631}
    assert await lent.balances("borrower", "elena") == {}
    assert await lent.balances("wallet", COLLECTION_WALLET) == {"balance": 8_607}
    assert await lent.trial_balance_cents() == 0


async def test_a_result_told_twice_is_booked_once(lent: SignedMarket) -> None:
    (collection_id,) = await lent.hand_in(FIRST_HAND_IN)
    at = datetime(2026, 2, 12, 8, tzinfo=UTC)

    for is_news in (True, False):
        assert is_news == await record_collected(
            lent.pool, collection_id, executed_on=FIRST_DEBIT, collection_wallet=COLLECTION_WALLET, at=at
        )
    assert not await record_refused(lent.pool, collection_id, reason_code="AM04", at=at)

    assert await lent.instructions("gather") == [("ready", 8_607)]
    assert await lent.pool.fetchval("SELECT collected_cents FROM loan") == 8_607


async def test_a_debit_refused_for_want_of_money_is_presented_again_on_the_fifth_business_day(
    lent: SignedMarket,
) -> None:
    (collection_id,) = await lent.hand_in(FIRST_HAND_IN)

    await record_refused(lent.pool, collection_id, reason_code="AM04", at=datetime(2026, 2, 12, 8, tzinfo=UTC))

    loan = await lent.row("SELECT needs_person, next_collection_date, next_submission_date FROM loan")
    assert tuple(loan) == (None, date(2026, 2, 19), date(2026, 2, 17))
    assert await lent.instructions("gather") == []
    (again,) = await lent.hand_in(date(2026, 2, 17))
    row = await lent.row("SELECT cents, presentation, instalment_numbers FROM collection WHERE id = $1", again)
    assert tuple(row) == (8_607, 2, [1])


async def test_a_closed_bank_account_stops_the_collections_for_a_person(lent: SignedMarket) -> None:
    (collection_id,) = await lent.hand_in(FIRST_HAND_IN)

    await record_refused(lent.pool, collection_id, reason_code="AC04", at=datetime(2026, 2, 12, 8, tzinfo=UTC))

    loan = await lent.row("SELECT needs_person, next_submission_date FROM loan")
    assert tuple(loan) == ("new-account", None)


async def test_the_last_instalment_closes_every_share_to_the_cent(lent: SignedMarket) -> None:
    """Twelve debits: 11 of 86.07 and one of 86.03, 1,032.80 in all, of which 32.80 are interest."""
    for _ in range(12):
        on_date = await lent.pool.fetchval("SELECT next_submission_date FROM loan")
        (collection_id,) = await lent.hand_in(on_date)
        await lent.collect(collection_id)

    loan = await lent.row("SELECT state, outstanding_cents, collected_cents, settled_on FROM loan")
    assert tuple(loan) == ("settled", 0, 103_280, date(2027, 1, 12))
    shares = await lent.pool.fetch(
        "SELECT principal_paid_cents, interest_paid_cents FROM loan_share ORDER BY principal_cents DESC, participant_id"
    )
    assert [share["principal_paid_cents"] for share in shares] == [33_334, 33_333, 33_333]
    assert sum(share["interest_paid_cents"] for share in shares) == 3_280
    assert max(share["interest_paid_cents"] for share in shares) == 1_094
    assert await lent.balance(f"loan:{LOAN}:principal") == 0
    assert await lent.balances("wallet", COLLECTION_WALLET) == {"balance": 103_280}
    assert await lent.trial_balance_cents() == 0

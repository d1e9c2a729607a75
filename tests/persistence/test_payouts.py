"""Money leaves for the bank account of its owner: when a loan is settled, or on demand."""

from datetime import UTC, date, datetime

import pytest

from persistence.business_day import DueStep, Step, begin_step, finish_step
from persistence.distribution import net_receipts
from persistence.payouts import (
    BankAccountNotPayable,
    NewPayout,
    PayoutIdReused,
    PayoutOutcome,
    PayoutTaken,
    TooLittleFree,
    ask_payout,
)
from persistence.settled_loan_payouts import pay_out_settled
from tests.persistence.signed_market import COLLECTION_WALLET, START, SignedMarket, id_of

SETTLED_ON = date(2026, 2, 12)
EVENING = datetime(2026, 2, 12, 17, tzinfo=UTC)


async def settled(market: SignedMarket, *, payout: str = "settlement", kept_cents: int = 0) -> SignedMarket:
    """1,000.00 over one month at 6 %, repaid with 5.00 of interest: 502.50 each for Ada and Bruno.

    `kept_cents` of Ada's other money are free besides.
    """
    await market.add_company()
    await market.add_lender("ada", cents=50_000 + kept_cents, payout=payout)
    await market.add_lender("bruno", cents=50_000, payout=payout)
    await market.add_borrower("elena")
    await market.sign("first", "elena", {"ada": 50_000, "bruno": 50_000}, months=1)
    await market.disburse()
    (collection_id,) = await market.hand_in(date(2026, 2, 10))
    await market.collect(collection_id)
    due = DueStep(SETTLED_ON, Step.DISTRIBUTION)
    async with market.pool.acquire() as connection, connection.transaction():
        await begin_step(connection, due)
        await net_receipts(connection, SETTLED_ON, collection_wallet=COLLECTION_WALLET, at=EVENING)
        await finish_step(connection, due)
    return market


async def pay_out(market: SignedMarket, on_date: date = SETTLED_ON) -> int:
    async with market.pool.acquire() as connection, connection.transaction():
        return await pay_out_settled(connection, on_date, at=EVENING)


async def payouts(market: SignedMarket) -> list[tuple[str, int]]:
    rows = await market.pool.fetch("SELECT state, cents FROM payout ORDER BY participant_id")
    return [(row["state"], row["cents"]) for row in rows]


async def test_a_settled_loan_pays_each_lender_what_it_returned(market: SignedMarket) -> None:
    await settled(market)
    await market.execute("distribute", at=EVENING)

    assert await pay_out(market) == 2
    await market.hold_payouts(at=EVENING)
    await market.execute("pay_out", at=EVENING)

    assert await payouts(market) == [("executed", 50_250), ("executed", 50_250)]
    assert await market.balances("lender", "ada") == {}
    assert await market.balances("wallet", "ada") == {}
    assert await market.trial_balance_cents() == 0
    told = await market.pool.fetch("SELECT operation, cents FROM purse_instruction WHERE operation = 'pay_out'")
    assert [tuple(step) for step in told] == [("pay_out", 50_250), ("pay_out", 50_250)]


async def test_nothing_is_paid_out_before_every_receipt_of_the_loan_has_arrived(market: SignedMarket) -> None:
    await settled(market)

    assert await pay_out(market) == 0
    await market.execute("distribute", at=EVENING)
    assert await pay_out(market) == 2


async def test_a_settled_loan_pays_once(market: SignedMarket) -> None:
    await settled(market)
    await market.execute("distribute", at=EVENING)

    assert await pay_out(market) == 2
    assert await pay_out(market) == 0
    assert await pay_out(market, date(2026, 2, 13)) == 0


async def test_money_that_came_from_elsewhere_stays(market: SignedMarket) -> None:
    await settled(market, kept_cents=7_000)
    await market.execute("distribute", at=EVENING)

    await pay_out(market)

    assert (await market.pool.fetchval("SELECT cents FROM payout WHERE participant_id = $1", id_of("ada"))) == 50_250


@pytest.mark.parametrize(
    ("other_cents", "keep_cents", "expected"),
    [
        pytest.param(0, 10_000, ("asked", 40_250), id="kept of what the loan returned"),
        pytest.param(7_000, 10_000, ("asked", 47_250), id="kept of other money first"),
        pytest.param(10_000, 10_000, ("asked", 50_250), id="other money is enough"),
        pytest.param(0, 50_249, ("asked", 1), id="all but a cent"),
        pytest.param(0, 50_250, ("refused", 50_250), id="all of it"),
    ],
)
async def test_the_payout_rule_keeps_its_cents_in_the_wallet(
    market: SignedMarket, other_cents: int, keep_cents: int, expected: tuple[str, int]
) -> None:
    await settled(market, kept_cents=other_cents)
    await market.pool.execute(
        "UPDATE lender_settings SET payout_keep_cents = $2 WHERE lender_id = $1", id_of("ada"), keep_cents
    )
    await market.execute("distribute", at=EVENING)

    await pay_out(market)

    row = await market.row("SELECT state, cents, refused_reason FROM payout WHERE participant_id = $1", id_of("ada"))
    assert (row["state"], row["cents"]) == expected
    assert row["refused_reason"] in (None, "the payout rule keeps it in the wallet")


async def test_what_was_lent_again_is_not_paid_out(market: SignedMarket) -> None:
    """Bruno has promised all of it to another loan, Ada all but 100.00."""
    await settled(market)
    await market.execute("distribute", at=EVENING)
    await market.add_borrower("fabio")
    await market.sign("second", "fabio", {"ada": 40_250, "bruno": 50_250})

    await pay_out(market)

    by_lender = {
        row["participant_id"]: (row["state"], row["cents"])
        for row in await market.pool.fetch("SELECT participant_id, state, cents FROM payout")
    }
    assert by_lender == {id_of("ada"): ("asked", 10_000), id_of("bruno"): ("refused", 50_250)}
    assert await pay_out(market, date(2026, 2, 13)) == 0


async def test_a_lender_that_wants_no_payouts_keeps_its_money(market: SignedMarket) -> None:
    await settled(market, payout="never")
    await market.execute("distribute", at=EVENING)

    assert await pay_out(market) == 0
    assert await market.balances("lender", "ada") == {"free": 50_250}


def a_wish(cents: int = 20_000, **changes: str) -> NewPayout:
    named = {"payout_id": id_of("wish"), "bank_account_id": id_of("bank account of ada"), **changes}
    return NewPayout(participant_kind="lender", participant_id=id_of("ada"), cents=cents, at=START, **named)


@pytest.fixture
async def ada(market: SignedMarket) -> SignedMarket:
    """Ada has 300.00 free."""
    await market.add_lender("ada", cents=30_000)
    return market


async def ask(market: SignedMarket, wish: NewPayout) -> PayoutOutcome:
    async with market.pool.acquire() as connection, connection.transaction():
        return await ask_payout(connection, wish)


async def test_a_lender_asks_for_money_and_its_purse_is_asked_to_hold_it(ada: SignedMarket) -> None:
    assert await ask(ada, a_wish()) == PayoutTaken(state="asked")

    step = await ada.row("SELECT operation, ref, cents FROM purse_instruction WHERE operation = 'hold'")
    assert tuple(step) == ("hold", id_of("wish"), 20_000)
    assert await ada.instructions("pay_out") == []


async def test_the_same_wish_again_is_the_same_payout(ada: SignedMarket) -> None:
    await ask(ada, a_wish())

    assert await ask(ada, a_wish()) == PayoutTaken(state="asked")
    assert await ask(ada, a_wish(cents=20_001)) == PayoutIdReused()


async def test_two_wishes_cannot_share_the_same_money(ada: SignedMarket) -> None:
    await ask(ada, a_wish())

    assert await ask(ada, a_wish(payout_id=id_of("another"))) == TooLittleFree(free_cents=10_000, asked_cents=20_000)


async def test_a_bank_account_of_somebody_else_is_not_paid(ada: SignedMarket) -> None:
    await ada.add_lender("bruno", cents=1_000)

    wish = a_wish(bank_account_id=id_of("bank account of bruno"))
    assert await ask(ada, wish) == BankAccountNotPayable(state=None)


async def test_a_companys_money_is_held_at_once_because_it_has_no_purse(market: SignedMarket) -> None:
    await market.add_company()
    await market.wire("alfa", 90_000)
    await market.add_bank_account("alfa")
    wish = NewPayout(
        payout_id=id_of("wish"),
        participant_kind="company",
        participant_id=id_of("alfa"),
        bank_account_id=id_of("bank account of alfa"),
        cents=40_000,
        at=START,
    )

    assert await ask(market, wish) == PayoutTaken(state="held")
    assert await market.balances("company", "alfa") == {"free": 50_000, "held": 40_000}
    await market.execute("pay_out")
    assert await market.balances("company", "alfa") == {"free": 50_000}
    assert await market.balances("wallet", "alfa") == {"balance": 50_000}

"""What was gathered reaches each participant in one movement a day, and the books hear what came back."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from marketplace.book.commands import RecordRepayments
from persistence.business_day import DueStep, Step, begin_step, finish_step
from persistence.distribution import net_receipts, report_repayments
from tests.persistence.signed_market import COLLECTION_WALLET, SignedMarket, id_of

EVENING = datetime(2026, 2, 12, 17, tzinfo=UTC)
DAY = date(2026, 2, 12)


async def with_two_loans_collected(market: SignedMarket, *, reinvest: str = "none") -> SignedMarket:
    """Ada lends to Elena's and Fabio's loans, Bruno to one, the company to the other; both pay on the 12th."""
    await market.add_company(budget_cents=50_000)
    await market.add_lender("ada", cents=100_000, reinvest=reinvest)
    await market.add_lender("bruno", cents=50_000, reinvest=reinvest)
    await market.add_borrower("elena")
    await market.add_borrower("fabio")
    await market.sign("first", "elena", {"ada": 50_000, "bruno": 50_000})
    await market.sign("second", "fabio", {"ada": 50_000}, company_cents=50_000)
    await market.disburse()
    for collection_id in await market.hand_in(date(2026, 2, 10)):
        await market.collect(collection_id)
    return market


@pytest.fixture
async def collected(market: SignedMarket) -> SignedMarket:
    return await with_two_loans_collected(market)


async def net(market: SignedMarket, day: date = DAY) -> int:
    async with market.pool.acquire() as connection, connection.transaction():
        assert await begin_step(connection, DueStep(day, Step.DISTRIBUTION))
        movements = await net_receipts(connection, day, collection_wallet=COLLECTION_WALLET, at=EVENING)
        await finish_step(connection, DueStep(day, Step.DISTRIBUTION))
        return movements


async def test_each_participant_gets_one_movement_of_all_its_shares(collected: SignedMarket) -> None:
    """Two instalments of 86.07: Ada has half of each, Bruno and the company half of one.

    The odd cent goes to the share that stands first: Bruno's in one loan, Ada's in the other.
    """
    assert await net(collected) == 3

    assert await collected.instructions("distribute") == [("ready", 4_303), ("ready", 4_304), ("ready", 8_607)]


async def test_nothing_is_netted_before_it_is_gathered(collected: SignedMarket) -> None:
    await collected.pool.execute("UPDATE receipt_share SET gathered_at = NULL")

    assert await net(collected) == 0


async def test_what_arrives_is_free_and_the_collection_wallet_is_empty(collected: SignedMarket) -> None:
    await net(collected)
    await collected.execute("distribute", at=EVENING)

    assert await collected.balances("wallet", COLLECTION_WALLET) == {}
    assert await collected.balances("wallet", "ada") == {"balance": 8_607}
    assert (await collected.balances("lender", "ada"))["free"] == 8_607
    assert (await collected.balances("company", "alfa"))["free"] == 4_303
    assert "incoming" not in await collected.balances("lender", "bruno")
    assert await collected.trial_balance_cents() == 0


@pytest.mark.parametrize(
    ("reinvest", "reserved_cents"),
    [
        pytest.param("all", 0, id="everything is lent again"),
        pytest.param("principal", 500, id="the interest is kept"),
        pytest.param("none", 8_607, id="nothing is lent again"),
    ],
)
async def test_the_purse_is_told_how_much_may_be_lent_again(
    market: SignedMarket, reinvest: str, reserved_cents: int
) -> None:
    await with_two_loans_collected(market, reinvest=reinvest)
    await net(market)
    await market.execute("distribute", at=EVENING)

    row = await market.row(
        "SELECT cents, reserved_cents FROM purse_instruction WHERE operation = 'deposit' AND lender_id = $1"
        " ORDER BY number DESC LIMIT 1",
        id_of("ada"),
    )
    assert tuple(row) == (8_607, reserved_cents)


async def test_principal_that_came_back_no_longer_counts_against_the_limits_it_was_lent_under(
    collected: SignedMarket,
) -> None:
    """Two instalments of 86.07 of which 5.00 each is interest: Ada has half of the 81.07 of principal of each."""
    await net(collected)
    await collected.execute("distribute", at=EVENING)

    steps = await collected.pool.fetch(
        "SELECT step.ref = deposit.ref AS is_of_the_deposit, step.number > deposit.number AS is_after_it,"
        " step.freed_cents FROM purse_instruction step JOIN purse_instruction deposit"
        " ON deposit.lender_id = step.lender_id AND deposit.operation = 'deposit' AND deposit.ref NOT LIKE 'wire%'"
        " WHERE step.operation = 'free_use' AND step.lender_id = $1",
        id_of("ada"),
    )
    assert [(step["is_of_the_deposit"], step["is_after_it"]) for step in steps] == [(True, True)]
    assert msgspec.json.decode(steps[0]["freed_cents"]) == {id_of("strategy"): 8_107, f"{id_of('strategy')}/12m": 8_107}
    companies = await collected.pool.fetchval(
        "SELECT count(*) FROM purse_instruction WHERE lender_id = $1", id_of("alfa")
    )
    assert companies == 0


async def test_a_book_is_told_once_a_day_the_principal_that_came_back_to_its_lenders(collected: SignedMarket) -> None:
    """Of 81.07 of principal each; the company's own part frees nobody's cap."""
    await net(collected)
    async with collected.pool.acquire() as connection:
        (first,) = await report_repayments(connection, DAY, at=EVENING)
        (again,) = await report_repayments(connection, DAY, at=EVENING)

    assert first == again
    assert isinstance(first.command, RecordRepayments)
    repaid = {(part.request_id, part.lender_id): part.cents for part in first.command.repaid}
    assert set(repaid) == {
        (id_of("first"), id_of("ada")),
        (id_of("first"), id_of("bruno")),
        (id_of("second"), id_of("ada")),
    }
    assert repaid[id_of("first"), id_of("ada")] + repaid[id_of("first"), id_of("bruno")] == 8_107
    assert await collected.pool.fetchval("SELECT count(*) FROM command WHERE kind = 'record_repayments'") == 1

"""What forecasts take from the record."""

from datetime import datetime, timedelta

from persistence.forecast_facts import is_employee_of, pay_waits, strategy_facts
from tests.persistence.journaled_market import id_of
from tests.persistence.signed_market import SignedMarket

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def add_paid_loans(
    market: SignedMarket, count: int, *, company: str = "alfa", waited: timedelta, paid_at: datetime
) -> None:
    """Loans of one borrower that were paid so long after the signature."""
    async with market.pool.acquire() as connection:
        for number in range(count):
            await market.record_request(
                connection,
                f"{company} {waited} {number}",
                "carla",
                state="disbursed",
                company_id=id_of(company),
                signed_at=paid_at - waited,
                disbursed_at=paid_at,
            )


async def a_market_of_two_companies(market: SignedMarket) -> None:
    await market.add_company()
    await market.add_borrower("carla")
    await market.add_party("beta", "company")
    await market.pool.execute("INSERT INTO company (id, name) VALUES ($1, 'Beta')", id_of("beta"))


async def test_payments_of_the_company_are_looked_at_where_they_are_enough(market: SignedMarket) -> None:
    await a_market_of_two_companies(market)
    await add_paid_loans(market, 20, waited=2 * HOUR, paid_at=market.at)
    await add_paid_loans(market, 5, company="beta", waited=9 * HOUR, paid_at=market.at - DAY)

    of_alfa = await pay_waits(market.pool, id_of("alfa"), since_at=market.at - 90 * DAY)
    of_beta = await pay_waits(market.pool, id_of("beta"), since_at=market.at - 90 * DAY)

    assert of_alfa == [2 * HOUR] * 20
    assert of_beta == [9 * HOUR] * 5 + [2 * HOUR] * 20


async def test_payments_of_long_ago_and_loans_not_paid_yet_say_nothing(market: SignedMarket) -> None:
    await a_market_of_two_companies(market)
    await add_paid_loans(market, 1, waited=HOUR, paid_at=market.at - 91 * DAY)
    async with market.pool.acquire() as connection:
        await market.record_request(connection, "signed", "carla", state="signed", signed_at=market.at)

    assert await pay_waits(market.pool, id_of("alfa"), since_at=market.at - 90 * DAY) == []


async def test_an_employee_is_one_until_refused_or_gone(market: SignedMarket) -> None:
    await a_market_of_two_companies(market)
    await market.pool.execute(
        "INSERT INTO employment (id, party_id, company_id, state) VALUES ($1, $2, $3, 'waiting_hr')",
        id_of("employment"),
        id_of("carla"),
        id_of("alfa"),
    )

    known = [await is_employee_of(market.pool, id_of("carla"), id_of(company)) for company in ("alfa", "beta")]
    await market.pool.execute("UPDATE employment SET state = 'refused'")
    after = await is_employee_of(market.pool, id_of("carla"), id_of("alfa"))

    assert (known, after) == ([True, False], False)


async def test_a_strategy_is_found_by_its_lender_and_by_operations_only(market: SignedMarket) -> None:
    await market.add_lender("ada", cents=90_000)
    for name, pace in (("main", '{"name": "main", "pace_cents": 7000}'), ("side", '{"name": "side"}')):
        await market.pool.execute(
            "INSERT INTO strategy (id, version, lender_id, settings, at) VALUES ($1, 1, $2, $3, $4)",
            id_of(name),
            id_of("ada"),
            pace,
            market.at,
        )

    own, anybodys, foreign, unknown = [
        await strategy_facts(market.pool, id_of(strategy), lender_id=lender_id)
        for strategy, lender_id in (
            ("main", id_of("ada")),
            ("main", None),
            ("main", id_of("bob")),
            ("nothing", None),
        )
    ]

    assert own is not None
    assert own == anybodys
    assert (own.lender_id, own.company_ids, own.wallet_free_cents) == (id_of("ada"), (), 90_000)
    assert own.paces == {id_of("main"): 7_000}
    assert (foreign, unknown) == (None, None)

"""A notification is a hint: what is read again at Lemonway is what counts, however often and however late it comes."""

from datetime import UTC, datetime

import pytest

from persistence.inbox import store_notification
from tests.lemonway.jobs.paying_market import PayingMarket
from tests.persistence.signed_market import id_of


async def with_ada(market: PayingMarket, *, cents: int = 50_000) -> PayingMarket:
    await market.add_lender("ada", cents=cents)
    return market


async def remarks(market: PayingMarket) -> list[str | None]:
    """What a person is told about the notifications of wires and movements, in order of category."""
    rows = await market.pool.fetch(
        "SELECT last_error FROM lemonway_notification WHERE category IN (10, 14, 15) ORDER BY category, key"
    )
    return [row["last_error"] for row in rows]


async def test_a_wire_is_credited_to_the_lender_and_told_to_its_purse(market: PayingMarket) -> None:
    await with_ada(market)

    async with market.paying():
        await market.quiet()

    assert await market.balances("lender", "ada") == {"free": 50_000}
    deposit = await market.row("SELECT lender_id, operation, cents FROM purse_instruction")
    assert tuple(deposit) == (id_of("ada"), "deposit", 50_000)
    assert await market.wallets_differ() == {}


async def test_a_thousand_copies_of_a_notification_change_nothing(market: PayingMarket) -> None:
    await with_ada(market)
    await market.simulator.quiet()
    await market.deliver_notifications(copies=1_000)

    async with market.paying():
        await market.quiet()

    assert await market.balances("lender", "ada") == {"free": 50_000}
    assert await market.pool.fetchval("SELECT count(*) FROM wire") == 1


async def test_a_wire_whose_notification_was_lost_is_found_by_looking(market: PayingMarket) -> None:
    await with_ada(market)
    await market.lose_notifications()

    async with market.paying():
        await market.until(lambda: market.pool.fetchval("SELECT count(*) > 0 FROM wire"))

    assert await market.balances("lender", "ada") == {"free": 50_000}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"NotifCategory": "10", "IdTransaction": "999999", "Amount": "1000.00"}, id="an unknown money-in"),
        pytest.param({"NotifCategory": "10", "Amount": "1000.00"}, id="no money-in at all"),
        pytest.param({"NotifCategory": "11", "IdTransaction": "999999", "Status": "0"}, id="an unknown debit"),
        pytest.param({"NotifCategory": "15", "IdTransaction": "1", "IdOriginTransaction": "2"}, id="an unknown payout"),
        pytest.param({"NotifCategory": "14", "IdTransaction": "999999"}, id="an unknown chargeback"),
        pytest.param({"NotifCategory": "50", "ExtId": "nobody", "Status": "2"}, id="an unknown wallet"),
        pytest.param({"NotifCategory": "777"}, id="an unknown category"),
    ],
)
async def test_a_forged_notification_changes_nothing(market: PayingMarket, fields: dict[str, str]) -> None:
    await with_ada(market)
    async with market.paying():
        await market.quiet()
        await forge(market, fields)
        await market.quiet()

    assert await market.balances("lender", "ada") == {"free": 50_000}
    assert await market.wallets_differ() == {}
    assert await market.pool.fetchval("SELECT state FROM lemonway_notification WHERE key = 'forged'") == "processed"


async def forge(market: PayingMarket, fields: dict[str, str]) -> None:
    async with market.pool.acquire() as connection:
        await store_notification(
            connection,
            key="forged",
            category=int(fields["NotifCategory"]),
            object_id=fields.get("IdTransaction", ""),
            fields={"NotifDate": "2026-01-12T09:00:00.000", **fields},
        )


async def test_a_forged_amount_is_not_believed(market: PayingMarket) -> None:
    await with_ada(market)
    await market.simulator.quiet()
    (hint,) = market.simulator.webhooks.about(10)
    await market.lose_notifications()
    await forge(market, {**hint.fields, "Amount": "99999.00"})

    async with market.paying():
        await market.quiet()

    assert await market.balances("lender", "ada") == {"free": 50_000}


async def test_a_notification_waits_out_an_outage(market: PayingMarket) -> None:
    await with_ada(market)
    await market.simulator.post("/faults", id="down", endpoint="GET /v2/moneyins*", mode="outage", count=8)

    async with market.paying():
        await market.quiet()

    assert await market.balances("lender", "ada") == {"free": 50_000}


async def test_a_wire_to_a_wallet_that_nobody_here_owns_is_kept_where_a_person_sees_it(market: PayingMarket) -> None:
    await market.simulator.open_wallet("Stranger", cents=12_300)

    async with market.paying():
        await market.quiet()

    wire = await market.row("SELECT wallet_id, cents, state, party_id FROM wire")
    assert tuple(wire) == ("stranger", 12_300, "unmatched", None)
    assert await market.trial_balance_cents() == 0


async def test_a_companys_wire_is_free_until_it_is_set_aside(market: PayingMarket) -> None:
    await market.add_company(budget_cents=0)
    await market.wire("alfa", 70_000)

    async with market.paying():
        await market.quiet()

    assert await market.balances("company", "alfa") == {"free": 70_000}


async def a_payout_of(market: PayingMarket, name: str) -> str:
    """An executed payout, told to the bank; Lemonway's number of it."""
    await market.add_company()
    await market.add_lender("ada", cents=50_000)
    await market.add_borrower("elena")
    async with market.paying():
        await market.quiet()
        await market.sign("first", name, {"ada": 50_000})
        await market.quiet()
        await market.move(datetime(2026, 1, 12, 17, tzinfo=UTC))
    return str(await market.pool.fetchval("SELECT psp_id FROM payment_instruction WHERE kind = 'disburse'"))


async def test_a_payment_that_the_bank_sends_back_stops_with_a_person(market: PayingMarket) -> None:
    psp_id = await a_payout_of(market, "elena")
    await market.simulator.post(f"/payouts/{psp_id}/bounce")

    async with market.paying():
        await market.quiet()

    row = await market.row("SELECT state, last_error FROM payment_instruction WHERE kind = 'disburse'")
    assert row["state"] == "review"
    assert row["last_error"].startswith("the bank sent it back: money-in")


async def test_remarks_name_what_a_person_should_know(market: PayingMarket) -> None:
    await forge(market, {"NotifCategory": "10", "IdTransaction": "999999"})

    async with market.paying():
        await market.quiet()

    assert await remarks(market) == ["Lemonway knows no money-in 999999"]

"""Virtual time: it moves when told, never backward, and everything due happens on the way in order."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import holidays
import msgspec
import pytest

from lemonway.simulator.business_calendar import (
    business_day_after,
    collection_file_at,
    earliest_collection_date,
    is_business_day,
    next_file_at,
)
from lemonway.simulator.ibans import is_bic, is_iban, virtual_iban
from tests.lemonway.running_simulator import MONDAY_MORNING, RunningSimulator, running_simulator, settings_for


async def test_moving_to_the_present_instant_is_no_move_and_an_earlier_one_is_refused(
    simulator: RunningSimulator,
) -> None:
    later = MONDAY_MORNING + timedelta(hours=1)
    await simulator.move_clock(later)
    again = await simulator.put("/clock", now=later.isoformat())
    backward = await simulator.control.put("/clock", json={"now": MONDAY_MORNING.isoformat()})

    assert again["events"] == 0
    assert backward.status_code == 409
    assert (await simulator.get("/clock"))["now"] == later.isoformat()


async def test_a_long_move_runs_cut_offs_settlements_and_returns_each_at_its_own_instant(
    simulator: RunningSimulator,
) -> None:
    await simulator.open_wallet("Ada", cents=50_00)
    mandate_id = await simulator.signed_mandate("ada")
    account = await simulator.directkit.register_payout_iban("ada", holder="Ada Rossi", iban=virtual_iban(9))
    await simulator.directkit.send_money_out(
        wallet_id="ada", iban_id=account.iban_id, total_amount_cents=50_00, reference="payout"
    )
    await simulator.directkit.collect_direct_debit(
        wallet_id="ada",
        mandate_id=mandate_id,
        total_amount_cents=30_00,
        reference="debit",
        collection_date=date(2026, 2, 2),
    )
    await simulator.post("/collections/fate", id="f", reference="debit", reason_code="MD06", phase="return")

    moved = await simulator.put("/clock", now="2026-03-01T00:00:00+00:00")

    assert moved["events"] == 3
    movements = (await simulator.get("/movements"))["movements"]
    assert [(movement["kind"], movement["at"], movement["cents"]) for movement in movements] == [
        ("wire", "2026-01-12T08:00:00.000Z", 50_00),
        ("money_out", "2026-01-12T08:00:00.000Z", 50_00),
        ("direct_debit", "2026-02-02T08:00:00.000Z", 30_00),
        ("chargeback", "2026-02-04T08:00:00.000Z", 30_00),
    ]
    (payout,) = await simulator.directkit.find_money_outs(reference="payout")
    assert payout.execution_date_unix_s == int(datetime(2026, 1, 12, 9, 30, tzinfo=UTC).timestamp())


async def test_the_clock_follows_real_time_until_it_is_set(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(settings_for(tmp_path), start_at="system")
    async with running_simulator(settings) as simulator:
        real = await simulator.get("/clock")
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        await simulator.move_clock(tomorrow)
        set_by_hand = await simulator.get("/clock")

    assert abs(datetime.fromisoformat(real["now"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert (real["follows_system_time"], set_by_hand["follows_system_time"]) == (True, False)
    assert set_by_hand["now"] == tomorrow.isoformat()


async def test_balances_can_be_asked_for_as_they_were(simulator: RunningSimulator) -> None:
    await simulator.open_wallet("Ada", cents=50_00)
    tuesday = MONDAY_MORNING + timedelta(days=1)
    await simulator.move_clock(tuesday)
    await simulator.post("/wires", wire_id="w-2", wallet="ada", cents=20_00, payer="Ada")

    assert await simulator.directkit.wallet_balance_at_cents("ada", MONDAY_MORNING) == 50_00
    assert await simulator.directkit.wallet_balance_at_cents("ada", tuesday) == 70_00
    (changed,) = await simulator.directkit.balances_changed_since(tuesday)
    assert (changed.id, changed.balance_cents) == ("ada", 70_00)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-01-01", False),
        ("2026-04-03", False),
        ("2026-04-06", False),
        ("2026-05-01", False),
        ("2026-06-02", True),
        ("2026-08-15", False),
        ("2026-12-24", True),
        ("2026-12-25", False),
        ("2026-12-28", True),
        ("2027-03-26", False),
    ],
)
def test_business_days_are_those_of_target(day: str, works: bool) -> None:
    """An Italian holiday such as 2 June is a business day; Good Friday is none; 15 August 2026 is a Saturday."""
    assert is_business_day(date.fromisoformat(day)) is works


def test_business_days_agree_with_an_independent_calendar_for_forty_years() -> None:
    closing_days = holidays.financial_holidays("XECB", years=range(2010, 2050))
    days = [date(2010, 1, 1) + timedelta(days=number) for number in range(40 * 365)]

    assert [day for day in days if is_business_day(day) is (day.weekday() >= 5 or day in closing_days)] == []


def test_the_file_leaves_at_half_past_ten_in_paris_in_both_halves_of_the_year() -> None:
    winter = int(datetime(2026, 1, 12, 9, 29, 59, tzinfo=UTC).timestamp())
    summer = int(datetime(2026, 7, 6, 8, 29, 59, tzinfo=UTC).timestamp())

    assert [next_file_at(winter) - winter, next_file_at(summer) - summer] == [1, 1]
    assert earliest_collection_date(winter + 1) == date(2026, 1, 14)
    assert collection_file_at(date(2026, 1, 14)) == int(datetime(2026, 1, 13, 9, 30, tzinfo=UTC).timestamp())
    assert business_day_after(date(2026, 4, 2), 2) == date(2026, 4, 8)


def test_virtual_ibans_are_valid_and_all_different() -> None:
    ibans = [virtual_iban(number) for number in range(1, 200)]

    assert all(is_iban(iban) and iban.startswith("IT") and len(iban) == 27 for iban in ibans)
    assert len(set(ibans)) == len(ibans)


@pytest.mark.parametrize(
    ("iban", "valid"),
    [
        ("FR1420041010050500013M02606", True),
        ("IT60X0542811101000000123456", True),
        ("IT61X0542811101000000123456", False),
        ("it60X0542811101000000123456", False),
        ("", False),
    ],
)
def test_check_digits_tell_an_iban_from_a_mistake(iban: str, valid: bool) -> None:
    assert is_iban(iban) is valid


def test_a_bic_has_eight_or_eleven_characters() -> None:
    assert [is_bic(bic) for bic in ("BNLIITRR", "ABCDEFGHIJK", "BNLIITR", "BNLI1TRR", "BNLIITRRX")] == [
        True,
        True,
        False,
        False,
        False,
    ]

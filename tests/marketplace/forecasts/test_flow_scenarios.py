"""Futures are drawn from the days of a book's own past."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from marketplace.book.book_events import CommandAcknowledged
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook
from marketplace.forecasts.flow_scenarios import DayOfFlow, Draws, days_of_flow, drawn_days
from marketplace.forecasts.market_history import CompanyMove, MarketHistory, MoneyMove, PastRequest

WEDNESDAY = datetime(2026, 4, 8, tzinfo=UTC)
WEDNESDAY_NOON = WEDNESDAY.replace(hour=12)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def a_history(begun_days_ago: int) -> MarketHistory:
    history = MarketHistory()
    began_at = WEDNESDAY_NOON - begun_days_ago * DAY
    record = BookRecord(company_id="alfa", cause_id="test", at=began_at, event=CommandAcknowledged())
    history.apply(record, OrderBook("alfa", "bk00"))
    return history


def a_past_request(at: datetime) -> PastRequest:
    return PastRequest(at=at, borrower_id="eva", months=12, amount_cents=100_000, max_rate_bp=500, purpose_class=1)


def test_only_whole_days_before_today_are_drawn_from() -> None:
    history = a_history(begun_days_ago=3)
    today, yesterday, first_day = (a_past_request(WEDNESDAY_NOON - hours * HOUR) for hours in (6, 30, 70))
    history.requests.extend((first_day, yesterday, today))

    days = days_of_flow(history.flow_before(WEDNESDAY), WEDNESDAY)

    assert [day.arrivals for day in days] == [((6 * 3_600_000, yesterday),), ()]


def test_a_day_sums_what_each_lender_and_the_company_moved() -> None:
    history = a_history(begun_days_ago=3)
    at = WEDNESDAY_NOON - 30 * HOUR
    for cents, is_first in ((5_000, True), (-1_000, False)):
        history.money_moves.append(MoneyMove(at=at, lender_id="ada", cents=cents, is_first=is_first))
    history.company_moves.extend(
        (CompanyMove(at=at, cents=700, kind="repaid"), CompanyMove(at=at, cents=90, kind="granted"))
    )

    yesterday = days_of_flow(history.flow_before(WEDNESDAY), WEDNESDAY)[0]

    assert yesterday == DayOfFlow(
        is_working=True, arrivals=(), moves={"ada": (4_000, True)}, repaid_cents=700, granted_cents=90
    )


def test_the_latest_day_stands_first_and_weekends_are_known() -> None:
    days = days_of_flow(a_history(begun_days_ago=9).flow_before(WEDNESDAY), WEDNESDAY)

    assert [day.is_working for day in days] == [True, True, False, False, True, True, True, True]


def some_days(count: int) -> list[DayOfFlow]:
    return [
        DayOfFlow(is_working=index % 7 < 5, arrivals=(), moves={}, repaid_cents=0, granted_cents=0)
        for index in range(count)
    ]


def test_working_days_are_like_working_days_and_weekends_like_weekends() -> None:
    days = some_days(28)
    kinds = [True] * 5 + [False] * 2

    for number in range(50):
        drawn = drawn_days(days, Draws(number), kinds=kinds)
        assert [days[index].is_working for index in drawn] == kinds


def test_with_less_than_two_weeks_every_day_is_drawn_from() -> None:
    days = some_days(6)

    drawn = {index for number in range(200) for index in drawn_days(days, Draws(number), kinds=[False] * 3)}

    assert drawn == set(range(6))


def test_the_same_number_draws_the_same_days_and_another_number_others() -> None:
    days = some_days(90)
    kinds = [True] * 30

    drawn = [tuple(drawn_days(days, Draws(number), kinds=kinds)) for number in (1, 2, 1)]

    assert drawn[0] == drawn[2] != drawn[1]


def test_draws_favour_no_number() -> None:
    draws = Draws(7)

    counts = Counter(draws.below(10) for _ in range(10_000))

    assert set(counts) == set(range(10))
    assert all(900 < count < 1_100 for count in counts.values())

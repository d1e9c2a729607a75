"""What a book remembers of its past, and for how long."""

from datetime import timedelta

from marketplace.book.book_events import CommandAcknowledged, PrincipalRepaid
from marketplace.book.commands import CancelRequest, GrantCompanyBudget, LapseRequest, OpenRequest, Tick
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook
from marketplace.forecasts.market_history import (
    MOST_REQUESTS,
    LenderWait,
    MarketHistory,
    MoneyMove,
    PastOutcome,
    PastRequest,
    TermFigures,
    past_request,
)
from tests.marketplace.driven_book import START, a_market, a_request, an_offer, some_terms
from tests.marketplace.live_books import live_book
from tests.marketplace.purse_model import CASH_SINCE

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_request_covered_at_once_is_remembered_with_its_rate_and_the_last_bucket_it_reached() -> None:
    market = a_market({"ada": 70_000, "bob": 90_000}, ada=an_offer("ada", tier="A"), bob=an_offer("bob", ask_bp=450))
    market.send(OpenRequest(request=a_request()), after=HOUR)

    history = live_book(market).history

    at = START + HOUR
    assert list(history.requests) == [
        PastRequest(
            at=at,
            borrower_id="borrower-of-r1",
            months=12,
            amount_cents=100_000,
            max_rate_bp=600,
            purpose_class=1,
        )
    ]
    assert list(history.outcomes) == [
        PastOutcome(
            request_id="r1",
            borrower_id="borrower-of-r1",
            opened_at=at,
            at=at,
            months=12,
            amount_cents=100_000,
            max_rate_bp=600,
            end="covered",
            was_coverable_at_once=True,
            rate_bp=450,
            lender_count=2,
            last_tier="B",
            is_last_rationed=True,
        )
    ]


def test_a_request_that_had_to_wait_tells_how_long() -> None:
    market = a_market({"ada": 60_000})
    market.send(OpenRequest(request=a_request()))
    market.pay_in("ada", 40_000)
    market.send(Tick(), after=5 * HOUR)

    [outcome] = live_book(market).history.outcomes

    assert (outcome.end, outcome.waited, outcome.was_coverable_at_once) == ("covered", 5 * HOUR, False)
    assert not outcome.is_last_rationed


def test_requests_without_a_loan_end_expired_or_cancelled() -> None:
    market = a_market({"ada": 60_000}, some_terms(patience_hours=72))
    market.send(OpenRequest(request=a_request("r1")))
    market.send(OpenRequest(request=a_request("r2")))
    market.send(CancelRequest(request_id="r2"), after=HOUR)
    market.send(Tick(), after=72 * HOUR)

    outcomes = live_book(market).history.outcomes

    assert [(one.request_id, one.end, one.waited // HOUR) for one in outcomes] == [
        ("r2", "cancelled", 1),
        ("r1", "expired", 73),
    ]
    assert [one.rate_bp for one in outcomes] == [None, None]


def test_money_that_comes_from_elsewhere_is_told_from_what_the_book_itself_took() -> None:
    market = a_market({"ada": 100_000, "bob": 30_000})
    market.send(OpenRequest(request=a_request("r1", amount_cents=50_000)))
    market.pay_in("ada", 25_000)
    market.send(OpenRequest(request=a_request("r2", amount_cents=50_000)), after=HOUR)

    history = live_book(market).history

    assert list(history.money_moves) == [
        MoneyMove(at=START, lender_id="ada", cents=100_000, is_first=True),
        MoneyMove(at=START, lender_id="bob", cents=30_000, is_first=True),
        MoneyMove(at=START + HOUR, lender_id="ada", cents=25_000, is_first=False),
    ]


def test_money_of_a_cover_that_came_to_nothing_is_there_again() -> None:
    market = a_market({"ada": 100_000})
    market.send(OpenRequest(request=a_request()))
    [cover_id] = market.book.covers
    market.send(LapseRequest(request_id="r1", cover_id=cover_id), after=HOUR)

    moves = live_book(market).history.money_moves

    assert [(move.cents, move.is_first) for move in moves] == [(100_000, True), (100_000, False)]


def test_how_long_money_had_been_there_is_counted_from_its_arrival() -> None:
    market = a_market({"ada": 100_000})
    since_at = market.purses.standings(("ada",))[0].cash_since_at
    market.at = max(START, since_at)
    market.send(OpenRequest(request=a_request()), after=3 * DAY)

    [wait] = live_book(market).history.lender_waits

    assert wait == LenderWait(at=market.at, months=12, waited=market.at - since_at)


def test_budgets_and_principal_that_came_back_are_remembered() -> None:
    market = a_market({"ada": 100_000})
    market.send(OpenRequest(request=a_request()))
    market.send(GrantCompanyBudget(cents=7_000), after=HOUR)
    market.record([PrincipalRepaid(request_id="r1", lender_id="ada", cents=1_234)], cause_id="test")

    moves = live_book(market).history.company_moves

    assert [(move.kind, move.cents) for move in moves] == [("granted", 7_000), ("repaid", 1_234)]


def test_the_figures_of_a_term_are_counted_by_the_day() -> None:
    market = a_market({"ada": 1_000_000})
    for number in range(6):
        market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=30_000)), after=DAY)
    market.send(Tick(), after=DAY)

    history = live_book(market).history
    figures = history.term_figures(12, market.at)

    assert history.days_known(market.at) == 7
    assert figures == TermFigures(
        months=12,
        days=7,
        borrower_count=6,
        request_count=6,
        requested_cents_a_day=25_714,
        covered_count=6,
        cover_count=6,
        covered_cents_a_day=25_714,
        middle_rate_bp=400,
        middle_lender_count=1,
        middle_wait_to_cover_s=0,
        middle_wait_of_money_s=(START + 3 * DAY - CASH_SINCE) // timedelta(seconds=1),
    )
    assert history.term_figures(24, market.at).request_count == 0


def test_after_ninety_days_everything_is_forgotten() -> None:
    market = a_market({"ada": 1_000_000})
    market.send(OpenRequest(request=a_request("r1")))
    market.send(Tick(), after=91 * DAY)

    history = live_book(market).history

    held = (history.requests, history.outcomes, history.money_moves, history.lender_waits)
    assert [len(facts) for facts in held] == [0, 0, 0, 0]
    assert history.days_known(market.at) == 90


def test_a_book_that_asks_more_than_is_kept_knows_fewer_days() -> None:
    history, book = MarketHistory(), OrderBook("alfa", "bk00")
    history.apply(BookRecord(company_id="alfa", cause_id="test", at=START, event=CommandAcknowledged()), book)
    for number in range(MOST_REQUESTS + 1):
        history.requests.append(past_request(a_request(f"r{number}"), START + number * 20 * timedelta(minutes=1)))

    now_at = START + 80 * DAY

    assert len(history.requests) == MOST_REQUESTS
    assert history.days_known(now_at) == 79
    assert history.days_known(START) == 0

"""What an employee may expect: the rate now and as it was, the money there is, the time until it arrives."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from marketplace.book.book_events import Standing
from marketplace.book.commands import CancelRequest, OpenRequest, PauseBook, Tick
from marketplace.forecasts.lending_forecasts import NotEnoughData, WaitBand
from marketplace.forecasts.outlooks import Outlook, RateBand, WaitForecast, borrower_outlook
from tests.marketplace.driven_book import Market, a_market, a_request, an_offer, some_terms
from tests.marketplace.live_books import live_book
from tests.marketplace.simulated_market import DAY

HOUR = timedelta(hours=1)
HOUR_S = 3_600


def outlook_of(
    market: Market,
    *,
    cents: int = 50_000,
    pay_waits: tuple[timedelta, ...] = (),
    standings: Sequence[Standing] = (),
) -> Outlook:
    outlook = borrower_outlook(
        live_book(market),
        amount_cents=cents,
        months=12,
        now_at=market.at,
        standings=standings,
        pay_waits=pay_waits,
    )
    assert outlook is not None
    return outlook


def a_book_of_two_rates() -> Market:
    """Ada has 600.00 at 4.00 %, bob 900.00 at 4.50 %."""
    return a_market({"ada": 60_000, "bob": 90_000}, bob=an_offer("bob", ask_bp=450))


def with_past_covers(market: Market, count: int, *, hours_of_waiting: int = 0, people: int = 100) -> Market:
    """As many requests of 500.00 as that, of so many people in turn, covered with money that ada gets for them."""
    for number in range(count):
        market.purses.free_cents.update(ada=50_000 if hours_of_waiting == 0 else 0, bob=0)
        market.purses.vers.update(ada=market.purses.vers["ada"] + 1, bob=market.purses.vers["bob"] + 1)
        asked = a_request(f"past-{number}", amount_cents=50_000, borrower_id=f"person {number % people}")
        market.send(OpenRequest(request=asked), after=HOUR)
        if hours_of_waiting:
            market.pay_in("ada", 50_000)
            market.send(Tick(), after=hours_of_waiting * HOUR)
    market.purses.free_cents.update(ada=60_000, bob=90_000)
    market.purses.vers.update(ada=market.purses.vers["ada"] + 1, bob=market.purses.vers["bob"] + 1)
    market.send(OpenRequest(request=a_request("probe", amount_cents=1_000)), after=HOUR)
    return market


class TestPresent:
    def test_the_rate_is_the_one_the_book_would_cover_at_now(self) -> None:
        market = a_book_of_two_rates()
        market.send(OpenRequest(request=a_request("r0", amount_cents=10_000)))

        assert [outlook_of(market, cents=cents).rate_now_bp for cents in (50_000, 60_000)] == [400, 450]

    def test_what_is_short_is_told_with_what_there_is(self) -> None:
        market = a_book_of_two_rates()
        market.send(OpenRequest(request=a_request("r0", amount_cents=10_000)))

        outlook = outlook_of(market, cents=200_000)

        assert (outlook.rate_now_bp, outlook.coverable_cents, outlook.depth_cents) == (None, 140_000, 140_000)

    def test_depth_counts_only_what_stands_at_or_under_the_cap(self) -> None:
        market = a_market({"ada": 60_000, "bob": 90_000}, bob=an_offer("bob", ask_bp=601))
        market.send(OpenRequest(request=a_request("r0", amount_cents=10_000)))

        assert outlook_of(market).depth_cents == 50_000

    def test_a_paused_book_covers_nothing_now(self) -> None:
        market = a_book_of_two_rates()
        market.send(OpenRequest(request=a_request("r0", amount_cents=10_000)))
        market.send(PauseBook(by="company"))

        assert outlook_of(market).rate_now_bp is None

    def test_money_that_the_book_has_not_seen_yet_counts(self) -> None:
        market = a_book_of_two_rates()
        standings = market.purses.standings(("ada", "bob"))

        unseen, seen = outlook_of(market), outlook_of(market, standings=standings)

        assert (unseen.rate_now_bp, unseen.depth_cents) == (None, 0)
        assert (seen.rate_now_bp, seen.depth_cents) == (400, 150_000)

    def test_a_term_that_is_not_offered_has_no_outlook(self) -> None:
        market = a_book_of_two_rates()

        outlook = borrower_outlook(
            live_book(market), amount_cents=1, months=24, now_at=market.at, standings=(), pay_waits=()
        )

        assert outlook is None


class TestPast:
    def test_under_twenty_covers_nothing_is_said_of_rate_and_wait(self) -> None:
        outlook = outlook_of(with_past_covers(a_book_of_two_rates(), 18))

        assert outlook.likely_rate == NotEnoughData(case_count=19)
        assert outlook.until_covered == NotEnoughData(case_count=19)

    def test_the_rate_band_is_that_of_past_covers_inside_the_present_band(self) -> None:
        outlook = outlook_of(with_past_covers(a_book_of_two_rates(), 20))

        assert outlook.likely_rate == RateBand(low_bp=400, middle_bp=400, high_bp=400, case_count=20)

    @pytest.mark.parametrize(
        ("hours", "waits_s"), [pytest.param(0, 0, id="at once"), pytest.param(5, 5 * HOUR_S, id="after five hours")]
    )
    def test_the_wait_is_that_of_past_requests(self, hours: int, waits_s: int) -> None:
        market = with_past_covers(a_book_of_two_rates(), 20, hours_of_waiting=hours)

        outlook = outlook_of(market)

        assert outlook.until_covered == WaitForecast(
            wait=WaitBand(p10_s=waits_s, p50_s=waits_s, p90_s=waits_s), case_count=20
        )

    def test_requests_that_expired_count_as_never_covered(self) -> None:
        market = a_market({"ada": 0, "bob": 0}, some_terms(patience_hours=72))
        for number in range(22):
            market.send(OpenRequest(request=a_request(f"r{number}")), after=HOUR)
        market.send(CancelRequest(request_id="r0"))
        market.send(CancelRequest(request_id="r1"))
        market.send(Tick(), after=4 * DAY)

        outlook = outlook_of(market, cents=100_000)

        never = WaitBand(p10_s=None, p50_s=None, p90_s=None)
        assert outlook.until_covered == WaitForecast(wait=never, case_count=20)

    def test_the_time_to_the_money_is_the_wait_and_the_payment(self) -> None:
        market = with_past_covers(a_book_of_two_rates(), 20, hours_of_waiting=5)

        outlook = outlook_of(market, pay_waits=(timedelta(hours=1),) * 20)

        in_all_s = 6 * HOUR_S
        assert outlook.until_paid == WaitForecast(
            wait=WaitBand(p10_s=in_all_s, p50_s=in_all_s, p90_s=in_all_s), case_count=20
        )

    def test_without_payments_nothing_is_said_of_the_money(self) -> None:
        assert outlook_of(with_past_covers(a_book_of_two_rates(), 20)).until_paid == NotEnoughData(case_count=0)

    def test_loans_of_quite_another_size_are_looked_at_only_where_there_are_no_others(self) -> None:
        market = with_past_covers(a_book_of_two_rates(), 20)

        assert outlook_of(market, cents=1_000_000).likely_rate == RateBand(
            low_bp=400, middle_bp=400, high_bp=400, case_count=21
        )


@pytest.mark.parametrize(("people", "case_count"), [(3, 0), (4, 26), (5, 25)])
def test_the_past_of_fewer_than_five_people_is_not_told(people: int, case_count: int) -> None:
    """The last request, of one more person, is much smaller: it is a case only where the others are too few people."""
    market = with_past_covers(a_book_of_two_rates(), 25, people=people)

    outlook = outlook_of(market)

    assert isinstance(outlook.likely_rate, NotEnoughData) is (case_count == 0)
    assert outlook.likely_rate.case_count == outlook.until_covered.case_count == case_count

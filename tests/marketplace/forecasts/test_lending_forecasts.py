"""A lender's forecast says what it is made of, and is right about as often as it says."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from marketplace.book.commands import OpenRequest, PlaceOffer
from marketplace.forecasts.flow_scenarios import days_of_flow, midnight_before
from marketplace.forecasts.lending_forecasts import (
    FEWEST_CASES,
    CentsBand,
    ForecastBasis,
    LendingForecast,
    NotEnoughData,
    WaitBand,
    band_of,
    book_flows,
    forecast_basis,
    lending_forecast,
    past_of_books,
    wait_band_of,
)
from marketplace.forecasts.lending_scenarios import BookFlow, OwnMoney, play
from marketplace.forecasts.market_history import TermFigures
from marketplace.strategies.offer_terms import Tier
from marketplace.strategies.strategy_limits import budget_key, pace_key
from tests.marketplace.driven_book import Market as DrivenMarket
from tests.marketplace.driven_book import a_market, a_request, an_offer, some_terms
from tests.marketplace.live_books import live_book, standing_of
from tests.marketplace.simulated_market import DAY, MONDAY, SimulatedMarket

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


def one_request_a_day(days: int, *, cents: int = 50_000) -> DrivenMarket:
    """A book in which ada, asking 4.00 %, can fund everything, and a request of `cents` comes every noon."""
    market = a_market({"ada": 10_000_000, "bob": 200_000}, bob=an_offer("bob", ask_bp=400, tier="A"))
    market.purses.free_cents["bob"] = 0
    for number in range(days):
        market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=cents)), after=DAY)
    market.purses.free_cents["bob"] = 200_000
    return market


def forecast_for(market: DrivenMarket, lender_id: str) -> LendingForecast | NotEnoughData:
    return lending_forecast(basis_for(market, lender_id))


def basis_for(market: DrivenMarket, lender_id: str) -> ForecastBasis:
    return forecast_basis(
        [live_book(market)],
        f"strategy-{lender_id}",
        standing=standing_of(market, lender_id),
        now_at=market.at,
    )


class TestForecast:
    def test_a_steady_flow_gives_a_forecast_without_doubt(self) -> None:
        """A preferred offer gets the whole of one request of 500.00 a day: 2,000.00 are lent with the fourth."""
        market = one_request_a_day(30)

        forecast = forecast_for(market, "bob")

        day_and = [DAY_S * days for days in (1, 4)]
        assert forecast == LendingForecast(
            lendable_cents=200_000,
            first_fill=WaitBand(p10_s=day_and[0], p50_s=day_and[0], p90_s=day_and[0]),
            all_lent=WaitBand(p10_s=day_and[1], p50_s=day_and[1], p90_s=day_and[1]),
            lent_7d=CentsBand(low_cents=200_000, middle_cents=200_000, high_cents=200_000),
            lent_30d=CentsBand(low_cents=200_000, middle_cents=200_000, high_cents=200_000),
            scenario_count=100,
            case_count=29,
            day_count=29,
        )

    def test_money_that_stands_before_the_offer_is_lent_first(self) -> None:
        """Ada's 85,000.00 at 4.00 % would last for months: an offer at 4.50 % is not reached."""
        market = one_request_a_day(30)
        market.send(PlaceOffer(offer=an_offer("bob", ask_bp=450)))

        forecast = forecast_for(market, "bob")

        assert isinstance(forecast, LendingForecast)
        assert forecast.first_fill == WaitBand(p10_s=None, p50_s=None, p90_s=None)
        assert forecast.lent_30d.high_cents == 0

    @pytest.mark.parametrize(
        ("days", "is_told"), [pytest.param(20, False, id="nineteen cases"), pytest.param(21, True, id="twenty cases")]
    )
    def test_under_twenty_cases_nothing_is_said(self, days: int, is_told: bool) -> None:
        forecast = forecast_for(one_request_a_day(days), "bob")

        if is_told:
            assert isinstance(forecast, LendingForecast)
        else:
            assert forecast == NotEnoughData(case_count=19, fewest_count=FEWEST_CASES)

    def test_requests_that_the_offer_does_not_accept_are_no_cases(self) -> None:
        market = one_request_a_day(30)
        market.send(PlaceOffer(offer=an_offer("bob", ask_bp=601)))

        assert forecast_for(market, "bob") == NotEnoughData(case_count=0)

    def test_a_cap_per_request_makes_the_money_last(self) -> None:
        market = one_request_a_day(30)
        market.send(PlaceOffer(offer=an_offer("bob", tier="A", per_request_cents=5_000)))

        forecast = forecast_for(market, "bob")

        assert isinstance(forecast, LendingForecast)
        assert forecast.lent_7d == CentsBand(low_cents=35_000, middle_cents=35_000, high_cents=35_000)
        assert forecast.lent_30d == CentsBand(low_cents=150_000, middle_cents=150_000, high_cents=150_000)
        assert forecast.all_lent.p50_s == 40 * DAY_S

    def test_a_budget_and_a_pace_bound_what_is_lent(self) -> None:
        market = one_request_a_day(30)
        rooms = {budget_key("strategy-bob"): 120_000, pace_key("strategy-bob", market.at): 60_000}
        standing = msgspec.structs.replace(standing_of(market, "bob"), rooms=rooms)

        forecast = lending_forecast(
            forecast_basis(
                [live_book(market)],
                "strategy-bob",
                standing=standing,
                now_at=market.at,
                paces={"strategy-bob": 60_000},
            )
        )

        assert isinstance(forecast, LendingForecast)
        assert forecast.lendable_cents == 120_000
        assert forecast.lent_7d.middle_cents == 60_000
        # The month turns within 30 days: what the pace allows is renewed.
        assert forecast.lent_30d.middle_cents == 120_000

    def test_the_same_money_is_lent_in_two_books_at_once(self) -> None:
        """Two books with 500.00 a day each: 2,000.00 are lent in two days instead of four."""
        market = one_request_a_day(30)
        live = live_book(market)

        forecast = lending_forecast(
            forecast_basis([live, live], "strategy-bob", standing=standing_of(market, "bob"), now_at=market.at)
        )

        assert isinstance(forecast, LendingForecast)
        assert (forecast.all_lent.p50_s, forecast.case_count) == (2 * DAY_S, 58)
        assert forecast.lent_30d.high_cents == 200_000

    def test_of_two_strategies_in_one_book_the_lender_ranks_who_lends(self) -> None:
        market = one_request_a_day(30)
        second = an_offer("bob", tier="A", offer_id="offer-second", strategy_id="second", strategy_rank=2)
        market.send(PlaceOffer(offer=second))
        first_has = {budget_key("strategy-bob"): 60_000}

        forecasts = [
            lending_forecast(
                forecast_basis(
                    [live_book(market)],
                    strategy_id,
                    standing=msgspec.structs.replace(standing_of(market, "bob"), rooms=first_has),
                    now_at=market.at,
                )
            )
            for strategy_id in ("strategy-bob", "second")
        ]

        lent = [one.lent_7d.middle_cents for one in forecasts if isinstance(one, LendingForecast)]
        assert lent == [60_000, 140_000]

    def test_a_busy_book_is_played_through_less_often(self) -> None:
        market = one_request_a_day(2)
        for number in range(40):
            market.send(OpenRequest(request=a_request(f"busy-{number}", amount_cents=1_000)))
        market.at += DAY

        forecast = forecast_for(market, "bob")

        assert isinstance(forecast, LendingForecast)
        assert (forecast.day_count, forecast.case_count, forecast.scenario_count) == (2, 42, 79)

    def test_a_paused_offer_has_no_forecast(self) -> None:
        market = one_request_a_day(30)
        market.send(PlaceOffer(offer=an_offer("bob", tier="A", is_paused=True)))

        assert forecast_for(market, "bob") == NotEnoughData(case_count=0)

    def test_the_same_books_give_the_same_forecast(self) -> None:
        market = one_request_a_day(30)

        assert forecast_for(market, "bob") == forecast_for(market, "bob")

    def test_asking_changes_nothing_in_the_book(self) -> None:
        market = one_request_a_day(25)
        live = live_book(market)
        before = live.book.fingerprint()

        lending_forecast(forecast_basis([live], "strategy-bob", standing=standing_of(market, "bob"), now_at=market.at))

        assert live.book.fingerprint() == before


class TestBands:
    def test_a_band_leaves_one_in_ten_out_on_either_side(self) -> None:
        assert band_of(range(100, 0, -1)) == (10, 50, 91)
        assert band_of(range(1, 21)) == (2, 10, 19)

    def test_a_wait_that_came_to_nothing_is_longer_than_any(self) -> None:
        waits = [timedelta(hours=1)] * 15 + [None] * 5

        assert wait_band_of(waits) == WaitBand(p10_s=HOUR_S, p50_s=HOUR_S, p90_s=None)


PROBES: tuple[tuple[int, Tier, int], ...] = (
    (400, "A", 5_000),
    (425, "B", 5_000),
    (450, "A", 4_000),
    (450, "C", 6_000),
    (475, "B", 5_000),
)
"""Ask, tier and cap per request of the lenders that are followed; each brings 600.00."""
PROBE_CENTS = 60_000
FOLLOWED_DAYS = 30


class Verdicts(msgspec.Struct):
    """How often what happened lay below, inside and above the band; outcomes that were certain are not counted."""

    below: int = 0
    inside: int = 0
    above: int = 0

    def judge(self, low: int, happened: int, high: int) -> None:
        if low == happened == high:
            return
        self.below += happened < low
        self.above += happened > high
        self.inside += low <= happened <= high

    def shares(self) -> tuple[int, int, int]:
        """Percent below, inside and above, rounded down."""
        count = self.below + self.inside + self.above
        return 100 * self.below // count, 100 * self.inside // count, 100 * self.above // count


def back_test(seeds: Sequence[int]) -> dict[str, Verdicts]:
    """Forecasts for lenders who join a market of 100 days, against what the real rule then gives them in 30 days."""
    verdicts = {"lent in 7 days": Verdicts(), "lent in 30 days": Verdicts(), "first fill": Verdicts()}
    for seed in seeds:
        market = SimulatedMarket(seed)
        market.live_until(MONDAY + 100 * DAY)
        begins_at = market.at
        names = [f"probe {number}" for number in range(len(PROBES))]
        for name, (ask_bp, tier, cap_cents) in zip(names, PROBES, strict=True):
            market.add_lender(name, PROBE_CENTS, ask_bp=ask_bp, tier=tier, per_request_cents=cap_cents)
        forecasts = {name: market.forecast(name) for name in names}
        market.live_until(begins_at + FOLLOWED_DAYS * DAY)
        for name, forecast in forecasts.items():
            assert isinstance(forecast, LendingForecast)
            for days, band in ((7, forecast.lent_7d), (30, forecast.lent_30d)):
                lent_cents = market.lent_cents(name, begins_at, begins_at + days * DAY)
                verdicts[f"lent in {days} days"].judge(band.low_cents, lent_cents, band.high_cents)
            followed_s = FOLLOWED_DAYS * DAY_S
            waits_s = [(at - begins_at) // timedelta(seconds=1) for at, _ in market.fills[name]]
            first_s = min([*waits_s, followed_s])
            wait = forecast.first_fill
            ends = [followed_s if end is None else min(end, followed_s) for end in (wait.p10_s, wait.p90_s)]
            verdicts["first fill"].judge(ends[0], first_s, ends[1])
    return verdicts


class TestHonesty:
    """The band is meant to hold 8 of 10 outcomes. The market is simulated with the real rule (`simulated_market`).

    Over the 60 markets of the long run, of the outcomes that were not certain so many percent lay below, inside and
    above the band: lent in 7 days 8, 86, 4 (of 204); lent in 30 days 16, 82, 0 (of 223); first fill 10, 78, 11 (of
    237). So the band keeps its word, and what goes wrong in a month is money lent more slowly than foreseen: what the
    money lent now brings back to others is not foreseen.
    """

    def test_a_few_markets_bear_the_band_out(self) -> None:
        verdicts = back_test(range(1, 3))

        for what, counts in verdicts.items():
            below, inside, above = counts.shares()
            assert inside >= 60, (what, below, inside, above)

    @pytest.mark.long
    @pytest.mark.timeout(900)
    def test_many_markets_bear_the_band_out(self) -> None:
        verdicts = back_test(range(1, 61))

        for what, counts in verdicts.items():
            below, inside, above = counts.shares()
            assert 72 <= inside <= 93, (what, below, inside, above)
            assert max(below, above) <= 20, (what, below, inside, above)

    @pytest.mark.parametrize("seed", [1, 3, 6])
    def test_played_with_what_really_came_the_crowds_lend_about_what_the_lenders_did(self, seed: int) -> None:
        """Without any doubt about the future, what is left is the error of counting lenders in crowds."""
        market = SimulatedMarket(seed)
        market.live_until(MONDAY + 100 * DAY - timedelta(hours=7))
        begins_at = market.at
        market.add_lender("probe", PROBE_CENTS, ask_bp=425, tier="B", per_request_cents=4_000)
        [flow] = book_flows(market.basis("probe"))
        market.live_until(begins_at + FOLLOWED_DAYS * DAY)

        today_at = midnight_before(market.at)

        lending = play(
            [BookFlow(book=flow.book, days=days_of_flow(market.history.flow_before(today_at), today_at))],
            OwnMoney(cash_cents=PROBE_CENTS, budget_rooms={}, pace_rooms={}, paces={}),
            "strategy of probe",
            [list(range(FOLLOWED_DAYS - 1, -1, -1))],
            now_at=begins_at,
            lent_after_days=(7, 14),
        )

        for played_cents, days in zip(lending.lent_cents, (7, 14), strict=True):
            lent_cents = market.lent_cents("probe", begins_at, begins_at + days * DAY)
            assert abs(played_cents - lent_cents) <= PROBE_CENTS // 5, (days, played_cents, lent_cents)


class TestPastOfBooks:
    def past(self, *borrower_ids: str) -> tuple[TermFigures, ...]:
        """What bob is shown of a book with a request of 500.00 of each borrower; at 4.00 % all are covered."""
        market = a_market({"ada": 9_000_000, "bob": 200_000})
        for number, borrower_id in enumerate(borrower_ids):
            asked = a_request(f"r{number}", amount_cents=50_000, borrower_id=borrower_id)
            market.send(OpenRequest(request=asked), after=timedelta(hours=1))
        [past] = past_of_books([live_book(market)], standing_of(market, "bob"), "strategy-bob", market.at)
        return past.terms

    def test_five_requests_of_five_people_are_shown(self) -> None:
        [figures] = self.past("eva", "ida", "ugo", "leo", "pia")

        assert (figures.borrower_count, figures.request_count, figures.cover_count) == (5, 5, 5)

    def test_more_requests_of_four_people_are_left_out(self) -> None:
        assert self.past("eva", "ida", "ugo", "leo", "eva", "eva") == ()

    def test_the_covers_of_fewer_than_five_are_left_out_and_the_requests_of_five_are_not(self) -> None:
        market = a_market({"ada": 210_000, "bob": 900}, some_terms(patience_hours=72))
        for number in range(5):
            market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=50_000)), after=timedelta(hours=1))

        [past] = past_of_books([live_book(market)], standing_of(market, "bob"), "strategy-bob", market.at)

        [figures] = past.terms
        assert (figures.borrower_count, figures.request_count) == (5, 5)
        hidden = (figures.covered_count, figures.cover_count, figures.covered_cents_a_day, figures.middle_rate_bp)
        assert hidden == (None, None, None, None)
        assert (figures.middle_lender_count, figures.middle_wait_to_cover_s, figures.middle_wait_of_money_s) == (
            None,
            None,
            None,
        )

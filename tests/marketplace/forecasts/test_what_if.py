"""What a lender would lend under other settings, beside the present ones."""

import msgspec
import pytest

from marketplace.allocation.orders import LenderOffer
from marketplace.book.commands import OpenRequest, PlaceOffer
from marketplace.forecasts.lending_forecasts import LendingForecast
from marketplace.forecasts.what_if import OfferChange, WhatIf, changed_offer, what_if, what_if_basis
from marketplace.strategies.offer_terms import TermAsk
from tests.marketplace.driven_book import START, Market, a_market, a_request, an_offer
from tests.marketplace.live_books import live_book, standing_of
from tests.marketplace.simulated_market import DAY


def a_busy_book() -> Market:
    """Ada funds everything at 4.00 % while bob, with 2,000.00 at 4.50 %, is not reached; 500.00 are asked each day."""
    market = a_market({"ada": 10_000_000, "bob": 200_000}, bob=an_offer("bob", ask_bp=450, tier="A"))
    for number in range(30):
        market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=50_000)), after=DAY)
    return market


def asked(market: Market, change: OfferChange) -> WhatIf:
    return what_if(
        what_if_basis(
            [live_book(market)],
            "strategy-bob",
            change,
            standing=standing_of(market, "bob"),
            now_at=market.at,
        )
    )


def lent_30d(forecast: object) -> int:
    assert isinstance(forecast, LendingForecast)
    return forecast.lent_30d.middle_cents


def test_a_lower_ask_is_reached_and_keeps_its_waiting_time() -> None:
    answer = asked(a_busy_book(), OfferChange(ask_bp=400))

    assert (lent_30d(answer.present), lent_30d(answer.changed)) == (0, 200_000)
    assert answer.restarts == ()


def test_a_cap_per_request_spreads_the_money_over_more_loans() -> None:
    answer = asked(a_busy_book(), OfferChange(ask_bp=400, per_request_cents=2_000))

    assert isinstance(answer.changed, LendingForecast)
    assert (answer.changed.lent_7d.middle_cents, answer.changed.lent_30d.middle_cents) == (14_000, 60_000)


def test_a_higher_ask_says_where_the_waiting_time_begins_again() -> None:
    answer = asked(a_busy_book(), OfferChange(ask_bp=500))

    assert answer.restarts == ("alfa",)


def test_a_change_for_another_company_changes_nothing_here() -> None:
    answer = asked(a_busy_book(), OfferChange(company_id="beta", ask_bp=400))

    assert answer.present == answer.changed


def test_the_present_settings_give_the_same_on_both_sides() -> None:
    answer = asked(a_busy_book(), OfferChange(ask_bp=450))

    assert answer.present == answer.changed


def the_offer(**changes: object) -> LenderOffer:
    fields = msgspec.structs.asdict(an_offer("bob", ask_bp=450, **changes))
    return LenderOffer(**fields, sequence=7)


def test_one_rate_takes_the_place_of_rates_by_term_and_of_one_that_follows() -> None:
    offer = the_offer(asks_by_term=(TermAsk(months=12, ask_bp=480),))

    other = changed_offer(offer, OfferChange(ask_bp=460), START)

    assert (other.ask_for(12), other.asks_by_term, other.floating, other.raised_at) == (460, (), None, None)


@pytest.mark.parametrize(
    ("change", "is_raised"),
    [
        pytest.param(OfferChange(per_request_cents=4_000), False, id="a lower cap"),
        pytest.param(OfferChange(per_request_cents=6_000), True, id="a higher cap"),
        pytest.param(OfferChange(per_request_cents=None), True, id="no cap"),
        pytest.param(OfferChange(per_company_cents=9_000), False, id="a new cap"),
        pytest.param(OfferChange(months=(12, 24)), False, id="another term"),
        pytest.param(OfferChange(min_ticket_cents=2_000), False, id="another ticket"),
    ],
)
def test_what_offers_more_starts_waiting_anew(change: OfferChange, is_raised: bool) -> None:
    other = changed_offer(the_offer(per_request_cents=5_000), change, START)

    assert other.raised_at == (START if is_raised else None)


def test_asking_what_if_places_no_offer() -> None:
    market = a_busy_book()
    market.send(PlaceOffer(offer=an_offer("bob", ask_bp=450, tier="A", per_request_cents=1_000)))
    before = market.book.fingerprint()

    asked(market, OfferChange(ask_bp=400))

    assert market.book.fingerprint() == before
    assert market.book.lenders.offers["offer-bob"].ask_bp == 450

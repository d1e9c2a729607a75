"""What an employee may expect before asking: the likely rate, the money there is, the time until it arrives.

The present comes from a dry plan on the live book, the range from what happened to requests like this one: of the same
term, of between half and twice the amount where there are enough of them, and coverable at once or not as this one is.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from marketplace.allocation.matching import CoverPlan, Uncovered
from marketplace.allocation.orders import CreditRequest
from marketplace.book.book_events import Standing
from marketplace.book.book_view import FEWEST_PEOPLE
from marketplace.book.book_walk import walk
from marketplace.book.booked_requests import BookedRequest
from marketplace.book.order_book import OrderBook
from marketplace.company_terms import LARGEST_AMOUNT_CENTS
from marketplace.forecasts.lending_forecasts import FEWEST_CASES, NotEnoughData, WaitBand, band_of, wait_band_of
from marketplace.forecasts.market_history import LiveBook, PastOutcome

MOST_PAY_WAITS = 200
NOBODY = "nobody"
"""Stands for the employee in a dry plan: no borrower has this id, so nobody lends to it yet."""


class RateBand(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="forecast"):
    """Clearing rates in basis points: 8 of 10 covers of the past ended between `low_bp` and `high_bp`."""

    low_bp: int
    middle_bp: int
    high_bp: int
    case_count: int


class WaitForecast(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="forecast"):
    """A waiting time with the number of past cases behind it."""

    wait: WaitBand
    case_count: int


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What a request of `amount_cents` over `months` would meet.

    `rate_now_bp` is the clearing rate if it were asked now, None when the book cannot cover it now; `coverable_cents`
    what it could put together, company money included. `depth_cents` is what lenders could put into one loan of this
    term at or under the cap. `until_covered` runs from opening to cover, `until_paid` on to the payment, without the
    time the borrower takes to sign.
    """

    months: int
    amount_cents: int
    floor_bp: int
    cap_bp: int
    rate_now_bp: int | None
    coverable_cents: int
    depth_cents: int
    likely_rate: RateBand | NotEnoughData
    until_covered: WaitForecast | NotEnoughData
    until_paid: WaitForecast | NotEnoughData


def borrower_outlook(
    live: LiveBook,
    *,
    amount_cents: int,
    months: int,
    now_at: datetime,
    standings: Sequence[Standing],
    pay_waits: Sequence[timedelta],
) -> Outlook | None:
    """The outlook for a new request, None when the company does not lend over `months`.

    `standings` are what purses of the book's lenders say now; of one that is left out the book's last view counts.
    `pay_waits` are how long past loans took from the signature to the payment.
    """
    book, terms = live.book, live.book.terms
    band = None if terms is None else terms.band(months)
    if band is None:
        return None
    news = [standing for standing in standings if book.lenders.standings.get(standing.lender_id) != standing]
    with book.lenders.as_if(news):
        planned = _planned(book, amount_cents, months, band.cap_bp, now_at)
        deepest = _planned(book, LARGEST_AMOUNT_CENTS, months, band.cap_bp, now_at)
    is_coverable = isinstance(planned, CoverPlan) and not book.pauses
    outcomes = _comparable(live, months, amount_cents, now_at)
    rates_bp = [min(max(one.rate_bp, band.floor_bp), band.cap_bp) for one in outcomes if one.rate_bp is not None]
    alike = _enough(outcomes, lambda one: one.was_coverable_at_once is is_coverable)
    waits = [one.waited if one.end == "covered" else None for one in alike]
    return Outlook(
        months=months,
        amount_cents=amount_cents,
        floor_bp=band.floor_bp,
        cap_bp=band.cap_bp,
        rate_now_bp=planned.rate_bp if isinstance(planned, CoverPlan) and is_coverable else None,
        coverable_cents=planned.amount_cents if isinstance(planned, CoverPlan) else planned.coverable_cents,
        depth_cents=sum(leg.cents for leg in deepest.legs),
        likely_rate=_rate_band(rates_bp),
        until_covered=_wait_forecast(waits),
        until_paid=_until_paid(waits, pay_waits),
    )


def _planned(book: OrderBook, amount_cents: int, months: int, cap_bp: int, now_at: datetime) -> CoverPlan | Uncovered:
    """The rule applied now to a request that nobody has made, at the highest rate that the company allows."""
    request = CreditRequest(
        request_id=NOBODY,
        borrower_id=NOBODY,
        amount_cents=amount_cents,
        min_amount_cents=amount_cents,
        months=months,
        max_rate_bp=cap_bp,
        approval_sequence=book.next_approval_sequence,
    )
    return walk(book, BookedRequest(request=request, opened_at=now_at, expires_at=now_at))


def _comparable(live: LiveBook, months: int, amount_cents: int, now_at: datetime) -> list[PastOutcome]:
    """Past requests of the term that the book's clock or a cover ended, none when they are of too few people; a
    borrower's change of mind says nothing."""
    of_term = [
        one for one in live.history.outcomes if one.months == months and one.end != "cancelled" and one.at <= now_at
    ]
    if not _are_enough_people(of_term):
        return []
    return _enough(of_term, lambda one: amount_cents <= 2 * one.amount_cents and one.amount_cents <= 2 * amount_cents)


def _enough(outcomes: list[PastOutcome], is_alike: Callable[[PastOutcome], bool]) -> list[PastOutcome]:
    """Those that are alike where they are enough, of enough people, else all."""
    alike = [one for one in outcomes if is_alike(one)]
    return alike if len(alike) >= FEWEST_CASES and _are_enough_people(alike) else outcomes


def _are_enough_people(outcomes: Sequence[PastOutcome]) -> bool:
    return len({one.borrower_id for one in outcomes}) >= FEWEST_PEOPLE


def _rate_band(rates_bp: Sequence[int]) -> RateBand | NotEnoughData:
    if len(rates_bp) < FEWEST_CASES:
        return NotEnoughData(case_count=len(rates_bp))
    low_bp, middle_bp, high_bp = band_of(rates_bp)
    return RateBand(low_bp=low_bp, middle_bp=middle_bp, high_bp=high_bp, case_count=len(rates_bp))


def _wait_forecast(waits: Sequence[timedelta | None]) -> WaitForecast | NotEnoughData:
    if len(waits) < FEWEST_CASES:
        return NotEnoughData(case_count=len(waits))
    return WaitForecast(wait=wait_band_of(waits), case_count=len(waits))


def _until_paid(waits: Sequence[timedelta | None], pay_waits: Sequence[timedelta]) -> WaitForecast | NotEnoughData:
    """Every past wait for a cover followed by every past wait for the payment: the two have nothing to do with each
    other."""
    latest = pay_waits[-MOST_PAY_WAITS:]
    case_count = min(len(waits), len(latest))
    if case_count < FEWEST_CASES:
        return NotEnoughData(case_count=case_count)
    both = [None if wait is None else wait + pay for wait in waits[-MOST_PAY_WAITS:] for pay in latest]
    return WaitForecast(wait=wait_band_of(both), case_count=case_count)

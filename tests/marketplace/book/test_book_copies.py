"""A copy of a book, and of its past, is the same and stays so whatever happens to the book."""

from datetime import timedelta

import msgspec
import pytest

from marketplace.book.commands import (
    AnyBookCommand,
    BarLender,
    CancelRequest,
    GrantCompanyBudget,
    LiftHold,
    OpenRequest,
    PauseBook,
    PlaceOffer,
    PublishTerms,
    ResumeBook,
    Tick,
    WithdrawOffer,
)
from marketplace.book.cover_decisions import decide_step
from marketplace.strategies.offer_terms import FloatingAsk
from tests.marketplace.driven_book import Market, a_market, a_request, an_offer, some_terms
from tests.marketplace.live_books import live_book

NEXT: list[tuple[AnyBookCommand, ...]] = [
    (PublishTerms(terms=some_terms(version=2, patience_hours=0)), GrantCompanyBudget(cents=5_000)),
    (PauseBook(by="operations"), ResumeBook(by="operations")),
    (PlaceOffer(offer=an_offer("eva")), PlaceOffer(offer=an_offer("ada", ask_bp=450))),
    (WithdrawOffer(offer_id="offer-bob"), BarLender(lender_id="ada", bar="conflict")),
    (OpenRequest(request=a_request("r9", amount_cents=10_000)),),
    (LiftHold(request_id="r2", lender_id="ada"),),
    (CancelRequest(request_id="r2"), CancelRequest(request_id="r1")),
    (Tick(),),
]


def a_living_market() -> Market:
    """One request is covered, one holds what is left, and one ask follows the rates."""
    floating = an_offer("cara", floating=FloatingAsk(mode="book_minus", offset_bp=10, floor_bp=400))
    market = a_market({"ada": 90_000, "bob": 60_000, "cara": 500}, some_terms(patience_hours=0), cara=floating)
    market.send(OpenRequest(request=a_request("r1")))
    market.send(OpenRequest(request=a_request("r2", amount_cents=200_000)))
    return market


def next_step(market: Market) -> bytes:
    """What the book would do next, which its index decides and no fingerprint shows."""
    standings = market.purses.standings(market.book.lenders.with_offers())
    return msgspec.json.encode(decide_step(market.book, standings))


@pytest.mark.parametrize("commands", NEXT, ids=lambda commands: type(commands[0]).__name__)
def test_what_happens_to_a_book_does_not_reach_its_copy(commands: tuple[AnyBookCommand, ...]) -> None:
    market = a_living_market()
    copied, before, step_before = market.book.copy(), market.book.fingerprint(), next_step(market)
    assert copied.fingerprint() == before
    standings = market.purses.standings(copied.lenders.with_offers())

    for command in commands:
        market.send(command, after=timedelta(hours=1))

    assert market.book.fingerprint() != before
    assert copied.fingerprint() == before
    assert msgspec.json.encode(decide_step(copied, standings)) == step_before


def test_a_book_and_its_copy_share_nothing_that_changes() -> None:
    market = a_living_market()
    book, copied = market.book, market.book.copy()

    for mine, other in ((book, copied), (book.lenders, copied.lenders)):
        for name, value in vars(mine).items():
            is_fixed = value is None or isinstance(value, str | int | tuple | frozenset | timedelta | msgspec.Struct)
            assert is_fixed or type(value).__hash__ is not None or vars(other)[name] is not value, name


def test_the_past_that_is_copied_stays_as_it_was() -> None:
    market = a_living_market()
    live = live_book(market)
    copied, requests, outcomes = live.copy(), tuple(live.history.requests), tuple(live.history.outcomes)

    market.send(OpenRequest(request=a_request("r9", amount_cents=10_000)))
    live.history.requests.clear()
    live.history.outcomes.clear()

    assert (tuple(copied.history.requests), tuple(copied.history.outcomes)) == (requests, outcomes)
    assert copied.book.fingerprint() == live.book.fingerprint()

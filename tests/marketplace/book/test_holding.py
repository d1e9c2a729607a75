"""HOLDING: a request that waited too long keeps what it gets, and at its expiry is helped, made smaller, or let go."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.allocation.receipt_arithmetic import differences
from marketplace.book.book_events import (
    AnyBookEvent,
    CommandRefused,
    CoverAmended,
    Covered,
    CoverProposed,
    CoverReleased,
    HoldingBegan,
    RequestClosed,
    RequestSigned,
)
from marketplace.book.book_replay import ReplayedBook
from marketplace.book.booked_requests import RequestState
from marketplace.book.commands import (
    CancelRequest,
    GrantCompanyBudget,
    LapseRequest,
    LiftHold,
    OpenRequest,
    PlaceOffer,
    PublishTerms,
    SignRequest,
    Tick,
    WithdrawOffer,
    YieldHold,
)
from marketplace.book.journal import decode_book_record
from marketplace.book.refusals import NothingHeld
from marketplace.company_terms import CompanyMoney, CompanyTerms, GuaranteeTerms, RateBand
from marketplace.strategies.offer_terms import OfferTerms
from tests.marketplace.driven_book import START, Market, a_market, a_request, an_offer, only, some_terms

PATIENCE = timedelta(hours=24)
EXPIRY = timedelta(hours=72)


def fills_of(covered: Covered) -> dict[str, int]:
    return {fill.lender_id: fill.cents for fill in covered.fills}


def held_by(market: Market, request_id: str = "r1") -> dict[str, int]:
    cover_id = market.book.requests[request_id].cover_id
    assert cover_id is not None
    return {promise.lender_id: promise.cents for promise in market.book.covers[cover_id].promises()}


def kinds(events: list[AnyBookEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def a_holding_market(
    free_cents: dict[str, int],
    terms: CompanyTerms | None = None,
    *,
    min_amount_cents: int = 100_000,
    **offers: OfferTerms,
) -> Market:
    """A request of 1,000.00 that the lenders' money does not cover, one minute beyond the company's patience."""
    market = a_market(free_cents, terms, **offers)
    market.send(OpenRequest(request=a_request(min_amount_cents=min_amount_cents)))
    market.send(Tick(), after=PATIENCE + timedelta(minutes=1))
    return market


def test_before_patience_is_over_nothing_is_held() -> None:
    market = a_market({"ada": 60_000})
    market.send(OpenRequest(request=a_request()))

    assert kinds(market.send(Tick(), after=PATIENCE - timedelta(seconds=1))) == ["CommandAcknowledged"]
    assert market.purses.taken == {}


def test_after_patience_what_can_be_had_is_held_and_what_comes_later_is_added() -> None:
    market = a_market({"ada": 60_000, "bob": 10_000})
    market.send(OpenRequest(request=a_request()))

    began = market.send(Tick(), after=PATIENCE)
    market.pay_in("bob", 5_000)
    grown = market.send(Tick(), after=timedelta(hours=1))

    assert only(HoldingBegan, began).request_id == "r1"
    proposed = only(CoverProposed, began)
    assert (proposed.plan.is_holding, proposed.plan.amount_cents, proposed.plan.rate_bp) == (True, 70_000, 400)
    (leg,) = (leg for leg in only(CoverAmended, grown).plan.legs if leg.kept_fill_id is None)
    assert (leg.lender_id, leg.cents, leg.replaces is not None) == ("bob", 15_000, True)
    assert held_by(market) == {"ada": 60_000, "bob": 15_000}
    assert market.book.requests["r1"].state is RequestState.OPEN


def test_a_held_request_is_covered_as_soon_as_the_rest_comes_and_held_legs_may_then_shrink() -> None:
    market = a_holding_market({"ada": 60_000, "bob": 0})
    market.pay_in("bob", 90_000)

    covered = only(Covered, market.send(Tick(), after=timedelta(hours=1)))

    # Tickets 10 + 10, rest 980.00 over rooms 590.00 and 890.00.
    assert fills_of(covered) == {"ada": 40_068, "bob": 59_932}
    assert market.purses.free_cents == {"ada": 19_932, "bob": 30_068}
    assert market.book.lenders.last_rationed == {"ada": 1, "bob": 1}


def test_a_large_request_that_holds_is_not_starved_by_small_ones_behind_it() -> None:
    market = a_holding_market({"ada": 60_000, "bob": 0})

    behind = market.send(OpenRequest(request=a_request("r2", amount_cents=20_000)))
    assert not any(isinstance(event, Covered) for event in behind)
    market.pay_in("bob", 40_000)

    assert only(Covered, market.send(Tick(), after=timedelta(hours=1))).request_id == "r1"


def test_at_expiry_a_partial_loan_of_what_is_held_is_offered_at_the_rate_of_those_fills() -> None:
    """E5 of the rule: 5,000.00 asked, at least 3,000.00 wanted, 3,740.25 held at 72 h, no backstop budget."""
    terms = some_terms(company_money=CompanyMoney(mode="backstop", budget_cents=0))
    market = a_market({"ada": 200_000, "bob": 174_025}, terms, bob=an_offer("bob", ask_bp=450))
    market.send(OpenRequest(request=a_request(amount_cents=500_000, min_amount_cents=300_000)))
    market.send(Tick(), after=PATIENCE)

    covered = only(Covered, market.send(Tick(), after=EXPIRY - PATIENCE))

    assert (covered.amount_cents, covered.rate_bp) == (374_025, 450)
    assert fills_of(covered) == {"ada": 200_000, "bob": 174_025}
    assert covered.accept_until_at == START + EXPIRY + timedelta(hours=48)
    signed = only(RequestSigned, market.send(SignRequest(request_id="r1", cover_id=covered.cover_id)))
    assert sum(fill.cents for fill in signed.fills) == 374_025


def test_the_receipt_of_a_partial_loan_tells_what_was_asked_and_who_carried_the_rest() -> None:
    terms = some_terms(company_money=CompanyMoney(mode="backstop", budget_cents=10_000))
    market = a_market({"ada": 60_000}, terms)
    market.send(GrantCompanyBudget(cents=10_000))
    market.send(OpenRequest(request=a_request(min_amount_cents=70_000)))
    market.send(Tick(), after=PATIENCE)

    receipt = only(CoverAmended, market.send(Tick(), after=EXPIRY - PATIENCE)).plan.receipt

    assert (receipt.request.amount_cents, receipt.planned_amount_cents) == (100_000, 70_000)
    assert (receipt.company.mode, receipt.company.tranche_cents) == ("backstop", 10_000)
    assert differences(receipt) == ()


def test_a_hold_is_made_whole_by_the_walk_alone_and_every_loan_has_a_receipt_that_covers() -> None:
    """Ada holds 600.00 and then lends at most 200.00 to one loan; with Bob's 400.00 the hold stays one cent short."""
    market = a_holding_market({"ada": 60_000, "bob": 0})
    market.send(PlaceOffer(offer=an_offer("ada", per_request_cents=20_000)))
    market.pay_in("bob", 40_000)

    market.send(Tick(), after=timedelta(hours=1))

    assert held_by(market) == {"ada": 60_000, "bob": 39_999}
    assert market.book.requests["r1"].state is RequestState.OPEN


def test_a_partial_loan_that_is_not_accepted_frees_everything() -> None:
    market = a_holding_market({"ada": 60_000}, min_amount_cents=50_000)
    covered = only(Covered, market.send(Tick(), after=EXPIRY))

    market.send(LapseRequest(request_id="r1", cover_id=covered.cover_id), after=timedelta(hours=49))

    assert market.purses.free_cents == {"ada": 60_000}
    assert market.book.outstanding_cents == 0


def test_at_expiry_less_than_the_least_wanted_frees_all_holds() -> None:
    market = a_holding_market({"ada": 60_000, "bob": 30_000})

    events = market.send(Tick(), after=EXPIRY)

    assert only(CoverReleased, events).why == "expired"
    assert only(RequestClosed, events).why == "expired"
    assert market.purses.free_cents == {"ada": 60_000, "bob": 30_000}
    assert market.book.covers == {}


def test_at_expiry_the_backstop_carries_what_is_missing() -> None:
    terms = some_terms(company_money=CompanyMoney(mode="backstop", budget_cents=50_000))
    market = a_market({"ada": 60_000}, terms, ada=an_offer("ada", ask_bp=450))
    market.send(GrantCompanyBudget(cents=50_000))
    market.send(OpenRequest(request=a_request()))
    market.send(Tick(), after=PATIENCE)

    covered = only(Covered, market.send(Tick(), after=EXPIRY - PATIENCE))

    assert (covered.amount_cents, covered.company_cents, covered.rate_bp) == (100_000, 40_000, 450)
    assert fills_of(covered) == {"ada": 60_000}
    assert market.book.budget_cents == 10_000


def test_a_backstop_that_does_not_reach_adds_what_it_has_to_a_partial_loan() -> None:
    terms = some_terms(company_money=CompanyMoney(mode="backstop", budget_cents=10_000))
    market = a_market({"ada": 60_000}, terms)
    market.send(GrantCompanyBudget(cents=10_000))
    market.send(OpenRequest(request=a_request(min_amount_cents=70_000)))
    market.send(Tick(), after=PATIENCE)

    covered = only(Covered, market.send(Tick(), after=EXPIRY - PATIENCE))

    assert (covered.amount_cents, covered.company_cents) == (70_000, 10_000)


def test_a_backstop_alone_funds_a_request_that_nobody_lends_to_at_the_floor() -> None:
    terms = some_terms(company_money=CompanyMoney(mode="backstop", budget_cents=100_000))
    market = a_market({}, terms)
    market.send(GrantCompanyBudget(cents=100_000))
    market.send(OpenRequest(request=a_request()))

    covered = only(Covered, market.send(Tick(), after=EXPIRY))

    assert (covered.company_cents, covered.rate_bp, covered.fills) == (100_000, 400, ())


def test_in_a_partial_loan_nobody_has_more_than_its_share() -> None:
    market = a_market({"ada": 250_000, "bob": 50_000}, some_terms(max_share_bp=5_000))
    market.send(OpenRequest(request=a_request(amount_cents=500_000, min_amount_cents=80_000)))
    market.send(Tick(), after=PATIENCE)
    assert held_by(market) == {"ada": 250_000, "bob": 50_000}

    covered = only(Covered, market.send(Tick(), after=EXPIRY - PATIENCE))

    assert fills_of(covered) == {"ada": 50_000, "bob": 50_000}
    assert market.purses.free_cents == {"ada": 200_000, "bob": 0}


def test_what_is_held_never_passes_the_room_of_the_guarantee() -> None:
    terms = some_terms(guarantee=GuaranteeTerms(rate_bp=1_000, limit_cents=3_000))
    market = a_holding_market({"ada": 20_000, "bob": 60_000}, terms)

    assert held_by(market) == {"ada": 20_000, "bob": 10_000}


def test_a_lender_may_lift_its_hold_and_is_not_asked_again_for_this_request() -> None:
    market = a_holding_market({"ada": 60_000, "bob": 30_000})

    market.send(LiftHold(request_id="r1", lender_id="ada"))
    market.send(Tick(), after=timedelta(hours=1))

    assert held_by(market) == {"bob": 30_000}
    assert market.purses.free_cents == {"ada": 60_000, "bob": 0}
    assert market.book.outstanding_cents == 30_000


def test_the_last_lender_to_lift_ends_the_hold() -> None:
    market = a_holding_market({"ada": 60_000})

    events = market.send(LiftHold(request_id="r1", lender_id="ada"))

    assert only(CoverReleased, events).why == "yielded"
    assert market.purses.free_cents == {"ada": 60_000}
    assert market.book.requests["r1"].cover_id is None


def test_what_is_covered_can_no_longer_be_lifted_or_yielded() -> None:
    market = a_market({"ada": 100_000})
    market.send(OpenRequest(request=a_request()))

    refusal = [CommandRefused(refusal=NothingHeld(request_id="r1"))]
    assert market.send(LiftHold(request_id="r1", lender_id="ada")) == refusal
    assert market.send(YieldHold(request_id="r1")) == refusal


def test_a_request_that_yields_gives_everything_back_and_tries_again_later_in_its_place() -> None:
    market = a_holding_market({"ada": 60_000})

    released = only(CoverReleased, market.send(YieldHold(request_id="r1")))

    assert market.purses.free_cents == {"ada": 60_000}
    assert released.not_before_at is not None
    assert market.book.waiting_requests() == []
    market.send(Tick(), after=timedelta(hours=1))
    assert held_by(market) == {"ada": 60_000}


def test_withdrawing_an_offer_or_asking_more_than_allowed_takes_its_hold_back() -> None:
    market = a_holding_market({"ada": 60_000, "bob": 10_000, "cyd": 10_000})

    market.send(WithdrawOffer(offer_id="offer-ada"))
    market.send(PlaceOffer(offer=an_offer("bob", ask_bp=700)))

    assert held_by(market) == {"cyd": 10_000}
    assert market.purses.free_cents == {"ada": 60_000, "bob": 10_000, "cyd": 0}


def test_lower_terms_let_go_of_holders_who_ask_more() -> None:
    market = a_holding_market({"ada": 30_000, "bob": 30_000}, None, bob=an_offer("bob", ask_bp=550))

    market.send(PublishTerms(terms=some_terms(version=2, bands=(RateBand(months=12, floor_bp=400, cap_bp=500),))))

    assert held_by(market) == {"ada": 30_000}


def test_terms_whose_floor_is_above_what_the_borrower_accepts_let_everybody_go() -> None:
    market = a_holding_market({"ada": 30_000})

    market.send(PublishTerms(terms=some_terms(version=2, bands=(RateBand(months=12, floor_bp=700, cap_bp=900),))))

    assert market.purses.free_cents == {"ada": 30_000}
    assert market.book.requests["r1"].cover_id is None


def test_new_company_money_never_makes_a_hold_larger_than_the_loan() -> None:
    """Ada holds 600.00 and lends at most 50.00 from now on; the company brings 900.00: together less than 1,000.00."""
    market = a_holding_market({"ada": 60_000})
    market.send(PlaceOffer(offer=an_offer("ada", per_request_cents=5_000)))
    money = CompanyMoney(mode="first", budget_cents=90_000)
    market.send(PublishTerms(terms=some_terms(version=2, company_money=money)))

    market.send(GrantCompanyBudget(cents=90_000))

    cover = market.book.covers[market.book.requests["r1"].cover_id or ""]
    assert (cover.plan.amount_cents, cover.plan.company_cents, cover.plan.is_holding) == (99_999, 39_999, True)


def test_a_hold_does_not_drain_to_a_later_one_when_its_strategy_leaves_the_book() -> None:
    """Ada holds 500.00 for the first request by one strategy; her second has a budget of 509.99 and holds 10.00 for the
    other. Once the first strategy's offer is gone, its hold is given back whole, and the second's money goes to the
    first request as far as its budget reaches."""
    bands = tuple(RateBand(months=months, floor_bp=400, cap_bp=600) for months in (12, 24))
    market = a_market({"ada": 50_000}, some_terms(bands=bands), ada=an_offer("ada", per_request_cents=50_000))
    market.purses.limits["second"] = 50_999
    second = an_offer("ada", offer_id="second", strategy_id="second", strategy_rank=2, months=(12, 24))
    market.send(PlaceOffer(offer=second))
    market.send(OpenRequest(request=a_request("r1", amount_cents=200_000)))
    market.send(OpenRequest(request=a_request("r2", amount_cents=200_000, months=24)))
    market.send(Tick(), after=PATIENCE)
    market.pay_in("ada", 1_000)
    market.send(Tick())
    assert (held_by(market, "r1"), held_by(market, "r2")) == ({"ada": 50_000}, {"ada": 1_000})

    events = market.send(WithdrawOffer(offer_id="offer-ada"))

    assert len(events) < 10
    assert (held_by(market, "r1"), held_by(market, "r2")) == ({"ada": 49_999}, {"ada": 1_000})


def test_cancelling_frees_what_is_held() -> None:
    market = a_holding_market({"ada": 60_000})

    market.send(CancelRequest(request_id="r1"))

    assert market.purses.free_cents == {"ada": 60_000}
    assert market.book.requests["r1"].state is RequestState.CLOSED


def test_a_first_tranche_stands_beside_what_is_held() -> None:
    terms = some_terms(company_money=CompanyMoney(mode="first", budget_cents=20_000))
    market = a_market({"ada": 30_000}, terms)
    market.send(GrantCompanyBudget(cents=20_000))
    market.send(OpenRequest(request=a_request(min_amount_cents=50_000)))
    market.send(Tick(), after=PATIENCE)
    assert market.book.budget_cents == 0

    covered = only(Covered, market.send(Tick(), after=EXPIRY - PATIENCE))

    assert (covered.amount_cents, covered.company_cents) == (50_000, 20_000)


@pytest.mark.parametrize("share_bp", [0, 3_333, 9_000])
def test_a_share_tranche_shrinks_with_a_partial_loan(share_bp: int) -> None:
    terms = some_terms(company_money=CompanyMoney(mode="share", budget_cents=100_000, share_bp=share_bp))
    market = a_market({"ada": 5_000}, terms)
    market.send(GrantCompanyBudget(cents=100_000))
    market.send(OpenRequest(request=a_request(min_amount_cents=5_000)))
    market.send(Tick(), after=PATIENCE)

    covered = only(Covered, market.send(Tick(), after=EXPIRY - PATIENCE))

    assert fills_of(covered) == {"ada": 5_000}
    assert covered.company_cents == covered.amount_cents * share_bp // 10_000


def changed_terms(market: Market, number: int, cents: int) -> CompanyTerms:
    """The next version of the terms, another each time: rates, shares, lenders, company money."""
    assert market.book.terms is not None
    floor_bp = 350 + cents % 300
    return msgspec.structs.replace(
        market.book.terms,
        version=market.book.terms.version + 1,
        bands=(RateBand(months=12, floor_bp=floor_bp, cap_bp=floor_bp + 100 * number),),
        max_share_bp=(None, 5_000, 3_000, 10_000)[number - 1],
        max_lenders=number,
        company_money=CompanyMoney(mode=("none", "first", "share", "backstop")[number - 1], share_bp=4_000),
    )


steps = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, 4), st.integers(20_000, 200_000)),
        st.tuples(st.just("pay-in"), st.integers(1, 4), st.integers(1, 40_000)),
        st.tuples(st.just("spend"), st.integers(1, 4), st.integers(1, 40_000)),
        st.tuples(st.just("lift"), st.integers(1, 4), st.integers(1, 4)),
        st.tuples(st.just("yield"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("sign"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("terms"), st.integers(1, 4), st.integers(0, 60_000)),
        st.tuples(st.just("offer"), st.integers(1, 4), st.integers(1_000, 40_000)),
        st.tuples(st.just("tick"), st.integers(1, 40), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(
    steps=steps, free=st.lists(st.integers(0, 60_000), min_size=4, max_size=4), share_bp=st.sampled_from([None, 5_000])
)
def test_whatever_is_held_is_promised_within_the_need_and_a_replay_gives_the_same_book(
    steps: list[tuple[str, int, int]], free: list[int], share_bp: int | None
) -> None:
    lenders = {f"l{number}": cents for number, cents in enumerate(free, start=1)}
    terms = some_terms(max_share_bp=share_bp, guarantee=GuaranteeTerms(rate_bp=1_000, limit_cents=20_000))
    market = a_market(lenders, terms)
    for kind, number, figure in steps:
        request_id, lender_id = f"r{number}", f"l{number}"
        booked = market.book.requests.get(request_id)
        match kind:
            case "open":
                request = a_request(request_id, amount_cents=figure, min_amount_cents=figure // 2)
                market.send(OpenRequest(request=request))
            case "pay-in":
                market.pay_in(lender_id, figure)
            case "spend":
                market.purses.spend(lender_id, figure)
            case "lift":
                market.send(LiftHold(request_id=request_id, lender_id=f"l{figure}"))
            case "yield":
                market.send(YieldHold(request_id=request_id))
            case "cancel":
                market.send(CancelRequest(request_id=request_id))
            case "terms":
                market.send(PublishTerms(terms=changed_terms(market, number, figure)))
            case "offer":
                market.send(PlaceOffer(offer=an_offer(lender_id, per_request_cents=figure, ask_bp=400 + figure % 250)))
            case "sign" if booked is not None and booked.cover_id is not None:
                market.send(SignRequest(request_id=request_id, cover_id=booked.cover_id))
            case _:
                market.send(Tick(), after=timedelta(hours=number))

    for payload in market.journal:
        event = decode_book_record(payload).event
        if isinstance(event, CoverProposed | CoverAmended) and not event.plan.is_holding:
            assert event.plan.receipt.outcome == "covered"
            assert differences(event.plan.receipt) == ()

    book = market.book
    replayed = ReplayedBook("alfa", "bk00", market.commands)
    for seq, payload in enumerate(market.journal, start=1):
        replayed.take(seq, payload)
    replayed.finish()
    assert (replayed.differences, replayed.limits_passed) == ([], [])
    assert market.replayed().fingerprint() == book.fingerprint()
    assert book.outstanding_cents == sum(cents for _, cents in market.purses.taken.values())
    for cover in book.covers.values():
        request = book.requests[cover.request_id].request
        assert {p.lender_id: p.cents for p in cover.promises()} == cover.reserved_cents()
        assert cover.plan.is_holding or request.min_amount_cents <= cover.plan.amount_cents
        assert cover.plan.amount_cents <= request.amount_cents

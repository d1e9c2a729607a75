"""A company's book: commands are decided once, covers hold only what purses promised, and a replay is the same book."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.book.book_events import (
    CommandAcknowledged,
    CommandRefused,
    CoverAmended,
    Covered,
    CoverProposed,
    CoverReleased,
    OfferPlaced,
    RequestClosed,
    RequestSigned,
)
from marketplace.book.booked_requests import RequestState
from marketplace.book.commands import (
    CancelRequest,
    GrantCompanyBudget,
    LapseRequest,
    OpenRequest,
    PlaceOffer,
    PublishTerms,
    RecordRepayments,
    RepaidPrincipal,
    SignRequest,
    Tick,
)
from marketplace.book.refusals import RateOutsideBand, TermNotOffered, TermsVersionUnexpected
from marketplace.company_terms import CompanyMoney, RateBand
from tests.marketplace.driven_book import START, Market, a_market, a_request, an_offer, only, some_terms
from tests.marketplace.purse_model import PurseModel


def test_a_request_is_covered_when_every_purse_promises_its_leg() -> None:
    market = a_market({"ada": 60_000, "bob": 80_000})

    covered = only(Covered, market.send(OpenRequest(request=a_request())))

    assert {fill.lender_id: fill.cents for fill in covered.fills} == {"ada": 42_899, "bob": 57_101}
    assert covered.rate_bp == 400
    assert covered.accept_until_at == START + timedelta(hours=48)
    assert market.purses.free_cents == {"ada": 17_101, "bob": 22_899}


def test_without_enough_money_nothing_is_asked_of_anybody() -> None:
    market = a_market({"ada": 60_000})

    events = market.send(OpenRequest(request=a_request()))

    assert not any(isinstance(event, CoverProposed) for event in events)
    assert market.purses.free_cents == {"ada": 60_000}


def test_a_resting_request_is_covered_when_money_has_arrived_by_the_next_tick() -> None:
    market = a_market({"ada": 60_000})
    market.send(OpenRequest(request=a_request()))
    market.purses.free_cents["ada"] += 40_000
    market.purses.vers["ada"] += 1

    events = market.send(Tick(), after=timedelta(hours=1))

    only(Covered, events)


class RacingPurses(PurseModel):
    """Purses whose money another book takes between the look at the standings and the asking."""

    def __init__(self, free_cents: dict[str, int], spent_elsewhere: dict[str, int]) -> None:
        super().__init__(free_cents)
        self.spent_elsewhere = dict(spent_elsewhere)

    def take(self, call: object) -> object:  # type: ignore[override]  # the call is passed through unread
        for lender_id, cents in self.spent_elsewhere.items():
            self.spend(lender_id, cents)
        self.spent_elsewhere.clear()
        return super().take(call)  # type: ignore[arg-type]


def test_a_purse_that_falls_short_makes_the_rule_run_again_and_only_differences_are_asked() -> None:
    market = Market(RacingPurses({"ada": 60_000, "bob": 80_000, "cyd": 90_000}, {"ada": 55_000}))
    market.send(PublishTerms(terms=some_terms()))
    for lender_id in ("ada", "bob", "cyd"):
        market.send(PlaceOffer(offer=an_offer(lender_id)))

    events = market.send(OpenRequest(request=a_request()))

    amended = only(CoverAmended, events)
    covered = only(Covered, events)
    assert all(leg.replaces is not None or leg.kept_fill_id is not None for leg in amended.plan.legs)
    assert sum(fill.cents for fill in covered.fills) == 100_000
    assert {fill.lender_id: fill.cents for fill in covered.fills} == dict(market.purses.taken.values())


def test_a_cover_the_purses_cannot_promise_is_given_up_and_tried_again_later_in_its_place() -> None:
    market = Market(RacingPurses({"ada": 60_000, "bob": 50_000}, {"ada": 55_000}))
    market.send(PublishTerms(terms=some_terms()))
    for lender_id in ("ada", "bob"):
        market.send(PlaceOffer(offer=an_offer(lender_id)))

    released = only(CoverReleased, market.send(OpenRequest(request=a_request())))

    assert released.why == "failed"
    assert released.not_before_at is not None
    assert START < released.not_before_at <= START + timedelta(milliseconds=600)
    assert market.purses.taken == {}
    assert market.purses.free_cents == {"ada": 5_000, "bob": 50_000}
    assert not market.book.waiting_requests()


def test_signing_hands_the_promised_fills_to_the_payments() -> None:
    market = a_market({"ada": 60_000, "bob": 80_000})
    covered = only(Covered, market.send(OpenRequest(request=a_request())))

    signed = only(RequestSigned, market.send(SignRequest(request_id="r1", cover_id=covered.cover_id)))

    assert signed.fills == covered.fills
    assert market.book.requests["r1"].state is RequestState.SIGNED
    assert market.send(SignRequest(request_id="r1", cover_id=covered.cover_id)) == [CommandAcknowledged()]


def test_a_cover_that_is_not_signed_in_time_lapses_and_every_lender_keeps_its_place() -> None:
    market = a_market({"ada": 60_000, "bob": 80_000})
    covered = only(Covered, market.send(OpenRequest(request=a_request())))
    assert market.book.lenders.last_rationed == {"ada": 1, "bob": 1}

    market.send(LapseRequest(request_id="r1", cover_id=covered.cover_id), after=timedelta(hours=49))

    assert market.purses.free_cents == {"ada": 60_000, "bob": 80_000}
    assert market.book.lenders.last_rationed == {"ada": 0, "bob": 0}
    assert market.book.lenders.lent_cents == {}
    assert market.book.requests["r1"].state is RequestState.CLOSED


def test_a_lapsed_cover_gives_back_its_own_place_and_not_that_of_a_later_one() -> None:
    market = a_market({"ada": 300_000, "bob": 300_000})
    first, second = (only(Covered, market.send(OpenRequest(request=a_request(name)))) for name in ("r1", "r2"))
    assert market.book.lenders.last_rationed == {"ada": 2, "bob": 2}

    market.send(LapseRequest(request_id="r1", cover_id=first.cover_id))
    assert market.book.lenders.last_rationed == {"ada": 2, "bob": 2}
    market.send(LapseRequest(request_id="r2", cover_id=second.cover_id))
    assert market.book.lenders.last_rationed == {"ada": 0, "bob": 0}


def test_cancelling_a_covered_request_frees_its_promises() -> None:
    market = a_market({"ada": 60_000, "bob": 80_000})
    market.send(OpenRequest(request=a_request()))

    market.send(CancelRequest(request_id="r1"))

    assert market.purses.taken == {}
    assert market.book.guaranteed_cents == 0


def test_company_money_goes_first_and_its_budget_is_used_up() -> None:
    terms = some_terms(company_money=CompanyMoney(mode="first", budget_cents=50_000))
    market = a_market({"ada": 60_000, "bob": 80_000}, terms)
    market.send(GrantCompanyBudget(cents=50_000))

    covered = only(Covered, market.send(OpenRequest(request=a_request())))

    assert covered.company_cents == 50_000
    assert sum(fill.cents for fill in covered.fills) == 50_000
    assert market.book.budget_cents == 0


def test_a_request_that_company_money_funds_whole_is_covered_without_asking_any_purse() -> None:
    terms = some_terms(company_money=CompanyMoney(mode="first", budget_cents=200_000))
    market = a_market({}, terms)
    market.send(GrantCompanyBudget(cents=200_000))

    covered = only(Covered, market.send(OpenRequest(request=a_request())))

    assert (covered.company_cents, covered.fills, covered.rate_bp) == (100_000, (), 400)
    signed = only(RequestSigned, market.send(SignRequest(request_id="r1", cover_id=covered.cover_id)))
    assert signed.company_cents == 100_000


def test_a_waiting_request_is_closed_when_its_time_has_run_out() -> None:
    market = a_market({"ada": 1_000})
    market.send(OpenRequest(request=a_request()))

    events = market.send(Tick(), after=timedelta(hours=72))

    assert events == [CommandAcknowledged(), RequestClosed(request_id="r1", why="expired")]


def test_repaid_principal_frees_the_room_of_the_company_cap() -> None:
    market = a_market({"ada": 200_000}, None, ada=an_offer("ada", per_company_cents=100_000))
    covered = only(Covered, market.send(OpenRequest(request=a_request())))
    market.send(SignRequest(request_id="r1", cover_id=covered.cover_id))
    waiting = market.send(OpenRequest(request=a_request("r2", amount_cents=60_000)))
    assert not any(isinstance(event, Covered) for event in waiting)

    repaid = RepaidPrincipal(request_id="r1", lender_id="ada", cents=60_000)
    events = market.send(RecordRepayments(repaid=(repaid,)))

    only(Covered, events)


def test_terms_are_published_one_version_after_the_other() -> None:
    market = a_market({})

    events = market.send(PublishTerms(terms=some_terms(version=3)))

    assert events == [CommandRefused(refusal=TermsVersionUnexpected(given_version=3, expected_version=2))]


def test_a_term_the_company_does_not_offer_is_refused_with_those_that_pass() -> None:
    market = a_market({})

    events = market.send(OpenRequest(request=a_request(months=36)))

    assert events == [CommandRefused(refusal=TermNotOffered(months=36, offered_months=(12,)))]


def test_a_rate_below_the_floor_is_refused_with_the_band_that_passes() -> None:
    market = a_market({})

    events = market.send(OpenRequest(request=a_request(max_rate_bp=399)))

    assert events == [CommandRefused(refusal=RateOutsideBand(max_rate_bp=399, floor_bp=400, cap_bp=600))]


def test_new_terms_of_an_offer_keep_its_order_of_arrival() -> None:
    market = a_market({"ada": 1_000, "bob": 1_000})

    placed = only(OfferPlaced, market.send(PlaceOffer(offer=an_offer("ada", ask_bp=450))))

    assert placed.sequence == 1


def test_lower_terms_published_while_a_request_waits_price_it_anew() -> None:
    market = a_market({"ada": 200_000}, None, ada=an_offer("ada", ask_bp=300))
    market.purses.spend("ada", 200_000)
    market.send(OpenRequest(request=a_request()))
    market.send(PublishTerms(terms=some_terms(version=2, bands=(RateBand(months=12, floor_bp=350, cap_bp=350),))))
    market.purses.free_cents["ada"] = 200_000
    market.purses.vers["ada"] += 1

    covered = only(Covered, market.send(Tick()))

    assert covered.rate_bp == 350
    assert covered.terms_version == 2


steps = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(1, 5), st.integers(2_000, 200_000)),
        st.tuples(st.just("sign"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("spend"), st.integers(1, 4), st.integers(0, 60_000)),
        st.tuples(st.just("tick"), st.integers(1, 100), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(steps=steps, free=st.lists(st.integers(0, 150_000), min_size=4, max_size=4))
def test_whatever_happens_promises_equal_covers_and_a_replay_gives_the_same_book(
    steps: list[tuple[str, int, int]], free: list[int]
) -> None:
    lenders = {f"l{number}": cents for number, cents in enumerate(free, start=1)}
    market = Market(RacingPurses(lenders, {}))
    market.send(PublishTerms(terms=some_terms()))
    for number, lender_id in enumerate(lenders):
        market.send(PlaceOffer(offer=an_offer(lender_id, ask_bp=400 + 50 * number)))
    for kind, number, cents in steps:
        request = market.book.requests.get(f"r{number}")
        if kind == "open":
            market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=cents)))
        elif kind == "sign" and request is not None and request.cover_id is not None:
            market.send(SignRequest(request_id=f"r{number}", cover_id=request.cover_id))
        elif kind == "cancel":
            market.send(CancelRequest(request_id=f"r{number}"))
        elif kind == "spend":
            assert isinstance(market.purses, RacingPurses)
            market.purses.spent_elsewhere = {f"l{number}": cents}
            market.send(Tick(), after=timedelta(minutes=1))
        elif kind == "tick":
            market.send(Tick(), after=timedelta(minutes=number))

    assert market.replayed().fingerprint() == market.book.fingerprint()
    unsigned = {fill.fill_id: fill.taken_cents for cover in market.book.covers.values() for fill in cover.live_fills()}
    lent = sum(market.book.lenders.lent_cents.values())
    promised = sum(cents for _, cents in market.purses.taken.values())
    assert unsigned.items() <= {fill_id: cents for fill_id, (_, cents) in market.purses.taken.items()}.items()
    assert lent == promised
    for booked in market.book.requests.values():
        if booked.state is RequestState.OPEN and booked.cover_id is not None:
            assert market.book.covers[booked.cover_id].plan.is_holding
            assert booked.is_holding

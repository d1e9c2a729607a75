"""What stops a book or a lender, when new cash is seen, how terms are judged, and which offers keep their place."""

from datetime import datetime, timedelta

import pytest

from marketplace.allocation.orders import Bar
from marketplace.book.book_events import (
    AnyBookEvent,
    BookPaused,
    CommandAcknowledged,
    CommandRefused,
    Covered,
    RequestClosed,
    StagingSet,
    TermsPublished,
)
from marketplace.book.circuit_breakers import BreakerLimits, BreakerTrip
from marketplace.book.commands import (
    BarLender,
    OpenRequest,
    PauseBook,
    PlaceOffer,
    PublishTerms,
    RecordArrears,
    RecordRepayments,
    RepaidPrincipal,
    ResumeBook,
    SetBreakers,
    SignRequest,
    Tick,
    UnbarLender,
    WithdrawOffer,
)
from marketplace.book.refusals import (
    BookIsPaused,
    BreakerLimitsWrong,
    OfferTermsWrong,
    RequestUnknown,
    TermsContradictory,
    ValueOutOfRange,
)
from marketplace.company_terms import GuaranteeTerms, RateBand, TermsProblem
from marketplace.strategies.offer_terms import FloatingAsk, OfferFilters, TermAsk
from tests.marketplace.driven_book import Market, a_market, a_request, an_offer, only, some_terms


def is_covered(events: list[AnyBookEvent]) -> bool:
    return any(isinstance(event, Covered) for event in events)


def lenders_of(events: list[AnyBookEvent]) -> list[str]:
    return sorted(fill.lender_id for fill in only(Covered, events).fills)


# ── pauses ──────────────────────────────────────────────────────────────────


def test_a_paused_book_covers_nothing_until_the_same_party_resumes_it() -> None:
    market = a_market({"ada": 100_000})
    market.send(PauseBook(by="operations"))

    assert not is_covered(market.send(OpenRequest(request=a_request())))
    assert market.send(ResumeBook(by="company")) == [CommandAcknowledged()]
    assert is_covered(market.send(ResumeBook(by="operations")))


def test_a_book_paused_twice_waits_for_both() -> None:
    market = a_market({"ada": 100_000})
    market.send(OpenRequest(request=a_request(amount_cents=200_000)))
    market.send(PauseBook(by="operations"))
    market.send(PauseBook(by="company"))
    market.pay_in("ada", 100_000)

    assert not is_covered(market.send(ResumeBook(by="operations")))
    assert is_covered(market.send(ResumeBook(by="company")))


def test_only_a_pause_by_the_company_refuses_new_requests() -> None:
    market = a_market({"ada": 100_000})
    market.send(PauseBook(by="company"))

    assert market.send(OpenRequest(request=a_request())) == [CommandRefused(refusal=BookIsPaused())]


def test_a_request_expires_in_a_paused_book_and_what_is_held_is_not_made_a_loan() -> None:
    market = a_market({"ada": 60_000})
    market.send(OpenRequest(request=a_request(min_amount_cents=10_000)))
    market.send(Tick(), after=timedelta(hours=24))
    market.send(PauseBook(by="operations"))

    events = market.send(Tick(), after=timedelta(hours=48))

    assert only(RequestClosed, events).why == "expired"
    assert market.purses.free_cents == {"ada": 60_000}


# ── breakers ────────────────────────────────────────────────────────────────


def a_market_with_breakers(limits: BreakerLimits) -> Market:
    market = a_market({"ada": 900_000}, some_terms(bands=(RateBand(months=12, floor_bp=400, cap_bp=900),)))
    market.send(SetBreakers(limits=limits))
    return market


def test_too_much_money_in_the_window_pauses_the_book_before_the_cover_that_would_pass_it() -> None:
    market = a_market_with_breakers(BreakerLimits(window_minutes=60, most_cents=150_000))
    assert is_covered(market.send(OpenRequest(request=a_request("r1"))))

    events = market.send(OpenRequest(request=a_request("r2")))

    assert only(BookPaused, events) == BookPaused(
        by="breaker", trip=BreakerTrip(alarm="volume", given=200_000, allowed=150_000)
    )
    assert not is_covered(market.send(Tick(), after=timedelta(hours=2)))
    assert is_covered(market.send(ResumeBook(by="breaker")))


def test_the_cover_that_tripped_a_breaker_passes_once_operations_let_the_book_go_on() -> None:
    market = a_market_with_breakers(BreakerLimits(most_cents=50_000))
    tripped = market.send(OpenRequest(request=a_request("large")))
    assert only(BookPaused, tripped).by == "breaker"

    assert only(Covered, market.send(ResumeBook(by="breaker"))).request_id == "large"
    assert only(BookPaused, market.send(OpenRequest(request=a_request("larger")))).by == "breaker"


def test_covers_older_than_the_window_do_not_count() -> None:
    market = a_market_with_breakers(BreakerLimits(window_minutes=60, most_covers=1))
    market.send(OpenRequest(request=a_request("r1")))
    market.send(Tick(), after=timedelta(minutes=60))

    assert is_covered(market.send(OpenRequest(request=a_request("r2"))))


def test_a_rate_far_from_the_median_of_the_latest_covers_pauses_the_book() -> None:
    market = a_market_with_breakers(BreakerLimits(most_rate_move_bp=100))
    for number in range(3):
        market.send(OpenRequest(request=a_request(f"r{number}", amount_cents=10_000)))
    market.send(PlaceOffer(offer=an_offer("ada", ask_bp=501)))

    events = market.send(OpenRequest(request=a_request("late", amount_cents=10_000, max_rate_bp=900)))

    assert only(BookPaused, events).trip == BreakerTrip(alarm="rate", given=101, allowed=100)


def test_breakers_out_of_range_are_refused_with_every_figure_and_what_passes() -> None:
    limits = BreakerLimits(window_minutes=1_441, most_cents=-1, most_covers=1_000_001, most_rate_move_bp=10_001)

    refusal = only(CommandRefused, a_market({}).send(SetBreakers(limits=limits))).refusal

    assert isinstance(refusal, BreakerLimitsWrong)
    assert [(problem.field, problem.given, problem.accepted) for problem in refusal.problems] == [
        ("window_minutes", "1441", "1 to 1440"),
        ("most_cents", "-1", "0 to 10000000000000"),
        ("most_covers", "1000001", "0 to 1000000"),
        ("most_rate_move_bp", "10001", "0 to 10000"),
    ]


def test_arrears_out_of_range_are_refused_with_the_range_that_passes() -> None:
    refusal = ValueOutOfRange(setting="arrears_bp", given=-1, minimum=0, maximum=10_000)

    assert a_market({}).send(RecordArrears(arrears_bp=-1)) == [CommandRefused(refusal=refusal)]


# ── lenders kept out ────────────────────────────────────────────────────────


@pytest.mark.parametrize("bar", ["conflict", "identity", "paused"])
def test_a_barred_lender_lends_nothing_until_the_bar_is_lifted_and_keeps_its_place(bar: Bar) -> None:
    market = a_market({"ada": 200_000, "bob": 100_000})
    market.send(BarLender(lender_id="ada", bar=bar))

    assert lenders_of(market.send(OpenRequest(request=a_request("r1")))) == ["bob"]
    market.send(OpenRequest(request=a_request("r2")))
    assert lenders_of(market.send(UnbarLender(lender_id="ada", bar=bar))) == ["ada"]
    assert market.book.lenders.offers["offer-ada"].sequence == 1


def test_a_lender_with_two_bars_waits_for_both_to_go() -> None:
    market = a_market({"ada": 200_000})
    market.send(BarLender(lender_id="ada", bar="conflict"))
    market.send(BarLender(lender_id="ada", bar="identity"))
    market.send(OpenRequest(request=a_request()))

    assert not is_covered(market.send(UnbarLender(lender_id="ada", bar="conflict")))
    assert is_covered(market.send(UnbarLender(lender_id="ada", bar="identity")))


def test_a_paused_offer_lends_nothing_and_keeps_its_order_of_arrival() -> None:
    market = a_market({"ada": 200_000, "bob": 0})
    market.send(PlaceOffer(offer=an_offer("ada", is_paused=True)))
    assert not is_covered(market.send(OpenRequest(request=a_request())))

    assert is_covered(market.send(PlaceOffer(offer=an_offer("ada"))))
    offer = market.book.lenders.offers["offer-ada"]
    assert (offer.sequence, offer.raised_at) == (1, None)


# ── new cash ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("tier", "ticks"), [("A", 0), ("B", 1), ("C", 2)])
def test_new_cash_is_seen_one_tick_later_per_tier(tier: str, ticks: int) -> None:
    market = a_market({"ada": 0}, ada=an_offer("ada", tier=tier))
    market.record([StagingSet(tick_ms=200)], cause_id="setting:1")
    market.send(OpenRequest(request=a_request()))
    market.pay_in_fresh("ada", 100_000)

    for _ in range(ticks):
        assert not is_covered(market.send(Tick()))
        market.at += timedelta(milliseconds=200)
    assert is_covered(market.send(Tick()))


def test_without_staging_new_cash_is_seen_at_once() -> None:
    market = a_market({"ada": 0}, ada=an_offer("ada", tier="C"))
    market.record([StagingSet(tick_ms=0)], cause_id="setting:1")
    market.send(OpenRequest(request=a_request()))
    market.pay_in_fresh("ada", 100_000)

    assert is_covered(market.send(Tick()))


# ── offers ──────────────────────────────────────────────────────────────────


def test_raising_an_ask_or_a_cap_restarts_the_waiting_time_and_lowering_does_not() -> None:
    market = a_market({"ada": 1_000}, ada=an_offer("ada", per_request_cents=50_000))

    def raised_at_after(*, ask_bp: int, per_request_cents: int | None) -> datetime | None:
        offer = an_offer("ada", ask_bp=ask_bp, per_request_cents=per_request_cents)
        market.send(PlaceOffer(offer=offer), after=timedelta(hours=1))
        return market.book.lenders.offers["offer-ada"].raised_at

    assert raised_at_after(ask_bp=350, per_request_cents=40_000) is None
    assert raised_at_after(ask_bp=351, per_request_cents=40_000) == market.at
    first_raise_at = market.at
    assert raised_at_after(ask_bp=351, per_request_cents=30_000) == first_raise_at
    assert raised_at_after(ask_bp=351, per_request_cents=None) == market.at


def test_withdrawing_an_offer_and_placing_it_anew_gains_no_time() -> None:
    market = a_market({"ada": 1_000})
    market.send(WithdrawOffer(offer_id="offer-ada"))
    market.send(PlaceOffer(offer=an_offer("ada", offer_id="second", ask_bp=450)), after=timedelta(hours=1))
    raised_at = market.at
    assert market.book.lenders.offers["second"].raised_at == raised_at

    market.send(WithdrawOffer(offer_id="second"))
    market.send(PlaceOffer(offer=an_offer("ada", offer_id="third", ask_bp=450)), after=timedelta(hours=1))

    assert market.book.lenders.offers["third"].raised_at == raised_at


def test_a_floating_ask_follows_the_last_covers_of_its_term_but_not_below_its_floor() -> None:
    market = a_market({"ada": 500_000, "bob": 500_000})
    floating = FloatingAsk(mode="book_minus", offset_bp=-25, floor_bp=430)
    market.send(PlaceOffer(offer=an_offer("bob", ask_bp=600, floating=floating)))
    market.send(PlaceOffer(offer=an_offer("ada", ask_bp=480)))

    only(Covered, market.send(OpenRequest(request=a_request("r1"))))
    assert market.book.lenders.offers["offer-bob"].ask_for(12) == 455
    assert lenders_of(market.send(OpenRequest(request=a_request("r2")))) == ["bob"]
    assert market.book.lenders.offers["offer-bob"].ask_for(12) == 430


def test_filters_look_at_the_guarantee_and_the_arrears_of_the_company() -> None:
    filters = OfferFilters(min_guarantee_bp=1_000, max_arrears_bp=200)
    terms = some_terms(guarantee=GuaranteeTerms(rate_bp=1_000, limit_cents=1_000_000))
    market = a_market({"ada": 100_000}, terms, ada=an_offer("ada", filters=filters))
    market.send(RecordArrears(arrears_bp=201))

    assert not is_covered(market.send(OpenRequest(request=a_request())))
    assert is_covered(market.send(RecordArrears(arrears_bp=200)))


def test_an_offer_with_wrong_figures_is_refused_with_all_of_them() -> None:
    market = a_market({})

    wrong = an_offer(
        "ada",
        ask_bp=-1,
        months=(),
        per_request_cents=-5,
        asks_by_term=(TermAsk(months=24, ask_bp=500),),
        strategy_rank=101,
        filters=OfferFilters(guarantee_modes=("none",), purpose_classes=(4,)),
    )
    (event,) = market.send(PlaceOffer(offer=wrong))

    assert isinstance(event, CommandRefused)
    assert isinstance(event.refusal, OfferTermsWrong)
    assert [(problem.field, problem.accepted) for problem in event.refusal.problems] == [
        ("ask_bp", "0 to 10000"),
        ("asks_by_term[0].months", "one of the offer's months []"),
        ("months", "at least one term"),
        ("strategy_rank", "1 to 100"),
        ("per_request_cents", "0 to 10000000000000"),
        ("filters.guarantee_modes", "pool-first-loss or per-loan-share"),
        ("filters.purpose_classes", "1 to 3"),
    ]


# ── terms ───────────────────────────────────────────────────────────────────


def test_contradictory_terms_are_refused_with_every_problem_and_nothing_changes() -> None:
    market = a_market({})
    wrong = some_terms(version=2, bands=(RateBand(months=12, floor_bp=600, cap_bp=500),), max_share_bp=10_001)

    (event,) = market.send(PublishTerms(terms=wrong))

    assert isinstance(event, CommandRefused)
    assert isinstance(event.refusal, TermsContradictory)
    assert [problem.field for problem in event.refusal.problems] == ["bands[0].cap_bp", "max_share_bp"]
    assert market.book.terms == some_terms()


def test_a_guarantee_cannot_be_lowered_under_what_already_stands_under_it() -> None:
    """Lenders hold 1,000.00 guaranteed at 10 %, twice covered: 100.00 × 2 of the limit are in use."""
    terms = some_terms(guarantee=GuaranteeTerms(rate_bp=1_000, limit_cents=1_000_000, coverage_bp=20_000))
    market = a_market({"ada": 100_000}, terms)
    market.send(OpenRequest(request=a_request()))

    def published(guarantee: GuaranteeTerms | None) -> AnyBookEvent:
        return market.send(PublishTerms(terms=some_terms(version=2, guarantee=guarantee)))[0]

    too_low = published(GuaranteeTerms(rate_bp=1_000, limit_cents=19_999, coverage_bp=20_000))
    assert too_low == CommandRefused(
        refusal=TermsContradictory(
            problems=(TermsProblem(field="guarantee.limit_cents", given="19999", accepted="20000 or more"),)
        )
    )
    assert isinstance(published(None), CommandRefused)
    weaker = published(GuaranteeTerms(rate_bp=999, limit_cents=20_000, coverage_bp=20_000, mode="per-loan-share"))
    assert isinstance(weaker, CommandRefused)
    assert isinstance(weaker.refusal, TermsContradictory)
    assert [problem.field for problem in weaker.refusal.problems] == ["guarantee.rate_bp", "guarantee.mode"]
    beyond_the_limit = published(GuaranteeTerms(rate_bp=5_000, limit_cents=40_000))
    assert isinstance(beyond_the_limit, CommandRefused)
    assert isinstance(published(GuaranteeTerms(rate_bp=1_000, limit_cents=20_000, coverage_bp=20_000)), TermsPublished)


def test_a_company_names_up_to_three_classes_of_purpose_and_serves_them_in_order() -> None:
    market = a_market({"ada": 0}, some_terms(purpose_classes=("salute", "studio")))
    market.send(OpenRequest(request=a_request("study", purpose_class=2)))
    market.send(OpenRequest(request=a_request("health", purpose_class=1)))
    refusal = ValueOutOfRange(setting="purpose_class", given=3, minimum=1, maximum=2)
    assert market.send(OpenRequest(request=a_request("home", purpose_class=3))) == [CommandRefused(refusal=refusal)]
    market.pay_in("ada", 100_000)

    assert only(Covered, market.send(Tick())).request_id == "health"


@pytest.mark.parametrize(
    ("repaid", "refusal"),
    [
        (("unknown", "ada", 1), RequestUnknown(request_id="unknown")),
        (("r1", "ada", 0), ValueOutOfRange(setting="repaid_cents", given=0, minimum=1, maximum=100_000)),
        (("r1", "ada", 100_001), ValueOutOfRange(setting="repaid_cents", given=100_001, minimum=1, maximum=100_000)),
        (("r1", "bob", 1), ValueOutOfRange(setting="repaid_cents", given=1, minimum=1, maximum=0)),
    ],
)
def test_what_was_not_lent_cannot_come_back(
    repaid: tuple[str, str, int], refusal: RequestUnknown | ValueOutOfRange
) -> None:
    market = a_market({"ada": 100_000})
    covered = only(Covered, market.send(OpenRequest(request=a_request())))
    market.send(SignRequest(request_id="r1", cover_id=covered.cover_id))
    request_id, lender_id, cents = repaid

    part = RepaidPrincipal(request_id=request_id, lender_id=lender_id, cents=cents)
    assert market.send(RecordRepayments(repaid=(part,))) == [CommandRefused(refusal=refusal)]


@pytest.mark.parametrize(("base", "guaranteed_cents"), [("outstanding", 40_000), ("disbursed", 100_000)])
def test_the_guarantee_counts_what_is_outstanding_or_what_running_loans_were(base: str, guaranteed_cents: int) -> None:
    guarantee = GuaranteeTerms(rate_bp=1_000, limit_cents=1_000_000, base=base)  # type: ignore[arg-type]  # parametrised
    market = a_market({"ada": 100_000}, some_terms(guarantee=guarantee))
    covered = only(Covered, market.send(OpenRequest(request=a_request())))
    market.send(SignRequest(request_id="r1", cover_id=covered.cover_id))

    market.send(RecordRepayments(repaid=(RepaidPrincipal(request_id="r1", lender_id="ada", cents=60_000),)))
    assert market.book.guaranteed_cents == guaranteed_cents
    market.send(RecordRepayments(repaid=(RepaidPrincipal(request_id="r1", lender_id="ada", cents=40_000),)))
    assert market.book.guaranteed_cents == 0

"""What a book shows to everybody, and what it hides."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketplace.allocation.orders import CreditRequest
from marketplace.book.book_events import (
    AnyBookEvent,
    OfferPlaced,
    OfferWithdrawn,
    RequestClosed,
    RequestOpened,
    Standing,
    StandingsObserved,
    TermsPublished,
)
from marketplace.book.book_view import (
    BookView,
    BookViewFold,
    book_view_checksum,
    book_view_operations,
)
from marketplace.book.cover_decisions import decide_answers, decide_step
from marketplace.book.journal import BookRecord
from marketplace.book.order_book import OrderBook
from marketplace.book.purse_calls import PurseAnswer
from marketplace.company_terms import CompanyTerms, RateBand
from marketplace.strategies.offer_terms import OfferTerms, Tier

MONDAY = datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC)


class Story:
    """A book's events one after the other, as seen from outside."""

    def __init__(self) -> None:
        self.book = OrderBook("alfa", "bk00")
        self.fold = BookViewFold("alfa", "bk00")
        self.seq = 0

    def happen(self, *events: AnyBookEvent, at: datetime = MONDAY) -> BookView:
        for event in events:
            self.seq += 1
            record = BookRecord(company_id="alfa", cause_id="test", at=at, event=event)
            self.book.apply(record, self.seq)
            self.fold.apply(record, self.seq)
        return self.fold.view()

    def cover(self, *, at: datetime = MONDAY) -> BookView:
        """Let the book cover the next request, every purse promising all it is asked for."""
        self.happen(*decide_step(self.book, list(self.book.lenders.standings.values())), at=at)
        answers = [
            PurseAnswer(fill_id=take.fill_id, outcome="taken", cents=take.cents, ver=2, free_cents=0)
            for take in self.book.purse_calls().takes
        ]
        return self.happen(*decide_answers(self.book, answers), at=at)


def published(*, version: int = 1, months: tuple[int, ...] = (24,), floor_bp: int = 400) -> TermsPublished:
    bands = tuple(RateBand(months=term, floor_bp=floor_bp, cap_bp=600) for term in months)
    return TermsPublished(terms=CompanyTerms(version=version, bands=bands, max_share_bp=None))


def placed(
    lender_id: str,
    *,
    ask_bp: int = 450,
    tier: Tier = "A",
    months: tuple[int, ...] = (24,),
    strategy: str = "main",
    per_request_cents: int | None = None,
    per_company_cents: int | None = None,
) -> OfferPlaced:
    return OfferPlaced(
        sequence=1,
        offer=OfferTerms(
            offer_id=f"{lender_id}-{strategy}",
            lender_id=lender_id,
            strategy_id=strategy,
            ask_bp=ask_bp,
            tier=tier,
            months=months,
            min_ticket_cents=1_000,
            per_request_cents=per_request_cents,
            per_company_cents=per_company_cents,
        ),
    )


def observed(free_cents: dict[str, int], *, rooms: dict[str, int] | None = None) -> StandingsObserved:
    return StandingsObserved(
        standings=tuple(
            Standing(lender_id=lender_id, ver=1, free_cents=cents, cash_since_at=MONDAY, rooms=rooms or {})
            for lender_id, cents in free_cents.items()
        )
    )


def opened(number: int, *, cents: int = 100_000, months: int = 24, borrower_id: str | None = None) -> RequestOpened:
    return RequestOpened(
        request=CreditRequest(
            request_id=f"request-{number}",
            borrower_id=borrower_id or f"borrower-{number}",
            amount_cents=cents,
            min_amount_cents=cents,
            months=months,
            max_rate_bp=600,
            approval_sequence=number,
        ),
        expires_at=MONDAY + timedelta(hours=72),
    )


class TestDepth:
    def test_a_book_without_terms_is_closed_and_empty(self) -> None:
        assert Story().fold.view() == BookView(phase="closed", terms_version=0, o=(), r=(), tot=(0, 0, 0), last=())

    def test_offers_stand_at_the_higher_of_their_ask_and_the_floor(self) -> None:
        view = Story().happen(
            published(floor_bp=400),
            placed("ada", ask_bp=300),
            placed("bob", ask_bp=450),
            observed({"ada": 10_000, "bob": 20_000}),
        )

        assert view.o == ((24, 400, "A", 10_000, 4), (24, 450, "A", 20_000, 4))
        assert (view.phase, view.terms_version, view.tot[0]) == ("open", 1, 30_000)

    def test_an_offer_dearer_than_the_cap_is_not_shown(self) -> None:
        assert Story().happen(published(), placed("ada", ask_bp=601), observed({"ada": 10_000})).o == ()

    def test_the_same_money_is_shown_in_every_term_but_counted_once(self) -> None:
        view = Story().happen(published(months=(12, 24)), placed("ada", months=(12, 24)), observed({"ada": 10_000}))

        assert view.o == ((12, 450, "A", 10_000, 4), (24, 450, "A", 10_000, 4))
        assert view.tot[0] == 10_000

    @pytest.mark.parametrize(
        ("offer", "rooms", "cents"),
        [
            pytest.param(placed("ada"), {}, 50_000, id="its lender's free money"),
            pytest.param(placed("ada", per_request_cents=7_000), {}, 7_000, id="its cap per request"),
            pytest.param(placed("ada", per_company_cents=6_000), {}, 6_000, id="its cap per company"),
            pytest.param(placed("ada"), {"main": 5_000}, 5_000, id="its strategy's room"),
        ],
    )
    def test_an_offer_shows_the_least_of(self, offer: OfferPlaced, rooms: dict[str, int], cents: int) -> None:
        view = Story().happen(published(), offer, observed({"ada": 50_000}, rooms=rooms))

        assert [row[3] for row in view.o] == [cents]

    def test_two_strategies_of_one_lender_do_not_show_its_money_twice(self) -> None:
        view = Story().happen(
            published(), placed("ada", strategy="one"), placed("ada", strategy="two"), observed({"ada": 10_000})
        )

        assert view.o == ((24, 450, "A", 10_000, 4),)
        assert view.tot[0] == 10_000

    def test_five_lenders_are_shown_as_five_and_fewer_as_four(self) -> None:
        story = Story()
        names = ("ada", "bob", "cyd", "dan", "eva")
        few = story.happen(published(), *(placed(name) for name in names[:4]), observed(dict.fromkeys(names, 1_000)))
        enough = story.happen(placed("eva"))

        assert [few.o[0][4], enough.o[0][4]] == [4, 5]

    def test_a_lender_nobody_has_looked_at_shows_nothing(self) -> None:
        assert Story().happen(published(), placed("ada")).o == ()

    def test_a_withdrawn_offer_is_gone(self) -> None:
        view = Story().happen(
            published(), placed("ada"), observed({"ada": 10_000}), OfferWithdrawn(offer_id="ada-main")
        )

        assert (view.o, view.tot[0]) == ((), 0)


class TestNeeds:
    def test_five_people_are_shown_with_what_they_need(self) -> None:
        view = Story().happen(published(), *(opened(number, cents=number * 10_000) for number in range(1, 6)))

        assert (view.r, view.tot) == (((24, 150_000, 5),), (0, 150_000, 5))

    def test_fewer_than_five_people_are_hidden_with_the_totals_that_would_betray_them(self) -> None:
        story = Story()
        story.happen(published(months=(24, 36)), *(opened(number, months=36) for number in range(1, 8)))
        view = story.happen(opened(8, months=24))

        assert (view.r, view.tot) == (((24, -1, 4), (36, 700_000, 7)), (0, -1, -1))

    def test_five_requests_of_one_person_are_still_one_person(self) -> None:
        view = Story().happen(published(), *(opened(number, borrower_id="ada") for number in range(1, 6)))

        assert view.r == ((24, -1, 4),)

    def test_a_closed_request_is_no_longer_needed(self) -> None:
        view = Story().happen(published(), opened(1), RequestClosed(request_id="request-1", why="cancelled"))

        assert (view.r, view.tot) == ((), (0, 0, 0))


class TestCovers:
    def test_a_cover_leaves_the_needs_and_joins_the_latest_to_the_minute(self) -> None:
        story = Story()
        story.happen(published(), placed("ada"), observed({"ada": 100_000}), opened(1))
        later = MONDAY + timedelta(minutes=5)

        view = story.cover(at=later)

        assert view.r == ()
        assert view.last == ((24, 45_000, datetime(2026, 11, 23, 9, 35, tzinfo=UTC)),)
        assert view.o == ()

    def test_what_a_cover_plans_to_take_leaves_the_depth_when_it_is_proposed(self) -> None:
        story = Story()
        story.happen(published(), placed("ada", per_company_cents=120_000), observed({"ada": 900_000}), opened(1))

        assert story.happen(*decide_step(story.book, [])).o == ((24, 450, "A", 20_000, 4),)

    def test_only_the_ten_latest_are_shown(self) -> None:
        story = Story()
        story.happen(published(), placed("ada"), *(opened(number, cents=1_000) for number in range(1, 13)))
        for minute in range(12):
            story.happen(observed({"ada": 1_000}))
            story.cover(at=MONDAY + timedelta(minutes=minute))

        last = story.fold.view().last
        assert [cover[2].minute for cover in last] == list(range(32, 42))


def applied(view: BookView, operations: Sequence[tuple[Any, ...]]) -> BookView:
    """What a client does with a delta."""
    offers = {row[:3]: row for row in view.o}
    requests = {row[0]: row for row in view.r}
    fields: dict[str, Any] = {name: getattr(view, name) for name in ("phase", "terms_version", "last", "tot")}
    for kind, *values in operations:
        if kind == "o":
            offers.pop((values[0], values[1], values[2]), None)
            if values[3]:
                offers[values[0], values[1], values[2]] = (values[0], values[1], values[2], values[3], values[4])
        elif kind == "r":
            requests.pop(values[0], None)
            if values[1]:
                requests[values[0]] = (values[0], values[1], values[2])
        elif kind == "tot":
            fields["tot"] = tuple(values)
        else:
            fields[values[0]] = values[1]
    return BookView(o=tuple(sorted(offers.values())), r=tuple(sorted(requests.values())), **fields)


class TestDeltas:
    def test_a_client_that_applies_any_delta_has_the_view_it_leads_to(self) -> None:
        story = Story()
        views = [story.fold.view()]
        views.append(story.happen(published(months=(24, 36))))
        views.append(story.happen(placed("ada"), placed("bob", tier="B"), observed({"ada": 300_000, "bob": 90_000})))
        views.append(story.happen(*(opened(number, months=36, cents=1_000) for number in range(1, 6))))
        views.append(story.happen(opened(6, cents=250_000)))
        views.append(story.cover())
        views.append(story.happen(published(version=2, months=(24,))))

        for before in views:
            for after in views:
                assert applied(before, book_view_operations(before, after)) == after

    def test_nothing_is_said_where_nothing_changed(self) -> None:
        view = Story().happen(published(), placed("ada"), observed({"ada": 1}))

        assert book_view_operations(view, view) == []

    def test_a_row_that_is_gone_is_said_with_zero(self) -> None:
        story = Story()
        before = story.happen(published(), placed("ada"), observed({"ada": 10_000}), opened(1))
        after = story.happen(
            OfferWithdrawn(offer_id="ada-main"), RequestClosed(request_id="request-1", why="cancelled")
        )

        assert book_view_operations(before, after) == [
            ("o", 24, 450, "A", 0, 0),
            ("r", 24, 0, 0),
            ("tot", 0, 0, 0),
        ]


class TestChecksum:
    VIEW = BookView(
        phase="open",
        terms_version=12,
        o=((24, 450, "A", 120_000, 4), (24, 450, "B", 190_000, 6)),
        r=((24, -1, 4), (36, 1_450_000, 7)),
        tot=(310_000, -1, -1),
        last=(),
    )

    def test_is_the_published_one(self) -> None:
        """Vector of docs/feed_protocol.md §3."""
        assert book_view_checksum("0190c0de-0000-7000-8000-00000000000a", 3, 184_213, self.VIEW) == 806_425_804

    def test_covers_the_first_ten_levels_of_each_term_only(self) -> None:
        def with_levels(count: int) -> BookView:
            tiers: tuple[Tier, ...] = ("A", "B", "C")
            levels = [(400 + step, tier) for step in range(count) for tier in tiers]
            o = tuple((months, price_bp, tier, 1_000, 4) for months in (12, 24) for price_bp, tier in levels)
            return BookView(phase="open", terms_version=1, o=o, r=(), tot=(1, 1, 1), last=())

        assert len(with_levels(4).o) == 24
        ten_and_two, ten_and_five = with_levels(4), with_levels(5)
        assert book_view_checksum("alfa", 1, 1, ten_and_two) == book_view_checksum("alfa", 1, 1, ten_and_five)
        assert book_view_checksum("alfa", 1, 1, with_levels(3)) != book_view_checksum("alfa", 1, 1, ten_and_two)

    def test_tells_any_two_sequences_apart(self) -> None:
        assert book_view_checksum("alfa", 1, 1, self.VIEW) != book_view_checksum("alfa", 1, 2, self.VIEW)

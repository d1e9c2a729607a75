"""A book's panel: fixed lengths, nothing about fewer than five people, the newest cover first."""

from datetime import UTC, datetime

from api.web.book_cards import COVERS_SHOWN, LEVELS_SHOWN, STREAM_SHOWN, BookCard, book_card, newest_covers, scale_cents
from marketplace.book.book_view import BookView
from marketplace.company_terms import RateBand
from persistence.company_cards import CompanyCard


def a_company(name: str = "Alfa") -> CompanyCard:
    bands = (RateBand(months=12, floor_bp=400, cap_bp=600), RateBand(months=24, floor_bp=450, cap_bp=650))
    return CompanyCard(company_id=name.lower(), name=name, sector=None, terms_version=3, bands=bands)


def a_view(**changes: object) -> BookView:
    view: dict[str, object] = {"phase": "open", "terms_version": 3, "o": (), "r": (), "tot": (0, 0, 0), "last": ()}
    return BookView(**view | changes)  # type: ignore[arg-type]


def cover(minute: int, months: int = 12) -> tuple[int, int, datetime]:
    return months, 45_000, datetime(2026, 1, 12, 8, minute, tzinfo=UTC)


def levels(card: BookCard, months: int) -> list[tuple[str, str, str, str] | None]:
    ladder = next(ladder for ladder in card.ladders if ladder.months == months)
    return [None if row is None else (row.rate, row.tier, row.lenders, row.cents) for row in ladder.rows]


def test_levels_stand_by_price_and_tier_and_empty_rows_keep_the_height() -> None:
    view = a_view(o=((12, 425, "B", 90_050, 9), (12, 450, "A", 365_000, 14), (12, 425, "A", 1_000, 4)))

    card = book_card(a_company(), view, "it")

    assert levels(card, 12) == [
        ("4,25\u00a0%", "A", "<5", "10,00\u00a0€"),
        ("4,25\u00a0%", "B", "9", "900,50\u00a0€"),
        ("4,50\u00a0%", "A", "14", "3.650,00\u00a0€"),
        None,
        None,
        None,
    ]
    assert levels(card, 24) == [None] * LEVELS_SHOWN
    assert card.shown_months == 12


def test_bars_share_one_scale_of_round_steps() -> None:
    view = a_view(o=((12, 425, "A", 365_000, 14), (12, 450, "A", 100_000, 14)))

    [ladder, _] = book_card(a_company(), view, "it").ladders

    assert [row and row.bar for row in ladder.rows[:2]] == [730, 200]
    assert [scale_cents(cents) for cents in (0, 10_000, 10_001, 20_001, 50_001)] == [
        10_000,
        10_000,
        20_000,
        50_000,
        100_000,
    ]


def test_levels_beyond_the_sixth_are_counted() -> None:
    view = a_view(o=tuple((12, 400 + step, "A", 1_000, 4) for step in range(9)))

    assert book_card(a_company(), view, "en").ladders[0].more == "and 3 more levels"


def test_waiting_requests_are_told_only_where_five_people_stand_behind_them() -> None:
    view = a_view(r=((12, -1, 4), (24, 1_450_000, 7)))

    card = book_card(a_company(), view, "it")

    assert [ladder.waiting_short for ladder in card.ladders] == ["<5 in attesa", "7 in attesa"]
    assert card.ladders[0].waiting == "In attesa: meno di 5 persone."
    assert card.ladders[1].waiting == "In attesa: 7 richieste, mancano 14.500,00\u00a0€."


def test_the_newest_cover_stands_first_in_a_panel_and_over_all_books() -> None:
    alfa, beta = a_company(), a_company("Beta")
    views = [a_view(last=(cover(1), cover(5))), a_view(last=(cover(3, months=24),))]

    card = book_card(alfa, views[0], "it")
    stream = newest_covers([(alfa, views[0]), (beta, views[1])], "it")

    assert [row and row.time for row in card.covers] == ["12/01 09:05", "12/01 09:01", None]
    assert len(card.covers) == COVERS_SHOWN
    told = [row and (row.time, row.company, row.months, row.rate) for row in stream]
    assert told[:3] == [
        ("12/01 09:05", "Alfa", 12, "4,50\u00a0%"),
        ("12/01 09:03", "Beta", 24, "4,50\u00a0%"),
        ("12/01 09:01", "Alfa", 12, "4,50\u00a0%"),
    ]
    assert told[3:] == [None] * (STREAM_SHOWN - 3)


def test_a_company_without_terms_or_view_has_a_panel_all_the_same() -> None:
    bare = CompanyCard(company_id="x", name="X", sector=None, terms_version=None, bands=())

    card = book_card(bare, None, "it")

    assert (card.phase, card.rate, card.ladders, card.shown_months) == ("none", "–", [], None)
    assert book_card(a_company(), None, "it").rate == "4,00\u00a0% – 6,50\u00a0%"

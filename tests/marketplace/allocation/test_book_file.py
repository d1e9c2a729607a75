"""A book file is read strictly, planned in book order and answered in kind."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.allocation.book_file import BookFile, BookFileRefusal, decode_book_file
from marketplace.allocation.book_planning import encode_answer, plan_book
from marketplace.allocation.receipts import Receipt
from tests.marketplace.naive_books import naive_book
from tests.marketplace.random_books import random_book_file


def a_book(*, terms: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """One lender with 600 euro, one request for 400; any part can be replaced."""
    return {
        "now": "2026-11-23T09:00:00Z",
        "company": "ALFA",
        "sequence": 900,
        "terms": {
            "ticket_cents": 1_000,
            "max_lenders": 100,
            "max_share_bp": None,
            "bands": [{"months": 24, "floor_bp": 500, "cap_bp": 500}],
            "company_money": {"mode": "none", "budget_cents": 0, "share_bp": 0},
            "guarantee": None,
            **(terms or {}),
        },
        "lenders": [a_lender("L1", 60_000)],
        "offers": [an_offer("O1", "L1")],
        "requests": [a_request("R1", 40_000)],
        **changes,
    }


def a_lender(lender_id: str, free_cents: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": lender_id,
        "free_cents": free_cents,
        "cash_since": "2026-11-01T08:00:00Z",
        "last_rationed": 0,
        **changes,
    }


def an_offer(offer_id: str, lender_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": offer_id,
        "lender": lender_id,
        "sequence": int(offer_id[1:]),
        "ask_bp": 400,
        "tier": "A",
        "months": [24],
        "min_ticket_cents": 1_000,
        "per_request_cents": None,
        "per_company_room_cents": None,
        **changes,
    }


def a_request(request_id: str, amount_cents: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": request_id,
        "borrower": "B1",
        "amount_cents": amount_cents,
        "min_amount_cents": amount_cents,
        "months": 24,
        "max_rate_bp": 500,
        "accepts_shrink": False,
        "purpose_class": 1,
        "approval_sequence": int(request_id[1:]),
        **changes,
    }


def decoded(book: dict[str, Any]) -> BookFile:
    decoded_book = decode_book_file(msgspec.json.encode(book))
    assert isinstance(decoded_book, BookFile), decoded_book
    return decoded_book


def answer(book: dict[str, Any]) -> Any:
    return msgspec.json.decode(encode_answer(plan_book(decoded(book))))


def fills(cover: dict[str, Any]) -> dict[str, int]:
    return {fill["lender"]: fill["amount_cents"] for fill in cover["fills"]}


E1 = a_book(
    terms={
        "company_money": {"mode": "first", "budget_cents": 50_000, "share_bp": 0},
        "guarantee": {"rate_bp": 1_000, "limit_cents": 1_000_000, "coverage_bp": 10_000, "guaranteed_cents": 0},
    },
    lenders=[
        a_lender("L1", 60_000),
        a_lender("L2", 40_000),
        a_lender("L3", 100_000),
        a_lender("L4", 90_000),
        a_lender("L5", 80_000),
        a_lender("L6", 70_000),
    ],
    offers=[
        an_offer("O1", "L1", ask_bp=400, tier="A"),
        an_offer("O2", "L2", ask_bp=450, tier="A"),
        an_offer("O3", "L3", ask_bp=300, tier="B"),
        an_offer("O4", "L4", ask_bp=500, tier="B"),
        an_offer("O5", "L5", ask_bp=525, tier="A"),
        an_offer("O6", "L6", ask_bp=475, tier="C"),
    ],
    requests=[a_request("R1", 300_000), a_request("R2", 120_000)],
)


def test_e1_is_answered_to_the_cent_and_the_next_request_finds_the_money_gone() -> None:
    assert answer(E1) == {
        "covers": [
            {
                "request": "R1",
                "rate_bp": 500,
                "amount_cents": 300_000,
                "company_cents": 50_000,
                "dust": "none",
                "fills": [
                    {"lender": "L1", "offer": "O1", "amount_cents": 60_000},
                    {"lender": "L2", "offer": "O2", "amount_cents": 40_000},
                    {"lender": "L3", "offer": "O3", "amount_cents": 78_936},
                    {"lender": "L4", "offer": "O4", "amount_cents": 71_064},
                ],
            }
        ],
        "resting": [{"request": "R2", "reason": "uncovered", "coverable_cents": 110_000}],
    }


def test_requests_are_served_by_purpose_class_then_by_approval_never_by_rate() -> None:
    requests = [
        a_request("R1", 40_000, purpose_class=2, approval_sequence=1, max_rate_bp=500),
        a_request("R2", 40_000, purpose_class=1, approval_sequence=9, max_rate_bp=500),
        a_request("R3", 40_000, purpose_class=1, approval_sequence=8, max_rate_bp=500),
    ]

    answered = answer(a_book(requests=requests))

    assert [cover["request"] for cover in answered["covers"]] == ["R3"]
    assert [(rest["request"], rest["coverable_cents"]) for rest in answered["resting"]] == [
        ("R2", 20_000),
        ("R1", 20_000),
    ]


def test_a_rationed_lender_goes_to_the_back_and_the_one_passed_over_comes_first_next_time() -> None:
    book = a_book(
        lenders=[a_lender("L1", 90_000), a_lender("L2", 90_000)],
        offers=[an_offer("O1", "L1"), an_offer("O2", "L2")],
        requests=[a_request("R1", 1_500), a_request("R2", 1_500), a_request("R3", 1_500)],
    )

    assert [fills(cover) for cover in answer(book)["covers"]] == [{"L1": 1_500}, {"L2": 1_500}, {"L1": 1_500}]


def test_covers_use_up_company_room_budget_and_guarantee() -> None:
    book = a_book(
        terms={
            "company_money": {"mode": "first", "budget_cents": 15_000, "share_bp": 0},
            "guarantee": {"rate_bp": 1_000, "limit_cents": 2_000, "coverage_bp": 10_000, "guaranteed_cents": 0},
        },
        lenders=[a_lender("L1", 60_000), a_lender("L2", 60_000)],
        offers=[an_offer("O1", "L1", per_company_room_cents=12_000), an_offer("O2", "L2", tier="B")],
        requests=[a_request("R1", 20_000), a_request("R2", 10_000), a_request("R3", 6_000)],
    )

    answered = answer(book)

    assert [(cover["company_cents"], fills(cover)) for cover in answered["covers"]] == [
        (15_000, {"L1": 5_000}),
        (0, {"L1": 7_000, "L2": 3_000}),
    ]
    assert answered["resting"] == [{"request": "R3", "reason": "guarantee", "coverable_cents": 6_000}]


def test_a_guarantee_with_room_for_less_lends_what_the_borrower_accepts() -> None:
    guarantee = {"rate_bp": 1_000, "limit_cents": 1_000_000, "coverage_bp": 10_000, "guaranteed_cents": 9_200_000}
    book = a_book(
        terms={"guarantee": guarantee},
        lenders=[a_lender("L1", 2_000_000)],
        requests=[a_request("R1", 900_000), a_request("R2", 900_000, min_amount_cents=500_000)],
    )

    answered = answer(book)

    assert [(cover["request"], cover["amount_cents"]) for cover in answered["covers"]] == [("R2", 800_000)]
    assert answered["resting"] == [{"request": "R1", "reason": "guarantee", "coverable_cents": 900_000}]


def test_receipts_are_added_on_demand() -> None:
    planned = plan_book(decoded(E1), with_receipts=True)

    receipts = [planned.covers[0].receipt, planned.resting[0].receipt]
    assert all(isinstance(receipt, Receipt) for receipt in receipts)
    assert [receipt.sequence for receipt in receipts if isinstance(receipt, Receipt)] == [900, 901]
    assert b'"receipt":{"sequence":900,' in encode_answer(planned)


def test_nullable_fields_may_be_left_out() -> None:
    book = a_book()
    for field in ("max_share_bp", "guarantee"):
        del book["terms"][field]
    for field in ("per_request_cents", "per_company_room_cents"):
        del book["offers"][0][field]

    assert answer(book) == answer(a_book())


def test_an_instant_with_another_offset_is_the_same_instant() -> None:
    lender = a_lender("L1", 60_000, cash_since="2026-11-01T09:00:00+01:00")

    planned = plan_book(decoded(a_book(lenders=[lender])), with_receipts=True)

    receipt = planned.covers[0].receipt
    assert isinstance(receipt, Receipt)
    assert receipt.buckets[0].candidates[0].place == (0, datetime(2026, 11, 1, 8, tzinfo=UTC), 1)


def refusals(content: bytes | dict[str, Any]) -> list[str]:
    refusal = decode_book_file(content if isinstance(content, bytes) else msgspec.json.encode(content))
    assert isinstance(refusal, BookFileRefusal), refusal
    return [f"{problem.at}: {problem.given}; accepted: {problem.accepted}" for problem in refusal.problems]


@pytest.mark.parametrize(
    ("book", "refusal"),
    [
        pytest.param(
            a_book(offers=[an_offer("O1", "L1", ask_bp=10_001)]),
            "offers[0].ask_bp: 10001; accepted: `int` <= 10000",
            id="a rate above 100 %",
        ),
        pytest.param(
            a_book(requests=[a_request("R1", 40_000), a_request("R2", -1)]),
            "requests[1].amount_cents: -1; accepted: `int` >= 1",
            id="a negative amount",
        ),
        pytest.param(
            a_book(requests=[a_request("R1", 10**14)]),
            "requests[0].amount_cents: 100000000000000; accepted: `int` <= 10000000000000",
            id="an absurd amount",
        ),
        pytest.param(
            a_book(sequence=0.5),
            "sequence: 0.5; accepted: `int`",
            id="a fraction",
        ),
        pytest.param(
            a_book(offers=[an_offer("O1", "L1", tier="D")]),
            'offers[0].tier: "D"; accepted: A, B, C',
            id="an unknown tier",
        ),
        pytest.param(
            a_book(terms={"company_money": {"mode": "last", "budget_cents": 0, "share_bp": 0}}),
            'terms.company_money.mode: "last"; accepted: none, first, share, backstop',
            id="an unknown mode",
        ),
        pytest.param(
            a_book(lenders=[a_lender("L1", 1, cash_since="2026-11-01T08:00:00")]),
            'lenders[0].cash_since: "2026-11-01T08:00:00"; accepted: `datetime` with a timezone component',
            id="an instant without an offset",
        ),
        pytest.param(
            a_book(now="yesterday"),
            'now: "yesterday"; accepted: an instant such as 2026-11-23T09:00:00Z',
            id="no instant",
        ),
        pytest.param(
            a_book(offers=[an_offer("O1", "L1", limit=5)]),
            "offers[0].limit: an unknown field; accepted: one of id, lender, sequence, ask_bp, tier, months, "
            "min_ticket_cents, per_request_cents, per_company_room_cents",
            id="a field that is not part of the format",
        ),
        pytest.param(
            a_book(requests=[{"id": "R1"}]),
            "requests[0].borrower: nothing; accepted: a value: the field is required",
            id="a field left out",
        ),
        pytest.param(a_book(lenders=7), "lenders: 7; accepted: `array`", id="no list"),
        pytest.param(a_book(terms={"bands": []}), "terms.bands: []; accepted: `array` of length >= 1", id="no band"),
        pytest.param(b"[]", "$: []; accepted: `object`", id="no object"),
        pytest.param(
            b'{"sequence": 1e999}',
            "sequence: 1e999; accepted: a value of the documented kind and range",
            id="a number beyond any range",
        ),
        pytest.param(b'{"now"', "$: Input data was truncated; accepted: one JSON object", id="no JSON"),
        pytest.param(
            b'{"company": 7, ]',
            "company: something in a text that is no JSON further on; accepted: `str`",
            id="no JSON after the first mistake",
        ),
        pytest.param(
            b'{"company": "\xff"}',
            "$: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte; accepted: one JSON object",
            id="no UTF-8",
        ),
    ],
)
def test_a_book_of_the_wrong_shape_is_refused_where_it_is_wrong(book: bytes | dict[str, Any], refusal: str) -> None:
    assert refusals(book) == [refusal]


def test_every_contradiction_of_a_book_is_told_at_once() -> None:
    book = a_book(
        terms={
            "bands": [
                {"months": 24, "floor_bp": 500, "cap_bp": 400},
                {"months": 24, "floor_bp": 500, "cap_bp": 500},
                {"months": 12, "floor_bp": 500, "cap_bp": 500},
            ]
        },
        lenders=[a_lender("L1", 1), a_lender("L1", 1)],
        offers=[an_offer("O1", "L1"), an_offer("O2", "L1"), an_offer("O2", "L9")],
        requests=[
            a_request("R1", 40_000, min_amount_cents=40_001),
            a_request("R1", 40_000, months=36),
        ],
    )

    assert refusals(book) == [
        "lenders[1].id: L1; accepted: each id once; this one stands at lenders[0]",
        "offers[2].id: O2; accepted: each id once; this one stands at offers[1]",
        "offers[1].lender: L1; accepted: each lender once; this one stands at offers[0]",
        "requests[1].id: R1; accepted: each id once; this one stands at requests[0]",
        "offers[2].lender: L9; accepted: the id of one of lenders",
        "terms.bands[0].cap_bp: 400; accepted: floor_bp (500) to 10000",
        "terms.bands[1].months: 24; accepted: each term once",
        "requests[0].min_amount_cents: 40001; accepted: at most amount_cents (40000)",
        "requests[1].months: 36; accepted: a term with a band: 12, 24",
    ]


random_book_files = st.builds(random_book_file, st.randoms(use_true_random=False))


def check_against_the_twin(book: BookFile) -> None:
    encoded = msgspec.json.encode(book)
    read = decode_book_file(encoded)

    assert read == book
    assert msgspec.json.decode(encode_answer(plan_book(book))) == naive_book(book)


@settings(max_examples=300, deadline=None)
@given(book=random_book_files)
def test_whole_books_are_planned_as_the_slow_obvious_twin_plans_them(book: BookFile) -> None:
    check_against_the_twin(book)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=3_000, deadline=None)
@given(book=random_book_files)
def test_more_whole_books_are_planned_as_the_slow_obvious_twin_plans_them(book: BookFile) -> None:
    check_against_the_twin(book)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_thousands_of_whole_books_are_planned_as_the_slow_obvious_twin_plans_them() -> None:
    for seed in range(20_000):
        check_against_the_twin(random_book_file(Random(seed)))

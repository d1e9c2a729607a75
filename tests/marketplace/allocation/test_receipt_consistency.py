"""No figure of a receipt can be written otherwise without contradicting another one."""

import json
from typing import Any

import pytest

from marketplace.allocation.book_file import BookFile, decode_book_file
from marketplace.allocation.book_planning import encode_answer, plan_book
from marketplace.allocation.receipt_arithmetic import differences
from marketplace.allocation.receipts import decode_receipt
from tests.cli.five_percent_book import book

LENDERS = (
    # lender, asks, tier, has
    ("L1", 400, "A", 60_000),
    ("L2", 450, "A", 40_000),
    ("L3", 300, "B", 100_000),
    ("L4", 500, "B", 90_000),
)


def receipt_of_a_guaranteed_loan(*, limit_cents: int = 1_000_000, max_share_bp: int | None = None) -> dict[str, Any]:
    """3,000.00 at 4 to 6 %: 500.00 of the company's money first, and the lenders' 2,500.00 under a guarantee of 10 %.

    Buckets: 4 % A (L1) and B (L3), 4.50 % A (L2), 5 % B (L4), who is the last and rationed.
    """
    terms = {
        "ticket_cents": 1_000,
        "max_lenders": 100,
        "max_share_bp": max_share_bp,
        "bands": [{"months": 24, "floor_bp": 400, "cap_bp": 600}],
        "company_money": {"mode": "first", "budget_cents": 50_000, "share_bp": 0},
        "guarantee": {"rate_bp": 1_000, "limit_cents": limit_cents, "coverage_bp": 10_000, "guaranteed_cents": 0},
    }
    content = book(300_000)
    lenders = [{**content["lenders"][0], "id": lender, "free_cents": cents} for lender, _, _, cents in LENDERS]
    offers = [
        {**content["offers"][0], "id": f"O{number}", "lender": lender, "sequence": number, "ask_bp": ask, "tier": tier}
        for number, (lender, ask, tier, _) in enumerate(LENDERS, start=1)
    ]
    request = {**content["requests"][0], "max_rate_bp": 600}
    content |= {"terms": terms, "lenders": lenders, "offers": offers, "requests": [request]}
    planned = decode_book_file(json.dumps(content).encode())
    assert isinstance(planned, BookFile), planned
    answer = json.loads(encode_answer(plan_book(planned, with_receipts=True)))
    found: list[dict[str, Any]] = answer["covers"] + answer["resting"]
    receipt: dict[str, Any] = found[0]["receipt"]
    return receipt


def contradicted(receipt: dict[str, Any], path: str, value: object) -> tuple[str, ...]:
    """What the receipt says against itself with another value at a path such as `buckets.0.price_bp`."""
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    place: Any = receipt
    for step in way:
        place = place[step]
    assert place[last] != value
    place[last] = value
    return differences(decode_receipt(json.dumps(receipt).encode()))


def test_a_receipt_as_it_was_written_contradicts_nothing() -> None:
    for receipt in (receipt_of_a_guaranteed_loan(), receipt_of_a_guaranteed_loan(limit_cents=1_000)):
        assert differences(decode_receipt(json.dumps(receipt).encode())) == ()


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("floor_bp", 9_999, "rate_bp: 500 outside 9999 to 600"),
        ("ceiling_bp", 1, "rate_bp: 500 outside 400 to 1"),
        ("ceiling_bp", 601, "ceiling_bp: 601, above 600 that the borrower accepts"),
        ("ceiling_bp", None, "ceiling_bp: None beside a floor of 400"),
        ("max_lenders", 1, "amount_cents: 300000 on the receipt, None by its figures"),
        ("request.amount_cents", 5, "planned_amount_cents: 300000 of 5 asked for"),
        ("request.min_amount_cents", 10**9, "request.min_amount_cents: 1000000000 of 300000"),
        ("request.max_rate_bp", 1, "ceiling_bp: 600, above 1 that the borrower accepts"),
        ("planned_amount_cents", 1, "reached_cents: 300000 of 1 planned"),
        ("planned_amount_cents", 300_001, "planned_amount_cents: 300001 of 300000 asked for"),
        ("request.min_amount_cents", 300_001, "planned_amount_cents: 300000, at least 300001 are asked for"),
        ("reached_cents", 1, "reached_cents: 1, put together 300000"),
        ("shrinkable_cents", 1, "shrinkable_cents: 1, at most 0"),
        ("rate_bp", 1, "rate_bp: 1 on the receipt, 500 by its figures"),
        ("loan_rate_cbp", 1, "loan_rate_cbp: 1 on the receipt, 50000 by its figures"),
        ("ticket_cents", 999_999, "bucket 1, O1: from 1000 to 60000, with a ticket of 999999"),
        ("share_cap_cents", 1, "bucket 1, O1: up to 60000, above the largest share 1"),
        ("company.budget_left_cents", 0, "company: a tranche of 50000 and a backstop of 0 out of 0"),
        ("company.budget_left_cents", 60_000, "company.tranche_cents: 50000, by mode and budget 60000"),
        ("company.mode", "none", "company.tranche_cents: 50000, by mode and budget 0"),
        ("company.tranche_cents", 49_999, "company.tranche_cents: 49999, by mode and budget 50000"),
        ("company.backstop_cents", 1, "company.backstop_cents: 1 in mode first"),
        ("gate.guaranteed_cents", 900_000, "gate.head_room_cents: 10000000, by its figures 9100000"),
        ("gate.limit_cents", 1, "gate.answer: passed, by its figures not passed"),
        ("gate.head_room_cents", 10_000_001, "gate.head_room_cents: 10000001, by its figures 10000000"),
        ("gate.whole_lender_cents", 1, "gate.whole_lender_cents: 1, lenders put in 250000"),
        ("gate.answer", "waits", "gate.answer: waits, by its figures passed"),
        ("gate.answer", "cut", "gate.answer: cut, by its figures passed"),
        ("buckets.0.need_cents", 1, "bucket 1, need_cents: 1 on the receipt, 250000 by its figures"),
        ("buckets.0.price_bp", 1, "bucket 1: a price of 1 outside 400 to 600"),
        ("buckets.0.price_bp", 410, "bucket 1, O1: asks 400, priced at 410"),
        ("buckets.0.candidates.0.ask_bp", 9_999, "bucket 1, O1: asks 9999, priced at 400"),
        ("buckets.0.candidates.0.bound_by", "share", "bucket 1, O1: up to 60000 by the largest share, which is None"),
        ("buckets.1.tier", "A", "bucket 2: 4.00 % A stands behind 4.00 % A"),
    ],
)
def test_another_figure_contradicts_the_rest(path: str, value: object, told: str) -> None:
    assert told in contradicted(receipt_of_a_guaranteed_loan(), path, value)


def test_a_request_that_waits_for_room_in_the_guarantee_must_have_none() -> None:
    receipt = receipt_of_a_guaranteed_loan(limit_cents=1_000)

    assert receipt["outcome"] == "guarantee"
    assert "gate.answer: waits, by its figures passed" in contradicted(receipt, "gate.limit_cents", 1_000_000)


def test_a_request_that_waits_for_a_guarantee_must_have_one() -> None:
    receipt = receipt_of_a_guaranteed_loan(limit_cents=1_000)

    assert "outcome: guarantee, but nothing is said of a guarantee" in contradicted(receipt, "gate", None)


def test_a_share_above_the_cap_contradicts_it() -> None:
    receipt = receipt_of_a_guaranteed_loan(max_share_bp=3_000)

    assert receipt["share_cap_cents"] == 90_000
    assert "bucket 2, O3: up to 90000 by the largest share, which is 89999" in contradicted(
        receipt, "share_cap_cents", 89_999
    )

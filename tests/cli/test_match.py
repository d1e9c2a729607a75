"""`match` answers a book with its covers, and says of a refused one what is wrong with it."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from cli import match
from tests.cli.five_percent_book import book_file

BOOK = """{"now": "2026-11-23T09:00:00Z", "company": "ALFA", "sequence": 900,
 "terms": {"ticket_cents": 1000, "max_lenders": 100, "max_share_bp": null,
           "bands": [{"months": 24, "floor_bp": 500, "cap_bp": 500}],
           "company_money": {"mode": "first", "budget_cents": 50000, "share_bp": 0},
           "guarantee": {"rate_bp": 1000, "limit_cents": 1000000, "coverage_bp": 10000, "guaranteed_cents": 0}},
 "lenders": [{"id": "L1", "free_cents": 60000, "cash_since": "2026-11-01T08:00:00Z", "last_rationed": 0}],
 "offers": [{"id": "O1", "lender": "L1", "sequence": 11, "ask_bp": 400, "tier": "A", "months": [24],
             "min_ticket_cents": 1000, "per_request_cents": null, "per_company_room_cents": null}],
 "requests": [{"id": "R1", "borrower": "B1", "amount_cents": AMOUNT, "min_amount_cents": 1000, "months": 24,
               "max_rate_bp": 500, "accepts_shrink": false, "purpose_class": 1, "approval_sequence": 1}]}"""

COVERED = {
    "covers": [
        {
            "request": "R1",
            "rate_bp": 500,
            "amount_cents": 60_000,
            "company_cents": 50_000,
            "dust": "none",
            "fills": [{"lender": "L1", "offer": "O1", "amount_cents": 10_000}],
        }
    ],
    "resting": [],
}
RESTING = {"covers": [], "resting": [{"request": "R1", "reason": "uncovered", "coverable_cents": 110_000}]}


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    match.add_arguments(parser)
    return match.run(parser.parse_args(words))


def written(folder: Path, content: str) -> str:
    path = folder / "book.json"
    path.write_text(content, encoding="utf-8")
    return str(path)


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[list[Any], list[str]]:
    output = capsys.readouterr()
    return [json.loads(line) for line in output.out.splitlines()], output.err.splitlines()


def test_a_book_is_answered_with_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(written(tmp_path, BOOK.replace("AMOUNT", "60000")))

    assert (status, printed(capsys)) == (0, ([COVERED], []))


def test_books_one_a_line_are_answered_one_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = BOOK.replace("\n", " ")
    lines = [line.replace("AMOUNT", "60000"), "", line.replace("AMOUNT", "300000")]

    status = run(written(tmp_path, "\n".join(lines)), "--jsonl")

    assert (status, printed(capsys)) == (0, ([COVERED, RESTING], []))


def test_a_receipt_comes_with_each_answer_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(written(tmp_path, BOOK.replace("AMOUNT", "60000")), "--receipts")

    ((answer,), _) = printed(capsys)
    assert answer["covers"][0]["receipt"]["buckets"][0]["candidates"][0]["filled_cents"] == 10_000


def test_a_refused_book_says_where_it_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, BOOK.replace("AMOUNT", "-5"))

    status = run(path)

    error = {"reason": "requests[0].amount_cents: -5", "would_pass": "requests[0].amount_cents: `int` >= 1"}
    assert (status, printed(capsys)) == (
        1,
        ([{"error": error}], [f"{path}: requests[0].amount_cents: -5; accepted: `int` >= 1"]),
    )


def test_a_refused_line_is_answered_in_its_place_and_the_others_are_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = BOOK.replace("\n", " ")
    path = written(tmp_path, "\n".join([line.replace("AMOUNT", "60000"), "{", line.replace("AMOUNT", "300000")]))

    status = run(path, "--jsonl")

    error = {"reason": "$: Input data was truncated", "would_pass": "$: one JSON object"}
    assert (status, printed(capsys)) == (
        1,
        (
            [COVERED, {"id": 2, "error": error}, RESTING],
            [f"{path}:2: $: Input data was truncated; accepted: one JSON object"],
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "at", "given", "accepted"),
    [
        pytest.param(
            "2026-11-01T08:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "lenders[0].cash_since",
            "0001-01-01T00:00:00+14:00",
            "a year from 2000 to 2200",
            id="before the first year",
        ),
        pytest.param(
            "2026-11-23T09:00:00Z",
            "9999-12-31T23:59:59-14:00",
            "now",
            "9999-12-31T23:59:59-14:00",
            "a year from 2000 to 2200",
            id="after the last year",
        ),
        pytest.param(
            '{"id": "L1", "free_cents"',
            '{"a - at `$.x": 1, "free_cents"',
            "lenders[0].a - at `$.x",
            "an unknown field",
            "one of id, free_cents, cash_since, last_rationed",
            id="an unknown field named like a place",
        ),
        pytest.param(
            '{"now"',
            '{"a` - at `$.x": 1, "now"',
            "a` - at `$.x",
            "an unknown field",
            "one of now, company, sequence, terms, lenders, offers, requests",
            id="an unknown outermost field named like a place",
        ),
        pytest.param(
            '"sequence": 11,',
            '"sequence": 11, "sequence": 12,',
            "offers[0].sequence",
            "the field more than once",
            "each field once",
            id="a field that stands twice",
        ),
    ],
)
def test_a_line_that_is_wrong_in_an_odd_way_is_refused_and_the_rest_is_answered(
    old: str,
    new: str,
    at: str,
    given: str,
    accepted: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = BOOK.replace("\n", " ").replace("AMOUNT", "60000")
    assert old in right
    path = written(tmp_path, "\n".join([right.replace(old, new), right]))

    status = run(path, "--jsonl")

    error = {"reason": f"{at}: {given}", "would_pass": f"{at}: {accepted}"}
    assert (status, printed(capsys)) == (
        1,
        ([{"id": 1, "error": error}, COVERED], [f"{path}:1: {at}: {given}; accepted: {accepted}"]),
    )


@pytest.mark.parametrize("year", [2000, 2200])
def test_an_instant_of_the_first_and_of_the_last_year_is_accepted(
    year: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = BOOK.replace("AMOUNT", "60000").replace("2026-11-01T08:00:00Z", f"{year}-01-01T00:00:00+14:00")

    assert (run(written(tmp_path, book)), printed(capsys)[1]) == (0, [])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(str(tmp_path / "none.json"))

    assert (status, printed(capsys)) == (2, ([], [f"{tmp_path / 'none.json'}: No such file or directory"]))


def test_a_table_shows_who_funds_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(book_file(tmp_path, 300_000, 300_000), "--table")

    assert status == 0
    assert capsys.readouterr().out.replace("\u00a0", " ").splitlines() == [
        "richiesta  chi          offerta     importo   tasso",
        "R1         azienda                 500,00 €  5,00 %",
        "R1         L1           O1         600,00 €  5,00 %",
        "R1         L2           O2         400,00 €  5,00 %",
        "R1         L3           O3         789,36 €  5,00 %",
        "R1         L4           O4         710,64 €  5,00 %",
        "R1         in tutto              3.000,00 €  5,00 %",
        "R2         non coperta           1.100,00 €",
    ]


def test_every_borrower_and_lender_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(book_file(tmp_path, 300_000, 100_000), "--explain", "--lang", "en")

    assert status == 0
    paragraphs = capsys.readouterr().out.replace("\u00a0", " ").split("\n\n")
    first_lines = [tuple(paragraph.splitlines()[:2]) for paragraph in paragraphs]
    assert first_lines[:7] == [
        ("R1 · Borrower B1", "  Your request is covered in full: €3,000.00."),
        ("R1 · Lender L1", "  You got €600.00 of this loan. Here is why."),
        ("R1 · Lender L2", "  You got €400.00 of this loan. Here is why."),
        ("R1 · Lender L3", "  You got €789.36 of this loan. Here is why."),
        ("R1 · Lender L4", "  You got €710.64 of this loan. Here is why."),
        ("R1 · Lender L5", "  You got nothing of this loan. Here is why."),
        ("R1 · Lender L6", "  You got nothing of this loan. Here is why."),
    ]
    assert "  Tier C was not reached: at a rate of 5.00% the loan was complete with tier B." in paragraphs[6]


def test_the_second_request_finds_what_the_first_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(book_file(tmp_path, 300_000, 100_000), "--explain", "--lang", "en")

    paragraphs = capsys.readouterr().out.replace("\u00a0", " ").split("\n\n")
    told = {paragraph.splitlines()[0]: paragraph.splitlines()[1:] for paragraph in paragraphs}
    assert told["R2 · Lender L1"][2] == "  The money you had free was less than your smallest part of €10.00."
    assert told["R2 · Lender L3"][0] == "  You got €210.64 of this loan. Here is why."


def test_a_refused_book_is_told_in_words_on_standard_error_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, BOOK.replace("AMOUNT", "-5"))

    status = run(path, "--table")

    output = capsys.readouterr()
    assert (status, output.out) == (1, "")
    assert output.err == f"{path}: requests[0].amount_cents: -5; accepted: `int` >= 1\n"


TWELVE = {f"s{number:02d}": 1_000 for number in range(1, 13)}
WORKED_EXAMPLES = [
    # (rate in basis points, company's cents, dust, cents per lender) of every cover, then (request, reason) of the rest
    ("E1", [(500, 50_000, "none", {"L1": 60_000, "L2": 40_000, "L3": 78_936, "L4": 71_064})], []),
    ("E2", [(450, 0, "none", {"a": 50_000, "b": 30_000, "c": 45_000, "d": 40_000, "e": 35_000})], []),
    ("E3, 400.00", [(450, 0, "none", {**TWELVE, "B1": 17_333, "B2": 10_667})], []),
    ("E3, 90.00", [(450, 0, "none", {f"s{number:02d}": 1_000 for number in range(1, 10)})], []),
    ("E4 a", [(425, 400, "backstop", {"p": 15_000, "q": 9_600})], []),
    ("E4 b", [(425, 0, "shrunk", {"p": 15_000, "q": 9_600})], []),
    ("E4 c", [(450, 0, "shaved", {"p": 14_628, "q": 9_372, "z": 1_000})], []),
    ("E6 before", [(500, 0, "none", {"L1": 250_000})], [("R9000", "guarantee")]),
    ("E6 after repayments", [(500, 0, "none", {"L1": 1_800_000})], []),
]


def test_the_worked_examples_of_the_rule_come_out_to_the_cent(capsys: pytest.CaptureFixture[str]) -> None:
    status = run("--jsonl", str(Path(__file__).parents[1] / "reference_cases" / "worked_examples.jsonl"))

    answers, errors = printed(capsys)
    assert (status, errors) == (0, [])
    for answer, (name, covers, resting) in zip(answers, WORKED_EXAMPLES, strict=True):
        given = [
            (
                cover["rate_bp"],
                cover["company_cents"],
                cover["dust"],
                {fill["lender"]: fill["amount_cents"] for fill in cover["fills"]},
            )
            for cover in answer["covers"]
        ]
        assert given == covers, name
        assert [(rest["request"], rest["reason"]) for rest in answer["resting"]] == resting, name

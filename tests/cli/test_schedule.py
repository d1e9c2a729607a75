"""`schedule` answers plans to be checked by hand, and says what would pass where it refuses."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from cli import schedule
from cli.cases import ANSWERED, REFUSED, UNUSABLE

GOLDEN_PLAN = Path(__file__).parents[1] / "reference_cases/plan_5000_euro_36_months_4.5_percent.txt"

CASE = {
    "id": "month end",
    "principal_cents": 10_000,
    "rate_percent": "6",
    "count": 3,
    "every": 1,
    "unit": "months",
    "disbursed": "2026-01-31",
    "first_due": "2026-02-28",
    "day_count": "30/360",
    "level": "by-months",
    "method": "french",
    "rounding": "half-up",
}
ANSWER = {
    "instalments": [
        {
            "due": "2026-02-28",
            "days": 28,
            "principal_cents": 3317,
            "interest_cents": 50,
            "instalment_cents": 3367,
            "balance_cents": 6683,
        },
        {
            "due": "2026-03-31",
            "days": 31,
            "principal_cents": 3334,
            "interest_cents": 33,
            "instalment_cents": 3367,
            "balance_cents": 3349,
        },
        {
            "due": "2026-04-30",
            "days": 30,
            "principal_cents": 3349,
            "interest_cents": 17,
            "instalment_cents": 3366,
            "balance_cents": 0,
        },
    ],
    "total_interest_cents": 100,
}


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    schedule.add_arguments(parser)
    return schedule.run(parser.parse_args(words))


def options(case: dict[str, Any]) -> list[str]:
    return [
        word for name, value in case.items() if name != "id" for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def answers_to(
    cases: list[dict[str, Any] | str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[dict[str, Any]]]:
    file = folder / "cases.jsonl"
    file.write_text("\n".join(case if isinstance(case, str) else json.dumps(case) for case in cases))
    status = run("--cases", str(file))
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_loan_is_answered_as_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*options(CASE), "--json") == ANSWERED
    assert json.loads(capsys.readouterr().out) == ANSWER


def test_a_plan_is_printed_as_the_table_a_person_checked(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--principal-cents 500000 --rate-percent 4.5 --count 36 --disbursed 2026-01-15 --first-due 2026-02-15"

    assert run(*words.split()) == ANSWERED
    assert capsys.readouterr().out == GOLDEN_PLAN.read_text()


def test_cases_are_answered_in_order_each_with_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answers = answers_to([{**CASE, "id": 7}, "", CASE], tmp_path, capsys)

    assert status == ANSWERED
    assert answers == [{"id": 7, **ANSWER}, {"id": "month end", **ANSWER}]


def test_what_a_case_leaves_out_takes_the_usual_terms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = {name: CASE[name] for name in ("id", "principal_cents", "rate_percent", "count", "disbursed")}

    status, answers = answers_to([short], tmp_path, capsys)

    assert (status, answers) == (ANSWERED, [{"id": "month end", **ANSWER}])


def test_a_refused_case_stops_no_other_and_the_exit_status_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answers = answers_to([{**CASE, "id": "bad", "count": 0}, CASE], tmp_path, capsys)

    assert status == REFUSED
    assert answers == [
        {
            "id": "bad",
            "error": {
                "reason": "Expected `int` >= 1 - at `$.count`",
                "would_pass": "count: a whole number of instalments, 1 to 1200",
            },
        },
        {"id": "month end", **ANSWER},
    ]


@pytest.mark.parametrize(
    ("change", "would_pass"),
    [
        pytest.param({"principal_cents": -5}, "principal_cents: a whole number of cents", id="negative principal"),
        pytest.param({"principal_cents": 10**13}, "principal_cents: a whole number of cents", id="absurd principal"),
        pytest.param({"principal_cents": 100.5}, "principal_cents: a whole number of cents", id="broken cents"),
        pytest.param({"rate_percent": "NaN"}, "rate_percent: a decimal number, 0 to 1000", id="no number as rate"),
        pytest.param({"rate_percent": "-1"}, "rate_percent: a decimal number, 0 to 1000", id="negative rate"),
        pytest.param({"rate_percent": "1e-9999999"}, "rate_percent: a decimal number", id="endless decimals"),
        pytest.param({"rate_percent": "six"}, "rate_percent: a decimal number", id="words as rate"),
        pytest.param({"every": 500}, "every: a whole number of units", id="a plan of centuries"),
        pytest.param({"unit": "fortnights"}, "unit: months, weeks, days", id="unknown unit"),
        pytest.param({"day_count": "30/365"}, "day_count: 30/360, 30E/360", id="unknown day count"),
        pytest.param({"disbursed": "2026-02-30"}, "disbursed: an ISO date", id="a day that does not exist"),
        pytest.param({"disbursed": "0001-01-01"}, "disbursed: an ISO date, 1900-01-01", id="antiquity"),
        pytest.param({"first_due": "2026-01-31"}, "first_due: an ISO date later than disbursed", id="due at once"),
        pytest.param({"first_due": "9999-12-31"}, "first_due: an ISO date later than disbursed", id="due never"),
        pytest.param({"rate": "6"}, "a JSON object with the fields id, principal_cents", id="unknown field"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_pass(
    change: dict[str, Any], would_pass: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, (answer,) = answers_to([{**CASE, **change}], tmp_path, capsys)

    assert status == REFUSED
    assert answer["id"] == "month end"
    assert answer["error"]["would_pass"].startswith(would_pass)


def test_a_line_that_is_no_json_is_refused_without_an_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answers = answers_to(['{"id": "cut', "[1, 2]"], tmp_path, capsys)

    assert status == REFUSED
    assert [answer["id"] for answer in answers] == [None, None]
    assert all(answer["error"]["would_pass"].startswith("a JSON object") for answer in answers)


def test_a_refusal_on_the_command_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*options({**CASE, "count": "three"})) == REFUSED

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("what would pass: count: a whole number of instalments, 1 to 1200\n")


def test_a_refusal_asked_for_as_json_is_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    without_rate = {name: value for name, value in CASE.items() if name != "rate_percent"}

    assert run(*options(without_rate), "--json") == REFUSED
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == "Object missing required field `rate_percent`"


def test_nothing_to_answer_is_said_and_is_no_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == UNUSABLE
    assert run("--cases", str(tmp_path / "nowhere")) == UNUSABLE

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "give --cases FILE" in printed.err
    assert "No such file" in printed.err

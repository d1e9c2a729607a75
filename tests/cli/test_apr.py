"""`apr` prints each computed rate beside the expected one, and its exit status says whether all agree."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from cli import apr
from cli.cases import ANSWERED, REFUSED, UNUSABLE

PUBLISHED = Path(__file__).parents[1] / "reference_cases/taeg_examples.json"

EXAMPLE = {
    "id": "a year at ten",
    "title": "fields that only describe are not read",
    "cash_flows": [
        {"kind": "drawdown", "amount": "100.00", "first": {"months": 0}},
        {"kind": "payment", "amount": "55", "count": 2, "first": {"months": 6}, "every": {"months": 6}},
    ],
    "expected": {"apr_pct": "13.63", "apr_pct_1dp": "13.6"},
    "check": {"compare": "round_half_up_to_2_decimals", "tolerance_pp": "0.005"},
}
INTERVAL = {"id": "iv", "from_first_drawdown": "2012-01-12", "to_payment": "2012-02-15", "unit": "month"}


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    apr.add_arguments(parser)
    return apr.run(parser.parse_args(words))


def payments(**changes: Any) -> dict[str, Any]:
    """The example with its series of payments changed."""
    drawdown, series = EXAMPLE["cash_flows"]
    return {**EXAMPLE, "cash_flows": [drawdown, {**series, **changes}]}  # type: ignore[dict-item]


def answer_to(case: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    file = folder / "cases.jsonl"
    file.write_text(json.dumps(case))
    status = run("--cases", str(file))
    (line,) = capsys.readouterr().out.splitlines()
    return status, json.loads(line)


def test_every_published_example_and_interval_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(PUBLISHED)) == ANSWERED

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ec2015-01", "6.434412", "%,", "expected", "6.434412", "agrees"]
    assert lines[-1] == "37 of 37 examples and 13 of 13 dates agree"


def test_as_json_each_example_has_its_rate_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(PUBLISHED), "--json") == ANSWERED

    answer = json.loads(capsys.readouterr().out)
    assert (answer["count"], answer["agreeing"]) == (37, 37)
    assert answer["examples"][0] == {
        "id": "ec2015-01",
        "apr_percent": "6.434412",
        "expected_percent": "6.434412",
        "agrees": True,
    }
    assert answer["interval_examples"][0] == {
        "id": "iv01",
        "whole_units": 1,
        "days": 3,
        "days_in_year": 365,
        "year_fraction": "0.0915525114",
        "agrees": True,
    }


def test_a_case_is_answered_with_six_decimals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer_to(EXAMPLE, tmp_path, capsys) == (
        ANSWERED,
        {"id": "a year at ten", "apr_percent": "13.628053", "expected_percent": "13.63", "agrees": True},
    )


@pytest.mark.parametrize(
    ("expected", "check", "agrees"),
    [
        pytest.param("13.629", {"compare": "abs_diff_pp", "tolerance_pp": "0.001"}, True, id="within the tolerance"),
        pytest.param("13.627", {"compare": "abs_diff_pp", "tolerance_pp": "0.001"}, False, id="beyond the tolerance"),
        pytest.param("13.6", {"compare": "round_half_up_to_1_decimals"}, True, id="equal when rounded"),
        pytest.param("13.7", {"compare": "round_half_up_to_1_decimals"}, False, id="different when rounded"),
        pytest.param("13.628", None, True, id="without a check at the decimals published"),
        pytest.param("13.627", None, False, id="different at the decimals published"),
    ],
)
def test_agreement_is_judged_by_the_examples_own_check(
    expected: str, check: dict[str, str] | None, agrees: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {**EXAMPLE, "expected": {"apr_pct": expected}, "check": check}

    status, answer = answer_to(case, tmp_path, capsys)

    assert answer["agrees"] is agrees
    assert status == (ANSWERED if agrees else REFUSED)


def test_a_wrong_first_decimal_is_never_within_tolerance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = {
        **EXAMPLE,
        "expected": {"apr_pct": "13.63", "apr_pct_1dp": "13.7"},
        "check": {"compare": "abs_diff_pp", "tolerance_pp": "1"},
    }

    status, answer = answer_to(case, tmp_path, capsys)

    assert (status, answer["agrees"]) == (REFUSED, False)


def test_nothing_expected_is_nothing_to_disagree_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = {name: EXAMPLE[name] for name in ("id", "cash_flows")}

    status, answer = answer_to(case, tmp_path, capsys)

    assert (status, answer["expected_percent"], answer["agrees"]) == (ANSWERED, None, None)


def test_dates_can_be_put_as_cases_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = answer_to(INTERVAL, tmp_path, capsys)

    assert status == ANSWERED
    assert (answer["whole_units"], answer["days"], answer["days_in_year"]) == (1, 3, 365)


@pytest.mark.parametrize(
    ("case", "reason", "would_pass"),
    [
        pytest.param(payments(amount="-1"), "amount is -1", "amount: a decimal number from 0", id="negative"),
        pytest.param(payments(amount="NaN"), "amount is NaN", "amount: a decimal number", id="no number"),
        pytest.param(payments(amount="1e99"), "amount is 1E+99", "amount: a decimal number", id="absurd"),
        pytest.param(payments(amounts=["1"]), "amount is given together", "amount: a decimal", id="both amounts"),
        pytest.param(payments(amount=None), "amount is given together", "amount: a decimal", id="no amount"),
        pytest.param(
            payments(amount=None, amounts=["1"]), "amounts is 1 amounts for a count of 2", "amounts: a list", id="count"
        ),
        pytest.param(payments(count=10**9), "count is 1000000000", "count: a whole number", id="endless series"),
        pytest.param(payments(every=None), "every is left out", "every: the same", id="a series without a step"),
        pytest.param(payments(every={"years": 10**6}), "first is more than", "first: {years", id="beyond any loan"),
        pytest.param(
            payments(every={"moons": 1}), "Object contains unknown field", "a JSON object", id="unknown unit of time"
        ),
        pytest.param(payments(kind="gift"), "Invalid enum value 'gift'", "cash_flows: a list", id="unknown kind"),
        pytest.param(payments(amount="0"), "no-payment", "at least one payment above zero", id="nothing paid"),
        pytest.param(
            {**INTERVAL, "to_payment": "2011-01-01"}, "to_payment is 2011-01-01", "to_payment: not before", id="dates"
        ),
    ],
)
def test_a_case_that_has_no_rate_is_refused_with_what_would_pass(
    case: dict[str, Any], reason: str, would_pass: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = answer_to(case, tmp_path, capsys)

    assert (status, answer["id"]) == (REFUSED, case["id"])
    assert answer["error"]["reason"].startswith(reason)
    assert answer["error"]["would_pass"].startswith(would_pass)


def test_a_bad_example_in_a_file_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "examples.json"
    file.write_text(json.dumps({"examples": [{"id": "empty"}, EXAMPLE]}))

    assert run(str(file)) == REFUSED

    refused, answered, count = capsys.readouterr().out.splitlines()
    assert refused.startswith("empty            refused: Object missing required field `cash_flows`")
    assert answered.endswith("13.628053 %, expected 13.63 agrees")
    assert count == "1 of 2 examples and 0 of 0 dates agree"


@pytest.mark.parametrize(
    ("content", "would_pass"),
    [
        ("{", "a JSON object with the fields examples"),
        ("[]", "a JSON object with the fields examples"),
        ("{}", "examples: a list of examples"),
    ],
)
def test_a_file_of_another_format_is_refused(
    content: str, would_pass: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "examples.json"
    file.write_text(content)

    assert run(str(file)) == REFUSED
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.rstrip().endswith(would_pass)


def test_nothing_to_answer_is_said_and_is_no_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == UNUSABLE
    assert run(str(tmp_path / "nowhere")) == UNUSABLE

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "give a FILE" in printed.err
    assert "No such file" in printed.err

"""`explain` tells a receipt in plain words, and says of what it cannot tell what would pass."""

import argparse
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cli import explain
from marketplace.allocation.book_file import BookFile, decode_book_file
from marketplace.allocation.book_planning import encode_answer, plan_book
from tests.cli.five_percent_book import book, book_file


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def answer_of(*amounts_cents: int) -> dict[str, Any]:
    """What `match --receipts` answers to the book with requests of these amounts."""
    read = decode_book_file(json.dumps(book(*amounts_cents)).encode())
    assert isinstance(read, BookFile)
    answer: dict[str, Any] = json.loads(encode_answer(plan_book(read, with_receipts=True)))
    return answer


def saved(folder: Path, content: object) -> str:
    path = folder / "receipt.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    explain.add_arguments(parser)
    return explain.run(parser.parse_args(words))


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.replace("\u00a0", " ").splitlines()


def test_a_lender_is_told_its_part_to_the_cent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = answer_of(300_000)["covers"][0]["receipt"]

    status = run(saved(tmp_path, receipt), "--for", "lender:L3", "--lang", "it")

    told = said(capsys)
    assert (status, told[0]) == (0, "Hai ottenuto 789,36 € di questo prestito. Ecco perché.")
    assert "In tutto: 10,00 € + 779,36 € = 789,36 €." in told


def test_the_whole_answer_of_match_is_read_by_its_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, answer_of(300_000, 300_000))

    assert run(path, "--for", "borrower", "--lang", "en", "--request", "R2") == 0
    assert said(capsys)[0] == "Your request is gathering: €1,100.00 of €3,000.00 found, €1,900.00 missing."
    assert run(path, "--for", "borrower") == 1
    assert capsys.readouterr().err == (
        "refused: no request named, and it holds 2; what would pass: --request with one of R1, R2\n"
    )


def test_a_receipt_comes_through_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps(answer_of(300_000)).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert run("-", "--lang", "en") == 0
    assert said(capsys)[-1] == "Covered with €3,000.00: clearing rate 5.00%, rate of the loan 5.00%."


def test_a_lender_that_the_receipt_does_not_list_gets_its_reason_from_the_book(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = saved(tmp_path, answer_of(300_000))
    asked = (receipt, "--for", "lender:L6", "--lang", "en")

    run(*asked)
    assert said(capsys)[2].startswith("The receipt does not list your offers:")
    run(*asked, "--book", book_file(tmp_path, 300_000))
    assert said(capsys)[2] == "Tier C was not reached: at a rate of 5.00% the loan was complete with tier B."


def test_a_lender_that_the_book_does_not_have_is_refused_with_those_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = saved(tmp_path, answer_of(300_000))

    status = run(receipt, "--for", "lender:nobody", "--book", book_file(tmp_path, 300_000))

    assert (status, capsys.readouterr().err) == (
        1,
        "refused: --for lender:nobody: no lender with that id has an offer in the book; what would pass: --for with "
        "one of lender:L1, lender:L2, lender:L3, lender:L4, lender:L5, lender:L6\n",
    )


def test_a_book_that_does_not_give_the_receipt_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = saved(tmp_path, answer_of(300_000))

    status = run(receipt, "--for", "lender:L6", "--book", book_file(tmp_path, 200_000), "--json")

    error = {
        "reason": "the receipt is not what the rule gives for this book",
        "would_pass": "the book that `match` planned",
    }
    assert (status, json.loads(capsys.readouterr().out)) == (1, {"error": error})


def test_json_gives_each_sentence_with_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(saved(tmp_path, answer_of(300_000)), "--for", "lender:L5", "--lang", "en", "--json")

    answer = json.loads(capsys.readouterr().out)
    assert (answer["request"], answer["for"], answer["lang"]) == ("R1", "lender:L5", "en")
    assert [sentence["code"] for sentence in answer["sentences"]] == ["got-nothing", "loan", "not-listed"]


def test_cases_are_answered_one_a_line_with_their_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = answer_of(300_000)["covers"][0]["receipt"]
    cases = tmp_path / "cases.jsonl"
    lines = [{"id": 1, "receipt": receipt, "for": "borrower", "lang": "en"}, {"id": 2}]
    cases.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    status = run("--cases", str(cases))

    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (status, first["id"], first["sentences"][0]["text"]) == (
        1,
        1,
        "Your request is covered in full: €3,000.00.",
    )
    assert (second["id"], second["error"]["reason"]) == (2, "Object missing required field `receipt`")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"receipt":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, "the JSON is nested too deeply to be read"),
        (b'{"id": "\xff"}', "the text is not UTF-8"),
    ],
)
def test_a_case_that_no_decoder_follows_is_refused_and_the_next_one_answered(
    line: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = answer_of(300_000)["covers"][0]["receipt"]
    cases = tmp_path / "cases.jsonl"
    cases.write_bytes(line + b"\n" + json.dumps({"id": 2, "receipt": receipt}).encode())

    status = run("--cases", str(cases))

    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (status, first["id"], first["error"]["reason"], second["id"]) == (1, None, reason, 2)
    assert second["sentences"]


def test_a_receipt_that_no_decoder_follows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"covers":' * 5_000 + "1" + "}" * 5_000, encoding="utf-8")

    assert run(str(path)) == 1
    assert capsys.readouterr().err.startswith("refused: not a receipt: ")


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("filled_cents", 78_937, "filled_cents: "),
        ("capacity_cents", 5, "amount_cents: 300000 on the receipt, None by its figures"),
    ],
)
def test_a_receipt_whose_figures_do_not_lead_to_its_result_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str, value: int, complaint: str
) -> None:
    receipt = answer_of(300_000)["covers"][0]["receipt"]
    receipt["buckets"][1]["candidates"][0][field] = value

    assert run(saved(tmp_path, receipt), "--for", "lender:L3") == 1
    assert capsys.readouterr().err.startswith(f"refused: the receipt contradicts itself: {complaint}")


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        ((), 2, "explain: no receipt given"),
        (("none.json",), 2, "none.json: no such file, and DATABASE_URL is not set to look an id up"),
        (("none.json", "--for", "nobody"), 1, "refused: --for nobody: nobody explains to that; what would pass:"),
    ],
)
def test_what_cannot_be_asked_is_told_on_standard_error(
    words: tuple[str, ...], status: int, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == status
    assert capsys.readouterr().err.startswith(complaint)


def test_what_is_no_receipt_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(saved(tmp_path, {"id": 1})) == 1
    assert capsys.readouterr().err.startswith("refused: not a receipt: Object missing required field `sequence`")

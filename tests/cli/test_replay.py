"""`replay` finds a journal as its book would write it again, or names where it is not.

The journal is that of `small_market.py`, which also writes it anew where a change of the rule or of an event's form is
meant.
"""

import argparse
import asyncio
import hashlib
import io
import json
import sys
from pathlib import Path

import pytest

from cli import replay
from marketplace.book.journal import chain_hash
from marketplace.book.journal_file import encode_entry_line
from persistence.connection import close_pool, open_pool
from tests.persistence.journaled_market import JournaledMarket, id_of
from tests.persistence.small_market import live_through_a_small_market

JOURNAL = Path(__file__).parents[1] / "reference_cases" / "small_market_journal.jsonl"
LAST_SEQ = JOURNAL.read_text(encoding="utf-8").count('{"shard"')


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    return replay.run(parser.parse_args(words))


def spoiled(folder: Path, old: str, new: str) -> str:
    """The journal with the first `old` replaced."""
    text = JOURNAL.read_text(encoding="utf-8")
    assert old in text
    path = folder / "journal.jsonl"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(path)


def lines_of(kind: str) -> list[str]:
    """The journal's lines that hold an event of a kind, in order."""
    lines = JOURNAL.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if f'"event":{{"type":"{kind}"' in line]


def test_a_journal_is_decided_again_as_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(str(JOURNAL))

    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    assert out.startswith(
        f"book {id_of('alfa')} (bk00, up to 59): 44 turns decided again, every turn decided as recorded"
    )


def test_every_kind_of_turn_is_in_the_journal() -> None:
    causes = {json.loads(line)["record"]["cause_id"].split(":")[0] for line in lines_of_entries()}

    assert {"step", "answers", "setting"} < causes
    for kind in ("holding_began", "hold_lifted", "cover_amended", "cover_released", "book_paused", "command_refused"):
        assert lines_of(kind), kind


def lines_of_entries() -> list[str]:
    return [line for line in JOURNAL.read_text(encoding="utf-8").splitlines() if line.startswith('{"shard"')]


def test_json_tells_the_whole_state_by_its_fingerprint(capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for _ in range(2):
        assert run(str(JOURNAL), "--json") == 0
        answers.append(json.loads(capsys.readouterr().out))

    assert answers[0] == answers[1]
    assert (answers[0]["agrees"], answers[0]["differences"], answers[0]["last_seq"]) == (True, [], LAST_SEQ)
    assert answers[0]["turns_decided"] > 40
    assert len(answers[0]["fingerprint"]) == 64


def test_one_cent_in_a_plan_is_found_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = lines_of("cover_proposed")[0]
    cents = json.loads(line)["record"]["event"]["plan"]["legs"][0]["cents"]

    status = run(spoiled(tmp_path, line, line.replace(f'"cents":{cents}', f'"cents":{cents - 1}', 1)))

    err = capsys.readouterr().err
    assert status == 1
    assert f"bk00:{json.loads(line)['seq']} (step:" in err
    assert f'"cents":{cents - 1}' in err
    assert f'"cents":{cents}' in err


def test_one_cent_in_a_receipt_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = lines_of("cover_proposed")[0]
    receipt = json.loads(line)["record"]["event"]["plan"]["receipt"]
    old = f'"reached_cents":{receipt["reached_cents"]}'

    status = run(spoiled(tmp_path, line, line.replace(old, f'"reached_cents":{receipt["reached_cents"] + 1}')))

    assert (status, "reached_cents" in capsys.readouterr().err) == (1, True)


@pytest.mark.parametrize(
    "kind", ["leg_taken", "cover_amended", "covered", "cover_released", "request_opened", "hold_lifted", "book_paused"]
)
def test_one_byte_anywhere_in_an_entry_is_found(kind: str, tmp_path: Path) -> None:
    line = lines_of(kind)[0]
    event_at = line.index('"event"')
    digits = [place for place in range(event_at, len(line)) if line[place].isdigit() and line[place - 1] in ':"']
    for place in digits[:: max(1, len(digits) // 5)]:
        other = "2" if line[place] == "1" else "1"

        assert run(spoiled(tmp_path, line, line[:place] + other + line[place + 1 :])) == 1, line[place - 20 : place + 1]


def test_what_no_decision_depends_on_is_found_by_its_hash_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = lines_of("leg_taken")[0]
    before = json.loads(line)["record"]["event"]["ver"]

    status = run(spoiled(tmp_path, line, line.replace(f'"ver":{before}', f'"ver":{before - 1}')))

    assert (status, capsys.readouterr().err) == (
        1,
        f"bk00:{json.loads(line)['seq']} is not what its hash was made of\n",
    )


def test_another_instant_of_an_entry_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = lines_of("holding_began")[0]

    status = run(spoiled(tmp_path, line, line.replace('"at":"2026-01-08T09:00:00Z"', '"at":"2026-01-08T09:00:01Z"')))

    assert (status, "09:00:01Z" in capsys.readouterr().err) == (1, True)


def test_an_entry_that_is_missing_is_found(tmp_path: Path) -> None:
    assert run(spoiled(tmp_path, lines_of("leg_taken")[0] + "\n", "")) == 1


def test_an_entry_without_a_consequence_that_is_missing_is_missed_by_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = lines_of("command_refused")[0]
    seq = json.loads(refused)["seq"]

    status = run(spoiled(tmp_path, refused + "\n", ""))

    expected = f"bk00:{seq + 1} follows on {seq}, but the entry before it is {seq - 1}\n"
    assert (status, capsys.readouterr().err) == (1, expected)


def test_an_entry_whose_hash_was_made_anew_does_not_fit_the_one_after_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = lines_of("leg_taken")[0]
    entry = json.loads(line)
    seq, ver = entry["seq"], entry["record"]["event"]["ver"]
    record = line[line.index('"record":') + len('"record":') : -1]
    changed = record.replace(f'"ver":{ver}', f'"ver":{ver - 1}')
    renewed = chain_hash(entry["previous_hash"], seq, changed.encode())

    status = run(spoiled(tmp_path, line, line.replace(record, changed).replace(entry["hash"], renewed)))

    expected = f"bk00:{seq + 1} was written after another entry than the one before it\n"
    assert (status, capsys.readouterr().err) == (1, expected)


def test_a_first_entry_that_follows_on_another_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = lines_of_entries()[0]

    status = run(spoiled(tmp_path, first, first.replace('"previous_hash":"0', '"previous_hash":"1')))

    assert (status, "bk00:1 was written after another entry" in capsys.readouterr().err) == (1, True)


def test_numbers_of_other_books_of_the_shard_may_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "journal.jsonl"
    lines = [line for line in JOURNAL.read_text(encoding="utf-8").splitlines() if line not in lines_of_entries()]
    previous_hash, previous_seq = "a" * 40, 0
    for line in lines_of_entries():
        entry = json.loads(line)
        record = line[line.index('"record":') + len('"record":') : -1].encode()
        seq = 10 * entry["seq"]
        link = chain_hash(previous_hash, seq, record)
        numbered = encode_entry_line(
            "bk00", seq, record, previous_seq=previous_seq, previous_hash=previous_hash, hash=link
        )
        lines.append(numbered.decode())
        previous_hash, previous_seq = hashlib.sha1(link.encode()).hexdigest(), seq
    path.write_text("\n".join(lines), encoding="utf-8")

    run(str(path))

    assert "follows on" not in (err := capsys.readouterr().err)
    assert "another entry" not in err


@pytest.mark.parametrize("twice", ["command_refused", "leg_taken"])
def test_an_entry_that_stands_twice_is_found(twice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = lines_of(twice)[0]
    seq = json.loads(line)["seq"]

    status = run(spoiled(tmp_path, line, f"{line}\n{line}"))

    assert (status, capsys.readouterr().err.startswith(f"bk00:{seq} stands behind {seq}\n")) == (1, True)


def test_terms_with_a_clock_beyond_all_time_are_a_difference(tmp_path: Path) -> None:
    """No command can have published them: the journal that holds them was never written."""
    text = JOURNAL.read_text(encoding="utf-8")
    path = tmp_path / "journal.jsonl"
    path.write_text(text.replace('"expiry_hours":72', '"expiry_hours":99999999'), encoding="utf-8")

    assert run(str(path)) == 1


def test_a_command_that_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [line for line in JOURNAL.read_text(encoding="utf-8").splitlines() if '"set_breakers"' in line]

    status = run(spoiled(tmp_path, commands[0] + "\n", ""))

    assert status == 1
    assert capsys.readouterr().err == "1 turns were not decided again: their command is missing\n"


def test_another_command_than_the_one_decided_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(spoiled(tmp_path, '"amount_cents":100000', '"amount_cents":100001')) == 1
    assert "request_opened is recorded, request_opened decided again" in capsys.readouterr().err


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(JOURNAL.read_bytes())))

    assert (run("-"), capsys.readouterr().err) == (0, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "journal.jsonl:1: ", id="no JSON"),
        pytest.param('{"seq": 1, "record": {}}', "missing required field `shard`", id="no shard"),
        pytest.param(
            '{"shard": "bk00", "seq": 1, "record": {}}', "missing required field `company_id`", id="no company"
        ),
        pytest.param('{"command": {"command_id": "1"}}', "missing required field `company_id`", id="half a command"),
        pytest.param("", "no entry to replay", id="nothing"),
        pytest.param(b"\xff", "journal.jsonl:1: ", id="no UTF-8"),
        pytest.param('{"shard": "\udcff"}', "journal.jsonl:1: ", id="no UTF-8 in a text"),
        pytest.param('{"a":' * 5_000 + "1" + "}" * 5_000, "nested too deeply to be read", id="nested too deeply"),
    ],
)
def test_a_file_that_is_no_journal_is_refused_with_the_line(
    content: str | bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogateescape"))

    assert run(str(path)) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert (run("nowhere.jsonl"), capsys.readouterr().err) == (2, "nowhere.jsonl: No such file or directory\n")


async def test_a_recorded_book_is_replayed_and_exported_byte_for_byte(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = await open_pool(database_url)
    await live_through_a_small_market(JournaledMarket(database_url, pool))
    await close_pool(pool)
    monkeypatch.setenv("DATABASE_URL", database_url)
    exported = tmp_path / "exported.jsonl"

    status = await asyncio.to_thread(run, "--company", id_of("alfa"), "--export", str(exported))

    assert (status, capsys.readouterr().err) == (0, "")
    assert exported.read_bytes() == JOURNAL.read_bytes()


async def test_a_company_without_a_journal_is_told(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    status = await asyncio.to_thread(run, "--company", id_of("nobody"))

    assert (status, capsys.readouterr().err) == (2, f"no journal of company {id_of('nobody')} is recorded\n")

"""Whoever reads a command's answer may stop reading, have no room for it, or not want it at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.processes import ROOT

PROGRAM = [sys.executable, "-c", "import sys; from cli.command_line import main; raise SystemExit(main())"]
SCHEDULE = ["schedule", "--principal-cents", "100000000", "--rate-percent", "5", "--count", "1200", "--every", "1"]
LONG_ANSWER = [*SCHEDULE, "--unit", "months", "--disbursed", "2026-01-07", "--first-due", "2026-02-07"]


def test_a_reader_that_has_seen_enough_is_no_failure_worth_a_word() -> None:
    with subprocess.Popen(
        [*PROGRAM, *LONG_ANSWER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        answered = subprocess.run(
            [*PROGRAM, *LONG_ANSWER], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert answered.returncode == 1
    assert answered.stderr == "main.py: not everything could be written: No space left on device\n"


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_closed_stream_takes_nothing_and_breaks_nothing(closed: tuple[int, ...]) -> None:
    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    answered = subprocess.run(
        [*PROGRAM, *LONG_ANSWER], cwd=ROOT, preexec_fn=close, capture_output=True, text=True, check=False
    )

    assert (answered.returncode, answered.stderr) == (0, "")
    assert (answered.stdout == "") == (1 in closed)


def test_a_case_nested_too_deeply_is_answered_like_any_other_wrong_one(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    cases.write_text(f'{deep}\n{{"id": "second"}}\n')

    for command in ("schedule", "apr"):
        answered = subprocess.run(
            [*PROGRAM, command, "--cases", cases], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (answered.returncode, answered.stderr) == (1, "")
        assert len(answered.stdout.splitlines()) == 2
        assert '"id":"second"' in answered.stdout

"""Children that do not outlive their parent, and what is said about them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import child_process


def start(tmp_path: Path, program: str) -> subprocess.Popen[bytes]:
    return child_process.start([sys.executable, "-c", program], log=tmp_path / "log", stop_signal=signal.SIGTERM)


def test_what_a_child_says_goes_to_its_log(tmp_path: Path) -> None:
    start(tmp_path, "import sys; print('out', flush=True); print('err', file=sys.stderr)").wait()

    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_a_child_leads_a_group_of_its_own_so_that_the_terminal_s_ctrl_c_passes_it_by(tmp_path: Path) -> None:
    child = start(tmp_path, "import time; time.sleep(60)")

    assert os.getpgid(child.pid) == child.pid
    child_process.stop(child, signal.SIGTERM, patience_s=5)


def test_a_child_inherits_only_the_files_it_is_handed(tmp_path: Path) -> None:
    handed, kept = (os.open(os.devnull, os.O_RDONLY) for _ in range(2))
    program = f"""
import os
for number in ({handed}, {kept}):
    try:
        os.fstat(number)
        print("there")
    except OSError:
        print("not there")
"""
    child_process.start(
        [sys.executable, "-c", program], log=tmp_path / "log", stop_signal=signal.SIGTERM, hand_over=[handed]
    ).wait()

    assert (tmp_path / "log").read_text() == "there\nnot there\n"


def test_a_child_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    child = start(tmp_path, program)
    while not (tmp_path / "log").read_text():
        os.sched_yield()

    child_process.stop(child, signal.SIGTERM, patience_s=0.2)

    assert child.returncode == -signal.SIGKILL


def test_the_words_of_a_running_process_can_be_read_and_of_an_ended_one_not(tmp_path: Path) -> None:
    child = start(tmp_path, "import time; time.sleep(60)")
    assert "time.sleep(60)" in child_process.command_line(child.pid)

    child_process.stop(child, signal.SIGTERM, patience_s=5)

    assert child_process.command_line(child.pid) == ""


@pytest.mark.parametrize(
    ("log", "last"),
    [
        ("first\nlast\n\n", "last"),
        ("    | ValueError: wrong\n    +------------------------------------\n", "ValueError: wrong"),
        ("", ""),
    ],
)
def test_the_last_word_is_the_last_line_that_says_something(tmp_path: Path, log: str, last: str) -> None:
    (tmp_path / "log").write_text(log)

    assert child_process.last_line(tmp_path / "log") == last


def test_a_process_that_never_wrote_has_no_last_word(tmp_path: Path) -> None:
    assert child_process.last_line(tmp_path / "log") == ""

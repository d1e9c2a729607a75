"""What a data folder says about the market that uses it."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from cli.command_failed import WronglyAskedFor
from cli.data_folder import DataFolder, Running
from cli.demo import what_it_holds
from cli.kept_market import KeptMarket, keep_market, kept_market

UP = Running(pid=7, url="http://127.0.0.1:8000", socket_folder="/tmp/blulend-x", environment={"DATABASE_URL": "there"})


def test_a_market_is_known_while_it_holds_the_folder_and_is_up(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    starting = msgspec.structs.replace(UP, environment={})

    with folder.claimed():
        assert folder.running() is None
        with folder.noted(starting):
            assert folder.running() is None
            folder.note(UP)
            assert folder.running() == UP
        assert folder.running() is None


def test_the_note_of_a_killed_market_is_not_believed(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.note(UP)

    assert folder.running() is None


def test_no_market_runs_on_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert DataFolder(tmp_path / "never made").running() is None


def test_the_note_is_for_its_owner_alone_because_it_holds_secrets(tmp_path: Path) -> None:
    DataFolder(tmp_path).note(UP)
    DataFolder(tmp_path).note(UP)

    (note,) = tmp_path.iterdir()
    assert stat.S_IMODE(note.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        (Path(__file__), "File exists"),
        (Path(__file__) / "inside", "Not a directory"),
        (Path("/proc/nothing"), "No such file or directory"),
        (Path("/tmp") / ("x" * 300), "File name too long"),
    ],
)
def test_what_can_be_no_data_folder_is_refused_in_one_short_line(folder: Path, why: str) -> None:
    assert kept_market(folder) is None
    with pytest.raises(WronglyAskedFor) as refused, DataFolder(folder).claimed():
        pass

    assert str(refused.value).startswith("--data /")
    assert str(refused.value).endswith(f"cannot be used ({why}): expected a folder that can be made or written to")
    assert len(str(refused.value)) < 250


def test_a_path_too_long_for_what_lies_in_it_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["y" * 100] * 6)

    with (
        pytest.raises(WronglyAskedFor, match=r"is \d+ characters long: expected at most 480"),
        DataFolder(folder).claimed(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(WronglyAskedFor, match="Permission denied"), DataFolder(tmp_path).claimed():
        pass


def test_a_demonstration_begins_on_an_empty_folder_only(tmp_path: Path) -> None:
    assert what_it_holds(tmp_path / "new") is None
    assert what_it_holds(tmp_path) is None
    (tmp_path / "notes").touch()
    assert what_it_holds(tmp_path) == "is not empty"
    keep_market(tmp_path, KeptMarket(moved_by="people"))
    assert what_it_holds(tmp_path) == "holds a market already"

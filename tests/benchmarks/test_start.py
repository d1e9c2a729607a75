"""What the start benchmark measures against, and what it counts as a fresh copy."""

from pathlib import Path

import pytest

from tests.benchmarks.start import Measure, copy_project, installing_s


def test_the_limit_of_a_cold_start_is_what_the_bootstrap_says_its_installers_took() -> None:
    notes = """main.py: setting up .venv for this folder, once
main.py: fetching the installer …
main.py: fetching the installer: done in 1.2 s
main.py: installing the packages of requirements.lock: failed after 0.3 s
main.py: installing the packages of requirements.lock: done in 2.5 s
BluLend is up after 0.9 s; its data and logs are in .data
"""
    assert installing_s(notes) == pytest.approx(4.0)


def test_the_ratio_is_of_medians() -> None:
    measure = Measure(name="warm", target_s=2.0, samples_s=[1.0, 9.0, 3.0], limits_s=[0.5, 8.0, 1.5])

    assert measure.ratio == 2.0


def test_a_copy_is_what_a_clone_would_hold(tmp_path: Path) -> None:
    copied = copy_project(tmp_path / "copy")

    assert (copied / "main.py").exists()
    assert (copied / "requirements.lock").exists()
    assert not (copied / ".venv").exists()
    assert not (copied / ".git").exists()
    assert list(copied.rglob("__pycache__")) == []

"""What a person at the terminal is told."""

import asyncio

import pytest

from cli import progress


async def test_a_quick_step_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress.step("blinking"):
        pass

    assert capsys.readouterr() == ("", "")


async def test_a_step_of_more_than_a_second_is_told_with_its_time_on_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SHOWN_AFTER_S", 0.05)
    async with progress.step("thinking"):
        await asyncio.sleep(0.15)

    said = capsys.readouterr()
    assert said.out == ""
    assert "thinking: 0." in said.err

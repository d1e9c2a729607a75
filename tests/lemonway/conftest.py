"""A simulator for every test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lemonway.running_simulator import RunningSimulator, running_simulator, settings_for


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[RunningSimulator]:
    """A fresh simulator on Monday 12 January 2026, 09:00 in Paris, with the client that talks to it."""
    async with running_simulator(settings_for(tmp_path)) as running:
        yield running

"""Whatever starts follow each other on a data folder, gateway and simulator never disagree about the time."""

from pathlib import Path

import msgspec
import pytest

from cli.demo.doors import Door, client_for
from cli.environment import API_VARIABLES
from cli.market_environment import SIMULATOR
from cli.processes import MarketOptions, RunningMarket
from cli.run import market_to_run

MORNING = "2026-01-07T08:30:00Z"


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_the_time_of_simulated_traffic_stands_still_under_a_quiet_start(tmp_path: Path) -> None:
    assert await times_after_a_start(tmp_path, is_quiet=False, moves_to=MORNING) == {MORNING}
    assert await times_after_a_start(tmp_path, is_quiet=True) == {MORNING}
    assert await times_after_a_start(tmp_path, is_quiet=False) == {MORNING}


async def times_after_a_start(tmp_path: Path, *, is_quiet: bool, moves_to: str | None = None) -> set[str]:
    """What gateway and simulator say of the time; both were moved before if that is asked for."""
    folder = tmp_path / "data"
    kept = await market_to_run(folder, {}, is_quiet=is_quiet)
    options = MarketOptions(data_folder=folder, durable=False)
    async with RunningMarket(msgspec.structs.replace(options, kept=kept)) as market:
        key = f"blk_operator_{market.environment[API_VARIABLES['operator_secret']]}"
        async with client_for(market.url) as gateway, client_for(market.addresses[SIMULATOR]) as institution:
            operations, simulator = Door(gateway, key=key), Door(institution)
            if moves_to is not None:
                await operations.put("/api/v1/clock", {"now_at": moves_to})
                await simulator.put("/__sim/clock", {"now": moves_to})
            times = [(await operations.get("/api/v1/clock"))["now_at"], (await simulator.get("/status"))["now"]]
    return {time.replace("+00:00", "Z") for time in times}

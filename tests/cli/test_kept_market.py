"""A data folder's market keeps the time that it began with: a start either fits it or is refused in one line."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from cli.command_failed import WronglyAskedFor
from cli.data_folder import DataFolder
from cli.embedded_servers import EmbeddedServers
from cli.environment import EmbeddedServerSettings
from cli.kept_market import KeptMarket, keep_market, kept_market
from cli.run import market_to_run
from cli.temporary_folders import temporary_folder
from cli.untouched_market import remove_untouched_market
from persistence.connection import connect
from persistence.migration import migrate

AT = datetime(2026, 1, 7, 5, tzinfo=UTC)
PEOPLE = KeptMarket(moved_by="people")
TRAFFIC = KeptMarket(moved_by="traffic", starts_at=AT)
DEMO = KeptMarket(moved_by="demo", starts_at=AT)


async def test_a_new_folder_gets_the_market_that_the_start_asks_for(tmp_path: Path) -> None:
    with_calls = {"BLULEND_CLOCK": "virtual", "BLULEND_CLOCK_STARTS_AT": AT.isoformat()}

    assert await market_to_run(tmp_path, {}, is_quiet=True) == PEOPLE
    assert await market_to_run(tmp_path, {}, is_quiet=False) == TRAFFIC
    assert await market_to_run(tmp_path, {"DATABASE_URL": "postgresql://h/d"}, is_quiet=False) == PEOPLE
    by_calls = await market_to_run(tmp_path, with_calls, is_quiet=True)
    assert by_calls == KeptMarket(moved_by="people", starts_at=AT)


@pytest.mark.parametrize("kept", [PEOPLE, TRAFFIC, DEMO])
async def test_a_quiet_start_takes_any_market_as_it_is(tmp_path: Path, kept: KeptMarket) -> None:
    keep_market(tmp_path, kept)

    assert await market_to_run(tmp_path, {}, is_quiet=True) == kept


async def test_traffic_goes_on_in_its_own_market(tmp_path: Path) -> None:
    keep_market(tmp_path, TRAFFIC)

    assert await market_to_run(tmp_path, {}, is_quiet=False) == TRAFFIC


async def test_a_market_that_was_played_gets_no_traffic(tmp_path: Path) -> None:
    keep_market(tmp_path, DEMO)

    with pytest.raises(WronglyAskedFor, match="that `demo` has played: look at it with --quiet-market"):
        await market_to_run(tmp_path, {}, is_quiet=False)


async def test_invented_people_never_meet_servers_that_are_given(tmp_path: Path) -> None:
    keep_market(tmp_path, TRAFFIC)

    with pytest.raises(WronglyAskedFor, match="market of invented people"):
        await market_to_run(tmp_path, {"DATABASE_URL": "postgresql://h/d"}, is_quiet=False)


@pytest.mark.parametrize(
    ("kept", "variable", "given"),
    [
        (PEOPLE, "BLULEND_CLOCK", "virtual"),
        (TRAFFIC, "BLULEND_CLOCK", "system"),
        (PEOPLE, "BLULEND_SIMULATOR_START_AT", AT.isoformat()),
    ],
)
async def test_a_clock_asked_for_in_the_environment_must_be_the_markets(
    tmp_path: Path, kept: KeptMarket, variable: str, given: str
) -> None:
    keep_market(tmp_path, kept)

    with pytest.raises(WronglyAskedFor, match=f"^{variable} is '"):
        await market_to_run(tmp_path, {variable: given}, is_quiet=True)


def test_gateway_and_simulator_are_told_one_and_the_same_time() -> None:
    told = TRAFFIC.variables()

    assert told["BLULEND_CLOCK"] == "virtual"
    assert told["BLULEND_CLOCK_STARTS_AT"] == told["BLULEND_SIMULATOR_START_AT"] == AT.isoformat()
    assert PEOPLE.variables() == {}


def test_what_a_folder_holds_is_noted_once(tmp_path: Path) -> None:
    keep_market(tmp_path, TRAFFIC)
    keep_market(tmp_path, TRAFFIC)

    with pytest.raises(WronglyAskedFor, match="holds another market"):
        keep_market(tmp_path, PEOPLE)
    assert kept_market(tmp_path) == TRAFFIC
    assert [path.name for path in tmp_path.iterdir()] == ["market.json"]


async def test_a_quiet_market_that_nobody_entered_begins_anew_with_traffic(server_folder: Path) -> None:
    folder = await a_market_once_run_quietly(server_folder, enters="nobody")

    assert await market_to_run(folder, {}, is_quiet=False) == TRAFFIC
    assert [path.name for path in folder.iterdir() if path.suffix != ".log"] == []


async def test_a_quiet_market_that_somebody_entered_is_left_alone(server_folder: Path) -> None:
    folder = await a_market_once_run_quietly(server_folder, enters="ada")

    with pytest.raises(WronglyAskedFor, match="has been used under --quiet-market"):
        await market_to_run(folder, {}, is_quiet=False)

    assert kept_market(folder) == PEOPLE
    assert not await remove_untouched_market(folder, EmbeddedServerSettings())


async def a_market_once_run_quietly(parent: Path, *, enters: str) -> Path:
    """The folder of a stopped market with the system's time, with a database that is migrated."""
    folder = parent / uuid4().hex[:8]
    with DataFolder(folder).claimed(), temporary_folder("run") as sockets:
        keep_market(folder, PEOPLE)
        (folder / "lemonway-simulator.store").touch()
        servers = EmbeddedServers(EmbeddedServerSettings(), data_folder=folder, socket_folder=sockets, durable=False)
        await servers.start()
        assert servers.postgres is not None
        await migrate(servers.postgres.url)
        if enters != "nobody":
            database = await connect(servers.postgres.url)
            await database.execute(
                "INSERT INTO party (id, kind, name, wallet_id) VALUES ($1, 'lender_person', $2, 'l-1')",
                str(uuid4()),
                enters,
            )
            await database.close()
        await servers.stop()
    return folder

"""`python3 main.py`: the simulated traffic stays out of every market that may be a real one."""

import pytest

from cli.run import OUTSIDE_SERVERS, all_servers_are_ours


def test_with_no_address_given_everything_is_of_this_start() -> None:
    assert all_servers_are_ours({"HOME": "/nowhere", "DATABASE_URL": ""})


@pytest.mark.parametrize("given", OUTSIDE_SERVERS)
def test_one_server_given_from_outside_is_enough_to_keep_the_traffic_out(given: str) -> None:
    assert not all_servers_are_ours({given: "somewhere"})

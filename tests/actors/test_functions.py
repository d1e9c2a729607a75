"""Loading the library of functions, and the promises every one of them makes."""

import pytest

from actors.errors import FunctionFault
from actors.functions import SOURCE, function_call, load_functions
from actors.redis_connection import RedisConnection
from actors.replies import as_fields, as_list, as_text
from actors.shards import ShardMap


async def loaded_code(connection: RedisConnection) -> str:
    (library,) = as_list(await connection.call("FUNCTION", "LIST", "LIBRARYNAME", "bl", "WITHCODE"))
    fields = as_list(library)
    return as_text(fields[fields.index(b"library_code") + 1])


async def test_loading_puts_this_programs_library_in_place_of_another(connection: RedisConnection) -> None:
    other = "#!lua name=bl\nredis.register_function('turn', function() return 0 end)"
    await connection.call("FUNCTION", "LOAD", "REPLACE", other)

    await load_functions(connection)

    assert await loaded_code(connection) == SOURCE.read_text()


async def test_the_library_survives_the_emptying_of_all_data(connection: RedisConnection) -> None:
    await connection.call("FLUSHDB", "SYNC")

    assert await loaded_code(connection) == SOURCE.read_text()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(("1.5", "x" * 40), "seq", id="a fraction is not a sequence"),
        pytest.param(("-1", "x" * 40), "seq", id="a negative number is not a sequence"),
        pytest.param(("1e3", "x" * 40), "seq", id="a number in scientific notation is refused"),
        pytest.param(("1",), "number of arguments", id="a missing argument is refused"),
    ],
)
async def test_an_argument_that_does_not_parse_is_a_fault_of_ours(
    connection: RedisConnection, arguments: tuple[str, ...], named: str
) -> None:
    with pytest.raises(FunctionFault, match=f"BADARG {named}"):
        await connection.call(*function_call("wm_put", ["{bk00.0}:st", "{bk00.0}:j"], *arguments))


async def test_numbers_beyond_ten_to_the_thirteenth_never_enter_a_purse(connection: RedisConnection) -> None:
    keys = ["{pu}:st", "{pu}:j", "{pu}:r", "{pu}:p:ada"]

    with pytest.raises(FunctionFault, match="BADARG cents"):
        await connection.call(*function_call("deposit", keys, "wire", "ada", 10**13 + 1, 0, "2026-11-23T09:00:00Z"))
    await connection.call(*function_call("deposit", keys, "wire", "ada", 10**13, 0, "2026-11-23T09:00:00Z"))

    assert as_fields(await connection.call("HGETALL", "{pu}:p:ada"))["free"] == b"10000000000000"


async def test_an_id_that_json_would_have_to_escape_is_refused(connection: RedisConnection) -> None:
    keys = ["{pu}:st", "{pu}:j", "{pu}:r", '{pu}:p:a"b']

    with pytest.raises(FunctionFault, match="BADARG lender"):
        await connection.call(*function_call("deposit", keys, "wire", 'a"b', 1, 0, "2026-11-23T09:00:00Z"))


def test_every_shard_of_a_kind_falls_into_its_own_part_of_a_clusters_slots() -> None:
    from actors.shards import CLUSTER_SLOTS, cluster_slot

    for count in (16, 64, 128):
        shards = ShardMap(book_count=count, purse_count=count)
        slots = [cluster_slot(shards.hash_tag(shard)) for shard in shards.purse_shards()]
        assert [slot * count // CLUSTER_SLOTS for slot in slots] == list(range(count))

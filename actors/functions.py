"""The library of server-side functions: loading it, calling it, and making sure it is this program's own."""

from collections.abc import Sequence
from pathlib import Path

from actors.errors import FunctionsDiffer
from actors.redis_connection import Argument, Command, RedisConnection, Reply

LIBRARY = "bl"
SOURCE = Path(__file__).with_name("functions.lua")


def function_call(name: str, keys: Sequence[str], *arguments: Argument) -> Command:
    """The command that runs one of our functions."""
    return ("FCALL", name, len(keys), *keys, *arguments)


async def load_functions(connection: RedisConnection) -> None:
    """Put this program's library in the server, in place of another version; does nothing when it is there already.

    Every process does so when it starts, so the newest program's library stands. Raises `FunctionsDiffer` when another
    program replaced it at the same moment.
    """
    source = SOURCE.read_bytes()
    if await _loaded_source(connection) == source:
        return
    await connection.call("FUNCTION", "LOAD", "REPLACE", source)
    if await _loaded_source(connection) != source:
        raise FunctionsDiffer("another version of the functions was loaded while this one was: start one version only")


async def _loaded_source(connection: RedisConnection) -> bytes | None:
    libraries = await connection.call("FUNCTION", "LIST", "LIBRARYNAME", LIBRARY, "WITHCODE")
    for library in _lists(libraries):
        fields = dict(zip(library[::2], library[1::2], strict=True))
        source = fields[b"library_code"]
        assert isinstance(source, bytes), source
        return source
    return None


def _lists(reply: Reply) -> list[list[Reply]]:
    assert isinstance(reply, list), reply
    return [item for item in reply if isinstance(item, list)]

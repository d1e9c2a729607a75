"""The shapes that answers of the server come in, taken apart; another shape than expected is a bug of ours."""

from actors.redis_connection import Reply


def as_list(reply: Reply) -> list[Reply]:
    """An array."""
    assert isinstance(reply, list), reply
    return reply


def as_text(reply: Reply) -> str:
    """A string, or a number as its digits."""
    assert isinstance(reply, bytes | int), reply
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def as_bytes(reply: Reply) -> bytes:
    """A string as it was stored."""
    assert isinstance(reply, bytes), reply
    return reply


def as_int(reply: Reply) -> int:
    """A whole number, as a number or as digits."""
    assert isinstance(reply, bytes | int), reply
    return int(reply)


def as_int_or(default: int, reply: Reply) -> int:
    """A whole number, or `default` where nothing is stored."""
    return default if reply is None else as_int(reply)


def as_fields(reply: Reply) -> dict[str, bytes]:
    """A hash, or the fields of a stream entry."""
    flat = as_list(reply)
    return {as_text(flat[i]): as_bytes(flat[i + 1]) for i in range(0, len(flat), 2)}


def as_entries(reply: Reply) -> list[tuple[str, dict[str, bytes]]]:
    """Entries of one stream: id and fields, in order."""
    return [(as_text(entry[0]), as_fields(entry[1])) for entry in map(as_list, as_list(reply))]


def as_streams(reply: Reply) -> dict[str, list[tuple[str, dict[str, bytes]]]]:
    """What XREAD answers: new entries per stream; nothing at all when it waited in vain."""
    if reply is None:
        return {}
    return {as_text(stream[0]): as_entries(stream[1]) for stream in map(as_list, as_list(reply))}

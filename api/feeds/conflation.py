"""Several deltas of a channel as one: of each row of the view only the newest value."""

from collections.abc import Sequence

from actors.feed_messages import Delta
from api.feeds.messages import Op

RowKey = tuple[object, ...]


def conflated(deltas: Sequence[Delta]) -> Delta:
    """One delta for some that follow each other, in the order in which rows last changed. At least one is given."""
    first, last = deltas[0], deltas[-1]
    newest: dict[RowKey, Op] = {}
    for delta in deltas:
        for op in delta.ops:
            key = row_key(op)
            newest.pop(key, None)
            newest[key] = op
    return Delta(ch=last.ch, inc=last.inc, p=first.p, s=last.s, ops=tuple(newest.values()), crc=last.crc)


def row_key(op: Op) -> RowKey:
    """What an op replaces: its row of the view."""
    match op[0]:
        case "o":
            return ("o", *op[1:4])
        case "r" | "k":
            return (op[0], op[1])
        case "l":
            return ("l", op[1], op[2])
        case kind:
            return (kind,)

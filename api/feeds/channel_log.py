"""One channel as the gateway holds it: the newest view and the recent deltas that lead to it.

All clients of a channel read the same log, each from its own position, so a slow client costs no memory of its own:
what it missed is merged into one delta when it is next written to, or replaced by a snapshot once it is too old.
"""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from api.feeds.messages import Delta, Op, Position, Snap

DELTAS_KEPT = 2_000
"""How far back a client can resume by deltas."""

RowKey = tuple[object, ...]


class RenderedView(msgspec.Struct, frozen=True):
    """A whole view as it goes over the wire, with its checksum."""

    data: msgspec.Raw
    crc: int


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a channel from sequence `p` to `s`."""

    p: int
    s: int
    ops: tuple[Op, ...]


class ChannelLog:
    """The view of one channel and how it came about, for any number of readers.

    `render` gives the whole view at the newest position; it is asked only when somebody needs it.
    """

    def __init__(self, name: str, position: Position, render: Callable[[Position], RenderedView]) -> None:
        self.name = name
        self.position = position
        self._render = render
        self._rendered: tuple[Position, RenderedView] | None = None
        self._changes: deque[Change] = deque(maxlen=DELTAS_KEPT)

    @property
    def head(self) -> int:
        """The newest sequence."""
        return self.position.s

    def advance(self, s: int, ops: tuple[Op, ...]) -> None:
        """The view moved on to sequence `s` by `ops`, of the same history."""
        assert s > self.head, (s, self.head)
        self._changes.append(Change(p=self.head, s=s, ops=ops))
        self.position = Position(inc=self.position.inc, s=s)

    def restart(self, position: Position) -> None:
        """The history was restored or cannot be followed: nobody can resume from before."""
        self._changes.clear()
        self._rendered = None
        self.position = position

    def view(self) -> RenderedView:
        """The whole view at the newest position."""
        if self._rendered is None or self._rendered[0] != self.position:
            self._rendered = (self.position, self._render(self.position))
        return self._rendered[1]

    def snapshot(self, *, n: int | None = None) -> Snap:
        """The whole view as a message; `n` when it answers a subscription."""
        view = self.view()
        return Snap(ch=self.name, inc=self.position.inc, s=self.head, data=view.data, crc=view.crc, n=n)

    def since(self, seen: Position, *, conflate: bool) -> list[Delta] | None:
        """What leads from `seen` to the head, step by step or as one delta; None when that is no longer known."""
        missed = self._missed(seen)
        if missed is None:
            return None
        if conflate and len(missed) > 1:
            missed = [Change(p=seen.s, s=self.head, ops=conflated(missed))]
        return [
            Delta(ch=self.name, inc=self.position.inc, p=change.p, s=change.s, ops=change.ops) for change in missed
        ]

    def _missed(self, seen: Position) -> list[Change] | None:
        if seen.inc != self.position.inc or seen.s > self.head:
            return None
        if seen.s == self.head:
            return []
        missed: list[Change] = []
        for change in reversed(self._changes):
            if change.s <= seen.s:
                break
            missed.append(change)
        missed.reverse()
        return missed if missed and missed[0].p == seen.s else None


def conflated(changes: Sequence[Change]) -> tuple[Op, ...]:
    """The ops of several changes, of each row only the newest, in the order in which rows last changed."""
    newest: dict[RowKey, Op] = {}
    for change in changes:
        for op in change.ops:
            key = row_key(op)
            newest.pop(key, None)
            newest[key] = op
    return tuple(newest.values())


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

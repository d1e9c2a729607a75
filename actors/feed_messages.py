"""What the feed says about one channel, ready to be encoded as JSON. Shapes: docs/feed_protocol.md."""

from typing import TypeAlias

import msgspec

from marketplace.book.book_view import BookView, ViewOperation
from marketplace.book.purse_view import PurseView

FIRST_INCARNATION = 1
"""The history of a channel's journal has never been rewritten."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="snap"):
    """The whole view as of `s`."""

    ch: str
    inc: int
    s: int
    data: BookView | PurseView
    crc: int


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="d"):
    """What leads from the view as of `p` to the view as of `s`: valid only for whoever is at `p`."""

    ch: str
    inc: int
    p: int
    s: int
    ops: tuple[ViewOperation, ...]
    crc: int


class Reset(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", tag="reset"):
    """What the client holds cannot be continued: a snapshot follows."""

    ch: str
    why: str


FeedMessage: TypeAlias = Snapshot | Delta | Reset


class ResumePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a client's view of a channel stands."""

    inc: int
    s: int

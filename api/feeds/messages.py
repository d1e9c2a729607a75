"""The messages of `blulend.1`, as docs/feed_protocol.md has them.

A text frame, in either direction, is a JSON array of them; `t` says which is which.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from actors.feed_messages import Delta, Reset, ResumePoint

SUBPROTOCOL = "blulend.1"
VERSION = 1
FRAME_BYTES_MAX = 16 * 1024
"""The largest frame a client may send."""

Op: TypeAlias = tuple[Any, ...]
"""One change of a view as a client reads it, absolute: `["o", …]`, `["r", …]`, `["tot", …]`, `["k", field, value]`."""


Position: TypeAlias = ResumePoint
"""Where a client stands in a channel: incarnation `inc` of its history, and the sequence `s` it has seen."""


class ClientMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", forbid_unknown_fields=True):
    """Base of what a client says."""


class Auth(ClientMessage, frozen=True, kw_only=True, tag="auth"):
    """Within five seconds of connecting, and again before the session ends, to extend it."""

    ticket: str


class Sub(ClientMessage, frozen=True, kw_only=True, tag="sub", rename={"from_": "from"}):
    """Subscribe `ch`, from a position to be resumed or from a snapshot. `n` comes back in the answer."""

    n: int
    ch: str
    from_: Position | None = None


class Unsub(ClientMessage, frozen=True, kw_only=True, tag="unsub"):
    """Stop `ch`."""

    n: int
    ch: str


class Ack(ClientMessage, frozen=True, kw_only=True, tag="ack"):
    """The sequences taken in, by channel: every 5 s or 200 messages."""

    s: dict[str, int]


AnyClientMessage = Auth | Sub | Unsub | Ack


class ServerMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", omit_defaults=True):
    """Base of what the server says."""


class Hello(ServerMessage, frozen=True, kw_only=True, tag="hello"):
    """The ticket was good. A heartbeat comes every `hb_s` seconds; the session lasts until `until_at`."""

    v: int
    hb_s: int
    now_at: datetime
    until_at: datetime


class Snap(ServerMessage, frozen=True, kw_only=True, tag="snap"):
    """The whole view of a channel as of `s`. `n` is that of the `sub` it answers."""

    ch: str
    inc: int
    s: int
    data: msgspec.Raw
    crc: int
    n: int | None = None


class UpToDate(ServerMessage, frozen=True, kw_only=True, tag="d"):
    """A delta without news: what a client resumed from is the newest there is."""

    ch: str
    inc: int
    p: int
    s: int
    ops: tuple[Op, ...]


class Heartbeat(ServerMessage, frozen=True, kw_only=True, tag="hb"):
    """The connection lives. `heads` are the newest sequences of the subscribed channels."""

    n: int
    heads: dict[str, int]


class Err(ServerMessage, frozen=True, kw_only=True, tag="err"):
    """A message was refused; the connection goes on."""

    n: int
    ch: str
    problem: dict[str, Any]


class Bye(ServerMessage, frozen=True, kw_only=True, tag="bye"):
    """The server is about to close with `code`; come back after `retry_ms`."""

    code: int
    retry_ms: int


AnyServerMessage = Hello | Snap | Delta | UpToDate | Heartbeat | Reset | Err | Bye


class Close(Exception):
    """Close the connection with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


BUG = 1011
GOING_AWAY = 1012
FULL = 1013
TOO_SLOW = 4008
BAD_MESSAGE = 4400
BAD_TICKET = 4401
SESSION_OVER = 4402
TOO_MANY_SOCKETS = 4409
TOO_MANY_MESSAGES = 4429

_client_frame = msgspec.json.Decoder(list[AnyClientMessage])
_encoder = msgspec.json.Encoder()


def read_client_frame(text: str | bytes) -> list[AnyClientMessage]:
    """A client's frame. Raises Close(4400) for anything else."""
    try:
        return _client_frame.decode(text)
    except msgspec.DecodeError as error:
        raise Close(BAD_MESSAGE, str(error)[:100]) from error


def write_frame(messages: Sequence[AnyServerMessage | AnyClientMessage]) -> str:
    """The text of a frame."""
    return _encoder.encode(messages).decode()

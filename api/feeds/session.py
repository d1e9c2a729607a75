"""One client's side of the feed, without a socket: what waits to be written, when to beat, when to close.

What a channel delivers waits here in order. A client that is slow to read costs little: whatever waits for a public
channel is one delta when it is written, and never more than a few hundred before.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from actors.feed_channel import Subscription
from actors.feed_messages import Delta, FeedMessage, Snapshot
from api.feeds.conflation import conflated
from api.feeds.messages import (
    BAD_MESSAGE,
    SESSION_OVER,
    TOO_MANY_MESSAGES,
    TOO_SLOW,
    VERSION,
    Ack,
    AnyServerMessage,
    Close,
    Err,
    Heartbeat,
    Hello,
    Snap,
    Sub,
    UpToDate,
)
from api.problems import PROBLEMS

HEARTBEAT_S = 10
MESSAGES_A_SECOND = 20
SUBSCRIPTIONS_MAX = 50
ACK_AGE_MAX_S = 30.0
WAITING_MAX = 200
"""So many deltas of one channel may wait before they are made one."""


class FollowedChannel(msgspec.Struct, kw_only=True):
    """A channel a client follows: what waits to be written, and how far it has said that it has read."""

    name: str
    n: int
    waiting: list[FeedMessage] = []
    subscription: Subscription | None = None
    written_s: int = 0
    acknowledged_s: int = 0
    unacknowledged_since_s: float | None = None

    def deliver(self, message: FeedMessage) -> None:
        """Keep a message until it is written."""
        self.waiting.append(message)
        if len(self.waiting) > WAITING_MAX:
            self.waiting = conflate_runs(self.waiting)


class FeedSession:
    """An authenticated client. Times are seconds of a monotonic clock; instants are only told to the client."""

    def __init__(self, *, now_s: float, until_s: float) -> None:
        self.until_s = until_s
        self.channels: dict[str, FollowedChannel] = {}
        self._answers: list[AnyServerMessage] = []
        self._heartbeats = 0
        self._next_heartbeat_s = now_s + HEARTBEAT_S
        self._allowance = float(MESSAGES_A_SECOND)
        self._allowance_at_s = now_s

    @property
    def answers_waiting(self) -> int:
        return len(self._answers)

    def greet(self, *, now_at: datetime, until_at: datetime) -> None:
        """The first message of a session, and the answer to a ticket that extends it."""
        self._answers.append(Hello(v=VERSION, hb_s=HEARTBEAT_S, now_at=now_at, until_at=until_at))

    def count_messages(self, count: int, *, now_s: float) -> None:
        """Raises Close(4429) above twenty messages a second."""
        refilled = self._allowance + (now_s - self._allowance_at_s) * MESSAGES_A_SECOND
        self._allowance = min(float(MESSAGES_A_SECOND), refilled) - count
        self._allowance_at_s = now_s
        if self._allowance < 0:
            raise Close(TOO_MANY_MESSAGES, f"more than {MESSAGES_A_SECOND} messages a second")

    def follow(self, message: Sub) -> FollowedChannel | None:
        """A place for what the channel delivers, None (and the refusal) when there are too many.

        Following a channel again starts it over.
        """
        if message.ch not in self.channels and len(self.channels) >= SUBSCRIPTIONS_MAX:
            self.refuse(message, "count-limit", f"At most {SUBSCRIPTIONS_MAX} subscriptions.")
            return None
        self.unfollow(message.ch)
        channel = FollowedChannel(name=message.ch, n=message.n)
        self.channels[message.ch] = channel
        return channel

    def confirm_position(self, channel: FollowedChannel, message: Sub) -> None:
        """A resumed channel that has delivered nothing has nothing new: the client is told so."""
        if message.from_ is not None and not channel.waiting:
            channel.written_s = channel.acknowledged_s = message.from_.s
            self._answers.append(
                UpToDate(ch=message.ch, inc=message.from_.inc, p=message.from_.s, s=message.from_.s, ops=())
            )

    def unfollow(self, name: str) -> None:
        """Stop a channel; one that is not followed is no error, since the client may not know."""
        channel = self.channels.pop(name, None)
        if channel is not None and channel.subscription is not None:
            channel.subscription.cancel()

    def leave(self) -> None:
        """The connection ended: stop every channel."""
        for name in list(self.channels):
            self.unfollow(name)

    def refuse(self, message: Sub, slug: str, detail: str) -> None:
        """Answer that a message cannot be followed."""
        kind = PROBLEMS[slug]
        problem = {"type": f"/problems/{slug}", "title": kind.title, "status": kind.status, "detail": detail}
        self._answers.append(Err(n=message.n, ch=message.ch, problem=problem))

    def acknowledge(self, message: Ack, *, now_s: float) -> None:
        """The client took in what it names. Raises Close(4400) for a sequence that was never written."""
        for name, s in message.s.items():
            channel = self.channels.get(name)
            if channel is None:
                continue
            if s > channel.written_s:
                raise Close(BAD_MESSAGE, f"{name}: {s} was never sent")
            channel.acknowledged_s = max(channel.acknowledged_s, s)
            is_behind = channel.acknowledged_s < channel.written_s
            channel.unacknowledged_since_s = now_s if is_behind else None

    def due(self, *, now_s: float, heads: Callable[[], Mapping[str, int]] | None) -> list[AnyServerMessage]:
        """Everything to write now. `heads` tells the newest sequence of every channel; None while what is shown is not
        known to be current: then no heart beats, and the client sees that it must not trust what it has.

        Raises Close(4402) when the session is over, Close(4008) for a client that takes nothing in.
        """
        if now_s >= self.until_s:
            raise Close(SESSION_OVER, "the session is over: fetch a ticket and connect again")
        messages, self._answers = self._answers, []
        for channel in self.channels.values():
            since_s = channel.unacknowledged_since_s
            if since_s is not None and now_s - since_s > ACK_AGE_MAX_S:
                raise Close(TOO_SLOW, f"{channel.name}: nothing acknowledged for {ACK_AGE_MAX_S:.0f} s")
            messages += _news(channel, now_s)
        if heads is not None and now_s >= self._next_heartbeat_s:
            messages.append(self._heartbeat(heads(), now_s))
        return messages

    def _heartbeat(self, heads: Mapping[str, int], now_s: float) -> Heartbeat:
        self._heartbeats += 1
        self._next_heartbeat_s = now_s + HEARTBEAT_S
        return Heartbeat(n=self._heartbeats, heads={name: heads[name] for name in self.channels})


def _news(channel: FollowedChannel, now_s: float) -> list[AnyServerMessage]:
    waiting, channel.waiting = conflate_runs(channel.waiting), []
    messages: list[AnyServerMessage] = []
    for message in waiting:
        if isinstance(message, Snapshot):
            messages.append(_snap(channel, message))
        else:
            messages.append(message)
        if isinstance(message, Snapshot | Delta):
            channel.written_s = message.s
            if channel.unacknowledged_since_s is None:
                channel.unacknowledged_since_s = now_s
    return messages


def _snap(channel: FollowedChannel, snapshot: Snapshot) -> Snap:
    channel.acknowledged_s = min(channel.acknowledged_s, snapshot.s - 1)
    data = msgspec.Raw(msgspec.json.encode(snapshot.data))
    return Snap(ch=snapshot.ch, n=channel.n, inc=snapshot.inc, s=snapshot.s, data=data, crc=snapshot.crc)


def conflate_runs(messages: list[FeedMessage]) -> list[FeedMessage]:
    """The same messages with every run of deltas made one."""
    shorter: list[FeedMessage] = []
    run: list[Delta] = []
    for message in messages:
        if isinstance(message, Delta):
            run.append(message)
            continue
        if run:
            shorter.append(conflated(run))
            run = []
        shorter.append(message)
    if run:
        shorter.append(conflated(run))
    return shorter

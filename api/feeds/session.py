"""One client's side of the feed, without a socket: what to answer, what to send next, when to close.

The shell (`socket.py`) hands in frames and asks `due` for what to write. A client's place is its position in each
channel's log; nothing is queued for it. What it missed while its socket was full is merged into one delta.
"""

from datetime import datetime

import msgspec

from api.feeds.channel_log import ChannelLog
from api.feeds.messages import (
    BAD_MESSAGE,
    SESSION_OVER,
    TOO_MANY_MESSAGES,
    TOO_SLOW,
    VERSION,
    Ack,
    AnyServerMessage,
    Auth,
    Close,
    Delta,
    Err,
    Heartbeat,
    Hello,
    Position,
    Reset,
    Sub,
    Unsub,
)
from api.problems import PROBLEMS

HEARTBEAT_S = 10
MESSAGES_A_SECOND = 20
SUBSCRIPTIONS_MAX = 50
ACK_AGE_MAX_S = 30.0
_CHECK_EVERY_DELTAS = 100
_CHECK_EVERY_S = 5.0


class Subscription(msgspec.Struct, kw_only=True):
    """A channel a client follows: where it is, where it has said it is, and since when those differ."""

    log: ChannelLog
    sent: Position
    acknowledged_s: int
    unacknowledged_since_s: float | None = None
    unchecked: int = 0
    checked_at_s: float = 0.0


class FeedSession:
    """An authenticated client. Times are seconds of a monotonic clock; instants are told to the client only."""

    def __init__(self, *, now_s: float, until_s: float) -> None:
        self.until_s = until_s
        self.subscriptions: dict[str, Subscription] = {}
        self._heartbeat_n = 0
        self._next_heartbeat_s = now_s + HEARTBEAT_S
        self._allowance = float(MESSAGES_A_SECOND)
        self._allowance_at_s = now_s

    def hello(self, *, now_at: datetime, until_at: datetime) -> Hello:
        """The first message of a session, and the answer to a ticket that extends it."""
        return Hello(v=VERSION, hb_s=HEARTBEAT_S, now_at=now_at, until_at=until_at)

    def count_messages(self, count: int, *, now_s: float) -> None:
        """Raises Close(4429) above twenty messages a second."""
        refilled = self._allowance + (now_s - self._allowance_at_s) * MESSAGES_A_SECOND
        self._allowance = min(float(MESSAGES_A_SECOND), refilled) - count
        self._allowance_at_s = now_s
        if self._allowance < 0:
            raise Close(TOO_MANY_MESSAGES, f"more than {MESSAGES_A_SECOND} messages a second")

    def subscribe(self, message: Sub, log: ChannelLog, *, now_s: float) -> list[AnyServerMessage]:
        """Follow a channel: deltas from the client's position, or a snapshot. No await may come between the two."""
        if len(self.subscriptions) >= SUBSCRIPTIONS_MAX and message.ch not in self.subscriptions:
            return [refuse(message, "count-limit", f"at most {SUBSCRIPTIONS_MAX} subscriptions")]
        subscription = Subscription(log=log, sent=log.position, acknowledged_s=log.head, checked_at_s=now_s)
        self.subscriptions[message.ch] = subscription
        if message.from_ is not None:
            deltas = log.since(message.from_, conflate=True)
            if deltas is None:
                return [_reset(log, message.from_), self._snap(subscription, now_s, n=message.n)]
            subscription.acknowledged_s = message.from_.s
            self._note_sent(subscription, now_s)
            nothing_new = Delta(ch=message.ch, inc=log.position.inc, p=log.head, s=log.head, ops=())
            return [msgspec.structs.replace(delta, crc=log.view().crc) for delta in deltas or [nothing_new]]
        return [self._snap(subscription, now_s, n=message.n)]

    def unsubscribe(self, message: Unsub) -> None:
        """Stop a channel; one that is not followed is no error, since the client may not know."""
        self.subscriptions.pop(message.ch, None)

    def acknowledge(self, message: Ack, *, now_s: float) -> None:
        """The client took in what it names. Raises Close(4400) for a sequence that was never sent."""
        for channel, s in message.s.items():
            subscription = self.subscriptions.get(channel)
            if subscription is None:
                continue
            if s > subscription.sent.s:
                raise Close(BAD_MESSAGE, f"{channel}: {s} was never sent")
            subscription.acknowledged_s = max(subscription.acknowledged_s, s)
            is_behind = subscription.acknowledged_s < subscription.sent.s
            subscription.unacknowledged_since_s = now_s if is_behind else None

    def due(self, *, now_s: float) -> list[AnyServerMessage]:
        """Everything there is to write now. Raises Close(4402) when the session is over, Close(4008) for a client
        that takes nothing in."""
        if now_s >= self.until_s:
            raise Close(SESSION_OVER, "the session is over: fetch a ticket and connect again")
        messages: list[AnyServerMessage] = []
        for subscription in self.subscriptions.values():
            since = subscription.unacknowledged_since_s
            if since is not None and now_s - since > ACK_AGE_MAX_S:
                raise Close(TOO_SLOW, f"{subscription.log.name}: nothing acknowledged for {ACK_AGE_MAX_S:.0f} s")
            messages += self._news(subscription, now_s)
        if now_s >= self._next_heartbeat_s:
            messages.append(self._heartbeat(now_s))
        return messages

    def _news(self, subscription: Subscription, now_s: float) -> list[AnyServerMessage]:
        log = subscription.log
        if subscription.sent == log.position:
            return []
        deltas = log.since(subscription.sent, conflate=True)
        if deltas is None:
            return [_reset(log, subscription.sent), self._snap(subscription, now_s)]
        subscription.sent = log.position
        self._note_sent(subscription, now_s)
        return list(self._checked(subscription, deltas, now_s))

    def _checked(self, subscription: Subscription, deltas: list[Delta], now_s: float) -> list[Delta]:
        subscription.unchecked += len(deltas)
        is_due = now_s - subscription.checked_at_s >= _CHECK_EVERY_S
        if not is_due and subscription.unchecked < _CHECK_EVERY_DELTAS:
            return deltas
        subscription.unchecked, subscription.checked_at_s = 0, now_s
        return [*deltas[:-1], msgspec.structs.replace(deltas[-1], crc=subscription.log.view().crc)]

    def _snap(self, subscription: Subscription, now_s: float, n: int | None = None) -> AnyServerMessage:
        subscription.sent = subscription.log.position
        subscription.acknowledged_s = min(subscription.acknowledged_s, subscription.sent.s - 1)
        subscription.unchecked, subscription.checked_at_s = 0, now_s
        self._note_sent(subscription, now_s)
        return subscription.log.snapshot(n=n)

    def _note_sent(self, subscription: Subscription, now_s: float) -> None:
        if subscription.unacknowledged_since_s is None:
            subscription.unacknowledged_since_s = now_s

    def _heartbeat(self, now_s: float) -> Heartbeat:
        self._heartbeat_n += 1
        self._next_heartbeat_s = now_s + HEARTBEAT_S
        heads = {name: subscription.log.head for name, subscription in self.subscriptions.items()}
        return Heartbeat(n=self._heartbeat_n, heads=heads)


def _reset(log: ChannelLog, seen: Position) -> Reset:
    return Reset(ch=log.name, why="restored" if seen.inc != log.position.inc else "too-old")


def refuse(message: Sub | Unsub, slug: str, detail: str) -> Err:
    """The answer to a message that cannot be followed."""
    kind = PROBLEMS[slug]
    problem = {"type": f"/problems/{slug}", "title": kind.title, "status": kind.status, "detail": detail}
    return Err(n=message.n, ch=message.ch, problem=problem)


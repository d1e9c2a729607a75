"""One client's side of the feed, without a socket: what is written when, and when it is closed."""

from datetime import UTC, datetime

import msgspec
import pytest

from actors.feed_messages import Delta, Reset, Snapshot
from api.feeds.conflation import conflated
from api.feeds.messages import (
    BAD_MESSAGE,
    SESSION_OVER,
    TOO_MANY_MESSAGES,
    TOO_SLOW,
    Ack,
    AnyClientMessage,
    Close,
    Err,
    Heartbeat,
    Position,
    Snap,
    Sub,
    UpToDate,
    read_client_frame,
    write_frame,
)
from api.feeds.session import SUBSCRIPTIONS_MAX, WAITING_MAX, FeedSession, FollowedChannel
from marketplace.book.book_view import BookView

BOOK = "book:alfa"
VIEW = BookView(phase="open", terms_version=1, o=(), r=(), tot=(0, 0, 0), last=())


def a_session(*, until_s: float = 1_000_000) -> FeedSession:
    return FeedSession(now_s=0, until_s=until_s)


def following(session: FeedSession, *, since: Position | None = None) -> FollowedChannel:
    """The session has asked for the book; nothing is delivered yet."""
    channel = session.follow(Sub(n=7, ch=BOOK, from_=since))
    assert channel is not None
    return channel


def a_snapshot(s: int) -> Snapshot:
    return Snapshot(ch=BOOK, inc=1, s=s, data=VIEW, crc=99)


def a_delta(p: int, s: int, *ops: tuple[object, ...]) -> Delta:
    return Delta(ch=BOOK, inc=1, p=p, s=s, ops=ops, crc=s)


def test_a_snapshot_answers_the_subscription_and_deltas_follow() -> None:
    session = a_session()
    channel = following(session)
    channel.deliver(a_snapshot(10))
    channel.deliver(a_delta(10, 11, ("tot", 5, 0, 0)))

    snap, delta = session.due(now_s=1, heads=None)

    assert isinstance(snap, Snap)
    assert (snap.n, snap.s, snap.crc) == (7, 10, 99)
    assert msgspec.json.decode(snap.data, type=BookView) == VIEW
    assert delta == a_delta(10, 11, ("tot", 5, 0, 0))
    assert session.due(now_s=2, heads=None) == []


def test_what_waits_for_a_slow_client_is_written_as_one_delta_of_the_newest_values() -> None:
    session = a_session()
    channel = following(session)
    channel.deliver(a_snapshot(0))
    for s in range(1, 4):
        channel.deliver(a_delta(s - 1, s, ("o", 12, 450, "A", s * 100, 4), ("tot", s, 0, 0)))
    channel.deliver(a_delta(3, 4, ("o", 12, 475, "B", 1, 4)))

    _, delta = session.due(now_s=1, heads=None)

    assert isinstance(delta, Delta)
    assert (delta.p, delta.s, delta.crc) == (0, 4, 4)
    assert delta.ops == (("o", 12, 450, "A", 300, 4), ("tot", 3, 0, 0), ("o", 12, 475, "B", 1, 4))


def test_however_much_happens_little_waits_for_a_client_that_does_not_read() -> None:
    channel = following(a_session())

    for s in range(1, 50 * WAITING_MAX):
        channel.deliver(a_delta(s - 1, s, ("tot", s, 0, 0)))

    assert len(channel.waiting) <= WAITING_MAX
    assert conflated([one for one in channel.waiting if isinstance(one, Delta)]).s == 50 * WAITING_MAX - 1


def test_a_reset_is_never_merged_away() -> None:
    session = a_session()
    channel = following(session)
    channel.deliver(a_delta(1, 2))
    channel.deliver(Reset(ch=BOOK, why="restored"))
    channel.deliver(a_snapshot(3))
    channel.deliver(a_delta(3, 4))
    channel.deliver(a_delta(4, 5))

    kinds = [type(message) for message in session.due(now_s=1, heads=None)]

    assert kinds == [Delta, Reset, Snap, Delta]


def test_a_client_that_resumes_at_the_head_is_told_that_it_is_up_to_date() -> None:
    session = a_session()
    message = Sub(n=1, ch=BOOK, from_=Position(inc=1, s=42))
    channel = session.follow(message)
    assert channel is not None
    session.confirm_position(channel, message)

    assert session.due(now_s=1, heads=None) == [UpToDate(ch=BOOK, inc=1, p=42, s=42, ops=())]


def test_the_heart_beats_every_ten_seconds_and_tells_the_heads() -> None:
    session = a_session()
    following(session)
    heads = {BOOK: 5, "book:beta": 9}.copy

    beats = [session.due(now_s=now_s, heads=heads) for now_s in (9.9, 10, 19.9, 20)]

    assert beats == [[], [Heartbeat(n=1, heads={BOOK: 5})], [], [Heartbeat(n=2, heads={BOOK: 5})]]


def test_no_heart_beats_while_what_is_shown_may_be_out_of_date() -> None:
    session = a_session()

    assert session.due(now_s=60, heads=None) == []
    assert session.due(now_s=61, heads=dict) == [Heartbeat(n=1, heads={})]


def test_more_than_twenty_messages_a_second_are_too_many() -> None:
    session = a_session()
    session.count_messages(20, now_s=0)
    session.count_messages(10, now_s=0.5)

    with pytest.raises(Close) as closed:
        session.count_messages(11, now_s=1)

    assert closed.value.code == TOO_MANY_MESSAGES


def test_a_client_that_acknowledges_nothing_for_thirty_seconds_is_too_slow() -> None:
    session = a_session()
    channel = following(session)
    channel.deliver(a_snapshot(10))
    session.due(now_s=0, heads=None)
    session.due(now_s=30, heads=None)

    with pytest.raises(Close) as closed:
        session.due(now_s=30.1, heads=None)

    assert closed.value.code == TOO_SLOW


def test_a_client_that_acknowledges_what_it_has_read_stays() -> None:
    session = a_session()
    channel = following(session)
    channel.deliver(a_snapshot(10))
    session.due(now_s=0, heads=None)
    session.acknowledge(Ack(s={BOOK: 10, "book:unknown": 3}), now_s=29)

    assert session.due(now_s=100, heads=None) == []


def test_nobody_acknowledges_what_was_never_sent() -> None:
    session = a_session()
    following(session).deliver(a_snapshot(10))
    session.due(now_s=0, heads=None)

    with pytest.raises(Close) as closed:
        session.acknowledge(Ack(s={BOOK: 11}), now_s=1)

    assert closed.value.code == BAD_MESSAGE


def test_a_client_follows_at_most_fifty_channels() -> None:
    session = a_session()
    for number in range(SUBSCRIPTIONS_MAX):
        assert session.follow(Sub(n=number, ch=f"book:{number}")) is not None

    assert session.follow(Sub(n=99, ch="book:one-more")) is None
    assert session.follow(Sub(n=100, ch="book:0")) is not None
    [refusal] = session.due(now_s=0, heads=None)
    assert isinstance(refusal, Err)
    assert (refusal.n, refusal.problem["type"]) == (99, "/problems/count-limit")


def test_a_session_ends_when_its_time_is_over() -> None:
    session = a_session(until_s=100)
    session.greet(now_at=datetime.now(UTC), until_at=datetime.now(UTC))
    session.due(now_s=99, heads=None)

    with pytest.raises(Close) as closed:
        session.due(now_s=100, heads=None)

    assert closed.value.code == SESSION_OVER


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nonsense",
        "{}",
        '{"t":"sub","n":1,"ch":"book:x"}',
        '[{"t":"shout"}]',
        '[{"t":"sub","n":"1","ch":"book:x"}]',
        '[{"t":"sub","n":1,"ch":"book:x","why":1}]',
        '[{"t":"ack","s":{"book:x":"1"}}]',
        '["sub"]',
        "[" * 1_000,
    ],
)
def test_what_is_no_frame_of_messages_closes_the_connection(frame: str) -> None:
    with pytest.raises(Close) as closed:
        read_client_frame(frame)

    assert closed.value.code == BAD_MESSAGE


def test_a_frame_of_a_client_is_read_as_it_was_written() -> None:
    messages: list[AnyClientMessage] = [Sub(n=1, ch=BOOK, from_=Position(inc=3, s=7)), Ack(s={BOOK: 7})]

    text = write_frame(messages)

    assert text == '[{"t":"sub","n":1,"ch":"book:alfa","from":{"inc":3,"s":7}},{"t":"ack","s":{"book:alfa":7}}]'
    assert read_client_frame(text) == messages

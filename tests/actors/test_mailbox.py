"""What a mailbox takes, and what it answers."""

from datetime import timedelta

import pytest

from actors.mailbox import RedisOrderBooks
from actors.redis_connection import RedisConnection
from actors.redis_keys import book_shard_keys
from actors.replies import as_int
from actors.shards import ShardMap
from marketplace.ports import CommandAccepted, CommandBusy
from tests.actors.book_examples import ALFA, MONDAY, a_request, an_envelope, waiting_commands


async def test_a_command_waits_in_its_companys_shard_as_it_was_sent(
    connection: RedisConnection, shards: ShardMap, order_books: RedisOrderBooks
) -> None:
    envelope = an_envelope(a_request("request-1", 300_000), deadline_at=MONDAY + timedelta(seconds=30))

    assert await order_books.send(envelope) == CommandAccepted()

    (waiting,) = await waiting_commands(connection, shards, shards.of_company(ALFA))
    assert (waiting.company_id, waiting.command_id, waiting.decode()) == (ALFA, "command-1", envelope)
    assert await order_books.outcome(ALFA, "command-1") is None


async def test_a_command_sent_twice_waits_once(
    connection: RedisConnection, shards: ShardMap, order_books: RedisOrderBooks
) -> None:
    for _ in range(3):
        assert await order_books.send(an_envelope()) == CommandAccepted()

    assert len(await waiting_commands(connection, shards, shards.of_company(ALFA))) == 1


async def test_a_company_with_a_thousand_waiting_commands_is_busy_and_others_are_not(
    connection: RedisConnection, shards: ShardMap, order_books: RedisOrderBooks
) -> None:
    await connection.call("HSET", book_shard_keys(shards, shards.of_company(ALFA)).queued, ALFA, 999)
    neighbour = next(
        name for name in (f"company-{n}" for n in range(500)) if shards.of_company(name) == shards.of_company(ALFA)
    )

    assert await order_books.send(an_envelope(command_id="the-thousandth")) == CommandAccepted()
    assert await order_books.send(an_envelope(command_id="one-more")) == CommandBusy(500)
    assert await order_books.send(an_envelope(command_id="other", company_id=neighbour)) == CommandAccepted()


async def test_a_shard_with_ten_thousand_waiting_commands_is_busy(
    connection: RedisConnection, shards: ShardMap, order_books: RedisOrderBooks
) -> None:
    mailbox = book_shard_keys(shards, shards.of_company(ALFA)).mailbox
    await connection.pipeline([("XADD", mailbox, "*", "c", "x", "id", "x", "e", "x") for _ in range(9_999)])

    assert await order_books.send(an_envelope(command_id="the-last")) == CommandAccepted()
    assert await order_books.send(an_envelope(command_id="one-more")) == CommandBusy(500)


async def test_a_command_already_in_a_full_mailbox_is_still_recognised(
    connection: RedisConnection, shards: ShardMap, order_books: RedisOrderBooks
) -> None:
    await order_books.send(an_envelope())
    await connection.call("HSET", book_shard_keys(shards, shards.of_company(ALFA)).queued, ALFA, 1_000)

    assert await order_books.send(an_envelope()) == CommandAccepted()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(1, CommandAccepted(), id="in time"),
        pytest.param(0, CommandBusy(0), id="at the deadline"),
        pytest.param(-1, CommandBusy(0), id="late"),
    ],
)
async def test_a_deadline_is_read_by_the_senders_clock(
    order_books: RedisOrderBooks, seconds: int, expected: CommandAccepted | CommandBusy
) -> None:
    envelope = an_envelope(deadline_at=MONDAY + timedelta(seconds=seconds))

    assert await order_books.send(envelope) == expected


async def test_outcomes_are_kept_through_the_next_day_and_no_longer(
    connection: RedisConnection, shards: ShardMap, order_books: RedisOrderBooks
) -> None:
    keys = book_shard_keys(shards, shards.of_company(ALFA))
    await order_books.send(an_envelope())
    outcomes = keys.outcomes_of_even_days, keys.outcomes_of_odd_days
    (today,) = [key for key in outcomes if await connection.call("EXISTS", key)]
    (other,) = [key for key in outcomes if key != today]
    day = as_int(await connection.call("HGET", today, "#day"))
    await connection.pipeline(
        [
            ("DEL", today),
            ("HSET", other, "#day", day - 1, "yesterday", "ok:1"),
            ("HSET", today, "#day", day - 2, "the-day-before", "ok:2"),
        ]
    )

    await order_books.send(an_envelope(command_id="new"))

    assert await order_books.outcome(ALFA, "yesterday") == "ok:1"
    assert await order_books.outcome(ALFA, "the-day-before") is None

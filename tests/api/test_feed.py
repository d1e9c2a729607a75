"""The websocket as a client meets it: tickets, snapshots, deltas, resuming, and every reason to be sent away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from api.feeds.client import BookFeedClient, SubscriptionRefused
from marketplace.book.book_view import BookView
from tests.api.market_steps import add_terms_and_lenders, an_employee, covered
from tests.api.running_gateway import Door, RunningGateway, a_feed_client, id_of, running_gateway, terms_body
from tests.api.test_conventions import assert_problem

BLULEND = [Subprotocol("blulend.1")]
BOOK = f"book:{id_of('alfa')}"


@contextlib.asynccontextmanager
async def following(client: BookFeedClient) -> AsyncIterator[BookFeedClient]:
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def connected(gateway: RunningGateway, **how: Any) -> AsyncIterator[ClientConnection]:
    """A bare connection, before its first message."""
    url = gateway.url.replace("http", "ws") + "/api/v1/ws"
    async with connect(url, **{"subprotocols": BLULEND, "compression": None, **how}) as connection:
        yield connection


async def a_ticket(door: Door) -> str:
    ticket: str = (await door.post("/ws/ticket")).json()["ticket"]
    return ticket


async def say(connection: ClientConnection, *messages: dict[str, Any]) -> None:
    await connection.send(msgspec.json.encode(list(messages)).decode())


async def hear(connection: ClientConnection) -> list[dict[str, Any]]:
    async with asyncio.timeout(5):
        messages: list[dict[str, Any]] = msgspec.json.decode(await connection.recv())
        return messages


async def closing_code(connection: ClientConnection, *, within_s: float = 5) -> int | None:
    """The code that the server closes with, whatever it says before."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(within_s):
            while True:
                await connection.recv()
    return connection.close_code


async def publish(gateway: RunningGateway, version: int) -> None:
    answer = await gateway.operator.put(
        f"/companies/{id_of('alfa')}/terms/{version}?wait_s=10", terms_body(version=version)
    )
    assert answer.json()["state"] == "confirmed", answer.text


def the_view(client: BookFeedClient) -> BookView | None:
    book = client.books.get(id_of("alfa"))
    return None if book is None else book.view


def shows(client: BookFeedClient, version: int) -> bool:
    view = the_view(client)
    return view is not None and view.terms_version == version


async def test_a_client_sees_what_happens_in_a_book(market: RunningGateway) -> None:
    await market.add_company("alfa")
    async with following(a_feed_client(market, "alfa")) as client:
        await client.until(lambda: shows(client, 0))
        await add_terms_and_lenders(market, lender_cents=80_000)
        carla = await an_employee(market)
        status = await covered(market, carla)
        await client.until(lambda: latest_covers(client) == [(12, 50_000)])

        view = the_view(client)
        assert view is not None
        assert (view.phase, view.terms_version) == ("open", 1)
        assert view.o == ((12, 500, "B", 60_000, 4), (24, 500, "B", 60_000, 4))
        assert (view.tot[0], view.r) == (60_000, ())
        assert status["covered_cents"] == 100_000
        assert (client.snapshots, client.mismatches) == (1, 0)
        assert client.deltas >= 2


def latest_covers(client: BookFeedClient) -> list[tuple[int, int]]:
    """Term and rate of the covers shown."""
    view = the_view(client)
    return [] if view is None else [(months, rate_cbp) for months, rate_cbp, _ in view.last]


async def test_a_client_that_lost_its_connection_resumes_by_deltas(market: RunningGateway) -> None:
    await market.add_company("alfa")
    await publish(market, 1)
    async with following(a_feed_client(market, "alfa")) as client:
        await client.until(lambda: shows(client, 1))
        await client.drop_connection()
        await client.until(lambda: not client.is_live)
        await publish(market, 2)
        await client.until(lambda: shows(client, 2))

        assert client.is_live
        assert (client.snapshots, client.deltas, client.mismatches) == (1, 1, 0)


async def test_who_resumes_where_nothing_has_happened_is_told_so(market: RunningGateway) -> None:
    await market.add_company("alfa")
    await publish(market, 1)
    async with connected(market) as connection:
        await say(connection, {"t": "auth", "ticket": await a_ticket(market.nobody)}, {"t": "sub", "n": 1, "ch": BOOK})
        hello, snap = await hear(connection)
        await say(connection, {"t": "sub", "n": 2, "ch": BOOK, "from": {"inc": snap["inc"], "s": snap["s"]}})
        [delta] = await hear(connection)

    assert (hello["t"], hello["v"], hello["hb_s"], hello["now_at"]) == ("hello", 1, 10, "2026-01-12T08:00:00Z")
    assert (snap["t"], snap["n"], snap["ch"]) == ("snap", 1, BOOK)
    assert delta == {"t": "d", "ch": BOOK, "inc": snap["inc"], "p": snap["s"], "s": snap["s"], "ops": []}


@pytest.mark.parametrize("since", [{"inc": 99, "s": 1}, {"inc": 1, "s": 10**9}])
async def test_who_comes_from_another_history_starts_over(market: RunningGateway, since: dict[str, int]) -> None:
    await market.add_company("alfa")
    await publish(market, 1)
    async with connected(market) as connection:
        await say(
            connection,
            {"t": "auth", "ticket": await a_ticket(market.nobody)},
            {"t": "sub", "n": 1, "ch": BOOK, "from": since},
        )
        kinds = [message["t"] for message in await hear(connection)]

    assert kinds == ["hello", "reset", "snap"]


async def test_a_book_that_is_not_there_is_refused_and_the_others_go_on(gateway: RunningGateway) -> None:
    await gateway.add_company("alfa")
    names = [f"book:{id_of('nobody')}", "book:x", "purse:x", "nonsense", ""]
    async with connected(gateway) as connection:
        await say(
            connection,
            {"t": "auth", "ticket": await a_ticket(gateway.nobody)},
            *({"t": "sub", "n": n, "ch": name} for n, name in enumerate(names)),
            {"t": "sub", "n": 99, "ch": BOOK},
        )
        _, *refusals, snap = await hear(connection)

    assert [(refusal["t"], refusal["n"]) for refusal in refusals] == [("err", n) for n in range(len(names))]
    assert {refusal["problem"]["type"] for refusal in refusals} == {"/problems/not-found"}
    assert (snap["t"], snap["n"]) == ("snap", 99)


async def test_a_channel_left_is_heard_of_no_more(market: RunningGateway) -> None:
    await market.add_company("alfa")
    await publish(market, 1)
    async with connected(market) as connection:
        await say(connection, {"t": "auth", "ticket": await a_ticket(market.nobody)}, {"t": "sub", "n": 1, "ch": BOOK})
        await hear(connection)
        await say(connection, {"t": "unsub", "n": 2, "ch": BOOK})
        await publish(market, 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await connection.recv()


# Tickets


async def test_a_ticket_opens_one_connection(gateway: RunningGateway) -> None:
    ticket = await a_ticket(gateway.nobody)
    async with connected(gateway) as first, connected(gateway) as second:
        await say(first, {"t": "auth", "ticket": ticket})
        assert (await hear(first))[0]["t"] == "hello"
        await say(second, {"t": "auth", "ticket": ticket})
        assert await closing_code(second) == 4401


@pytest.mark.parametrize(
    "first",
    [
        pytest.param({"t": "auth", "ticket": "made-up"}, id="a ticket nobody issued"),
        pytest.param({"t": "sub", "n": 1, "ch": BOOK}, id="no ticket first"),
    ],
)
async def test_who_shows_no_good_ticket_is_sent_away(gateway: RunningGateway, first: dict[str, Any]) -> None:
    async with connected(gateway) as connection:
        await say(connection, first)
        assert await closing_code(connection) == 4401


async def test_who_says_nothing_for_five_seconds_is_sent_away(gateway: RunningGateway) -> None:
    async with connected(gateway) as connection:
        assert await closing_code(connection, within_s=8) == 4401


async def test_a_ticket_of_one_s_own_extends_the_session_and_another_s_ends_it(gateway: RunningGateway) -> None:
    ada, bob = await gateway.add_lender("ada"), await gateway.add_lender("bob")
    async with connected(gateway) as connection:
        await say(connection, {"t": "auth", "ticket": await a_ticket(ada)})
        await hear(connection)
        await say(connection, {"t": "auth", "ticket": await a_ticket(ada)})
        assert (await hear(connection))[0]["t"] == "hello"
        await say(connection, {"t": "auth", "ticket": await a_ticket(bob)})
        assert await closing_code(connection) == 4401


async def test_visitors_get_no_ticket_where_books_are_not_public(
    database_url: str, books_redis_url: str, jobs_redis_url: str
) -> None:
    async with running_gateway(
        database_url=database_url,
        book_redis_url=books_redis_url,
        jobs_redis_url=jobs_redis_url,
        public_books=False,
    ) as gateway:
        await gateway.add_company("alfa")
        ada = await gateway.add_lender("ada")

        assert_problem(await gateway.nobody.post("/ws/ticket"), 401, "unauthenticated")
        async with following(a_feed_client(gateway, "alfa", door=ada)) as client:
            await client.until(lambda: the_view(client) is not None)


# Limits


async def test_pages_of_others_and_other_protocols_are_not_let_in(gateway: RunningGateway) -> None:
    for how in ({"origin": Origin("https://elsewhere.example")}, {"subprotocols": [Subprotocol("chat")]}):
        with pytest.raises(InvalidStatus) as refused:
            async with connected(gateway, **how):
                pass
        assert refused.value.response.status_code == 403
    async with connected(gateway, origin=Origin(gateway.url)) as connection:
        assert connection.subprotocol == "blulend.1"


@pytest.mark.parametrize("frame", ["nonsense", "{}", '[{"t":"shout"}]', '[{"t":"ack","s":{"x":-1.5}}]'])
async def test_garbage_closes_the_connection(gateway: RunningGateway, frame: str) -> None:
    async with connected(gateway) as connection:
        await say(connection, {"t": "auth", "ticket": await a_ticket(gateway.nobody)})
        await connection.send(frame)
        assert await closing_code(connection) == 4400


async def test_a_frame_above_16_kib_closes_the_connection(gateway: RunningGateway) -> None:
    async with connected(gateway) as connection:
        await say(connection, {"t": "auth", "ticket": await a_ticket(gateway.nobody)})
        await connection.send(" " * (16 * 1024 + 1))
        assert await closing_code(connection) == 1009


async def test_a_flood_of_messages_closes_the_connection(gateway: RunningGateway) -> None:
    async with connected(gateway) as connection:
        await say(connection, {"t": "auth", "ticket": await a_ticket(gateway.nobody)})
        await say(connection, *({"t": "unsub", "n": n, "ch": BOOK} for n in range(21)))
        assert await closing_code(connection) == 4429


async def test_a_user_s_sixth_connection_ends_the_first(gateway: RunningGateway) -> None:
    ada = await gateway.add_lender("ada")
    async with contextlib.AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(connected(gateway)) for _ in range(6)]
        for connection in connections:
            await say(connection, {"t": "auth", "ticket": await a_ticket(ada)})
            await hear(connection)

        assert await closing_code(connections[0]) == 4409
        await connections[5].ping()


async def test_a_gateway_that_stops_tells_its_clients_when_to_come_back(
    database_url: str, books_redis_url: str, jobs_redis_url: str
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        running = running_gateway(
            database_url=database_url, book_redis_url=books_redis_url, jobs_redis_url=jobs_redis_url
        )
        gateway = await running.__aenter__()
        connection = await stack.enter_async_context(connected(gateway))
        await say(connection, {"t": "auth", "ticket": await a_ticket(gateway.nobody)})
        await hear(connection)
        stopping = asyncio.create_task(running.__aexit__(None, None, None))
        [bye] = await hear(connection)
        code = await closing_code(connection)
        await stopping

    assert (bye["t"], bye["code"], code) == ("bye", 1012, 1012)
    assert 500 <= bye["retry_ms"] <= 15_000


async def test_the_reference_client_tells_of_a_refused_book(gateway: RunningGateway) -> None:
    client = a_feed_client(gateway, "nobody")

    with pytest.raises(SubscriptionRefused):
        async with asyncio.timeout(5):
            await client.run()

"""The gateway's status gathers what every process says of itself, and names those that say nothing."""

import asyncio

from api.process_statuses import gather_statuses, process_addresses


async def answering(body: bytes) -> tuple[asyncio.Server, str]:
    """A process that answers every call with this body, and its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_facts_come_from_those_that_answer_and_a_reason_for_the_others() -> None:
    books, books_address = await answering(b'{"process": "books", "shards": 3}')
    broken, broken_address = await answering(b"not JSON")
    setting = f"books={books_address},projector={broken_address},servicing=http://127.0.0.1:1"

    statuses = await gather_statuses(process_addresses(setting))

    assert list(statuses) == ["books", "projector", "servicing"]
    assert statuses["books"].facts == {"process": "books", "shards": 3}
    assert statuses["books"].problem is None
    for name in ("projector", "servicing"):
        assert statuses[name].facts is None
        assert statuses[name].problem
    for server in (books, broken):
        server.close()


async def test_a_gateway_that_knows_no_addresses_gathers_nothing() -> None:
    assert await gather_statuses(process_addresses(None)) == {}

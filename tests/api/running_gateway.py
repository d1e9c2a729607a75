"""The real gateway on a port of its own, with as much of the market behind it as a test asks for."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import httpx
import msgspec
from litestar import Litestar

from actors.errors import PurseRefused, RedisRefused, RedisUnreachable
from actors.event_log import RedisJournals
from actors.functions import load_functions
from actors.host import BookHost
from actors.mailbox import RedisOrderBooks
from actors.purse import RedisPurses
from actors.redis_connection import RedisConnection
from actors.shards import ShardMap
from api.access_keys import key_id_of
from api.feeds.client import BookFeedClient
from api.own_signals_server import OwnSignalsServer
from api.process import GatewayPlace, open_gateway, uvicorn_config
from api.settings import ApiSettings
from cli.listening import listen
from lemonway.transport import LemonwayConnection
from persistence.business_clock import BusinessClock, use_virtual_time
from persistence.command_sweeper import CommandSweeper
from persistence.connection import Pool, close_pool, open_pool
from persistence.projector import Projector
from persistence.purse_applier import PurseApplier
from persistence.registrations import wallet_id_of
from persistence.wires import ReceivedWire, record_wire

START = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
"""Monday, 09:00 in Rome."""
OPERATOR_SECRET = "an-operator-secret-for-tests"
WEBHOOK_SECRET = "a-secret-path-for-tests"
OUTAGES = (RedisUnreachable, RedisRefused)

NOBODY_AT_HOME = LemonwayConnection(
    directkit_url="http://127.0.0.1:9/directkit",
    onboarding_url="http://127.0.0.1:9/onboarding",
    token_url="http://127.0.0.1:9/token",
    api_key="a-key-for-tests",
    connect_timeout_ms=200,
    read_timeout_ms=200,
    write_timeout_ms=200,
)

ADDRESS = {"street": "Via Roma 1", "postcode": "20121", "city": "Milano"}
IBAN = "IT60X0542811101000000123456"


def id_of(name: str) -> str:
    """The UUID of whatever a test calls by name."""
    return str(uuid5(NAMESPACE_OID, name))


def secret_of(name: str) -> str:
    """The secret of a party's key."""
    return f"{name}-" + "s" * 43


def a_person(first_name: str) -> dict[str, Any]:
    return {
        "first_name": first_name.capitalize(),
        "last_name": "Rossi",
        "birth_date": "1990-05-04",
        "email": f"{first_name.lower()}@example.org",
        "phone": "+393331234567",
        "address": ADDRESS,
    }


def tax_code_of(name: str) -> str:
    """Sixteen characters in the form of a tax code."""
    return (name.upper() + "RSSMRA90E44F205X")[:16]


class Door:
    """Calls the API as one party, or as nobody."""

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.http = httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=30, verify=False)

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        content = None if body is None else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named.setdefault("Content-Type", "application/json")
        return await self.http.request(method, path, content=content, headers=named)

    async def get(self, path: str) -> httpx.Response:
        return await self.call("GET", path)

    async def put(self, path: str, body: object) -> httpx.Response:
        return await self.call("PUT", path, body)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self.call("POST", path, body, **headers)

    async def delete(self, path: str) -> httpx.Response:
        return await self.call("DELETE", path)


class RunningGateway:
    """A gateway that answers at `url`, with the database behind it."""

    def __init__(self, url: str, pool: Pool, app: Litestar) -> None:
        self.url = url
        self.pool = pool
        self.app = app
        self.nobody = Door(url)
        self.operator = Door(url, f"blk_operator_{OPERATOR_SECRET}")
        self._doors: list[Door] = [self.nobody, self.operator]

    def door(self, name: str) -> Door:
        """The door of a registered party."""
        door = Door(self.url, f"blk_{key_id_of(id_of(name))}_{secret_of(name)}")
        self._doors.append(door)
        return door

    async def close(self) -> None:
        for door in self._doors:
            await door.http.aclose()

    # Parties, by name

    async def add_company(self, name: str) -> Door:
        """A company whose code is its name and `-2026`."""
        body = {
            "entity": {"name": f"{name.capitalize()} S.p.A.", "registration_number": "12345678901", "address": ADDRESS},
            "representative": a_person("paola"),
            "code": f"{name.upper()}-2026",
            "secret": secret_of(name),
        }
        answer = await self.operator.put(f"/ops/companies/{id_of(name)}", body)
        assert answer.status_code == 201, answer.text
        return self.door(name)

    async def add_lender(self, name: str, *, is_accepted: bool = True) -> Door:
        return await self._register(name, "lender_person", is_accepted)

    async def add_borrower(self, name: str, *, is_accepted: bool = True) -> Door:
        return await self._register(name, "borrower", is_accepted)

    async def _register(self, name: str, kind: str, is_accepted: bool) -> Door:
        body = {"kind": kind, "person": a_person(name), "secret": secret_of(name)}
        answer = await self.nobody.put(f"/registrations/{id_of(name)}", body)
        assert answer.status_code == 201, answer.text
        if is_accepted:
            await self.accept(name)
        return self.door(name)

    async def accept(self, name: str) -> None:
        """The payment institution has accepted the party."""
        await self.pool.execute("UPDATE party SET kyc_state = 'accepted' WHERE id = $1", id_of(name))

    async def wire(self, name: str, kind: str, cents: int) -> None:
        """Money has arrived in the party's wallet."""
        wallet_id = wallet_id_of(kind, id_of(name))  # type: ignore[arg-type]
        wire = ReceivedWire(money_in_id=id_of(f"wire of {name}"), wallet_id=wallet_id, cents=cents, executed_at=START)
        assert await record_wire(self.pool, wire)


def terms_body(*, version: int = 1, floor_bp: int = 500, cap_bp: int = 500, months: tuple[int, ...] = (12, 24)) -> Any:
    """A posted rate for some terms; no cap on one lender's share."""
    bands = [{"months": term, "floor_bp": floor_bp, "cap_bp": cap_bp} for term in months]
    return {
        "terms": {"version": version, "bands": bands, "max_share_bp": None},
        "policy": {"amount_min_cents": 50_000, "amount_max_cents": 500_000},
    }


def offer_body(name: str, **changes: Any) -> dict[str, Any]:
    """An offer of a lender's strategy."""
    offer = {"strategy_id": id_of(f"strategy of {name}"), "rate_floor_bp": 400, "tier": "B", "terms": [12, 24]}
    return offer | changes


def request_body(name: str, company: str, **changes: Any) -> dict[str, Any]:
    """1,000.00 for a year at 5 % at most."""
    body = {
        "company_id": id_of(company),
        "employment_id": id_of(f"employment of {name}"),
        "amount_cents": 100_000,
        "term_months": 12,
        "rate_max_bp": 500,
    }
    return body | changes


def employee_row(name: str, **changes: Any) -> dict[str, Any]:
    row = {
        "staff_number": f"n-{name}",
        "tax_code": tax_code_of(name),
        "first_name": name.capitalize(),
        "last_name": "Rossi",
        "contract_type": "permanent",
        "hired_on": "2015-03-01",
        "net_monthly_cents": 180_000,
    }
    return row | changes


@contextlib.asynccontextmanager
async def running_gateway(
    *,
    database_url: str,
    book_redis_url: str,
    jobs_redis_url: str,
    lemonway: LemonwayConnection = NOBODY_AT_HOME,
    public_books: bool = True,
) -> AsyncIterator[RunningGateway]:
    """The gateway over emptied stores, in this event loop, on a market whose time stands at START."""
    connection = RedisConnection(book_redis_url)
    await load_functions(connection)
    await connection.close()
    place = GatewayPlace(
        settings=ApiSettings(
            jobs_redis_url=jobs_redis_url,
            operator_secret=OPERATOR_SECRET,
            clock="virtual",
            public_books=public_books,
        ),
        database_url=database_url,
        book_redis_url=book_redis_url,
        shards=ShardMap(),
        lemonway=lemonway,
        webkit_url="https://webkit.example",
        webhook_secrets=(WEBHOOK_SECRET,),
    )
    pool = await open_pool(database_url)
    async with pool.acquire() as database:
        await use_virtual_time(database, START)
    with listen("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with serving(place, listening) as app:
            gateway = RunningGateway(url, pool, app)
            try:
                yield gateway
            finally:
                await gateway.close()
                await close_pool(pool)


@contextlib.asynccontextmanager
async def serving(place: GatewayPlace, listening: socket.socket) -> AsyncIterator[Litestar]:
    """A gateway that answers on `listening` while the block lasts; its application."""
    async with open_gateway(place) as gateway:
        config = uvicorn_config(gateway.app)
        config.timeout_graceful_shutdown = 1
        server = OwnSignalsServer(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not (server.started and gateway.channels.is_current):
            assert not task.done(), task
            await asyncio.sleep(0.002)
        try:
            yield gateway.app
        finally:
            await gateway.hub.send_everybody_away()
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def running_books(*, database_url: str, book_redis_url: str) -> AsyncIterator[None]:
    """Books, purses and projection at work while the block lasts."""
    shards = ShardMap()
    async with BusinessClock(database_url) as clock, contextlib.AsyncExitStack() as stack:
        connection = RedisConnection(book_redis_url)
        stack.push_async_callback(connection.close)
        order_books = RedisOrderBooks(book_redis_url, shards, clock)
        stack.push_async_callback(order_books.close)
        journals = RedisJournals(book_redis_url, shards)
        stack.push_async_callback(journals.close)
        host = BookHost(
            connect=lambda: RedisConnection(book_redis_url),
            shards=shards,
            owner_id="host-of-a-test",
            lease_ms=3_000,
            clock=clock,
            ticking=False,
            staging_ms=0,
        )
        purses = RedisPurses(connection, shards)
        loops: list[Projector | PurseApplier | CommandSweeper] = [
            Projector(database_url=database_url, journals=journals, outages=OUTAGES),
            PurseApplier(database_url=database_url, purses=purses, outages=OUTAGES, refusals=(PurseRefused,)),
            CommandSweeper(database_url=database_url, order_books=order_books, outages=OUTAGES),
        ]
        hosting = asyncio.create_task(host.run())
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        try:
            yield
        finally:
            host.stop()
            await hosting
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


def a_feed_client(gateway: RunningGateway, *companies: str, door: Door | None = None) -> BookFeedClient:
    """The reference client on some companies' books, as a visitor or as a party."""

    async def fetch_ticket() -> str:
        answer = await (door or gateway.nobody).post("/ws/ticket")
        assert answer.status_code == 201, answer.text
        ticket: str = answer.json()["ticket"]
        return ticket

    url = gateway.url.replace("http", "ws") + "/api/v1/ws"
    return BookFeedClient(url, fetch_ticket, [id_of(company) for company in companies])

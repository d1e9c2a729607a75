"""`python3 main.py api`: the gateway with its page, its HTTP API and its live feeds."""

import argparse
import os
from datetime import UTC, datetime

from actors.shards import ShardMap
from api.process import GatewayPlace, run_api
from api.settings import ApiSettings
from cli.environment import (
    BOOK_REDIS_URL,
    DATABASE_URL,
    JOBS_REDIS_URL,
    actor_settings,
    api_settings,
    check_settings,
    lemonway_settings,
    persistence_settings,
)
from cli.lemonway_connection import connection_to
from cli.listening import listening_socket
from cli.logs import configure_logs
from cli.process_status import say_where_it_listens
from cli.stores import load_book_functions, reach_stores
from cli.until_stopped import run_until_stopped
from persistence.business_clock import use_virtual_time
from persistence.connection import connect


def run(arguments: argparse.Namespace) -> int:
    """Serve until stopped; the clients of the feed are then told when to come back."""
    return run_until_stopped(_serve()) or 0


async def _serve() -> int:
    configure_logs()
    check_settings(["api"], os.environ)
    settings = api_settings(os.environ)
    listening = listening_socket(os.environ, host=settings.host, port=settings.port)
    database_url = persistence_settings(os.environ).database_url
    book_redis_url = actor_settings(os.environ).book_redis_url
    institution = lemonway_settings(os.environ)
    await reach_stores(os.environ, (DATABASE_URL, BOOK_REDIS_URL, JOBS_REDIS_URL))
    await load_book_functions(book_redis_url)
    if settings.clock == "virtual":
        await _begin_time(settings, database_url)
    place = GatewayPlace(
        settings=settings,
        database_url=database_url,
        book_redis_url=book_redis_url,
        shards=ShardMap(),
        lemonway=connection_to(institution),
        webkit_url=institution.webkit_url,
        webhook_secrets=(institution.webhook_secret,),
    )
    say_where_it_listens("api", listening, os.environ)
    await run_api(place, listening)
    return 0


async def _begin_time(settings: ApiSettings, database_url: str) -> None:
    """Give a new market its first instant; one that has a time of its own keeps it."""
    database = await connect(database_url)
    try:
        await use_virtual_time(database, settings.clock_starts_at or datetime.now(UTC))
    finally:
        await database.close()

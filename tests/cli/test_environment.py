"""Settings from the environment, and the line a wrong value stops the start with."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from actors.settings import ActorSettings
from api.settings import ApiSettings
from cli.environment import (
    EmbeddedServerSettings,
    ListenSettings,
    WrongSetting,
    actor_settings,
    api_settings,
    embedded_server_settings,
    jobs_settings,
    lemonway_settings,
    listen_settings,
    persistence_settings,
    simulator_settings,
)
from lemonway.settings import LemonwaySettings

API = {"JOBS_REDIS_URL": "redis://jobs", "BLULEND_OPERATOR_SECRET": "sixteen-letters-"}
LEMONWAY = {
    "BLULEND_LEMONWAY_URL": "https://pay.example/directkitrest",
    "BLULEND_LEMONWAY_TOKEN_URL": "https://auth.example/token",
    "BLULEND_LEMONWAY_ONBOARDING_URL": "https://onboarding.example",
    "BLULEND_LEMONWAY_WEBKIT_URL": "https://webkit.example",
    "BLULEND_LEMONWAY_API_KEY": "key",
    "BLULEND_LEMONWAY_WEBHOOK_SECRET": "unguessable_part-1",
}


def test_what_has_no_variable_keeps_its_default() -> None:
    assert api_settings(API) == ApiSettings(
        host="127.0.0.1",
        port=8000,
        jobs_redis_url="redis://jobs",
        public_books=True,
        operator_secret="sixteen-letters-",
        clock="system",
    )
    assert actor_settings({"BOOK_REDIS_URL": "unix:///run/books.sock"}) == ActorSettings(
        book_redis_url="unix:///run/books.sock", lease_ms=3_000, ticking=True, staging_ms=200
    )
    assert listen_settings({}) == ListenSettings(host="127.0.0.1", port=0)
    assert embedded_server_settings({}) == EmbeddedServerSettings()


def test_every_variable_reaches_its_field() -> None:
    given = {
        "BLULEND_LEMONWAY_COLLECTION_WALLET": "COLL",
        "BLULEND_LEMONWAY_TIMEOUT_S": "30",
        "BLULEND_WAITS_PERCENT": "5",
    }
    assert lemonway_settings(LEMONWAY | given) == LemonwaySettings(
        base_url="https://pay.example/directkitrest",
        token_url="https://auth.example/token",
        onboarding_url="https://onboarding.example",
        webkit_url="https://webkit.example",
        api_key="key",
        webhook_secret="unguessable_part-1",
        collection_wallet="COLL",
        timeout_s=30,
        waits_percent=5,
    )
    assert persistence_settings({"DATABASE_URL": "postgresql://h/d"}).database_url == "postgresql://h/d"
    assert jobs_settings({"JOBS_REDIS_URL": "rediss://h"}).redis_url == "rediss://h"


def test_the_simulator_is_told_what_its_client_is_told() -> None:
    settings = simulator_settings(
        LEMONWAY
        | {
            "BLULEND_SIMULATOR_STORE": "/data/store",
            "BLULEND_SIMULATOR_WEBHOOK_URL": "http://127.0.0.1:8000/hook",
            "BLULEND_SIMULATOR_START_AT": "2026-11-23T09:00:00Z",
            "BLULEND_SIMULATOR_SC_WALLET": "SC-2",
            "BLULEND_LEMONWAY_COLLECTION_WALLET": "COLL",
        }
    )

    assert settings.store_path == Path("/data/store")
    assert settings.api_key == "key"
    assert settings.webhook_url == "http://127.0.0.1:8000/hook"
    assert settings.start_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert settings.sc_wallet_id == "SC-2"
    assert settings.technical_wallet_ids == ("COLL",)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert api_settings(API | {"BLULEND_PORT": ""}).port == 8000


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_a_switch_is_true_or_false(text: str, meant: bool) -> None:
    assert api_settings(API | {"BLULEND_PUBLIC_BOOKS": text}).public_books is meant


Read = Callable[[Mapping[str, str]], msgspec.Struct]


@pytest.mark.parametrize(
    ("read", "given", "line"),
    [
        (api_settings, API | {"BLULEND_PORT": "99999"}, "BLULEND_PORT is '99999': expected a port number, 1 to 65535"),
        (api_settings, API | {"BLULEND_PORT": "http"}, "BLULEND_PORT is 'http': expected a port number, 1 to 65535"),
        (api_settings, API | {"BLULEND_PUBLIC_BOOKS": "ja"}, "BLULEND_PUBLIC_BOOKS is 'ja': expected true or false"),
        (api_settings, API | {"BLULEND_CLOCK": "fast"}, "BLULEND_CLOCK is 'fast': expected system or virtual"),
        (
            actor_settings,
            {"BOOK_REDIS_URL": "redis://h", "BLULEND_LEASE_MS": "5"},
            "BLULEND_LEASE_MS is '5': expected milliseconds, 100 to 60000",
        ),
        (
            lemonway_settings,
            LEMONWAY | {"BLULEND_LEMONWAY_URL": "pay.example"},
            "BLULEND_LEMONWAY_URL is 'pay.example': expected an address: https://host/path",
        ),
        (
            simulator_settings,
            LEMONWAY | {"BLULEND_SIMULATOR_STORE": "s", "BLULEND_SIMULATOR_START_AT": "2026-11-23"},
            "BLULEND_SIMULATOR_START_AT is '2026-11-23': expected an instant: 2026-11-23T09:00:00Z",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_was_given_and_what_is_accepted(
    read: Read, given: dict[str, str], line: str
) -> None:
    with pytest.raises(WrongSetting) as stopped:
        read(given)

    assert str(stopped.value) == line


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (
            persistence_settings,
            "DATABASE_URL is not set: expected a PostgreSQL address: postgresql://user:password@host:port/database",
        ),
        (jobs_settings, "JOBS_REDIS_URL is not set: expected a Redis address: redis://, rediss:// or unix://"),
    ],
)
def test_a_missing_value_is_named_with_what_is_accepted(read: Read, line: str) -> None:
    with pytest.raises(WrongSetting) as stopped:
        read({})

    assert str(stopped.value) == line


@pytest.mark.parametrize(
    ("read", "given", "secret"),
    [
        (api_settings, API | {"BLULEND_OPERATOR_SECRET": "tooshort"}, "tooshort"),
        (lemonway_settings, LEMONWAY | {"BLULEND_LEMONWAY_WEBHOOK_SECRET": "s3cret"}, "s3cret"),
        (persistence_settings, {"DATABASE_URL": "mysql://user:s3cret@host"}, "s3cret"),
        (jobs_settings, {"JOBS_REDIS_URL": "http://:s3cret@host"}, "s3cret"),
    ],
)
def test_a_wrong_secret_is_not_repeated(read: Read, given: dict[str, str], secret: str) -> None:
    with pytest.raises(WrongSetting) as stopped:
        read(given)

    assert "is a value of " in str(stopped.value)
    assert secret not in str(stopped.value)

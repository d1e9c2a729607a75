"""Settings from environment variables: the one place that knows the names of those that settings are read from.

Each function makes one package's frozen settings, and stops at the first wrong value
with a line that names the variable, what it was given and what it accepts.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from cli.command_failed import WronglyAskedFor
from persistence.settings import DatabaseUrl

if TYPE_CHECKING:
    from actors.settings import ActorSettings
    from api.settings import ApiSettings
    from lemonway.settings import JobsSettings, LemonwaySettings
    from lemonway.simulator.settings import SimulatorSettings
    from persistence.settings import PersistenceSettings

Settings = TypeVar("Settings", bound=msgspec.Struct)

DATABASE_URL = "DATABASE_URL"
BOOK_REDIS_URL = "BOOK_REDIS_URL"
JOBS_REDIS_URL = "JOBS_REDIS_URL"
LEMONWAY_URL = "BLULEND_LEMONWAY_URL"
HOST = "BLULEND_HOST"
PORT = "BLULEND_PORT"

API_VARIABLES = {
    "host": HOST,
    "port": PORT,
    "jobs_redis_url": JOBS_REDIS_URL,
    "public_books": "BLULEND_PUBLIC_BOOKS",
    "operator_secret": "BLULEND_OPERATOR_SECRET",
    "clock": "BLULEND_CLOCK",
    "clock_starts_at": "BLULEND_CLOCK_STARTS_AT",
    "process_addresses": "BLULEND_PROCESS_ADDRESSES",
}
ACTOR_VARIABLES = {
    "book_redis_url": BOOK_REDIS_URL,
    "lease_ms": "BLULEND_LEASE_MS",
    "ticking": "BLULEND_TICKING",
    "staging_ms": "BLULEND_STAGING_MS",
}
LISTEN_VARIABLES = {"host": HOST, "port": PORT}
PERSISTENCE_VARIABLES = {"database_url": DATABASE_URL}
MIGRATION_VARIABLES = {"database_url": DATABASE_URL, "application_role": "BLULEND_DATABASE_ROLE"}
JOBS_VARIABLES = {"redis_url": JOBS_REDIS_URL}
LEMONWAY_VARIABLES = {
    "base_url": LEMONWAY_URL,
    "token_url": "BLULEND_LEMONWAY_TOKEN_URL",
    "onboarding_url": "BLULEND_LEMONWAY_ONBOARDING_URL",
    "webkit_url": "BLULEND_LEMONWAY_WEBKIT_URL",
    "api_key": "BLULEND_LEMONWAY_API_KEY",
    "webhook_secret": "BLULEND_LEMONWAY_WEBHOOK_SECRET",
    "collection_wallet": "BLULEND_LEMONWAY_COLLECTION_WALLET",
    "timeout_s": "BLULEND_LEMONWAY_TIMEOUT_S",
    "waits_percent": "BLULEND_WAITS_PERCENT",
}
SIMULATOR_VARIABLES = {
    "store": "BLULEND_SIMULATOR_STORE",
    "webhook_url": "BLULEND_SIMULATOR_WEBHOOK_URL",
    "start_at": "BLULEND_SIMULATOR_START_AT",
    "api_key": LEMONWAY_VARIABLES["api_key"],
    "sc_wallet": "BLULEND_SIMULATOR_SC_WALLET",
    "collection_wallet": LEMONWAY_VARIABLES["collection_wallet"],
}
VERIFY_VARIABLES = (DATABASE_URL, BOOK_REDIS_URL, *LEMONWAY_VARIABLES.values())
"""What is needed to compare a market's record with its books and with Lemonway."""
EMBEDDED_SERVER_VARIABLES = {
    "database_url": DATABASE_URL,
    "book_redis_url": BOOK_REDIS_URL,
    "jobs_redis_url": JOBS_REDIS_URL,
    "valkey_server": "BLULEND_VALKEY_SERVER",
    "postgres_bin": "BLULEND_POSTGRES_BIN",
}
ADDRESSES = {
    DATABASE_URL,
    BOOK_REDIS_URL,
    JOBS_REDIS_URL,
    SIMULATOR_VARIABLES["webhook_url"],
    *(LEMONWAY_VARIABLES[field] for field in ("base_url", "token_url", "onboarding_url", "webkit_url")),
}
# An address may hold a password, so it is not repeated either.
NEVER_REPEATED = {
    API_VARIABLES["operator_secret"],
    LEMONWAY_VARIABLES["api_key"],
    LEMONWAY_VARIABLES["webhook_secret"],
    DATABASE_URL,
    BOOK_REDIS_URL,
    JOBS_REDIS_URL,
}


class WrongSetting(WronglyAskedFor):
    """A variable holds what it cannot, or is missing where it must be set."""


class ListenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process that is not the gateway answers /health, /status and /metrics. Port 0 takes any free one."""

    host: Annotated[str, msgspec.Meta(min_length=1, description="a host name or address to listen on")] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535, description="a port number, 1 to 65535, or 0 for any")] = 0


class MigrationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which database `migrate` brings up to date, and the role that the processes connect to it as.

    Without a role they connect as the one that owns the tables.
    """

    database_url: DatabaseUrl
    application_role: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[a-z_][a-z0-9_]{0,62}$",
                description="the name of a PostgreSQL role: small letters, digits and _, at most 63",
            ),
        ]
        | None
    ) = None


class ClockSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which time a market that is new shall have, and when a time of its own begins."""

    clock: Annotated[Literal["system", "virtual"], msgspec.Meta(description="system or virtual")] = "system"
    clock_starts_at: (
        Annotated[datetime, msgspec.Meta(tz=True, description="an instant: 2026-11-23T09:00:00Z")] | None
    ) = None


class EmbeddedServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which servers are given (those with an address are not started), and whose programs run the others."""

    database_url: str | None = None
    book_redis_url: str | None = None
    jobs_redis_url: str | None = None
    valkey_server: Annotated[str, msgspec.Meta(description="the path of a valkey-server program")] | None = None
    postgres_bin: Annotated[str, msgspec.Meta(description="the folder of PostgreSQL's programs")] | None = None


def api_settings(environment: Mapping[str, str]) -> "ApiSettings":
    from api.settings import ApiSettings

    return read_settings(ApiSettings, API_VARIABLES, environment)


def actor_settings(environment: Mapping[str, str]) -> "ActorSettings":
    from actors.settings import ActorSettings

    return read_settings(ActorSettings, ACTOR_VARIABLES, environment)


def persistence_settings(environment: Mapping[str, str]) -> "PersistenceSettings":
    from persistence.settings import PersistenceSettings

    return read_settings(PersistenceSettings, PERSISTENCE_VARIABLES, environment)


def jobs_settings(environment: Mapping[str, str]) -> "JobsSettings":
    from lemonway.settings import JobsSettings

    return read_settings(JobsSettings, JOBS_VARIABLES, environment)


def lemonway_settings(environment: Mapping[str, str]) -> "LemonwaySettings":
    from lemonway.settings import LemonwaySettings

    return read_settings(LemonwaySettings, LEMONWAY_VARIABLES, environment)


def simulator_settings(environment: Mapping[str, str]) -> "SimulatorSettings":
    from lemonway.simulator.settings import SimulatorSettings

    read = read_settings(_SimulatorVariables, SIMULATOR_VARIABLES, environment)
    return SimulatorSettings(
        store_path=Path(read.store),
        api_key=read.api_key,
        webhook_url=read.webhook_url,
        start_at=read.start_at or "system",
        sc_wallet_id=read.sc_wallet,
        technical_wallet_ids=(read.collection_wallet,),
    )


def listen_settings(environment: Mapping[str, str]) -> ListenSettings:
    return read_settings(ListenSettings, LISTEN_VARIABLES, environment)


def clock_settings(environment: Mapping[str, str]) -> ClockSettings:
    return read_settings(ClockSettings, API_VARIABLES, environment)


def embedded_server_settings(environment: Mapping[str, str]) -> EmbeddedServerSettings:
    return read_settings(EmbeddedServerSettings, EMBEDDED_SERVER_VARIABLES, environment)


def migration_settings(environment: Mapping[str, str]) -> MigrationSettings:
    return read_settings(MigrationSettings, MIGRATION_VARIABLES, environment)


SETTINGS_OF: dict[str, tuple[Callable[[Mapping[str, str]], msgspec.Struct], ...]] = {
    "api": (persistence_settings, actor_settings, api_settings, lemonway_settings),
    "books": (listen_settings, actor_settings),
    "projector": (listen_settings, persistence_settings, actor_settings),
    "payments": (listen_settings, persistence_settings, jobs_settings, lemonway_settings),
    "servicing": (listen_settings, persistence_settings, actor_settings, lemonway_settings),
    "lemonway-simulator": (listen_settings, simulator_settings),
    "migrate": (migration_settings,),
    "verify": (persistence_settings, actor_settings, lemonway_settings),
}
"""What each process and command reads, by its name."""


def check_settings(names: Iterable[str], environment: Mapping[str, str]) -> None:
    """Read all that these processes will read, so that a wrong setting is found before anything is done.

    Raises WrongSetting for the first one.
    """
    for reader in dict.fromkeys(reader for name in names for reader in SETTINGS_OF[name]):
        reader(environment)


LEMONWAY_REQUIRED = tuple(
    LEMONWAY_VARIABLES[field]
    for field in ("base_url", "token_url", "onboarding_url", "webkit_url", "api_key", "webhook_secret")
)
REQUIRED: dict[str, tuple[str, ...]] = {
    "api": (DATABASE_URL, BOOK_REDIS_URL, JOBS_REDIS_URL, API_VARIABLES["operator_secret"], *LEMONWAY_REQUIRED),
    "books": (BOOK_REDIS_URL,),
    "projector": (DATABASE_URL, BOOK_REDIS_URL),
    "payments": (DATABASE_URL, JOBS_REDIS_URL, *LEMONWAY_REQUIRED),
    "servicing": (DATABASE_URL, BOOK_REDIS_URL, *LEMONWAY_REQUIRED),
    "lemonway-simulator": (SIMULATOR_VARIABLES["store"], SIMULATOR_VARIABLES["api_key"]),
    "migrate": (DATABASE_URL,),
    "verify": (DATABASE_URL, BOOK_REDIS_URL, *LEMONWAY_REQUIRED),
}
"""Of what each process and command reads, the variables that have no default."""


class _SimulatorVariables(msgspec.Struct, frozen=True, kw_only=True):
    store: Annotated[str, msgspec.Meta(description="the path of the file the simulator keeps its state in")]
    api_key: Annotated[str, msgspec.Meta(description="the API key that the simulator accepts")]
    webhook_url: (
        Annotated[str, msgspec.Meta(pattern=r"^https?://.+", description="an address: http://host/path")] | None
    ) = None
    start_at: Annotated[datetime, msgspec.Meta(tz=True, description="an instant: 2026-11-23T09:00:00Z")] | None = None
    sc_wallet: Annotated[str, msgspec.Meta(description="the id of the wallet of the platform itself")] = "SC"
    collection_wallet: str = "COLLECTIONS"


def read_settings(kind: type[Settings], variables: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """Make `kind` from the variable of each of its fields; an empty variable counts as not set.

    Raises WrongSetting for the first field whose variable is wrong, or is missing where the field has no default.
    """
    values = {}
    for field in msgspec.structs.fields(kind):
        variable = variables[field.name]
        given = environment.get(variable, "")
        if given:
            values[field.name] = _convert(field.type, variable, given)
        elif field.required:
            raise WrongSetting(f"{variable} is not set: expected {_accepted(field.type)}")
    return kind(**values)


def _convert(accepted: object, variable: str, given: str) -> object:
    try:
        value: object = msgspec.convert(given, accepted, strict=False)
    except msgspec.ValidationError:
        shown = f"a value of {len(given)} characters" if variable in NEVER_REPEATED else repr(given)
        raise WrongSetting(f"{variable} is {shown}: expected {_accepted(accepted)}") from None
    if variable in ADDRESSES:
        _check_ports(variable, given)
    return value


def _check_ports(variable: str, address: str) -> None:
    """An address may be of one server or of several."""
    place = urlsplit(address).netloc.rpartition("@")[2]
    for server in place.split(","):
        host, _, port = server.rpartition(":")
        if host and not server.endswith("]") and not (port.isdecimal() and 1 <= int(port) <= 65_535):
            raise WrongSetting(f"{variable} names the port {port!r}: expected 1 to 65535")


def _accepted(annotation: object) -> str:
    """The description that a field's annotation carries, also inside a union."""
    if get_origin(annotation) is Annotated:
        return next(str(meta.description) for meta in get_args(annotation)[1:] if isinstance(meta, msgspec.Meta))
    return next((_accepted(part) for part in get_args(annotation)), "a text")

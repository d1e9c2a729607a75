"""What the processes of one market are told about each other."""

import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from api.settings import WEBHOOK_PATH
from cli.environment import API_VARIABLES, LEMONWAY_VARIABLES, SIMULATOR_VARIABLES
from lemonway.simulator.addresses import DIRECTKIT_PATH, ONBOARDING_PATH, SIGNING_PATH, TOKEN_PATH

SIMULATOR = "lemonway-simulator"
GATEWAY = "api"


def market_environment(given: Mapping[str, str], folder: Path, addresses: Mapping[str, str]) -> dict[str, str]:
    """What every process of the market is told: `given`, completed by secrets of this run and where the others answer,
    the `addresses` by name."""
    environment = {API_VARIABLES["operator_secret"]: secrets.token_urlsafe(24), **given}
    others = {name: address for name, address in addresses.items() if name != GATEWAY}
    environment[API_VARIABLES["process_addresses"]] = ",".join(f"{name}={others[name]}" for name in others)
    if SIMULATOR in addresses:
        address = addresses[SIMULATOR]
        webhook_secret = given.get(LEMONWAY_VARIABLES["webhook_secret"]) or secrets.token_urlsafe(24)
        environment |= {
            LEMONWAY_VARIABLES["base_url"]: f"{address}{DIRECTKIT_PATH}",
            LEMONWAY_VARIABLES["onboarding_url"]: f"{address}{ONBOARDING_PATH}",
            LEMONWAY_VARIABLES["token_url"]: f"{address}{TOKEN_PATH}",
            LEMONWAY_VARIABLES["webkit_url"]: f"{address}{SIGNING_PATH}",
            LEMONWAY_VARIABLES["api_key"]: given.get(LEMONWAY_VARIABLES["api_key"]) or secrets.token_urlsafe(24),
            LEMONWAY_VARIABLES["webhook_secret"]: webhook_secret,
            SIMULATOR_VARIABLES["store"]: str(folder / "lemonway-simulator.store"),
            SIMULATOR_VARIABLES["webhook_url"]: f"{addresses[GATEWAY]}{WEBHOOK_PATH}/{webhook_secret}",
        }
    return environment


def address_of(listening: socket.socket) -> str:
    """Where this machine reaches what answers on the socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{in_url({'0.0.0.0': '127.0.0.1', '::': '::1'}.get(host, host))}:{port}"


def in_url(host: str) -> str:
    """The host as it stands in a URL: an IPv6 address in brackets, its zone escaped (RFC 3986, RFC 6874)."""
    return f"[{quote(host, safe=':')}]" if ":" in host else host


def reachable(host: str) -> str:
    """The host, as it stands in a URL, at which this machine reaches a server that listens on `host`."""
    return in_url({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host))

"""What the processes of one market are told about each other."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from cli.environment import API_VARIABLES, LEMONWAY_VARIABLES, SIMULATOR_VARIABLES

SIMULATOR = "lemonway-simulator"
GATEWAY = "api"
DIRECTKIT_PATH = "/directkitrest"
ONBOARDING_PATH = "/onboarding-api"
TOKEN_PATH = "/oauth/api/v1/oauth/token"
SIGNING_PATH = "/webkit"
WEBHOOK_PATH = "/hooks/lemonway"


def market_environment(given: Mapping[str, str], folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """What every process of the market is told: `given`, completed by secrets of this run and the simulator's place."""
    environment = {API_VARIABLES["operator_secret"]: secrets.token_urlsafe(24), **given}
    if SIMULATOR in ports:
        address = f"http://127.0.0.1:{ports[SIMULATOR]}"
        webhook_secret = given.get(LEMONWAY_VARIABLES["webhook_secret"]) or secrets.token_urlsafe(24)
        environment |= {
            LEMONWAY_VARIABLES["base_url"]: f"{address}{DIRECTKIT_PATH}",
            LEMONWAY_VARIABLES["onboarding_url"]: f"{address}{ONBOARDING_PATH}",
            LEMONWAY_VARIABLES["token_url"]: f"{address}{TOKEN_PATH}",
            LEMONWAY_VARIABLES["webkit_url"]: f"{address}{SIGNING_PATH}",
            LEMONWAY_VARIABLES["api_key"]: given.get(LEMONWAY_VARIABLES["api_key"]) or secrets.token_urlsafe(24),
            LEMONWAY_VARIABLES["webhook_secret"]: webhook_secret,
            SIMULATOR_VARIABLES["store"]: str(folder / "lemonway-simulator.store"),
            SIMULATOR_VARIABLES["webhook_url"]: f"http://127.0.0.1:{ports[GATEWAY]}{WEBHOOK_PATH}/{webhook_secret}",
        }
    return environment


def reachable(host: str) -> str:
    """The address at which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)

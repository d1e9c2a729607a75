"""`python3 main.py lemonway-simulator`: a Lemonway of this machine's own, with its page and its control plane."""

import argparse
import asyncio
import os
import sqlite3

import uvicorn
from litestar import Litestar

from api.own_signals_server import OwnSignalsServer
from cli.command_failed import WronglyAskedFor
from cli.environment import SIMULATOR_VARIABLES, check_settings, listen_settings, simulator_settings
from cli.listening import listening_socket
from cli.logs import configure_logs
from cli.process_status import say_where_it_listens
from cli.until_stopped import run_until_stopped
from lemonway.simulator.app import create_simulator
from lemonway.simulator.settings import SimulatorSettings
from lemonway.simulator.store import StoreOfAnotherVersion


def run(arguments: argparse.Namespace) -> int:
    """Simulate until stopped; the state stays in the store."""
    return run_until_stopped(_simulate()) or 0


async def _simulate() -> int:
    configure_logs()
    check_settings(["lemonway-simulator"], os.environ)
    settings = listen_settings(os.environ)
    config = uvicorn.Config(
        _simulator(simulator_settings(os.environ)),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
    )
    listening = listening_socket(os.environ, host=settings.host, port=settings.port)
    say_where_it_listens("lemonway-simulator", listening, os.environ)
    server = OwnSignalsServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.wait([serving])
    finally:
        # Told, and not cancelled: its lifespan would take that for a failure and print where.
        server.should_exit = True
        await serving
    return 0


def _simulator(settings: SimulatorSettings) -> Litestar:
    variable = SIMULATOR_VARIABLES["store"]
    try:
        return create_simulator(settings)
    except StoreOfAnotherVersion as failure:
        raise WronglyAskedFor(f"{variable}: {failure}; expected another file, or the program that made it") from failure
    except (OSError, sqlite3.DatabaseError) as failure:
        raise WronglyAskedFor(
            f"{variable} is {str(settings.store_path)!r} ({failure}): expected the path of a file of the simulator's "
            "own, in a folder that can be written to"
        ) from failure

"""`python3 main.py lemonway-simulator`: a Lemonway of this machine's own, with its page and its control plane."""

import argparse
import os

import uvicorn

from cli.environment import listen_settings, simulator_settings
from cli.listening import listening_socket
from cli.logs import configure_logs
from cli.process_status import OwnSignalsServer
from cli.until_stopped import run_until_stopped
from lemonway.simulator.app import create_simulator


def run(arguments: argparse.Namespace) -> int:
    """Simulate until stopped; the state stays in the store."""
    return run_until_stopped(_simulate()) or 0


async def _simulate() -> int:
    configure_logs()
    settings = listen_settings(os.environ)
    config = uvicorn.Config(
        create_simulator(simulator_settings(os.environ)),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
    )
    listening = listening_socket(os.environ, host=settings.host, port=settings.port)
    await OwnSignalsServer(config).serve(sockets=[listening])
    return 0

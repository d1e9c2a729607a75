"""A simulator as a process of its own, to be killed: `python -m tests.lemonway.simulator_process STORE PORT`."""

import sys
from pathlib import Path

import uvicorn

from lemonway.simulator.app import create_simulator
from tests.lemonway.running_simulator import settings_for

if __name__ == "__main__":
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(create_simulator(settings_for(folder)), port=port, log_level="error", access_log=False)

"""A simulator as a process to be killed: run this module with FOLDER, PORT and WEBHOOK_URL."""

import sys
from pathlib import Path

import msgspec
import uvicorn

from lemonway.simulator.app import create_simulator
from tests.lemonway.running_simulator import settings_for

if __name__ == "__main__":
    folder, port, webhook_url = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    settings = msgspec.structs.replace(settings_for(folder), webhook_url=webhook_url)
    uvicorn.run(create_simulator(settings), port=port, log_level="error", access_log=False)

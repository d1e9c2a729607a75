"""A market in a process of its own, for tests that kill or interrupt its supervisor: `standalone_market.py FOLDER`.

Prints its process ids as one JSON object when everything is up.
"""

import asyncio
import json
import sys
from pathlib import Path

from cli.processes import MarketOptions, RunningMarket
from cli.until_stopped import run_until_stopped

PROGRAM = (sys.executable, str(Path(__file__).with_name("market_process.py")))


async def main() -> int:
    options = MarketOptions(data_folder=Path(sys.argv[1]), processes=("books", "api"), program=PROGRAM)
    async with RunningMarket(options) as market:
        print(json.dumps(market.pids), flush=True)
        await asyncio.Event().wait()
    return 0


if __name__ == "__main__":
    status = run_until_stopped(main())
    sys.exit(3 if status is None else status)

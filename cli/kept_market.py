"""What a data folder holds a market of. Its time is decided by the first start and never changes afterwards.

The record, the books and the simulator of Lemonway each remember what time it is. Were the market's time the system's
at one start and its own at the next, they would disagree about what is due.
"""

import errno
import os
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from cli.command_failed import WronglyAskedFor
from cli.environment import ACTOR_VARIABLES, API_VARIABLES, LEMONWAY_VARIABLES, SIMULATOR_VARIABLES

FILE = "market.json"
CLOCK_VARIABLES = (API_VARIABLES["clock"], API_VARIABLES["clock_starts_at"], SIMULATOR_VARIABLES["start_at"])
CALL_TIMEOUT_S = 5
"""After this a call to the simulator counts as of unknown outcome: it answers within milliseconds, or it has died."""
WAITS_PERCENT = 5
"""Waits for the network that the payments process makes under a time of the market's own, against production's."""


class KeptMarket(msgspec.Struct, frozen=True, kw_only=True):
    """Who moves the market. `people`: its time is the system's. The others move a time of the market's own, which began
    at `starts_at`."""

    moved_by: Literal["people", "traffic", "demo"]
    starts_at: datetime | None = None

    def variables(self) -> dict[str, str]:
        """What the market's processes are told of its time; nothing where it is the system's."""
        return {} if self.starts_at is None else _virtual_time(self.starts_at)


def _virtual_time(starts_at: datetime) -> dict[str, str]:
    """The variables of a market whose time begins at an instant and moves only as it is told."""
    return {
        API_VARIABLES["clock"]: "virtual",
        API_VARIABLES["clock_starts_at"]: starts_at.isoformat(),
        ACTOR_VARIABLES["ticking"]: "false",
        # Such a time stands still between two ticks of the driver, so milliseconds have no meaning in it.
        ACTOR_VARIABLES["staging_ms"]: "0",
        SIMULATOR_VARIABLES["start_at"]: starts_at.isoformat(),
        LEMONWAY_VARIABLES["waits_percent"]: str(WAITS_PERCENT),
        LEMONWAY_VARIABLES["timeout_s"]: str(CALL_TIMEOUT_S),
    }


def kept_market(folder: Path) -> KeptMarket | None:
    """What the folder holds; None for a folder without a market. Raises WronglyAskedFor when its note is unreadable."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=KeptMarket)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError) as failure:
        if isinstance(failure, OSError) and failure.errno == errno.ENAMETOOLONG:
            return None
        raise WronglyAskedFor(f"{folder / FILE} cannot be read ({failure}): choose another data folder") from failure


def keep_market(folder: Path, market: KeptMarket) -> None:
    """Note what the folder holds from now on. Raises WronglyAskedFor when it holds something else by now."""
    unfinished = folder / f"{FILE}.{os.getpid()}"
    unfinished.write_bytes(msgspec.json.encode(market))
    try:
        # Of two starts at once the first decides: a link, unlike a renaming, never replaces.
        os.link(unfinished, folder / FILE)
    except FileExistsError:
        if kept_market(folder) != market:
            raise WronglyAskedFor(f"{folder} holds another market: choose another data folder") from None
    finally:
        unfinished.unlink()

"""The gentle traffic that `python3 main.py` runs by default: the built-in market, at a pace that people can follow.

It goes through the same doors as everybody, under the market's own clock. Stopped and started again, it goes on with
the day at which it stopped.
"""

import asyncio
import secrets
from datetime import date
from pathlib import Path
from uuid import UUID

from cli.command_failed import CommandFailed
from cli.demo.built_in_market import built_in_market
from cli.demo.doors import Door, client_for
from cli.demo.enrolment import secret_of
from cli.demo.market import Market
from cli.demo.story import Story
from cli.environment import API_VARIABLES
from cli.market_environment import SIMULATOR
from cli.processes import RunningMarket
from cli.progress import say

PAUSE_S = 1.5
SECRET_BYTES = 32


def traffic_market() -> Market:
    """What the traffic plays."""
    return built_in_market(seed=1, scale=1)


async def run_traffic(running: RunningMarket, data_folder: Path) -> None:
    """Play until nothing moves by itself any more, or this is cancelled. What stops it before that is told."""
    operator_key = f"blk_operator_{running.environment[API_VARIABLES['operator_secret']]}"
    market = traffic_market()

    def show(day: date, settled: int, loans: int) -> None:
        """The page shows what happens."""

    secret = await asyncio.to_thread(_kept_secret, data_folder / "traffic-secret")
    async with client_for(running.url) as gateway, client_for(running.addresses[SIMULATOR]) as institution:
        tour = ReceiptsTour(market, Door(gateway), secrets_from=secret, url=running.url)

        async def pause() -> None:
            await tour.offer_once()
            await asyncio.sleep(PAUSE_S)

        story = Story(
            market,
            operations=Door(gateway, key=operator_key),
            simulator=Door(institution),
            progress=show,
            secrets_from=secret,
            pause=pause,
        )
        try:
            await story.play(months=None, enrolled=lambda _: None)
        except CommandFailed as failure:
            say(f"the simulated traffic has stopped: {failure}")
        else:
            say("the simulated traffic is over: no loan of its market has anything left that moves by itself")


class ReceiptsTour:
    """Tells once, as soon as a lender of the simulation has a fill, where its receipts are and with which key.

    The key opens the wallet of an invented person in a market on servers of this start alone, so it may be printed.
    """

    def __init__(self, market: Market, gateway: Door, *, secrets_from: bytes, url: str) -> None:
        self._market = market
        self._gateway = gateway
        self._secrets_from = secrets_from
        self._url = url
        self._is_told = False

    async def offer_once(self) -> None:
        """Look for a lender with a fill, and tell of the first one found."""
        if self._is_told:
            return
        for lender in self._market.lenders:
            lender_id = self._market.id_of("lender", lender.key)
            secret = secret_of(lender_id, secrets_from=self._secrets_from)
            key = f"blk_{UUID(lender_id).hex}_{secret}"
            if (await self._gateway.as_holder_of(key).get("/api/v1/fills?limit=1"))["items"]:
                say(f"why a simulated lender's money went where it went: {self._url}/presta/ricevute")
                say(f"the access key of that invented lender: {key}")
                self._is_told = True
                return


def _kept_secret(file: Path) -> bytes:
    if not file.exists():
        # Whole or absent: half a secret would lock everybody out who enters with it.
        unfinished = file.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(secrets.token_bytes(SECRET_BYTES))
        unfinished.replace(file)
    return file.read_bytes()

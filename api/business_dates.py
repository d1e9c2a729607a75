"""The business date: the day it is in Rome, by the market's clock."""

from datetime import date
from zoneinfo import ZoneInfo

from marketplace.ports import Clock

ROME = ZoneInfo("Europe/Rome")


def business_date(clock: Clock) -> date:
    """Today's business date."""
    return clock.now().astimezone(ROME).date()

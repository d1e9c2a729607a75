"""The business date: the day it is in Rome, by the market's clock."""

from datetime import date

from marketplace.business_days import business_date_of
from marketplace.ports import Clock


def business_date(clock: Clock) -> date:
    """Today's business date."""
    return business_date_of(clock.now())

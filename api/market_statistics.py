"""What the market has done so far, in figures that name nobody."""

from litestar import Controller, get

from api.dependencies import Database
from api.guards import anybody
from persistence.market_totals import MarketTotals, market_totals


class StatisticsController(Controller):
    path = "/statistics"
    tags = ("Market",)

    @get(operation_id="GetStatistics", opt=anybody())
    async def get_statistics(self, pool: Database) -> MarketTotals:
        """The totals of this moment; null where fewer than five people are behind a figure."""
        return await market_totals(pool)

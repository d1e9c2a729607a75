"""Whether this process lives, whether it can do its work, and what it is doing."""

from datetime import datetime
from typing import Any

import msgspec
import prometheus_client
from litestar import Controller, Response, get

from api.callers import Role
from api.dependencies import Database, FeedChannels, FeedClients, JobsRedis, Settings
from api.guards import Objects, allow, anybody
from api.health_checks import check_stores
from api.process_statuses import ProcessStatus, gather_statuses, process_addresses

_OPERATIONS = allow(Role.OPERATOR, objects=Objects.NONE)


class GatewayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway is doing, and what the processes whose addresses it knows say of themselves. Channels that stand
    still are listed with why."""

    process: str
    started_at: datetime
    feed_is_current: bool
    feed_clients: int
    failed_channels: dict[str, str]
    processes: dict[str, ProcessStatus]


class HealthController(Controller):
    tags = ("Health",)
    include_in_schema = False

    @get("/health/live", operation_id="IsAlive", opt=anybody())
    async def live(self) -> dict[str, bool]:
        """The process answers."""
        return {"live": True}

    @get(["/health", "/health/ready"], operation_id="IsReady", opt=anybody())
    async def ready(self, pool: Database, jobs_redis: JobsRedis, channels: FeedChannels) -> Response[dict[str, Any]]:
        """200 when every store answers and the feed is current, 503 with what is amiss."""
        checks = await check_stores(pool, jobs_redis)
        checks["feed"] = "ok" if channels.is_current else "the journals are not read to their end"
        is_ready = all(check == "ok" for check in checks.values())
        return Response({"ready": is_ready, "checks": checks}, status_code=200 if is_ready else 503)

    @get("/status", operation_id="GetStatus", opt=_OPERATIONS)
    async def status(self, channels: FeedChannels, hub: FeedClients, settings: Settings) -> GatewayStatus:
        """Facts about this process, and about the market's others."""
        return GatewayStatus(
            process="api",
            started_at=hub.started_at,
            feed_is_current=channels.is_current,
            feed_clients=hub.client_count,
            failed_channels=channels.failed,
            processes=await gather_statuses(process_addresses(settings.process_addresses)),
        )

    @get("/metrics", operation_id="GetMetrics", opt=_OPERATIONS)
    async def metrics(self) -> Response[bytes]:
        """Figures of this process for Prometheus."""
        return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)

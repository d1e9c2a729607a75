"""Whether this process lives, and whether it can do its work."""

from typing import Any

from litestar import Controller, Response, get

from api.dependencies import Database, JobsRedis
from api.guards import anybody
from api.health_checks import check_stores


class HealthController(Controller):
    path = "/health"
    tags = ("Health",)
    include_in_schema = False

    @get("/live", operation_id="IsAlive", opt=anybody())
    async def live(self) -> dict[str, bool]:
        """The process answers."""
        return {"live": True}

    @get("/ready", operation_id="IsReady", opt=anybody())
    async def ready(self, pool: Database, jobs_redis: JobsRedis) -> Response[dict[str, Any]]:
        """200 when every store answers, 503 with what does not."""
        checks = await check_stores(pool, jobs_redis)
        is_ready = all(check == "ok" for check in checks.values())
        return Response({"ready": is_ready, "checks": checks}, status_code=200 if is_ready else 503)

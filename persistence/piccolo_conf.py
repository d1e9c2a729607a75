"""Piccolo's configuration: one engine, whose address is given at run time, and one app."""

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine


class _EngineWithoutAddress(PostgresEngine):
    """Piccolo's engine asks the server for its version as it is made, which is before it has been told its address."""

    async def check_version(self) -> None:
        pass


DB = _EngineWithoutAddress(config={}, extensions=())

APP_REGISTRY = AppRegistry(apps=["persistence.piccolo_app"])

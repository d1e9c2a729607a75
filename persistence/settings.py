"""Where the database is."""

from typing import Annotated

import msgspec


class PersistenceSettings(msgspec.Struct, frozen=True, kw_only=True):
    database_url: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^postgres(ql)?://.+",
            description="a PostgreSQL address: postgresql://user:password@host:port/database",
        ),
    ]

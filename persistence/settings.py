"""Where the database is."""

from typing import Annotated

import msgspec

DatabaseUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^postgres(ql)?://.+",
        description="a PostgreSQL address: postgresql://user:password@host:port/database",
    ),
]


class PersistenceSettings(msgspec.Struct, frozen=True, kw_only=True):
    database_url: DatabaseUrl
